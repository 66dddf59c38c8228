// One BPF function as a WebAssembly function (r1, …, r5) → r0: registers become i64 locals, jumps structured control flow. Semantics: RFC 9669; the
// interpreter beside this file is the oracle.
import type { Instruction } from '../bpf/instructions.ts';
import { assert } from '../lib/assert.ts';
import { type Checks, emitAccess } from './access.ts';
import { emitArithmetic, emitComparison } from './arithmetic.ts';
import { Bases } from './bases.ts';
import type { Block, Choice } from './choice.ts';
import { length, placeCounts } from './counts.ts';
import type { Flow } from './flow.ts';
import { FunctionCode, local, locals, params } from './function-code.ts';
import { emitInline, type Inline } from './inline.ts';
import { BadProgram, frameBytes, frameStride, maxLoops, type Of, writtenRegister } from './program.ts';
import { type Bodies, emitFlow } from './structure.ts';
import { op, valueType, type WasmFunction } from './wasm.ts';

/** How one helper or kfunc takes its arguments from r1, r2, … and gives r0. 64-bit values cross as two i32, low half first. */
export interface Callee {
  readonly name: string;
  /** `low`: only the low half matters (pointers, ints). */
  readonly params: readonly ('low' | 'wide')[];
  /** `wide`: returns the low half, having put the high half at `resultHigh`. `none` leaves 0 in r0. */
  readonly result: 'none' | 'signed' | 'unsigned' | 'wide';
  /** What stands for a call. `first`: r1, where the code says it; below 2^32. It calls back no function of the program. */
  readonly inline?: (first: number | undefined) => Inline | undefined;
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
  const to = new FunctionCode(fn, around.stack + fn * frameStride + frameBytes, new Bases(flow));
  const { blocks } = flow;
  const { ahead, onEdge } = placeCounts(flow);
  const hasMayGoto = blocks.some(({ instructions }) => instructions.some(({ kind }) => kind === 'may_goto'));
  const bodies: Bodies = {
    body: (block) => {
      to.bases.enter(block);
      emitBody(to, around, blocks[block]!, ahead[block]!);
    },
    condition: (block) => emitCondition(to, blocks[block]!.instructions.at(-1)!),
    edge: (from, next) => addToCount(to, onEdge(from, next)),
    loopHead: (block) => emitBudget(to, around.budget, ahead[block]!, blocks[block]!.instructions[0]!.at),
    leave: (block) => {
      storeCount(to, ahead[block]! + length(blocks[block]!));
      to.register(0).byte(op.return);
    },
  };
  const body = to.body(() => {
    if (hasMayGoto) to.i32(maxLoops).byte(op.localSet).u32(local.loops);
    loadCount(to, 0);
    emitFlow(to, flow, bodies, local.dispatch);
  });
  return { params, result: 'i64', locals, body };
}

/** `ahead`: see counts.ts. What is called finds the exact count in `executed`, and leaves its own there. */
function emitBody(
  to: FunctionCode,
  around: Surroundings,
  { instructions, choice }: Block,
  ahead: number,
): void {
  for (let i = 0; i < instructions.length; i++) {
    const code = instructions[i]!;
    if (code.kind === 'call') emitCounted(to, around, code, firstArgument(instructions, i), ahead + i + 1);
    else emitInstruction(to, around, code);
    to.bases.pass(code);
  }
  if (choice !== undefined) emitChoice(to, choice);
}

/** r1 at a call, if an ld_imm64 in the same block has set it. */
function firstArgument(instructions: readonly Instruction[], call: number): number | undefined {
  for (let i = call - 1; i >= 0; i--) {
    const code = instructions[i]!;
    if (code.kind === 'call') return undefined;
    if (writtenRegister(code) !== 1) continue;
    return code.kind === 'imm64' && code.value < 2n ** 32n ? Number(code.value) : undefined;
  }
  return undefined;
}

function emitCounted(
  to: FunctionCode,
  around: Surroundings,
  code: Of<'call'>,
  first: number | undefined,
  ahead: number,
): void {
  const call = (): void => {
    storeCount(to, ahead);
    emitCall(to, around, code);
    loadCount(to, ahead);
  };
  const inline =
    code.what === 'function' ? undefined : around.calleeOf(code.what, code.id).callee.inline?.(first);
  if (inline === undefined) call();
  else emitInline(to, around, inline, call);
}

