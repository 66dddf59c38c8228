// The body of one WebAssembly function while it is written: where BPF's registers live, constants, faults.
import type { Bases } from './bases.ts';
import { op, type ValueType, WasmBytes } from './wasm.ts';

/** Locals. r1 to r5 are the parameters; r10 is a constant and has none. */
const registers: readonly number[] = [5, 0, 1, 2, 3, 4, 6, 7, 8, 9];
/**
 * `wide` and `old` are free between instructions; `count` counts executed ones, `loops` the may_gotos that are left. `place`, `base` and `offset` say
 * where a fault is, and at what address.
 */
export const local = {
  wide: 10,
  old: 11,
  base: 12,
  count: 13,
  loops: 14,
  dispatch: 15,
  choice: 16,
  place: 17,
  offset: 18,
} as const;
export const params: readonly ValueType[] = ['i64', 'i64', 'i64', 'i64', 'i64'];
/** Beyond the parameters. */
export const locals: readonly { readonly count: number; readonly type: ValueType }[] = [
  { count: 8, type: 'i64' },
  { count: 6, type: 'i32' },
];

/** What env.fault gets as its first argument. It must throw. */
export const faultCodes = { read: 1, write: 2, budget: 3 } as const;

export class FunctionCode {
  readonly out = new WasmBytes();
  readonly fn: number;
  /** Address above the frame: r10. */
  readonly top: number;
  readonly bases: Bases;
  /** Blocks, loops and ifs that are open. */
  #depth = 0;

  constructor(fn: number, top: number, bases: Bases) {
    this.fn = fn;
    this.top = top;
    this.bases = bases;
  }

  /** Pushes the 64 bits of a register. */
  register(number: number): WasmBytes {
    return number === 10 ? this.i64(this.top) : this.get(registers[number]!);
  }

  /** Pushes the low 32 bits of a register. */
  low(number: number): WasmBytes {
    return number === 10 ? this.i32(this.top) : this.get(registers[number]!).byte(op.i32WrapI64);
  }

  /** Pops 64 bits into a register other than r10. */
  setRegister(number: number): void {
    this.set(registers[number]!);
  }

  get(number: number): WasmBytes {
    return this.out.bytePair(op.localGet, number);
  }

  set(number: number): WasmBytes {
    return this.out.bytePair(op.localSet, number);
  }

  i32(value: number): WasmBytes {
    return this.out.byte(op.i32Const).i32(value);
  }

  i64(value: number | bigint): WasmBytes {
    return this.out.byte(op.i64Const).i64(value);
  }

  begin(opcode: typeof op.block | typeof op.loop | typeof op.if, type: number = op.void): void {
    this.out.byte(opcode).byte(type);
    this.#depth++;
  }

  end(): void {
    this.out.byte(op.end);
    this.#depth--;
  }

  /** Writes the whole body, which must not come to its end: that is where its faults are reported. */
  body(write: () => void): Uint8Array {
    this.begin(op.block);
    write();
    this.out.byte(op.unreachable);
    this.end();
    this.get(local.base);
    this.get(local.offset).byte(op.i64ExtendI32S).byte(op.i64Add);
    this.set(local.wide);
    this.get(local.place);
    this.i32(3).byte(op.i32And);
    this.i32(this.fn);
    this.get(local.place);
    this.i32(2).byte(op.i32ShrU);
    this.get(local.wide).byte(op.i32WrapI64);
    this.get(local.wide);
    this.i64(32).byte(op.i64ShrU).byte(op.i32WrapI64);
    this.out.byte(op.call).u32(0).byte(op.unreachable);
    return this.out.view();
  }

  /** What `faultIf` shall report from here on; without a base, address 0. */
  mayFault(what: keyof typeof faultCodes, at: number, base?: number, offset = 0): void {
    this.i32(at * 4 + faultCodes[what]);
    this.set(local.place);
    // base and offset, not their sum: V8 would write each sum to memory, where all faults meet
    if (base === undefined) this.i64(0);
    else this.register(base);
    this.set(local.base);
    this.i32(offset);
    this.set(local.offset);
  }

  /** Pops an i32: unless it is zero, leaves for good. */
  faultIf(): void {
    this.out.byte(op.brIf).u32(this.#depth - 1);
  }
}
