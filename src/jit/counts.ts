// Where executed instructions are counted, so that few places add, rarely, and every path is exact. Source: Knuth and Stevenson, "Optimal measurement
// points for program frequency counts" (BIT 1973): the edges of a spanning tree need no counter; which edges are frequent is guessed from loops.
import type { Block } from './choice.ts';
import type { Flow } from './flow.ts';

export interface Counts {
  /** At the entry of a block: the true count is the counter plus this. */
  readonly ahead: Int32Array;
  /** What the counter takes on the way from one block to the next; the code of a block itself adds nothing but for its choice. */
  onEdge(from: number, to: number): number;
}

/** Along the edges of a tree, and there are as few others as can be, nothing is added. */
export function placeCounts(flow: Flow): Counts {
  const { blocks } = flow;
  const widths = Int32Array.from(blocks, length);
  const ahead = new Int32Array(blocks.length);
  const { first, next, ends } = spanningTree(flow);
  const isPlaced = new Uint8Array(blocks.length);
  isPlaced[0] = 1;
  const work = [0];
  for (let block = work.pop(); block !== undefined; block = work.pop())
    for (let half = first[block]!; half >= 0; half = next[half]!) {
      const other = ends[half]!;
      if (isPlaced[other] === 1) continue;
      isPlaced[other] = 1;
      ahead[other] = (half & 1) === 0 ? ahead[block]! + widths[block]! : ahead[block]! - widths[other]!;
      work.push(other);
    }
  return { ahead, onEdge: (from, to) => ahead[from]! + widths[from]! - ahead[to]! };
}

/** Instructions of a block, with those of the second way of its choice. */
export function length({ instructions, choice }: Block): number {
  return instructions.length + (choice?.otherwise.length ?? 0);
}

/** Edges as two halves each: 2n leads on to where it ends, 2n + 1 back. `first` by block and `next` by half list the halves that begin there; −1: no more. */
interface Tree {
  readonly first: Int32Array;
  readonly next: Int32Array;
  readonly ends: Int32Array;
}

/** A tree that has the frequent edges, and of those alike the ones that have no code of their own. */
function spanningTree(flow: Flow): Tree {
  const { ends, order } = edgesByWeight(flow);
  const first = new Int32Array(flow.blocks.length).fill(-1);
  const next = new Int32Array(ends.length);
  const parent = new Int32Array(flow.blocks.length);
  for (let block = 0; block < parent.length; block++) parent[block] = block;
  const root = (block: number): number => {
    let at = block;
    while (parent[at] !== at) {
      parent[at] = parent[parent[at]!]!;
      at = parent[at]!;
    }
    return at;
  };
  const begin = (block: number, half: number): void => {
    next[half] = first[block]!;
    first[block] = half;
  };
  for (let i = order.length - 1; i >= 0; i--) {
    const on = 2 * order[i]!;
    const from = ends[on + 1]!;
    const to = ends[on]!;
    const a = root(from);
    const b = root(to);
    if (a === b) continue;
    parent[a] = b;
    begin(from, on);
    begin(to, on + 1);
  }
  return { first, next, ends };
}

/** Numbers of edges from the least frequent to the most; of those alike the first is last. */
function edgesByWeight({ blocks, before }: Flow): { ends: Int32Array; order: Int32Array } {
  const depth = loopDepths(before);
  const ends: number[] = [];
  const weights: number[] = [];
  /** By weight: how many edges, then where the next one goes. */
  const places: number[] = [];
  for (let from = 0; from < blocks.length; from++) {
    const { next } = blocks[from]!;
    for (let way = 0; way < next.length; way++) {
      const to = next[way]!;
      const isAlone = next.length > 1 && before[to]!.length > 1;
      const weight = 2 * Math.min(depth[from]!, depth[to]!) + (isAlone ? 1 : 0);
      ends.push(to, from);
      weights.push(weight);
      while (places.length <= weight) places.push(0);
      places[weight]!++;
    }
  }
  for (let weight = 1; weight < places.length; weight++) places[weight]! += places[weight - 1]!;
  const order = new Int32Array(weights.length);
  for (let edge = 0; edge < weights.length; edge++) order[--places[weights[edge]!]!] = edge;
  return { ends: Int32Array.from(ends), order };
}

/** In how many loops a block may be: a loop is taken to reach from its head to the last jump back, in the order of blocks. */
function loopDepths(before: Flow['before']): Int32Array {
  const depth = new Int32Array(before.length + 1);
  for (let head = 0; head < before.length; head++) {
    const ways = before[head]!;
    let last = -1;
    for (let i = 0; i < ways.length; i++) if (ways[i]! >= head && ways[i]! > last) last = ways[i]!;
    if (last < 0) continue;
    depth[head]!++;
    depth[last + 1]!--;
  }
  for (let block = 1; block < depth.length; block++) depth[block]! += depth[block - 1]!;
  return depth;
}
