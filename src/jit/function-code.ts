// The body of one WebAssembly function while it is written: where BPF's registers live, constants, faults.
import type { Instruction } from '../bpf/instructions.ts';
import { op, type ValueType, WasmBytes } from './wasm.ts';

/** Locals. r1 to r5 are the parameters; r10 is a constant and has none. */
const registers = [5, 0, 1, 2, 3, 4, 6, 7, 8, 9] as const;
/** `wide` and `old` are free between instructions; `count` counts executed ones, `loops` the may_gotos that are left. */
export const local = { wide: 10, old: 11, count: 12, loops: 13, dispatch: 14 } as const;
export const params: readonly ValueType[] = ['i64', 'i64', 'i64', 'i64', 'i64'];
export const locals: readonly { readonly count: number; readonly type: ValueType }[] = [
  { count: 7, type: 'i64' },
  { count: 3, type: 'i32' },
];

/** What env.fault gets as its first argument. It must throw. */
export const faultCodes = { read: 1, write: 2, budget: 3 } as const;

export class FunctionCode {
  readonly out = new WasmBytes();
  readonly fn: number;
  /** Address above the frame: r10. */
  readonly top: number;

  constructor(fn: number, top: number) {
    this.fn = fn;
    this.top = top;
  }

  /** Pushes the 64 bits of a register. */
  register(number: number): WasmBytes {
    return number === 10 ? this.i64(this.top) : this.get(registers[number as 0]);
  }

  /** Pushes the low 32 bits of a register. */
  low(number: number): WasmBytes {
    return number === 10 ? this.i32(this.top) : this.get(registers[number as 0]).byte(op.i32WrapI64);
  }

  /** Pops 64 bits into a register other than r10. */
  setRegister(number: number): void {
    this.set(registers[number as 0]);
  }

  get(number: number): WasmBytes {
    return this.out.byte(op.localGet).u32(number);
  }

  set(number: number): WasmBytes {
    return this.out.byte(op.localSet).u32(number);
  }

  i32(value: number): WasmBytes {
    return this.out.byte(op.i32Const).i32(value);
  }

  i64(value: number | bigint): WasmBytes {
    return this.out.byte(op.i64Const).i64(value);
  }

  /** Leaves for good. The address is in `wide`. */
  fault(what: keyof typeof faultCodes, code: Instruction): void {
    this.i32(faultCodes[what]);
    this.i32(this.fn);
    this.i32(code.at);
    this.get(local.wide).byte(op.i32WrapI64);
    this.get(local.wide);
    this.i64(32).byte(op.i64ShrU).byte(op.i32WrapI64);
    this.out.byte(op.call).u32(0).byte(op.unreachable);
  }
}
