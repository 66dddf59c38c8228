// BPF functions to one WebAssembly module: registers become i64 locals, jumps become structured control flow, memory is one linear memory in
// which addresses are as they stand in the registers. Semantics: RFC 9669; the interpreter beside this file is the oracle.
//
// Memory checks ask a shadow of one byte per byte: its low nibble says how many bytes from here on may be read (at most 8), bit 4 that they may be
// written. So every access, aligned or not, is checked to the byte with one load; null and wild pointers find zero there.
import type { AluOp, Condition, Instruction } from '../bpf/instructions.ts';
import { assert } from '../lib/assert.ts';
import { type Flow, readFlow, StrayJump } from './flow.ts';
import { frameBytes, frameStride, maxLoops } from './interpreter.ts';
import { emitFlow } from './structure.ts';
import { encodeModule, op, type ValueType, WasmBytes, type WasmFunction } from './wasm.ts';

/** How one helper or kfunc takes its arguments from r1, r2, … and gives r0. 64-bit values cross as two i32, low half first. */
export interface Callee {
  readonly name: string;
  /** `low`: only the low half matters (pointers, ints). */
  readonly params: readonly ('low' | 'wide')[];
  /** `wide`: returns the low half, having put the high half at `resultHigh`. `none` leaves 0 in r0. */
  readonly result: 'none' | 'signed' | 'unsigned' | 'wide';
}

export interface Translation {
  /** Linked code: calls of functions name their number, calls of helpers and kfuncs have a callee. */
  readonly functions: readonly (readonly Instruction[])[];
  readonly calleeOf: (what: 'helper' | 'kfunc', id: number) => Callee;
  /** Functions to export as "f<fn>": (`params` i32, 0 to 5 of them, zero-extended into r1, r2, …) → low half of r0. The other registers are 0. */
  readonly entries: readonly { readonly fn: number; readonly params: number }[];
  readonly mode: 'checked' | 'fast';
  /** Address of the stack frames: function n owns `frameBytes` from stack + n × `frameStride` (BPF has no recursion). */
  readonly stack: number;
  /** Address of the shadow of address 0. */
  readonly shadow: number;
  /** Addresses below this have a shadow. */
  readonly limit: number;
  /** Address of an i32: the high half of `wide` results. */
  readonly resultHigh: number;
  /** Instructions that one entry may execute. Checked at the head of each loop. */
  readonly budget: number;
  /** Smallest size of env.memory, in pages of 64 KiB. */
  readonly pages: number;
}

/** What env.fault gets as its first argument. It must throw. */
export const faultCodes = { read: 1, write: 2, budget: 3 } as const;

/** Objects that no verifier passes may hold these; the translation refuses them with the place. */
export class Untranslatable extends Error {
  readonly fn: number;
  readonly at: number;
  readonly problem: string;
  constructor(fn: number, at: number, problem: string) {
    super(`${problem} in function ${fn} at ${at}`);
    this.fn = fn;
    this.at = at;
    this.problem = problem;
  }
}

/**
 * The module. Imports env.memory, env.fault (code, function, slot, address low, high) and env.<name> of each callee; exports the entries and the
 * global `executed`, which counts instructions and is the caller's to reset. @throws Untranslatable.
 */
export function translate(input: Translation): Uint8Array {
  refuseRecursion(input.functions);
  const callees = new Map<string, { index: number; callee: Callee }>();
  for (const code of input.functions.flat()) {
    if (code.kind !== 'call' || code.what === 'function') continue;
    const callee = input.calleeOf(code.what, code.id);
    if (!callees.has(callee.name)) callees.set(callee.name, { index: callees.size + 1, callee });
  }
  const firstFunction = callees.size + 1;
  const indexOf: IndexOf = (code) => callees.get(input.calleeOf(code.what, code.id).name)!;
  const functions = input.functions.map((code, fn) =>
    new FunctionWriter(input, fn, code, firstFunction, indexOf).write(),
  );
  const i32s = (count: number): ValueType[] => new Array<ValueType>(count).fill('i32');
  return encodeModule({
    pages: input.pages,
    imports: [
      { module: 'env', name: 'fault', params: i32s(5), result: undefined },
      ...[...callees.values()].map(({ callee }) => ({
        module: 'env',
        name: callee.name,
        params: callee.params.flatMap((kind) => i32s(kind === 'wide' ? 2 : 1)),
        result: callee.result === 'none' ? undefined : ('i32' as const),
      })),
    ],
    functions: [
      ...functions,
      ...input.entries.map(({ fn, params }) => entry(fn, i32s(params), firstFunction)),
    ],
    globals: ['executed'],
  });
}

