// Writes WebAssembly modules: a growing byte buffer with LEB128 and the few sections that we need.
// Source: WebAssembly core specification 2.0, chapter 5 (binary format).

export const valueType = { i32: 0x7f, i64: 0x7e } as const;
export type ValueType = keyof typeof valueType;

/** Opcodes, as chapter 5.4 of the specification numbers them. `void` is the empty block type. */
export const op = {
  unreachable: 0x00,
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  else: 0x05,
  end: 0x0b,
  br: 0x0c,
  brIf: 0x0d,
  brTable: 0x0e,
  return: 0x0f,
  call: 0x10,
  select: 0x1b,
  localGet: 0x20,
  localSet: 0x21,
  localTee: 0x22,
  globalGet: 0x23,
  globalSet: 0x24,
  i32Load: 0x28,
  i64Load: 0x29,
  f64Load: 0x2b,
  i32Load8U: 0x2d,
  i64Load8S: 0x30,
  i64Load8U: 0x31,
  i64Load16S: 0x32,
  i64Load16U: 0x33,
  i64Load32S: 0x34,
  i64Load32U: 0x35,
  i32Store: 0x36,
  i64Store: 0x37,
  i64Store8: 0x3c,
  i64Store16: 0x3d,
  i64Store32: 0x3e,
  void: 0x40,
  i32Const: 0x41,
  i64Const: 0x42,
  i32Eqz: 0x45,
  i32Eq: 0x46,
  i32Ne: 0x47,
  i32LtS: 0x48,
  i32LtU: 0x49,
  i32GtS: 0x4a,
  i32GtU: 0x4b,
  i32LeS: 0x4c,
  i32LeU: 0x4d,
  i32GeS: 0x4e,
  i32GeU: 0x4f,
  i64Eqz: 0x50,
  i64Eq: 0x51,
  i64Ne: 0x52,
  i64LtS: 0x53,
  i64LtU: 0x54,
  i64GtS: 0x55,
  i64GtU: 0x56,
  i64LeS: 0x57,
  i64LeU: 0x58,
  i64GeS: 0x59,
  i64GeU: 0x5a,
  i32Add: 0x6a,
  i32Sub: 0x6b,
  i32Mul: 0x6c,
  i32DivS: 0x6d,
  i32DivU: 0x6e,
  i32RemS: 0x6f,
  i32RemU: 0x70,
  i32And: 0x71,
  i32Or: 0x72,
  i32Xor: 0x73,
  i32Shl: 0x74,
  i32ShrS: 0x75,
  i32ShrU: 0x76,
  i32Rotr: 0x78,
  i64Add: 0x7c,
  i64Sub: 0x7d,
  i64Mul: 0x7e,
  i64DivS: 0x7f,
  i64DivU: 0x80,
  i64RemS: 0x81,
  i64RemU: 0x82,
  i64And: 0x83,
  i64Or: 0x84,
  i64Xor: 0x85,
  i64Shl: 0x86,
  i64ShrS: 0x87,
  i64ShrU: 0x88,
  i32WrapI64: 0xa7,
  i64ExtendI32S: 0xac,
  i64ExtendI32U: 0xad,
  i64TruncF64U: 0xb1,
  i32Extend8S: 0xc0,
  i32Extend16S: 0xc1,
  i64Extend8S: 0xc2,
  i64Extend16S: 0xc3,
  i64Extend32S: 0xc4,
} as const;

/** Bytes of a number of 32 bits in LEB128. */
const mostOf32 = 5;

export class WasmBytes {
  #bytes = new Uint8Array(1024);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  byte(value: number): this {
    if (this.#length === this.#bytes.length) this.#grow(1);
    this.#bytes[this.#length++] = value;
    return this;
  }

