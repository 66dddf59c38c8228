// The control flow of one function: basic blocks, their order and dominators. Source: Cooper, Harvey and Kennedy, "A Simple, Fast Dominance
// Algorithm" (2001).
import type { Instruction } from '../bpf/instructions.ts';
import { type Block, makeChoices } from './choice.ts';
import { BadProgram } from './program.ts';

export interface Flow {
  /** Reachable blocks in reverse postorder; block 0 is the entry, and their successors are numbers in this order. */
  readonly blocks: readonly Block[];
  /** By block: those that lead to it. */
  readonly before: readonly (readonly number[])[];
  /** Immediate dominator of each block; of the entry itself. */
  readonly dominator: Int32Array;
  /** Place of each block in a walk of the tree of dominators, and how many places it and what it dominates take. */
  readonly place: Int32Array;
  readonly span: Int32Array;
  /** Blocks that a forward edge reaches from more than one place. */
  readonly isMerge: Uint8Array;
  /** Targets of backward edges. */
  readonly isLoop: Uint8Array;
  /** Every loop is entered at one block only. */
  readonly isReducible: boolean;
}

/** The flow of function number `fn`. @throws BadProgram where a jump, or the end, leads outside. */
export function readFlow(fn: number, code: readonly Instruction[]): Flow {
  const bySlot = split(fn, code);
  makeChoices(bySlot);
  const blocks = order(bySlot);
  const count = blocks.length;
  const before: number[][] = Array.from({ length: count }, () => []);
  blocks.forEach((block, i) => {
    for (const to of new Set(block.next)) before[to]!.push(i);
  });
  const dominator = dominators(before);
  const tree = walk(dominator);
  const isMerge = new Uint8Array(count);
  const isLoop = new Uint8Array(count);
  let isReducible = true;
  before.forEach((from, to) => {
    const forward = from.filter((i) => i < to);
    if (forward.length > 1) isMerge[to] = 1;
    if (forward.length < from.length) isLoop[to] = 1;
    if (from.some((i) => i >= to && !dominates(tree, to, i))) isReducible = false;
  });
  return { blocks, before, dominator, ...tree, isMerge, isLoop, isReducible };
}

/** Where control goes after an instruction, if not always to the next. */
function targetsOf(code: Instruction): readonly number[] | undefined {
  switch (code.kind) {
    case 'branch':
    case 'may_goto':
      return [code.target, code.at + code.slots];
    case 'goto':
      return [code.target];
    case 'exit':
      return [];
    default:
      return undefined;
  }
}

/** Blocks by first slot, in order of slots, with successors as slots. */
function split(fn: number, code: readonly Instruction[]): Map<number, Block> {
  const stray = (at: number): BadProgram => new BadProgram('leads outside the function', fn, at);
  const last = code.at(-1);
  if (last === undefined) throw stray(0);
  /** By slot: 1 where an instruction starts, 2 where a block does. */
  const marks = new Uint8Array(last.at + last.slots);
  for (const { at } of code) marks[at] = 1;
  const ends: { readonly index: number; readonly next: readonly number[] }[] = [];
  code.forEach((instruction, index) => {
    const next = targetsOf(instruction);
    if (next === undefined) return;
    ends.push({ index, next });
    for (const target of next) {
      if (!marks[target]) throw stray(instruction.at);
      marks[target] = 2;
    }
  });
  if (ends.at(-1)?.index !== code.length - 1) throw stray(last.at);
  const blocks = new Map<number, Block>();
  let from = 0;
  const close = (to: number, next: readonly number[]): void => {
    blocks.set(code[from]!.at, { instructions: code.slice(from, to), choice: undefined, next });
    from = to;
  };
  for (const { index, next } of ends) {
    for (let i = from + 1; i <= index; i++) {
      const { at } = code[i]!;
      if (marks[at] === 2) close(i, [at]);
    }
    close(index + 1, next);
  }
  return blocks;
}

/** Renumbers what is reachable from slot 0 in reverse postorder. The walk keeps its own stack: functions can be long. */
function order(bySlot: ReadonlyMap<number, Block>): Block[] {
  const seen = new Set([0]);
  const stack = [{ slot: 0, edge: 0 }];
  const postorder: number[] = [];
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const { next } = bySlot.get(top.slot)!;
    const to = next[top.edge++];
    if (to === undefined) {
      postorder.push(top.slot);
      stack.pop();
    } else if (!seen.has(to)) {
      seen.add(to);
      stack.push({ slot: to, edge: 0 });
    }
  }
  const slots = postorder.reverse();
  const number = new Map(slots.map((slot, i) => [slot, i]));
  return slots.map((slot) => {
    const block = bySlot.get(slot)!;
    return { ...block, next: block.next.map((to) => number.get(to)!) };
  });
}

function dominators(before: readonly (readonly number[])[]): Int32Array {
  const dominator = new Int32Array(before.length).fill(-1);
  dominator[0] = 0;
  for (let changed = true; changed; ) {
    changed = false;
    for (let block = 1; block < before.length; block++) {
      let best = -1;
      for (const from of before[block]!) {
        if (dominator[from] === -1) continue;
        best = best === -1 ? from : meet(dominator, best, from);
      }
      if (dominator[block] !== best) {
        dominator[block] = best;
        changed = true;
      }
    }
  }
  return dominator;
}

function meet(dominator: Int32Array, first: number, second: number): number {
  let [a, b] = [first, second];
  while (a !== b) {
    while (a > b) a = dominator[a]!;
    while (b > a) b = dominator[b]!;
  }
  return a;
}

/** Dominators come before what they dominate. */
function walk(dominator: Int32Array): Pick<Flow, 'place' | 'span'> {
  const span = new Int32Array(dominator.length).fill(1);
  for (let block = dominator.length - 1; block > 0; block--) span[dominator[block]!]! += span[block]!;
  const place = new Int32Array(dominator.length);
  /** First place below each block that is free. */
  const free = new Int32Array(dominator.length).fill(1);
  for (let block = 1; block < dominator.length; block++) {
    const above = dominator[block]!;
    place[block] = free[above]!;
    free[block] = place[block]! + 1;
    free[above]! += span[block]!;
  }
  return { place, span };
}

/** Every way from the entry to `block` leads through `above`. */
export function dominates(
  { place, span }: Pick<Flow, 'place' | 'span'>,
  above: number,
  block: number,
): boolean {
  const from = place[block]! - place[above]!;
  return from >= 0 && from < span[above]!;
}