function entry(fn: number, params: readonly ValueType[], firstFunction: number): WasmFunction {
  assert(params.length <= 5, 'at most five arguments');
  const out = new WasmBytes();
  for (let i = 0; i < 5; i++) {
    if (i < params.length) out.byte(op.localGet).u32(i).byte(op.i64ExtendI32U);
    else out.byte(op.i64Const).i32(0);
  }
  out
    .byte(op.call)
    .u32(firstFunction + fn)
    .byte(op.i32WrapI64);
  return { params, result: 'i32', locals: [], body: out.view(), exported: `f${fn}` };
}

function refuseRecursion(functions: Translation['functions']): void {
  const state = new Uint8Array(functions.length); // 1: on the way down, 2: done
  const visit = (fn: number): void => {
    state[fn] = 1;
    for (const code of functions[fn]!) {
      if (code.kind !== 'call' || code.what !== 'function') continue;
      if (functions[code.target] === undefined) throw new Untranslatable(fn, code.at, 'call of no function');
      if (state[code.target] === 1) throw new Untranslatable(fn, code.at, 'recursion');
      if (state[code.target] === 0) visit(code.target);
    }
    state[fn] = 2;
  };
  functions.forEach((_, fn) => {
    if (state[fn] === 0) visit(fn);
  });
}

/** Locals. r1 to r5 are the parameters; r10 is a constant and has none. */
const registers = [5, 0, 1, 2, 3, 4, 6, 7, 8, 9] as const;
const local = { wide: 10, old: 11, count: 12, loops: 13, dispatch: 14 } as const;

const alu64 = {
  add: op.i64Add,
  sub: op.i64Sub,
  mul: op.i64Mul,
  or: op.i64Or,
  and: op.i64And,
  xor: op.i64Xor,
  lsh: op.i64Shl,
  rsh: op.i64ShrU,
  arsh: op.i64ShrS,
  div: op.i64DivU,
  mod: op.i64RemU,
  sdiv: op.i64DivS,
  smod: op.i64RemS,
} as const satisfies Record<AluOp, number>;
const alu32 = {
  add: op.i32Add,
  sub: op.i32Sub,
  mul: op.i32Mul,
  or: op.i32Or,
  and: op.i32And,
  xor: op.i32Xor,
  lsh: op.i32Shl,
  rsh: op.i32ShrU,
  arsh: op.i32ShrS,
  div: op.i32DivU,
  mod: op.i32RemU,
  sdiv: op.i32DivS,
  smod: op.i32RemS,
} as const satisfies Record<AluOp, number>;
/** [64 bits, 32 bits]. `set` is written out. */
const comparisons: Readonly<Record<Exclude<Condition, 'set'>, readonly [number, number]>> = {
  eq: [op.i64Eq, op.i32Eq],
  ne: [op.i64Ne, op.i32Ne],
  gt: [op.i64GtU, op.i32GtU],
  ge: [op.i64GeU, op.i32GeU],
  lt: [op.i64LtU, op.i32LtU],
  le: [op.i64LeU, op.i32LeU],
  sgt: [op.i64GtS, op.i32GtS],
  sge: [op.i64GeS, op.i32GeS],
  slt: [op.i64LtS, op.i32LtS],
  sle: [op.i64LeS, op.i32LeS],
};
const loads = { 1: op.i64Load8U, 2: op.i64Load16U, 4: op.i64Load32U, 8: op.i64Load } as const;
const signedLoads = { 1: op.i64Load8S, 2: op.i64Load16S, 4: op.i64Load32S, 8: op.i64Load } as const;
const stores = { 1: op.i64Store8, 2: op.i64Store16, 4: op.i64Store32, 8: op.i64Store } as const;
type Size = 1 | 2 | 4 | 8;
type Of<Kind extends Instruction['kind']> = Extract<Instruction, { kind: Kind }>;