  bytePair(first: number, second: number): this {
    if (this.#length + 2 > this.#bytes.length) this.#grow(2);
    this.#bytes[this.#length++] = first;
    this.#bytes[this.#length++] = second;
    return this;
  }

  bytes(values: Uint8Array | readonly number[]): this {
    if (this.#length + values.length > this.#bytes.length) this.#grow(values.length);
    this.#bytes.set(values, this.#length);
    this.#length += values.length;
    return this;
  }

  /** Unsigned, below 2^32. */
  u32(value: number): this {
    if (this.#length + mostOf32 > this.#bytes.length) this.#grow(mostOf32);
    let rest = value >>> 0;
    while (rest > 127) {
      this.#bytes[this.#length++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    this.#bytes[this.#length++] = rest;
    return this;
  }

  /** A load or store: the alignment is not told. */
  access(opcode: number, offset: number): this {
    return this.bytePair(opcode, 0).u32(offset);
  }

  i32(value: number): this {
    if (this.#length + mostOf32 > this.#bytes.length) this.#grow(mostOf32);
    let rest = value | 0;
    while (rest < -64 || rest > 63) {
      this.#bytes[this.#length++] = (rest & 127) | 128;
      rest >>= 7;
    }
    this.#bytes[this.#length++] = rest & 127;
    return this;
  }

  /** A bigint modulo 2^64, or an integer. */
  i64(value: bigint | number): this {
    if (typeof value === 'number' && value === (value | 0)) return this.i32(value);
    let rest = BigInt.asIntN(64, BigInt(value));
    for (;;) {
      const low = Number(rest & 127n);
      rest >>= 7n;
      const isLast = (rest === 0n && (low & 64) === 0) || (rest === -1n && (low & 64) !== 0);
      if (isLast) return this.byte(low);
      this.byte(low | 128);
    }
  }

  text(value: string): this {
    const bytes = new TextEncoder().encode(value);
    return this.u32(bytes.length).bytes(bytes);
  }

  /** A length and what `write` writes. */
  sized(write: (inner: WasmBytes) => void): this {
    const inner = new WasmBytes();
    write(inner);
    return this.u32(inner.length).bytes(inner.view());
  }

  #grow(more: number): void {
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + more));
    larger.set(this.#bytes);
    this.#bytes = larger;
  }
}

export interface Signature {
  readonly params: readonly ValueType[];
  readonly result: ValueType | undefined;
}

export interface WasmImport extends Signature {
  readonly module: string;
  readonly name: string;
}

export interface WasmFunction extends Signature {
  /** Beyond the parameters, in order. */
  readonly locals: readonly { readonly count: number; readonly type: ValueType }[];
  /** Instructions without the final `end`. */
  readonly body: Uint8Array;
  /** Exported under this name. */
  readonly exported?: string;
}

export interface WasmModule {
  /** The memory is imported as env.memory; its smallest size in pages of 64 KiB. */
  readonly pages: number;
  readonly imports: readonly WasmImport[];
  /** Numbered after the imports. */
  readonly functions: readonly WasmFunction[];
  /** Mutable i32 globals, zero at first, exported under their names. */
  readonly globals: readonly string[];
}

export function encodeModule(module: WasmModule): Uint8Array {
  const { imports, functions, globals } = module;
  const signatures = new Map<string, number>();
  const types = new WasmBytes();
  const typeOf = ({ params, result }: Signature): number => {
    const key = `${params.join()}:${result}`;
    const known = signatures.get(key);
    if (known !== undefined) return known;
    types.byte(0x60).u32(params.length);
    for (const param of params) types.byte(valueType[param]);
    if (result === undefined) types.u32(0);
    else types.u32(1).byte(valueType[result]);
    signatures.set(key, signatures.size);
    return signatures.size - 1;
  };
  const importTypes = imports.map(typeOf);
  const functionTypes = functions.map(typeOf);
  const out = new WasmBytes().bytes([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
  const section = (id: number, write: (inner: WasmBytes) => void): void => {
    out.byte(id).sized(write);
  };
  section(1, (inner) => inner.u32(signatures.size).bytes(types.view()));
  section(2, (inner) => {
    inner
      .u32(imports.length + 1)
      .text('env')
      .text('memory')
      .byte(2)
      .byte(0)
      .u32(module.pages);
    imports.forEach(({ module, name }, i) => {
      inner.text(module).text(name).byte(0).u32(importTypes[i]!);
    });
  });
  section(3, (inner) => {
    inner.u32(functions.length);
    for (const type of functionTypes) inner.u32(type);
  });
  section(6, (inner) => {
    inner.u32(globals.length);
    for (const _ of globals) inner.byte(valueType.i32).byte(1).byte(0x41).i32(0).byte(0x0b);
  });
  section(7, (inner) => {
    const exported = functions.flatMap(({ exported }, i) =>
      exported === undefined ? [] : [{ name: exported, kind: 0, index: imports.length + i }],
    );
    const all = [...exported, ...globals.map((name, index) => ({ name, kind: 3, index }))];
    inner.u32(all.length);
    for (const { name, kind, index } of all) inner.text(name).byte(kind).u32(index);
  });
  section(10, (inner) => {
    inner.u32(functions.length);
    for (const { locals, body } of functions) {
      inner.sized((code) => {
        code.u32(locals.length);
        for (const { count, type } of locals) code.u32(count).byte(valueType[type]);
        code.bytes(body).byte(0x0b);
      });
    }
  });
  return out.view();
}
