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
  const before: number[][] = blocks.map(() => []);
  for (let block = 0; block < count; block++) {
    const { next } = blocks[block]!;
    const first = next[0];
    const second = next[1];
    if (first !== undefined) before[first]!.push(block);
    if (second !== undefined && second !== first) before[second]!.push(block);
  }
  const dominator = dominators(before);
  const tree = walk(dominator);
  const isMerge = new Uint8Array(count);
  const isLoop = new Uint8Array(count);
  let isReducible = true;
  for (let to = 0; to < count; to++) {
    const ways = before[to]!;
    let forward = 0;
    for (let i = 0; i < ways.length; i++)
      if (ways[i]! < to) forward++;
      else if (!dominates(tree, to, ways[i]!)) isReducible = false;
    if (forward > 1) isMerge[to] = 1;
    if (forward < ways.length) isLoop[to] = 1;
  }
  return { blocks, before, dominator, ...tree, isMerge, isLoop, isReducible };
}

/** Where control may go after an instruction; undefined: only to the next. */
function targetsOf(code: Instruction): number[] | undefined {
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

/** In order of slots; successors are numbers in this order. */
function split(fn: number, code: readonly Instruction[]): Block[] {
  const stray = (at: number): BadProgram => new BadProgram('leads outside the function', fn, at);
  const last = code.at(-1);
  if (last === undefined) throw stray(0);
  /** By slot: 1 where an instruction starts, 2 where a block does. */
  const marks = new Uint8Array(last.at + last.slots);
  for (let i = 0; i < code.length; i++) marks[code[i]!.at] = 1;
  for (let i = 0; i < code.length; i++) {
    const next = targetsOf(code[i]!);
    if (next === undefined) continue;
    for (let way = 0; way < next.length; way++) {
      if (!marks[next[way]!]) throw stray(code[i]!.at);
      marks[next[way]!] = 2;
    }
    if (i + 1 < code.length) marks[code[i + 1]!.at] = 2;
  }
  if (targetsOf(last) === undefined) throw stray(last.at);
  /** By slot where a block starts: its number. */
  const numbers = new Int32Array(marks.length);
  let count = 1;
  for (let at = 1; at < marks.length; at++) if (marks[at] === 2) numbers[at] = count++;
  const blocks: Block[] = [];
  let from = 0;
  for (let i = 0; i < code.length; i++) {
    if (i + 1 < code.length && marks[code[i + 1]!.at] !== 2) continue;
    const next = targetsOf(code[i]!) ?? [code[i + 1]!.at];
    for (let way = 0; way < next.length; way++) next[way] = numbers[next[way]!]!;
    blocks.push({ instructions: code.slice(from, i + 1), choice: undefined, next });
    from = i + 1;
  }
  return blocks;
}

/** What is reachable from the first, in reverse postorder and numbered so. The walk keeps its own stack: functions can be long. */
function order(bySlot: readonly Block[]): Block[] {
  /** By block: successors that were looked at. */
  const edges = new Uint8Array(bySlot.length);
  const isSeen = new Uint8Array(bySlot.length);
  const stack = [0];
  const postorder: number[] = [];
  isSeen[0] = 1;
  while (stack.length > 0) {
    const block = stack[stack.length - 1]!;
    const to = bySlot[block]!.next[edges[block]!++];
    if (to === undefined) {
      postorder.push(block);
      stack.pop();
    } else if (isSeen[to] === 0) {
      isSeen[to] = 1;
      stack.push(to);
    }
  }
  const numbers = new Int32Array(bySlot.length);
  const count = postorder.length;
  for (let i = 0; i < count; i++) numbers[postorder[i]!] = count - 1 - i;
  const blocks: Block[] = [];
  for (let i = count - 1; i >= 0; i--) {
    const block = bySlot[postorder[i]!]!;
    for (let way = 0; way < block.next.length; way++) block.next[way] = numbers[block.next[way]!]!;
    blocks.push(block);
  }
  return blocks;
}

function dominators(before: readonly (readonly number[])[]): Int32Array {
  const dominator = new Int32Array(before.length).fill(-1);
  dominator[0] = 0;
  for (let changed = true; changed; ) {
    changed = false;
    for (let block = 1; block < before.length; block++) {
      let best = -1;
      const ways = before[block]!;
      for (let i = 0; i < ways.length; i++) {
        const from = ways[i]!;
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
  let a = first;
  let b = second;
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