type IndexOf = (code: { what: 'helper' | 'kfunc'; id: number }) => { index: number; callee: Callee };

class FunctionWriter {
  readonly #input: Translation;
  readonly #fn: number;
  readonly #flow: Flow;
  readonly #top: number;
  readonly #firstFunction: number;
  readonly #indexOf: IndexOf;
  readonly #out = new WasmBytes();

  constructor(
    input: Translation,
    fn: number,
    code: readonly Instruction[],
    firstFunction: number,
    indexOf: IndexOf,
  ) {
    this.#input = input;
    this.#fn = fn;
    this.#firstFunction = firstFunction;
    this.#indexOf = indexOf;
    this.#top = input.stack + fn * frameStride + frameBytes;
    try {
      this.#flow = readFlow(code);
    } catch (error) {
      if (error instanceof StrayJump) throw new Untranslatable(fn, error.at, 'jump outside the function');
      throw error;
    }
  }

  write(): WasmFunction {
    const { blocks } = this.#flow;
    const hasMayGoto = blocks.some(({ instructions }) =>
      instructions.some(({ kind }) => kind === 'may_goto'),
    );
    if (hasMayGoto) this.#i32(maxLoops).byte(op.localSet).u32(local.loops);
    emitFlow(
      this.#out,
      this.#flow,
      {
        body: (block) => this.#body(block),
        condition: (block) => this.#condition(blocks[block]!.instructions.at(-1)!),
        loopHead: (block) => this.#loopHead(blocks[block]!.instructions[0]!),
        leave: () => this.#leave(),
      },
      local.dispatch,
    );
    return {
      params: ['i64', 'i64', 'i64', 'i64', 'i64'],
      result: 'i64',
      locals: [
        { count: 7, type: 'i64' },
        { count: 3, type: 'i32' },
      ],
      body: this.#out.view(),
    };
  }

