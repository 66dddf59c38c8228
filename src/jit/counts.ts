// Where executed instructions are counted, so that few places add and every path is exact. Source: the idea of Knuth and Stevenson, "Optimal measurement
// points for program frequency counts" (BIT 1973): edges of a spanning tree need no counter.
import type { Block } from './choice.ts';
import type { Flow } from './flow.ts';

export interface Counts {
  /** At the entry of a block: the true count is the counter plus this. */
  readonly ahead: Int32Array;
  /** What the counter takes on the way from one block to the next; the code of a block itself adds nothing but for its choice. */
  onEdge(from: number, to: number): number;
}

/** Each block is ahead by what its first predecessor is, and has: along these edges, a tree, nothing is added. */
export function placeCounts({ blocks }: Flow): Counts {
  const ahead = new Int32Array(blocks.length).fill(-1);
  ahead[0] = 0;
  blocks.forEach((block, from) => {
    for (const to of block.next) if (ahead[to] === -1) ahead[to] = ahead[from]! + length(block);
  });
  return { ahead, onEdge: (from, to) => ahead[from]! + length(blocks[from]!) - ahead[to]! };
}

/** Instructions of a block, with those of the second way of its choice. */
export function length({ instructions, choice }: Block): number {
  return instructions.length + (choice?.otherwise.length ?? 0);
}
