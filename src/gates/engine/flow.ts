// The control flow of one function as blocks of instruction numbers, with dominators both ways and the registers that live at each block's start.
import {
  dominators,
  inReversePostorder,
  predecessors,
  type Block as Span,
  splitBlocks,
} from '../../bpf/control-flow.ts';
import type { Instruction } from '../../bpf/instructions.ts';
import { malformedFault } from '../../bpf/malformed.ts';
import type { Program } from '../../bpf/programs.ts';

export interface Block extends Span {
  /** Slots: the first, and the one after the last. */
  readonly at: number;
  readonly end: number;
}

export interface Flow {
  /** What can be reached, in reverse postorder; 0 is the entry. */
  readonly blocks: readonly Block[];
  readonly before: readonly (readonly number[])[];
  /** Immediate dominator; of the entry itself. Found when asked for, as the next. */
  readonly dominator: Int32Array;
  /** Immediate postdominator; −1: every way to the exit may be another, or none leads there. */
  readonly postdominator: Int32Array;
  /** By block: the registers that are read before they are written, a bit each. */
  readonly live: Uint16Array;
}

/** @throws Fault malformed where a jump, or the end, leads outside. */
export function readFlow(program: Program): Flow {
  const { section, offset, instructions: code } = program;
  const spans = splitBlocks(code, (at) =>
    malformedFault(section, offset + at * 8, 'leads outside the function'),
  );
  const blocks = inReversePostorder(spans).map(({ from, to, next }): Block => {
    const last = code[to - 1]!;
    return { from, to, next, at: code[from]!.at, end: last.at + last.slots };
  });
  const before = predecessors(blocks);
  const live = liveRegisters(blocks, code);
  let dominator: Int32Array | undefined;
  let postdominator: Int32Array | undefined;
  return {
    blocks,
    before,
    live,
    get dominator() {
      dominator ??= dominators(before);
      return dominator;
    },
    get postdominator() {
      postdominator ??= postdominators(blocks, before);
      return postdominator;
    },
  };
}

/** Every way from the entry to `block` leads through `above`. */
export function dominates({ dominator }: Flow, above: number, block: number): boolean {
  let at = block;
  while (at > above) at = dominator[at]!;
  return at === above;
}

/** Every way from `block` to an exit leads through `below`. */
export function postdominates({ postdominator }: Flow, below: number, block: number): boolean {
  let at = block;
  for (let steps = 0; at >= 0 && steps <= postdominator.length; steps++) {
    if (at === below) return true;
    at = postdominator[at]!;
  }
  return false;
}

/** Blocks that can be reached from `start`, itself only by a loop. `stops`: not entered. */
export function reachableFrom(flow: Flow, start: number, stops?: (block: number) => boolean): Set<number> {
  const seen = new Set<number>();
  const work = [start];
  for (let block = work.pop(); block !== undefined; block = work.pop())
    for (const to of flow.blocks[block]!.next) {
      if (seen.has(to) || stops?.(to)) continue;
      seen.add(to);
      work.push(to);
    }
  return seen;
}

/** Dominators of the flow turned round, from one exit that all exits lead to; blocks that never end have none. */
function postdominators(blocks: readonly Block[], before: Flow['before']): Int32Array {
  const count = blocks.length;
  const exits: number[] = [];
  for (let block = 0; block < count; block++) if (blocks[block]!.next.length === 0) exits.push(block);
  const order: number[] = [];
  const isSeen = new Uint8Array(count + 1);
  const edges = new Int32Array(count + 1);
  const stack = [count];
  isSeen[count] = 1;
  while (stack.length > 0) {
    const block = stack.at(-1)!;
    const to = (block === count ? exits : before[block]!)[edges[block]!++];
    if (to === undefined) order.push(stack.pop()!);
    else if (isSeen[to] === 0) {
      isSeen[to] = 1;
      stack.push(to);
    }
  }
  order.reverse();
  const numbers = new Int32Array(count + 1).fill(-1);
  for (let i = 0; i < order.length; i++) numbers[order[i]!] = i;
  const ways = order.map((block) => {
    const next = block === count ? [] : blocks[block]!.next.length === 0 ? [count] : blocks[block]!.next;
    return next.map((to) => numbers[to]!).filter((to) => to >= 0);
  });
  const found = dominators(ways);
  const post = new Int32Array(count).fill(-1);
  for (let i = 1; i < order.length; i++) {
    const above = order[found[i]!]!;
    post[order[i]!] = above === count ? -1 : above;
  }
  return post;
}

/** Calls read r1 to r5 and leave r0 alone of the first six. */
const argumentBits = 0b111110;
const callerBits = 0b111111;

function liveRegisters(blocks: readonly Block[], code: readonly Instruction[]): Uint16Array {
  const uses = new Uint16Array(blocks.length);
  const defines = new Uint16Array(blocks.length);
  for (let block = 0; block < blocks.length; block++) {
    const { from, to } = blocks[block]!;
    let [used, defined] = [0, 0];
    for (let i = to - 1; i >= from; i--) {
      const one = code[i]!;
      const written = writes(one);
      used = (used & ~written) | reads(one);
      defined |= written;
    }
    uses[block] = used;
    defines[block] = defined;
  }
  const live = uses.slice();
  for (let changed = true; changed; ) {
    changed = false;
    for (let block = blocks.length - 1; block >= 0; block--) {
      let after = 0;
      const { next } = blocks[block]!;
      for (let way = 0; way < next.length; way++) after |= live[next[way]!]!;
      const before = uses[block]! | (after & ~defines[block]!);
      if (before === live[block]) continue;
      live[block] = before;
      changed = true;
    }
  }
  return live;
}

function reads(code: Instruction): number {
  const [dst, src] = [1 << code.dst, 1 << code.src];
  switch (code.kind) {
    case 'mov':
      return code.fromSrc ? src : 0;
    case 'alu':
    case 'branch':
    case 'store':
      return dst | (code.fromSrc ? src : 0);
    case 'load':
    case 'load_acquire':
    case 'movsx':
    case 'cast':
      return src;
    case 'imm64':
    case 'goto':
    case 'may_goto':
      return 0;
    case 'call':
      return argumentBits;
    case 'exit':
      return 1;
    case 'neg':
    case 'swap':
      return dst;
    default:
      return dst | src | 1 | argumentBits;
  }
}

function writes(code: Instruction): number {
  switch (code.kind) {
    case 'mov':
    case 'load':
    case 'load_acquire':
    case 'movsx':
    case 'cast':
    case 'imm64':
      return 1 << code.dst;
    case 'call':
      return callerBits;
    default:
      return 0;
  }
}