  #body(block: number): void {
    const { instructions } = this.#flow.blocks[block]!;
    this.#get(local.count);
    this.#i32(instructions.length).byte(op.i32Add);
    this.#set(local.count);
    for (const code of instructions) this.#instruction(code);
  }

  /** executed += count */
  #leave(): void {
    this.#flush();
    this.#register(0).byte(op.return);
  }

  #flush(): void {
    this.#out.byte(op.globalGet).u32(0);
    this.#get(local.count).byte(op.i32Add).byte(op.globalSet).u32(0);
  }

  #loopHead(code: Instruction): void {
    this.#out.byte(op.globalGet).u32(0);
    this.#get(local.count).byte(op.i32Add);
    this.#i32(this.#input.budget).byte(op.i32GtU).byte(op.if).byte(op.void);
    this.#i64(0n);
    this.#set(local.wide);
    this.#fault(faultCodes.budget, code);
    this.#out.byte(op.end);
  }

  /** The address is in `wide`. */
  #fault(what: number, code: Instruction): void {
    this.#i32(what);
    this.#i32(this.#fn);
    this.#i32(code.at);
    this.#get(local.wide).byte(op.i32WrapI64);
    this.#get(local.wide);
    this.#i64(32n).byte(op.i64ShrU).byte(op.i32WrapI64);
    this.#out.byte(op.call).u32(0).byte(op.unreachable);
  }

  #instruction(code: Instruction): void {
    switch (code.kind) {
      case 'alu':
        this.#alu(code);
        return;
      case 'neg':
        this.#i64(0n);
        this.#register(code.dst).byte(op.i64Sub);
        if (code.width === 32) this.#zeroExtend();
        this.#setRegister(code);
        return;
      case 'mov':
        if (code.fromSrc) this.#register(code.src);
        else this.#i64(BigInt(code.imm));
        if (code.width === 32) this.#zeroExtend();
        this.#setRegister(code);
        return;
      case 'movsx':
        this.#register(code.src).byte(
          code.bits === 8 ? op.i64Extend8S : code.bits === 16 ? op.i64Extend16S : op.i64Extend32S,
        );
        if (code.width === 32) this.#zeroExtend();
        this.#setRegister(code);
        return;
      case 'swap':
        this.#swap(code);
        return;
      case 'imm64':
        this.#i64(code.value);
        this.#setRegister(code);
        return;
      case 'load':
        this.#access(code, code.src, code.bytes, 'read', (offset) =>
          this.#out
            .byte((code.signed ? signedLoads : loads)[code.bytes])
            .byte(0)
            .u32(offset),
        );
        this.#setRegister(code);
        return;
      case 'load_acquire':
        this.#access(code, code.src, code.bytes, 'read', (offset) =>
          this.#out.byte(loads[code.bytes]).byte(0).u32(offset),
        );
        this.#setRegister(code);
        return;
      case 'store':
      case 'store_release':
        this.#access(code, code.dst, code.bytes, 'write', (offset) => {
          if (code.kind === 'store' && !code.fromSrc) this.#i64(BigInt(code.imm));
          else this.#register(code.src);
          this.#out.byte(stores[code.bytes]).byte(0).u32(offset);
        });
        return;
      case 'atomic':
      case 'xchg':
      case 'cmpxchg':
        this.#atomic(code);
        return;
      case 'call':
        this.#call(code);
        return;
      case 'branch':
      case 'may_goto':
      case 'goto':
      case 'exit':
        return; // the end of a block: its shape says it
      case 'cast':
      case 'packet':
      case 'callx':
        throw new Untranslatable(this.#fn, code.at, 'unsupported instruction');
      case 'unknown':
        throw new Untranslatable(this.#fn, code.at, 'unknown instruction');
    }
  }

  #alu(code: Of<'alu'>): void {
    const { op: name, width } = code;
    const divides = name === 'div' || name === 'mod' || name === 'sdiv' || name === 'smod';
    if (divides) this.#divide(code);
    else {
      this.#operands(code);
      this.#out.byte((width === 64 ? alu64 : alu32)[name]);
    }
    if (width === 32) this.#out.byte(op.i64ExtendI32U);
    this.#setRegister(code);
  }

  /** dst and the second operand, both as i64 or both as i32. */
  #operands(code: Of<'alu'> | Of<'branch'>): void {
    this.#register(code.dst);
    if (code.width === 32) this.#out.byte(op.i32WrapI64);
    this.#operand(code);
  }

  #operand(code: Of<'alu'> | Of<'branch'>): void {
    if (code.fromSrc) {
      this.#register(code.src);
      if (code.width === 32) this.#out.byte(op.i32WrapI64);
    } else if (code.width === 32) this.#i32(code.imm);
    else this.#i64(BigInt(code.imm));
  }

  /** Zero gives 0, or leaves dst; −1 gives the negative, where WebAssembly would trap on the lowest number. */
  #divide(code: Of<'alu'>): void {
    const { op: name, width } = code;
    const is64 = width === 64;
    const type = is64 ? 0x7e : 0x7f;
    const zero = (): void => {
      if (is64) this.#i64(0n);
      else this.#i32(0);
    };
    this.#operand(code);
    this.#out
      .byte(is64 ? op.i64Eqz : op.i32Eqz)
      .byte(op.if)
      .byte(type);
    if (name === 'div' || name === 'sdiv') zero();
    else {
      this.#register(code.dst);
      if (!is64) this.#out.byte(op.i32WrapI64);
    }
    this.#out.byte(op.else);
    if (name === 'sdiv') {
      this.#operand(code);
      if (is64) this.#i64(-1n).byte(op.i64Eq);
      else this.#i32(-1).byte(op.i32Eq);
      this.#out.byte(op.if).byte(type);
      zero();
      this.#register(code.dst);
      if (!is64) this.#out.byte(op.i32WrapI64);
      this.#out.byte(is64 ? op.i64Sub : op.i32Sub).byte(op.else);
    }
    this.#operands(code);
    this.#out.byte((is64 ? alu64 : alu32)[name]);
    if (name === 'sdiv') this.#out.byte(op.end);
    this.#out.byte(op.end);
  }

  #swap(code: Of<'swap'>): void {
    this.#register(code.dst);
    if (code.to === 'le') {
      if (code.bits < 64) this.#i64((1n << BigInt(code.bits)) - 1n).byte(op.i64And);
      this.#setRegister(code);
      return;
    }
    const exchange = (distance: bigint, mask: bigint): void => {
      this.#set(local.wide);
      this.#get(local.wide);
      this.#i64(mask).byte(op.i64And);
      this.#i64(distance).byte(op.i64Shl);
      this.#get(local.wide);
      this.#i64(distance).byte(op.i64ShrU);
      this.#i64(mask).byte(op.i64And).byte(op.i64Or);
    };
    exchange(8n, 0x00ff_00ff_00ff_00ffn);
    exchange(16n, 0x0000_ffff_0000_ffffn);
    exchange(32n, 0xffff_ffffn);
    if (code.bits < 64) this.#i64(BigInt(64 - code.bits)).byte(op.i64ShrU);
    this.#setRegister(code);
  }

  /**
   * Leaves the i32 address of base + offset for the instruction that `emit` writes, checked if that is the mode. What lies in the frame is known
   * to be right.
   */
  #access(
    code: Instruction,
    base: number,
    size: Size,
    way: 'read' | 'write',
    emit: (offset: number) => void,
  ): void {
    const { offset } = code;
    if (base === 10 && offset >= -frameBytes && offset + size <= 0) {
      this.#i32(this.#top + offset);
      emit(0);
      return;
    }
    if (this.#input.mode === 'checked') {
      this.#check(code, base, size, way);
      this.#get(local.wide).byte(op.i32WrapI64);
      emit(0);
      return;
    }
    this.#register(base).byte(op.i32WrapI64);
    if (offset >= 0) {
      emit(offset);
      return;
    }
    this.#i32(offset).byte(op.i32Add);
    emit(0);
  }

  /** wide = base + offset; faults unless `size` bytes may be accessed there. Addresses without a shadow look up that of address 0, which is 0. */
  #check(code: Instruction, base: number, size: Size, way: 'read' | 'write'): void {
    this.#register(base);
    if (code.offset !== 0) this.#i64(BigInt(code.offset)).byte(op.i64Add);
    this.#out.byte(op.localTee).u32(local.wide).byte(op.i32WrapI64);
    this.#i32(0);
    this.#get(local.wide);
    this.#i64(BigInt(this.#input.limit)).byte(op.i64LtU).byte(op.select);
    this.#out.byte(op.i32Load8U).byte(0).u32(this.#input.shadow);
    if (way === 'read') this.#i32(15).byte(op.i32And);
    this.#i32(way === 'write' ? 16 + size : size)
      .byte(op.i32LtU)
      .byte(op.if)
      .byte(op.void);
    this.#fault(faultCodes[way], code);
    this.#out.byte(op.end);
  }

  /** One thread executes: a load and a store are atomic. */
  #atomic(code: Of<'atomic' | 'xchg' | 'cmpxchg'>): void {
    const { bytes } = code;
    const emitStore = (value: () => void): void =>
      this.#access(code, code.dst, bytes, 'write', (offset) => {
        value();
        this.#out.byte(stores[bytes]).byte(0).u32(offset);
      });
    this.#access(code, code.dst, bytes, 'write', (offset) =>
      this.#out.byte(loads[bytes]).byte(0).u32(offset),
    );
    this.#set(local.old);
    if (code.kind === 'atomic') {
      const { op: name } = code;
      emitStore(() => {
        this.#get(local.old);
        this.#register(code.src).byte(alu64[name]);
      });
    } else if (code.kind === 'xchg') emitStore(() => this.#register(code.src));
    else {
      this.#get(local.old);
      this.#register(0);
      if (bytes === 4) this.#zeroExtend();
      this.#out.byte(op.i64Eq).byte(op.if).byte(op.void);
      emitStore(() => this.#register(code.src));
      this.#out.byte(op.end);
    }
    if (code.kind === 'atomic' && !code.fetch) return;
    this.#get(local.old);
    this.#set(this.#writable(code, code.kind === 'cmpxchg' ? 0 : code.src));
  }

  #call(code: Of<'call'>): void {
    if (code.what === 'function') {
      for (let i = 1; i <= 5; i++) this.#register(i);
      this.#out.byte(op.call).u32(this.#firstFunction + code.target);
      this.#set(registers[0]);
      return;
    }
    const { index, callee } = this.#indexOf(code);
    callee.params.forEach((kind, i) => {
      this.#register(i + 1).byte(op.i32WrapI64);
      if (kind === 'low') return;
      this.#register(i + 1);
      this.#i64(32n).byte(op.i64ShrU).byte(op.i32WrapI64);
    });
    this.#out.byte(op.call).u32(index);
    if (callee.result === 'none') this.#i64(0n);
    else this.#out.byte(callee.result === 'signed' ? op.i64ExtendI32S : op.i64ExtendI32U);
    if (callee.result === 'wide') {
      this.#i32(this.#input.resultHigh).byte(op.i64Load32U).byte(0).u32(0);
      this.#i64(32n).byte(op.i64Shl).byte(op.i64Or);
    }
    this.#set(registers[0]);
  }

  #condition(code: Instruction): void {
    if (code.kind === 'may_goto') {
      // jumps when the count is used up, else counts
      this.#get(local.loops).byte(op.i32Eqz).byte(op.if).byte(0x7f);
      this.#i32(1).byte(op.else);
      this.#get(local.loops);
      this.#i32(1).byte(op.i32Sub);
      this.#set(local.loops);
      this.#i32(0).byte(op.end);
      return;
    }
    assert(code.kind === 'branch', 'a block with two successors ends in a branch');
    this.#operands(code);
    if (code.condition !== 'set') {
      const [wide, narrow] = comparisons[code.condition];
      this.#out.byte(code.width === 64 ? wide : narrow);
    } else if (code.width === 64) {
      this.#out.byte(op.i64And);
      this.#i64(0n).byte(op.i64Ne);
    } else {
      this.#out.byte(op.i32And);
      this.#i32(0).byte(op.i32Ne);
    }
  }

  #zeroExtend(): void {
    this.#out.byte(op.i32WrapI64).byte(op.i64ExtendI32U);
  }

  #register(number: number): WasmBytes {
    if (number === 10) return this.#i64(BigInt(this.#top));
    return this.#get(registers[number as 0]);
  }

  #setRegister(code: Instruction): void {
    this.#set(this.#writable(code, code.dst));
  }

  #writable(code: Instruction, register: number): number {
    if (register === 10) throw new Untranslatable(this.#fn, code.at, 'write to r10');
    return registers[register as 0];
  }

  #get(number: number): WasmBytes {
    return this.#out.byte(op.localGet).u32(number);
  }

  #set(number: number): void {
    this.#out.byte(op.localSet).u32(number);
  }

  #i32(value: number): WasmBytes {
    return this.#out.byte(op.i32Const).i32(value);
  }

  #i64(value: bigint): WasmBytes {
    return this.#out.byte(op.i64Const).i64(value);
  }
}
