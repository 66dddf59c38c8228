// Random programs that end: arithmetic on r0, r2…r9, accesses to the frame, branches forward, and loops with a counter of their own. What they
// compute means nothing; two engines must agree on it.
import type { Instruction } from '../../src/bpf/instructions.ts';
import { createRandom, type Random } from '../../src/lib/random.ts';
import {
  type Alu,
  aluI,
  aluR,
  assemble,
  atomic,
  callFunction,
  exit,
  imm64,
  type Jump,
  join,
  jumpI,
  jumpR,
  load,
  loadSigned,
  raw,
  type Size,
  store,
  storeImm,
} from './assembler.ts';

const alus: readonly Alu[] = [
  'add',
  'sub',
  'mul',
  'div',
  'or',
  'and',
  'lsh',
  'rsh',
  'mod',
  'xor',
  'mov',
  'arsh',
];
const conditions: readonly Jump[] = ['eq', 'gt', 'ge', 'set', 'ne', 'sgt', 'sge', 'lt', 'le', 'slt', 'sle'];
const sizes: readonly Size[] = [1, 2, 4, 8];
/** r1 is left alone; r8 and r9 count loops. */
const free = [0, 2, 3, 4, 5, 6, 7] as const;

/** Two or three functions; number 0 calls the others. */
export function randomProgram(seed: number): Instruction[][] {
  const random = createRandom(seed);
  const callees = 1 + random.below(2);
  const program: Instruction[][] = [];
  for (let fn = 0; fn <= callees; fn++) {
    const parts: Uint8Array[] = [];
    for (let at = 8; at <= 64; at += 8) parts.push(storeImm(8, 10, -at, number(random)));
    for (const register of free) parts.push(imm64(register, wide(random)));
    parts.push(body(random, fn === 0 ? callees : 0, 8 + 2 * free.length));
    // r0 takes in everything
    for (const register of free.slice(1)) parts.push(aluI('mul', 64, 0, 31), aluR('xor', 64, 0, register));
    for (let at = 8; at <= 64; at += 8)
      parts.push(load(8, 2, 10, -at), aluI('mul', 64, 0, 31), aluR('xor', 64, 0, 2));
    program.push(assemble(...parts, exit));
  }
  return program;
}

/** Fragments, among them jumps over any number of the fragments that follow: shared tails, cascades, several joins below one branch. */
function body(random: Random, callees: number, firstSlot: number): Uint8Array {
  const pieces: (Uint8Array | 'call' | { readonly over: number })[] = [];
  const count = 8 + random.below(16);
  for (let i = 0; i < count; i++) {
    const kind = random.below(10);
    if (kind < 4) pieces.push({ over: 1 + random.below(6) });
    else if (kind === 4 && callees > 0) pieces.push('call');
    else pieces.push(fragment(random, 2));
  }
  const lengths = pieces.map((piece) => (piece instanceof Uint8Array ? piece.length / 8 : 1));
  const starts = lengths.map((_, i) => lengths.slice(0, i).reduce((sum, length) => sum + length, firstSlot));
  const end = starts.at(-1)! + lengths.at(-1)!;
  return join(
    pieces.map((piece, i) => {
      if (piece instanceof Uint8Array) return piece;
      if (piece === 'call') return callFunction(1 + random.below(callees), starts[i]!);
      const offset = (starts[i + 1 + piece.over] ?? end) - starts[i]! - 1;
      return jumpR(
        pick(random, conditions),
        pick(random, [32, 64]),
        pick(random, free),
        pick(random, free),
        offset,
      );
    }),
  );
}

const pick = <T>(random: Random, list: readonly T[]): T => list[random.below(list.length)]!;

/** Often at an edge. */
function number(random: Random): number {
  return pick(random, [
    0,
    1,
    -1,
    2,
    31,
    32,
    63,
    64,
    0x7fffffff,
    -0x80000000,
    random.uint32() | 0,
    random.below(100),
  ]);
}

function wide(random: Random): bigint {
  const low = BigInt(number(random) >>> 0);
  return pick(random, [
    BigInt.asUintN(64, BigInt(number(random))),
    (BigInt(random.uint32()) << 32n) | low,
    low << 32n,
    low,
  ]);
}

function fragment(random: Random, depth: number): Uint8Array {
  const kind = random.below(depth > 0 ? 9 : 7);
  const [dst, src] = [pick(random, free), pick(random, free)];
  const width = pick(random, [32, 64] as const);
  if (kind < 2) {
    const op = pick(random, alus);
    const isSigned = (op === 'div' || op === 'mod') && random.below(2) === 1 ? 1 : 0;
    if (op === 'mov' && random.below(2) === 1)
      return aluR(op, width, dst, src, pick(random, width === 32 ? [8, 16] : [8, 16, 32]));
    return random.below(2) === 0
      ? aluR(op, width, dst, src, isSigned)
      : aluI(op, width, dst, number(random), isSigned);
  }
  if (kind === 2)
    return random.below(2) === 0
      ? aluI('neg', width, dst, 0)
      : raw(pick(random, [0xd4, 0xdc, 0xd7]), dst, 0, 0, pick(random, [16, 32, 64]));
  const size = pick(random, sizes);
  const place = -size * (1 + random.below(64 / size));
  if (kind === 3) return store(size, 10, src, place);
  if (kind === 4)
    return size === 8 || random.below(2) === 0
      ? load(size, dst, 10, place)
      : loadSigned(size, dst, 10, place);
  if (kind === 5) {
    const what = pick(random, [0, 1, 0x40, 0x41, 0x50, 0x51, 0xa0, 0xa1, 0xe1, 0xf1]);
    const wideSize = pick(random, [4, 8] as const);
    return atomic(wideSize, 10, src, -wideSize * (1 + random.below(64 / wideSize)), what);
  }
  if (kind === 6) return imm64(dst, wide(random));
  const inner = join(Array.from({ length: 1 + random.below(5) }, () => fragment(random, depth - 1)));
  const condition = pick(random, conditions);
  if (kind === 7) {
    const length = inner.length / 8;
    const jump =
      random.below(2) === 0
        ? jumpR(condition, width, dst, src, length)
        : jumpI(condition, width, dst, number(random), length);
    return join([jump, inner]);
  }
  // counter = n; do { inner; counter -= 1 } while (counter != 0), left early when a condition holds
  const counter = 7 + depth;
  const early = jumpR(condition, width, dst, src, 2);
  const body = join([inner, early, aluI('sub', 64, counter, 1)]);
  return join([
    aluI('mov', 64, counter, 1 + random.below(8)),
    body,
    jumpI('ne', 64, counter, 0, -(body.length / 8) - 1),
  ]);
}
