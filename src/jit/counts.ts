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
  const ahead = new Int32Array(blocks.length);
  const tree = spanningTree(flow);
  const isPlaced = new Uint8Array(blocks.length);
  isPlaced[0] = 1;
  const work = [0];
  for (let block = work.pop(); block !== undefined; block = work.pop())
    for (let i = 0; i < tree[block]!.length; i++) {
      const { from, to } = tree[block]![i]!;
      const other = from === block ? to : from;
      if (isPlaced[other]) continue;
      isPlaced[other] = 1;
      ahead[other] =
        from === block ? ahead[from]! + length(blocks[from]!) : ahead[to]! - length(blocks[from]!);
      work.push(other);
    }
  return { ahead, onEdge: (from, to) => ahead[from]! + length(blocks[from]!) - ahead[to]! };
}

/** Instructions of a block, with those of the second way of its choice. */
export function length({ instructions, choice }: Block): number {
  return instructions.length + (choice?.otherwise.length ?? 0);
}

interface Edge {
  readonly from: number;
  readonly to: number;
}

/** By block: its edges in a tree that has the frequent ones, and of those alike the ones that have no code of their own. */
function spanningTree({ blocks, before }: Flow): Edge[][] {
  const depth = loopDepths(before);
  const byWeight: Edge[][] = [];
  for (let from = 0; from < blocks.length; from++) {
    const { next } = blocks[from]!;
    for (let way = 0; way < next.length; way++) {
      const to = next[way]!;
      const isAlone = next.length > 1 && before[to]!.length > 1;
      const weight = 2 * Math.min(depth[from]!, depth[to]!) + (isAlone ? 1 : 0);
      byWeight[weight] ??= [];
      byWeight[weight].push({ from, to });
    }
  }
  const parent = new Int32Array(blocks.length);
  for (let block = 0; block < blocks.length; block++) parent[block] = block;
  const root = (block: number): number => {
    let at = block;
    while (parent[at] !== at) {
      parent[at] = parent[parent[at]!]!;
      at = parent[at]!;
    }
    return at;
  };
  const tree: Edge[][] = blocks.map(() => []);
  for (let weight = byWeight.length - 1; weight >= 0; weight--)
    for (let i = 0; i < (byWeight[weight]?.length ?? 0); i++) {
      const edge = byWeight[weight]![i]!;
      const a = root(edge.from);
      const b = root(edge.to);
      if (a === b) continue;
      parent[a] = b;
      tree[edge.from]!.push(edge);
      tree[edge.to]!.push(edge);
    }
  return tree;
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
