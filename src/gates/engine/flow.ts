// The control flow of one function as blocks of instruction numbers, with dominators both ways. Source: Cooper, Harvey and Kennedy, "A Simple, Fast
// Dominance Algorithm" (2001).
import type { Instruction } from '../../bpf/instructions.ts';
import { malformed } from '../../bpf/malformed.ts';
import type { Program } from '../../bpf/programs.ts';

export interface Block {
  /** Positions in the list of instructions: the first, and the one after the last. */
  readonly from: number;
  readonly to: number;
  /** Slots: the first, and the one after the last. */
  readonly at: number;
  readonly end: number;
  /** Numbers of blocks; of a branch the way that is taken first. */
  readonly next: readonly number[];
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
  const blocks = ordered(split(program));
  const before: number[][] = blocks.map(() => []);
  blocks.forEach(({ next }, from) => {
    const [first, second] = next;
    if (first !== undefined) before[first]!.push(from);
    if (second !== undefined && second !== first) before[second]!.push(from);
  });
  const live = liveRegisters(blocks, program.instructions);
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
      postdominator ??= postdominators(blocks);
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

interface Draft {
  readonly from: number;
  readonly to: number;
  readonly at: number;
  readonly end: number;
  /** Slots at first, then numbers. */
  readonly next: number[];
}

function endsBlock({ kind }: Instruction): boolean {
  return kind === 'branch' || kind === 'goto' || kind === 'may_goto' || kind === 'exit';
}

function nextSlots(code: Instruction): number[] {
  switch (code.kind) {
    case 'branch':
    case 'may_goto':
      return [code.target, code.at + code.slots];
    case 'goto':
      return [code.target];
    case 'exit':
      return [];
    default:
      return [code.at + code.slots];
  }
}

/** In order of slots; successors are numbers in this order. */
function split({ section, offset, instructions: code }: Program): Draft[] {
  const stray = (at: number): never => malformed(section, offset + at * 8, 'leads outside the function');
  const last = code.at(-1) ?? stray(0);
  if (!endsBlock(last)) stray(last.at);
  /** By slot: 1 where an instruction starts, 2 where a block does. */
  const marks = new Uint8Array(last.at + last.slots);
  for (let i = 0; i < code.length; i++) marks[code[i]!.at] = 1;
  for (let i = 0; i < code.length; i++) {
    const one = code[i]!;
    if (!endsBlock(one)) continue;
    if (one.kind !== 'exit') {
      const { target } = one as Extract<Instruction, { kind: 'goto' }>;
      if (!marks[target]) stray(one.at);
      marks[target] = 2;
    }
    if (i + 1 < code.length) marks[code[i + 1]!.at] = 2;
    else if (one.kind === 'branch' || one.kind === 'may_goto') stray(one.at);
  }
  const numbers = new Int32Array(marks.length);
  let count = 1;
  for (let at = 1; at < marks.length; at++) if (marks[at] === 2) numbers[at] = count++;
  const blocks: Draft[] = [];
  let from = 0;
  for (let i = 0; i < code.length; i++) {
    const one = code[i]!;
    const end = one.at + one.slots;
    if (i + 1 < code.length && marks[end] !== 2) continue;
    const next = nextSlots(one);
    for (let way = 0; way < next.length; way++) next[way] = numbers[next[way]!]!;
    blocks.push({ from, to: i + 1, at: code[from]!.at, end, next });
    from = i + 1;
  }
  return blocks;
}

/** What can be reached from the first, in reverse postorder and numbered so. The walk keeps its own stack: functions can be long. */
function ordered(bySlot: readonly Draft[]): Block[] {
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
  const order = postorder.reverse();
  for (let i = 0; i < order.length; i++) numbers[order[i]!] = i;
  return order.map((block) => {
    const { next } = bySlot[block]!;
    for (let way = 0; way < next.length; way++) next[way] = numbers[next[way]!]!;
    return bySlot[block]!;
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

/** Dominators of the flow turned round, from one exit that all exits lead to; blocks that never end have none. */
function postdominators(blocks: readonly Block[]): Int32Array {
  const count = blocks.length;
  const before: number[][] = Array.from({ length: count + 1 }, () => []);
  blocks.forEach(({ next }, block) => {
    for (const to of next.length === 0 ? [count] : next) before[to]!.push(block);
  });
  const order: number[] = [];
  const isSeen = new Uint8Array(count + 1);
  const edges = new Int32Array(count + 1);
  const stack = [count];
  isSeen[count] = 1;
  while (stack.length > 0) {
    const block = stack.at(-1)!;
    const to = before[block]![edges[block]!++];
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
