// What a translation needs to know of a function's control flow: its blocks with the choices made in them, what dominates what, and its loops.
import { dominators, inReversePostorder, predecessors, splitBlocks } from '../bpf/control-flow.ts';
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
  const bySlot = splitBlocks(code, (at) => new BadProgram('leads outside the function', fn, at)).map(
    ({ from, to, next }): Block => ({ instructions: code.slice(from, to), choice: undefined, next }),
  );
  makeChoices(bySlot);
  const blocks = inReversePostorder(bySlot);
  const count = blocks.length;
  const before = predecessors(blocks);
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
