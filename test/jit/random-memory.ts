// Random programs that go through memory with pointers: moved, advanced, carried around loops and over joins, near the ends of what is allowed, null and
// wild. Most touch in the end what they must not, and two engines must agree where.
import type { Instruction } from '../../src/bpf/instructions.ts';
import { createRandom, type Random } from '../../src/lib/random.ts';
import {
  aluI,
  aluR,
  assemble,
  atomic,
  callFunction,
  exit,
  imm64,
  join,
  jumpI,
  jumpR,
  load,
  raw,
  type Size,
  store,
  storeImm,
} from './assembler.ts';

export interface Region {
  readonly at: number;
  readonly bytes: number;
  readonly isWritable: boolean;
}

/** Apart and side by side, of odd sizes, at both ends of what may be accessible. */
export const regions: readonly Region[] = [
  { at: 0x10000, bytes: 64, isWritable: true },
  { at: 0x12000, bytes: 200, isWritable: true },
  { at: 0x120c8, bytes: 40, isWritable: false },
  { at: 0x12200, bytes: 13, isWritable: false },
  { at: 0x1ffb0, bytes: 80, isWritable: true },
];

const pointers = [6, 7, 8] as const;
const scalars = [0, 2, 3, 4, 5] as const;
const conditions = ['gt', 'ge', 'lt', 'le', 'sgt', 'slt', 'ne', 'eq', 'set'] as const;
const pick = <T>(random: Random, list: readonly T[]): T => list[random.below(list.length)]!;

/** Function 0 and one that it calls with pointers in r1 and r2. */
export function randomMemoryProgram(seed: number): Instruction[][] {
  const random = createRandom(seed);
  return [0, 1].map((fn) => {
    const parts: Uint8Array[] = scalars.map((register) => aluI('mov', 64, register, random.below(200)));
    for (const register of pointers) parts.push(pointer(random, register));
    if (fn === 1) parts.push(aluR('mov', 64, 6, 1), aluR('mov', 64, 7, 2));
    const count = 4 + random.below(8);
    for (let i = 0; i < count; i++) {
      if (fn === 0 && random.below(8) === 0) {
        parts.push(aluR('mov', 64, 1, pick(random, pointers)), aluR('mov', 64, 2, pick(random, pointers)));
        parts.push(callFunction(1, join(parts).length / 8));
      } else parts.push(fragment(random, 2));
    }
    for (const register of scalars.slice(1)) parts.push(aluI('mul', 64, 0, 31), aluR('xor', 64, 0, register));
    return assemble(...parts, exit);
  });
}

/** Mostly well inside a region. */
function pointer(random: Random, register: number): Uint8Array {
  const { at, bytes } = random.below(4) === 0 ? pick(random, regions) : regions[1]!;
  const kind = random.below(150);
  if (kind === 0) return imm64(register, 0n);
  if (kind === 1) return imm64(register, BigInt.asUintN(64, -BigInt(random.below(40))));
  if (kind === 2) return imm64(register, BigInt(at) + (1n << BigInt(30 + random.below(34))));
  if (kind === 3)
    return imm64(
      register,
      BigInt(pick(random, [0x7ff8, 0x8000, 0xfff8, 0x20000, 0x27ff8, 0x28000, 0x30000])),
    );
  return imm64(
    register,
    BigInt(
      random.below(20) === 0 ? at + 8 * random.below(Math.ceil(bytes / 8)) : at + 8 + 8 * random.below(3),
    ),
  );
}

function access(random: Random): Uint8Array {
  const size = pick(random, [1, 2, 4, 8] as const satisfies readonly Size[]);
  const base = pick(random, pointers);
  const scalar = pick(random, scalars);
  const offset =
    random.below(40) === 0
      ? pick(random, [-32768, 32767, -1, -8])
      : 4 * random.below(6) - 8 + (random.below(8) === 0 ? 1 : 0);
  switch (random.below(7)) {
    case 0:
    case 1:
    case 2:
      return load(size, scalar, base, offset);
    case 3:
      return storeImm(size, base, offset, random.below(1000));
    case 4:
    case 5:
      return store(size, base, scalar, offset);
    default:
      return atomic(pick(random, [4, 8]), base, scalar, offset, pick(random, [0, 1, 0x41, 0xa1, 0xe1, 0xf1]));
  }
}

function fragment(random: Random, depth: number): Uint8Array {
  const kind = random.below(depth > 0 ? 12 : 9);
  const [to, from] = [pick(random, pointers), pick(random, pointers)];
  if (kind < 5) return access(random);
  if (kind === 5) return aluR('mov', random.below(20) === 0 ? 32 : 64, to, from);
  if (kind === 6)
    return aluI(
      'add',
      64,
      to,
      random.below(20) === 0
        ? pick(random, [0x8000, -0x8010, -0x20000, 0x40000, 0x7fffffff])
        : pick(random, [8, 8, 16, -8, 4, 1]),
    );
  if (kind === 7) return pointer(random, to);
  if (kind === 8)
    return random.below(2) === 0
      ? aluR('add', 64, pick(random, scalars), pick(random, scalars))
      : join([aluI('and', 64, 2, 31), aluR('add', 64, to, 2)]);
  const inner = join(Array.from({ length: 1 + random.below(4) }, () => fragment(random, depth - 1)));
  const length = inner.length / 8;
  const condition = pick(random, conditions);
  if (kind === 9)
    return join([
      jumpR(condition, pick(random, [32, 64]), pick(random, scalars), pick(random, scalars), length),
      inner,
    ]);
  if (kind === 10) {
    const other = join([access(random), fragment(random, 0)]);
    const branch = jumpI(condition, 64, pick(random, scalars), random.below(200), length + 1);
    return join([branch, inner, raw(0x05, 0, 0, other.length / 8), other]);
  }
  // a loop on r9; the frame keeps the counter of the loop around it
  const slot = -8 * depth;
  const body = join([inner, aluI('sub', 64, 9, 1)]);
  return join([
    store(8, 10, 9, slot),
    aluI('mov', 64, 9, 1 + random.below(4)),
    body,
    jumpI('ne', 64, 9, 0, -(body.length / 8) - 1),
    load(8, 9, 10, slot),
  ]);
}
