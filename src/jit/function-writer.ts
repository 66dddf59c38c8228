// One BPF function as a WebAssembly function (r1, …, r5) → r0: registers become i64 locals, jumps structured control flow. Semantics: RFC 9669; the
// interpreter beside this file is the oracle.
import type { Instruction } from '../bpf/instructions.ts';
import { assert } from '../lib/assert.ts';
import { type Checks, emitAccess } from './access.ts';
import { emitArithmetic, emitComparison, isArithmetic } from './arithmetic.ts';
import type { Flow } from './flow.ts';
import { FunctionCode, local, locals, params } from './function-code.ts';
import { BadProgram, frameBytes, frameStride, maxLoops, type Of, writtenRegister } from './program.ts';
import { emitFlow } from './structure.ts';
import { op, valueType, type WasmFunction } from './wasm.ts';

/** How one helper or kfunc takes its arguments from r1, r2, … and gives r0. 64-bit values cross as two i32, low half first. */
export interface Callee {
  readonly name: string;
  /** `low`: only the low half matters (pointers, ints). */
  readonly params: readonly ('low' | 'wide')[];
  /** `wide`: returns the low half, having put the high half at `resultHigh`. `none` leaves 0 in r0. */
  readonly result: 'none' | 'signed' | 'unsigned' | 'wide';
}

export interface Surroundings extends Checks {
  readonly stack: number;
  readonly resultHigh: number;
  readonly budget: number;
  /** WebAssembly's number of function 0. */
  readonly firstFunction: number;
  /** WebAssembly's number of the import. */
  readonly calleeOf: (
    what: 'helper' | 'kfunc',
    id: number,
  ) => { readonly index: number; readonly callee: Callee };
}

/** Exported under no name. @throws BadProgram. */
export function writeFunction(around: Surroundings, fn: number, flow: Flow): WasmFunction {
  const to = new FunctionCode(fn, around.stack + fn * frameStride + frameBytes);
  const { blocks } = flow;
  const hasMayGoto = blocks.some(({ instructions }) => instructions.some(({ kind }) => kind === 'may_goto'));
  if (hasMayGoto) to.i32(maxLoops).byte(op.localSet).u32(local.loops);
  emitFlow(
    to.out,
    flow,
    {
      body: (block) => emitBody(to, around, blocks[block]!.instructions),
      condition: (block) => emitCondition(to, blocks[block]!.instructions.at(-1)!),
      loopHead: (block) => emitBudget(to, around.budget, blocks[block]!.instructions[0]!),
      leave: () => emitLeave(to),
    },
    local.dispatch,
  );
  return { params, result: 'i64', locals, body: to.out.view() };
}

/** Adds to the count of executed instructions up front: blocks are executed whole, or end in a fault. */
function emitBody(to: FunctionCode, around: Surroundings, instructions: readonly Instruction[]): void {
  to.get(local.count);
  to.i32(instructions.length).byte(op.i32Add);
  to.set(local.count);
  for (const code of instructions) emitInstruction(to, around, code);
}

function emitInstruction(to: FunctionCode, around: Surroundings, code: Instruction): void {
  if (writtenRegister(code) === 10) throw new BadProgram('write to r10', to.fn, code.at);
  if (isArithmetic(code)) {
    emitArithmetic(to, code);
    return;
  }
  switch (code.kind) {
    case 'load':
    case 'load_acquire':
    case 'store':
    case 'store_release':
    case 'atomic':
    case 'xchg':
    case 'cmpxchg':
      emitAccess(to, around, code);
      return;
    case 'call':
      emitCall(to, around, code);
      return;
    case 'branch':
    case 'may_goto':
    case 'goto':
    case 'exit':
      return; // the end of a block: its shape says it
    case 'cast':
    case 'packet':
    case 'callx':
      throw new BadProgram('unsupported instruction', to.fn, code.at);
    case 'unknown':
      throw new BadProgram('unknown instruction', to.fn, code.at);
  }
}

/** executed += count */
function emitLeave(to: FunctionCode): void {
  to.out.byte(op.globalGet).u32(0);
  to.get(local.count).byte(op.i32Add).byte(op.globalSet).u32(0);
  to.register(0).byte(op.return);
}

function emitBudget(to: FunctionCode, budget: number, code: Instruction): void {
  to.out.byte(op.globalGet).u32(0);
  to.get(local.count).byte(op.i32Add);
  to.i32(budget).byte(op.i32GtU).byte(op.if).byte(op.void);
  to.i64(0);
  to.set(local.wide);
  to.fault('budget', code);
  to.out.byte(op.end);
}

function emitCondition(to: FunctionCode, code: Instruction): void {
  if (code.kind === 'branch') {
    emitComparison(to, code);
    return;
  }
  assert(code.kind === 'may_goto', 'a block with two successors ends in a branch');
  // jumps when the count is used up, else counts
  to.get(local.loops).byte(op.i32Eqz).byte(op.if).byte(valueType.i32);
  to.i32(1).byte(op.else);
  to.get(local.loops);
  to.i32(1).byte(op.i32Sub);
  to.set(local.loops);
  to.i32(0).byte(op.end);
}

function emitCall(to: FunctionCode, around: Surroundings, code: Of<'call'>): void {
  if (code.what === 'function') {
    for (let i = 1; i <= 5; i++) to.register(i);
    to.out.byte(op.call).u32(around.firstFunction + code.target);
    to.setRegister(0);
    return;
  }
  const { index, callee } = around.calleeOf(code.what, code.id);
  callee.params.forEach((kind, i) => {
    to.low(i + 1);
    if (kind === 'low') return;
    to.register(i + 1);
    to.i64(32).byte(op.i64ShrU).byte(op.i32WrapI64);
  });
  to.out.byte(op.call).u32(index);
  if (callee.result === 'none') to.i64(0);
  else to.out.byte(callee.result === 'signed' ? op.i64ExtendI32S : op.i64ExtendI32U);
  if (callee.result === 'wide') {
    to.i32(around.resultHigh).byte(op.i64Load32U).byte(0).u32(0);
    to.i64(32).byte(op.i64Shl).byte(op.i64Or);
  }
  to.setRegister(0);
}
