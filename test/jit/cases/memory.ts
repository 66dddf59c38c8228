// Sections 5.1 to 5.3.
import { aluI, aluR, atomic, imm64, load, loadSigned, store, storeImm } from '../assembler.ts';
import { all, type Case, minus, program, word } from './case.ts';

export const memory: readonly Case[] = [
  ...(
    [
      [1, 0xefn],
      [2, 0xcdefn],
      [4, 0x89ab_cdefn],
      [8, word],
    ] as const
  ).map(([size, r0]) =>
    program(
      `store and load ${size} bytes`,
      r0,
      aluI('mov', 64, 0, 0),
      imm64(2, word),
      storeImm(8, 10, -8, 0),
      store(size, 10, 2, -8),
      load(8, 0, 10, -8),
    ),
  ),
  ...(
    [
      [1, minus(0x11n)],
      [2, minus(0x3211n)],
      [4, minus(0x7654_3211n)],
    ] as const
  ).map(([size, r0]) =>
    program(
      `load ${size} bytes signed`,
      r0,
      imm64(2, word),
      store(8, 10, 2, -8),
      loadSigned(size, 0, 10, -8),
    ),
  ),
  program('bytes lie in little-endian order', 0x67n, imm64(2, word), store(8, 10, 2, -8), load(1, 0, 10, -4)),
  program(
    'a stored immediate is sign-extended to 64 bits',
    all,
    storeImm(8, 10, -16, -1),
    load(8, 0, 10, -16),
  ),
  program(
    'a narrow store leaves its neighbours',
    0x0123_4567_0000_0000n | 0x5n,
    imm64(2, word),
    store(8, 10, 2, -8),
    storeImm(4, 10, -8, 5),
    load(8, 0, 10, -8),
  ),
];

/** 5.3. Memory holds a, src b; the answer is memory, or what was fetched. */
function atomically(
  name: string,
  size: 4 | 8,
  what: number,
  a: bigint,
  b: bigint,
  after: bigint,
  fetched?: bigint,
): Case[] {
  const body = [imm64(2, a), store(8, 10, 2, -8), imm64(3, b), atomic(size, 10, 3, -8, what)];
  return [
    program(`atomic ${name}, ${size} bytes: memory`, after, ...body, load(8, 0, 10, -8)),
    program(`atomic ${name}, ${size} bytes: src`, fetched ?? b, ...body, aluR('mov', 64, 0, 3)),
  ];
}

export const atomics: readonly Case[] = [
  ...atomically('add', 8, 0x00, all, 2n, 1n),
  ...atomically('add and fetch', 8, 0x01, 40n, 2n, 42n, 40n),
  ...atomically('or', 8, 0x40, 1n, 2n, 3n),
  ...atomically('and and fetch', 8, 0x51, 7n, 5n, 5n, 7n),
  ...atomically('xor and fetch', 8, 0xa1, 7n, 5n, 2n, 7n),
  ...atomically('xchg', 8, 0xe1, 7n, 5n, 5n, 7n),
  // 32 bits: the upper half of memory is not touched, that of the fetched value is zero
  ...atomically('add and fetch', 4, 0x01, 0x9_ffff_ffffn, 0x7_0000_0001n, 0x9_0000_0000n, 0xffff_ffffn),
  ...atomically('xchg', 4, 0xe1, 0x9_0000_0007n, 0x7_0000_0005n, 0x9_0000_0005n, 7n),
  ...(
    [
      [8, 7n, 7n, 5n, 7n],
      [8, 7n, 8n, 7n, 7n],
      [4, 0x9_0000_0007n, 0x1_0000_0007n, 0x9_0000_0005n, 7n],
      [4, 0x9_ffff_fff7n, 8n, 0x9_ffff_fff7n, 0xffff_fff7n],
    ] as const
  ).flatMap(([size, held, expected, after, r0]) => {
    const body = [
      imm64(2, held),
      store(8, 10, 2, -8),
      imm64(0, expected),
      imm64(3, 5n),
      atomic(size, 10, 3, -8, 0xf1),
    ];
    const name = `cmpxchg of ${held}, expecting ${expected}, ${size} bytes`;
    return [
      program(`${name}: r0`, r0, ...body),
      program(`${name}: memory`, after, ...body, load(8, 0, 10, -8)),
    ];
  }),
  program(
    'load_acquire zero-extends',
    0xefn,
    imm64(2, word),
    store(8, 10, 2, -8),
    atomic(1, 0, 10, -8, 0x100),
  ),
  program(
    'store_release',
    0x0123_4567_89ab_0005n,
    imm64(2, word),
    store(8, 10, 2, -8),
    aluI('mov', 64, 3, 5),
    atomic(2, 10, 3, -8, 0x110),
    load(8, 0, 10, -8),
  ),
];
