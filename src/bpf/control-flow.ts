// The control flow of one function: where its basic blocks begin and end, their order, and their dominators. Source: Cooper, Harvey and Kennedy, "A Simple,
// Fast Dominance Algorithm" (2001).
import type { Instruction } from './instructions.ts';

/** A basic block. */
export interface Block {
  /** Positions in the list of instructions: the first, and the one after the last. */
  readonly from: number;
  readonly to: number;
  /** Successors, as numbers of blocks: for a branch [taken, not taken], for the end of the function none. */
  readonly next: number[];
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

/**
 * The blocks of a function in order of slots, those that cannot be reached among them.
 * @throws what `stray` makes of the slot of an instruction that leads outside the function, by a jump or as its last.
 */
export function splitBlocks(code: readonly Instruction[], stray: (at: number) => Error): Block[] {
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
    blocks.push({ from, to: i + 1, next });
    from = i + 1;
  }
  return blocks;
}

/**
 * What can be reached from the first block, in reverse postorder; their `next` become numbers in this order. The walk keeps its own stack: functions can be
 * long.
 */
export function inReversePostorder<B extends Pick<Block, 'next'>>(blocks: readonly B[]): B[] {
  /** By block: successors that were looked at. */
  const edges = new Uint8Array(blocks.length);
  const isSeen = new Uint8Array(blocks.length);
  const stack = [0];
  const postorder: number[] = [];
  isSeen[0] = 1;
  while (stack.length > 0) {
    const block = stack[stack.length - 1]!;
    const to = blocks[block]!.next[edges[block]!++];
    if (to === undefined) {
      postorder.push(block);
      stack.pop();
    } else if (isSeen[to] === 0) {
      isSeen[to] = 1;
      stack.push(to);
    }
  }
  const numbers = new Int32Array(blocks.length);
  const count = postorder.length;
  for (let i = 0; i < count; i++) numbers[postorder[i]!] = count - 1 - i;
  const order: B[] = [];
  for (let i = count - 1; i >= 0; i--) {
    const block = blocks[postorder[i]!]!;
    for (let way = 0; way < block.next.length; way++) block.next[way] = numbers[block.next[way]!]!;
    order.push(block);
  }
  return order;
}

/** By block: those that lead to it, each once. */
export function predecessors(blocks: readonly { readonly next: readonly number[] }[]): number[][] {
  const before: number[][] = blocks.map(() => []);
  for (let block = 0; block < blocks.length; block++) {
    const [first, second] = blocks[block]!.next;
    if (first !== undefined) before[first]!.push(block);
    if (second !== undefined && second !== first) before[second]!.push(block);
  }
  return before;
}

/** Immediate dominator of each block, of the entry itself. `before`: predecessors of blocks in reverse postorder. */
export function dominators(before: readonly (readonly number[])[]): Int32Array {
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