/** executed = the counter + ahead */
function storeCount(to: FunctionCode, ahead: number): void {
  to.get(local.count);
  to.i32(ahead).byte(op.i32Add).byte(op.globalSet).u32(0);
}

function loadCount(to: FunctionCode, ahead: number): void {
  to.out.byte(op.globalGet).u32(0);
  to.i32(ahead).byte(op.i32Sub);
  to.set(local.count);
}

function addToCount(to: FunctionCode, more: number): void {
  if (more === 0) return;
  to.get(local.count);
  to.i32(more).byte(op.i32Add);
  to.set(local.count);
}

/** All registers that either way writes, selected before the first is set. */
function emitChoice(to: FunctionCode, { branch, taken, otherwise }: Choice): void {
  emitComparison(to, branch);
  to.set(local.choice);
  const ways = [sources(taken), sources(otherwise)];
  const written = [...new Set(ways.flatMap((way) => [...way.keys()]))];
  for (const register of written) {
    for (const way of ways) {
      const { from, isLow } = way.get(register) ?? { from: register, isLow: false };
      if (isLow) to.low(from).byte(op.i64ExtendI32U);
      else to.register(from);
    }
    to.get(local.choice).byte(op.select);
  }
  for (const register of written.reverse()) to.setRegister(register);
  // counts.ts has counted the second way; the condition is 0 or 1
  const more = taken.length - otherwise.length;
  if (more === 0) return;
  to.get(local.count);
  to.get(local.choice);
  if (Math.abs(more) > 1) to.i32(Math.abs(more)).byte(op.i32Mul);
  to.out.byte(more < 0 ? op.i32Sub : op.i32Add);
  to.set(local.count);
}

/** After these moves, by register: which register it had been, and whether only its low half is left. */
function sources(
  moves: readonly Instruction[],
): Map<number, { readonly from: number; readonly isLow: boolean }> {
  const after = new Map<number, { readonly from: number; readonly isLow: boolean }>();
  for (const code of moves) {
    if (code.kind !== 'mov') continue;
    const { from, isLow } = after.get(code.src) ?? { from: code.src, isLow: false };
    after.set(code.dst, { from, isLow: isLow || code.width === 32 });
  }
  return after;
}

function emitInstruction(to: FunctionCode, around: Surroundings, code: Instruction): void {
  const namesR10 = code.dst === 10 || code.src === 10;
  if (namesR10 && writtenRegister(code) === 10) throw new BadProgram('write to r10', to.fn, code.at);
  switch (code.kind) {
    case 'alu':
    case 'neg':
    case 'mov':
    case 'movsx':
    case 'swap':
    case 'imm64':
      emitArithmetic(to, code);
      return;
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
    case 'branch':
    case 'may_goto':
    case 'goto':
    case 'exit':
      return; // written elsewhere
    case 'cast':
    case 'packet':
    case 'callx':
      throw new BadProgram('unsupported instruction', to.fn, code.at);
    case 'unknown':
      throw new BadProgram('unknown instruction', to.fn, code.at);
  }
}

function emitBudget(to: FunctionCode, budget: number, ahead: number, at: number): void {
  to.mayFault('budget', at);
  to.get(local.count);
  to.i32(budget - ahead).byte(op.i32GtS);
  to.faultIf();
}

function emitCondition(to: FunctionCode, code: Instruction): void {
  if (code.kind === 'branch') {
    emitComparison(to, code);
    return;
  }
  assert(code.kind === 'may_goto', 'a block with two successors ends in a branch');
  // jumps when the count is used up, else counts
  to.get(local.loops).byte(op.i32Eqz);
  to.begin(op.if, valueType.i32);
  to.i32(1).byte(op.else);
  to.get(local.loops);
  to.i32(1).byte(op.i32Sub);
  to.set(local.loops);
  to.i32(0);
  to.end();
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
    to.i32(around.resultHigh).access(op.i64Load32U, 0);
    to.i64(32).byte(op.i64Shl).byte(op.i64Or);
  }
  to.setRegister(0);
}
