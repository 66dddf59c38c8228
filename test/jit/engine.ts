// Runs translated code in a small memory: 8 frames, 12 writable bytes at 0x12000 and 8 readable ones at 0x12100.
import type { Instruction } from '../../src/bpf/instructions.ts';
import { frameBytes, frameStride } from '../../src/jit/program.ts';
import { type Callee, faultCodes, translate } from '../../src/jit/translate.ts';
import type { KernelPointers } from '../../src/jit/walked.ts';
import { aluI, assemble, callFunction, exit, store } from './assembler.ts';

export interface EngineOptions {
  readonly functions: readonly (readonly Instruction[])[];
  readonly mode: 'checked' | 'fast';
  readonly callees?: readonly Callee[];
  readonly onCall?: (name: string, args: number[], high: (value: number) => void) => number;
  readonly budget?: number;
  /** What is there in place of the bytes above. */
  readonly regions?: readonly { readonly at: number; readonly bytes: number; readonly isWritable: boolean }[];
  /** How many arguments function 0 takes; 1 by default. */
  readonly params?: number;
  readonly pointers?: KernelPointers;
}

const stack = 0x13000;
const limit = 0x30000;
const pages = 6;
const resultAt = 0x11000;
const resultHigh = 0x11ff8;

const usualRegions = [
  { at: 0x12000, bytes: 12, isWritable: true },
  { at: 0x12100, bytes: 8, isWritable: false },
];

export function engine(options: EngineOptions) {
  const { functions, mode, callees = [], onCall, budget = 1_000_000, params = 1, pointers } = options;
  // every function is entered through one that keeps its 64 bits of r0: *(u64 *)resultAt = f(arguments)
  const bytes = translate({
    functions: [...functions, keeper()],
    calleeOf: (_, id) => callees[id]!,
    entries: [{ fn: functions.length, params }],
    mode,
    stack,
    shadow: limit,
    limit,
    resultHigh,
    budget,
    pages,
    ...(pointers === undefined
      ? {}
      : { pointers: { ...pointers, loads: [...pointers.loads, new Set<number>()] } }),
  });
  const module = new WebAssembly.Module(bytes);
  const memory = new WebAssembly.Memory({ initial: pages });
  const shadow = new Uint8Array(memory.buffer, limit);
  permit(shadow, resultAt, 8, true);
  for (const { at, bytes, isWritable } of options.regions ?? usualRegions)
    permit(shadow, at, bytes, isWritable);
  for (let fn = 0; fn <= functions.length; fn++) permit(shadow, stack + fn * frameStride, frameBytes, true);
  const view = new DataView(memory.buffer);
  const fault = (code: number, fn: number, at: number, low: number, high: number): void => {
    const what = Object.entries(faultCodes).find(([, value]) => value === code)?.[0];
    const address = (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
    throw new Error(`${what} in function ${fn} at ${at}: 0x${address.toString(16)}`);
  };
  const imports: Record<string, unknown> = { memory, fault };
  for (const { name } of callees)
    imports[name] = (...args: number[]) =>
      onCall?.(name, args, (value) => view.setInt32(resultHigh, value, true));
  const instance = new WebAssembly.Instance(module, { env: imports });
  const { executed } = instance.exports as { executed: WebAssembly.Global };
  const enter = instance.exports[`f${functions.length}`] as (...args: number[]) => number;
  return {
    call(...args: number[]): { r0: bigint } {
      executed.value = 0;
      enter(...args);
      return { r0: view.getBigUint64(resultAt, true) };
    },
    /** Without the four instructions of the keeper. */
    executed: (): number => (executed.value as number) - 4,
    memory,
    moduleBytes: bytes.length,
  };
}

function keeper(): Instruction[] {
  return assemble(callFunction(0, 0), aluI('mov', 64, 6, resultAt), store(8, 6, 0, 0), exit);
}

function permit(shadow: Uint8Array, at: number, size: number, write: boolean): void {
  for (let i = 0; i < size; i++) shadow[at + i] = Math.min(8, size - i) | (write ? 16 : 0);
}
