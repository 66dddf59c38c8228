// The body of one WebAssembly function while it is written: where BPF's registers live, constants, faults.
import type { Instruction } from '../bpf/instructions.ts';
import { op, type ValueType, WasmBytes } from './wasm.ts';

/** Locals. r1 to r5 are the parameters; r10 is a constant and has none. */
const registers: readonly number[] = [5, 0, 1, 2, 3, 4, 6, 7, 8, 9];
/** `wide` and `old` are free between instructions; `count` counts executed ones, `loops` the may_gotos that are left. */
export const local = { wide: 10, old: 11, count: 12, loops: 13, dispatch: 14, choice: 15 } as const;
/** What the registers become on the two ways of a choice. */
const armRegisters = [16, 26] as const;
export const params: readonly ValueType[] = ['i64', 'i64', 'i64', 'i64', 'i64'];

/** What env.fault gets as its first argument. It must throw. */
export const faultCodes = { read: 1, write: 2, budget: 3 } as const;

export class FunctionCode {
  readonly out = new WasmBytes();
  readonly fn: number;
  /** Address above the frame: r10. */
  readonly top: number;
  /** Local of each register, as of now. */
  #registers = registers;
  #hasArms = false;

  constructor(fn: number, top: number) {
    this.fn = fn;
    this.top = top;
  }

  /** Beyond the parameters. */
  locals(): { readonly count: number; readonly type: ValueType }[] {
    return [
      { count: 7, type: 'i64' },
      { count: 4, type: 'i32' },
      ...(this.#hasArms ? [{ count: 20, type: 'i64' } as const] : []),
    ];
  }

  /** Pushes the 64 bits of a register. */
  register(number: number): WasmBytes {
    return number === 10 ? this.i64(this.top) : this.get(this.#registers[number]!);
  }

  /** Pushes the low 32 bits of a register. */
  low(number: number): WasmBytes {
    return number === 10 ? this.i32(this.top) : this.get(this.#registers[number]!).byte(op.i32WrapI64);
  }

  /** Pops 64 bits into a register other than r10. */
  setRegister(number: number): void {
    this.set(this.#registers[number]!);
  }

  /** The code that `write` writes leaves the registers as they are; answers with the local of what each would become. */
  arm(way: 0 | 1, written: readonly number[], write: () => void): readonly number[] {
    this.#hasArms = true;
    const after = [...registers];
    for (const number of written) {
      after[number] = armRegisters[way] + number;
      this.get(registers[number]!);
      this.set(after[number]);
    }
    this.#registers = after;
    write();
    this.#registers = registers;
    return after;
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
