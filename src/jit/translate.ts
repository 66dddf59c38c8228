// BPF functions to one WebAssembly module: its imports, entries and the order of its functions. Memory is one linear memory in which addresses are as
// they stand in the registers.
import { assert } from '../lib/assert.ts';
import { checkCalls } from './call-graph.ts';
import { readFlow } from './flow.ts';
import { type Callee, type Surroundings, writeFunction } from './function-writer.ts';
import type { Functions } from './program.ts';
import { type KernelPointers, walkedLoads } from './walked.ts';
import { encodeModule, op, type ValueType, WasmBytes, type WasmFunction } from './wasm.ts';

export { faultCodes } from './function-code.ts';
export type { Callee } from './function-writer.ts';
export type { Inline } from './inline.ts';

/** A function to export as "f<fn>": (`params` i32, 0 to 5 of them, zero-extended into r1, r2, …) → low half of r0. The other registers are 0. */
export interface Entry {
  readonly fn: number;
  readonly params: number;
  /** Address of an i32: when the function returns, the count of executed instructions moves from the global to there. */
  readonly executedAt?: number;
}

export interface Translation {
  /** Linked code: calls of functions name their number, calls of helpers and kfuncs have a callee. */
  readonly functions: Functions;
  readonly calleeOf: (what: 'helper' | 'kfunc', id: number) => Callee;
  readonly entries: readonly Entry[];
  readonly mode: 'checked' | 'fast';
  /** Address of the stack frames: function n owns `frameBytes` from stack + n × `frameStride` (BPF has no recursion). */
  readonly stack: number;
  /** Address of the shadow (see access.ts) of address 0. */
  readonly shadow: number;
  /** Addresses below this have a shadow. Nothing in the first and the last 64 KiB of them may be accessible. */
  readonly limit: number;
  /** Address of an i32: the high half of `wide` results. */
  readonly resultHigh: number;
  /** Instructions that one entry may execute, below 2^31. Checked at the head of each loop. */
  readonly budget: number;
  /** Smallest size of env.memory, in pages of 64 KiB. */
  readonly pages: number;
  /** What is known of the kernel's pointers: loads that follow some of them read 0 where nothing may be read. */
  readonly pointers?: KernelPointers;
}

/**
 * The module. Imports env.memory, env.fault (code, function, slot, address low, high) and env.<name> of each callee; exports the entries and the
 * global `executed`, which counts instructions and is the caller's to reset. @throws BadProgram: what no verifier passes is refused with its place.
 */
export function translate(input: Translation): Uint8Array {
  checkCalls(input.functions);
  const { imports, byId } = calleesOf(input);
  const firstFunction = imports.length + 1;
  const flows = input.functions.map((code, fn) => readFlow(fn, code));
  const around: Surroundings = {
    ...input,
    walked: input.pointers && walkedLoads(flows, input.pointers),
    firstFunction,
    calleeOf: (what, id) => byId[what].get(id)!,
  };
  const functions = flows.map((flow, fn) => writeFunction(around, fn, flow));
  return encodeModule({
    pages: input.pages,
    imports: [
      { module: 'env', name: 'fault', params: i32s(5), result: undefined },
      ...imports.map(({ name, params, result }) => ({
        module: 'env',
        name,
        params: params.flatMap((kind) => i32s(kind === 'wide' ? 2 : 1)),
        result: result === 'none' ? undefined : ('i32' as const),
      })),
    ],
    functions: [...functions, ...input.entries.map((one) => entry(one, firstFunction))],
    globals: ['executed'],
  });
}

/** The callees that the code names, with their numbers as imports; env.fault is number 0. */
function calleesOf({ functions, calleeOf }: Translation) {
  type Numbered = { readonly index: number; readonly callee: Callee };
  const byId = { helper: new Map<number, Numbered>(), kfunc: new Map<number, Numbered>() };
  const imports: Callee[] = [];
  for (const code of functions) {
    for (let i = 0; i < code.length; i++) {
      const one = code[i]!;
      if (one.kind !== 'call' || one.what === 'function' || byId[one.what].has(one.id)) continue;
      const callee = calleeOf(one.what, one.id);
      const known = imports.findIndex(({ name }) => name === callee.name);
      byId[one.what].set(one.id, { index: known < 0 ? imports.push(callee) : known + 1, callee });
    }
  }
  return { imports, byId };
}

function entry({ fn, params, executedAt }: Entry, firstFunction: number): WasmFunction {
  assert(params <= 5, 'at most five arguments');
  const out = new WasmBytes();
  for (let i = 0; i < 5; i++) {
    if (i < params) out.byte(op.localGet).u32(i).byte(op.i64ExtendI32U);
    else out.byte(op.i64Const).i32(0);
  }
  out
    .byte(op.call)
    .u32(firstFunction + fn)
    .byte(op.i32WrapI64);
  if (executedAt !== undefined) {
    out.byte(op.i32Const).i32(executedAt).byte(op.globalGet).u32(0).access(op.i32Store, 0);
    out.byte(op.i32Const).i32(0).byte(op.globalSet).u32(0);
  }
  return { params: i32s(params), result: 'i32', locals: [], body: out.view(), exported: `f${fn}` };
}

function i32s(count: number): ValueType[] {
  return new Array<ValueType>(count).fill('i32');
}
