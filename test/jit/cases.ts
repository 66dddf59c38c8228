// What RFC 9669 says, as programs with answers. Every answer was worked out from the text of the RFC (the section is named), none was taken
// from a run. All engines of src/jit play this table.
import type { Instruction } from '../../src/bpf/instructions.ts';
import {
  type Alu,
  aluI,
  aluR,
  assemble,
  atomic,
  callFunction,
  exit,
  goto_,
  gotoLong,
  imm64,
  type Jump,
  jumpI,
  jumpR,
  load,
  loadSigned,
  mayGoto,
  raw,
  store,
  storeImm,
} from './assembler.ts';

export interface Case {
  readonly name: string;
  readonly functions: readonly (readonly Instruction[])[];
  readonly r0: bigint;
  /** Instructions executed, where the case is about them. */
  readonly executed?: number;
}

const minus = (value: bigint): bigint => BigInt.asUintN(64, -value);
const top = 1n << 63n;
const all = (1n << 64n) - 1n;

function program(name: string, r0: bigint, ...parts: readonly Uint8Array[]): Case {
  return { name, functions: [assemble(...parts, exit)], r0 };
}

/** r0 = a op b, from registers. */
function binary(op: Alu, width: 32 | 64, a: bigint, b: bigint, r0: bigint, offset = 0): Case {
  const name = `${width}-bit ${offset === 1 ? 's' : ''}${op} of ${a} and ${b}`;
  return program(name, r0, imm64(0, a), imm64(2, b), aluR(op, width, 0, 2, offset));
}

/** r0 = a op imm. */
function immediate(op: Alu, width: 32 | 64, a: bigint, imm: number, r0: bigint, offset = 0): Case {
  const name = `${width}-bit ${offset === 1 ? 's' : ''}${op} of ${a} and immediate ${imm}`;
  return program(name, r0, imm64(0, a), aluI(op, width, 0, imm, offset));
}

const arithmetic: readonly Case[] = [
  // 4.1: overflow and underflow wrap; 32-bit operations zero the upper half
  binary('add', 64, all, 2n, 1n),
  binary('add', 32, 0x1_ffff_ffffn, 1n, 0n),
  binary('sub', 64, 0n, 1n, all),
  binary('sub', 32, 0n, 1n, 0xffff_ffffn),
  binary('mul', 64, 0x1_0000_0001n, 0x1_0000_0001n, 0x2_0000_0001n),
  binary('mul', 32, 0xffff_ffffn, 0xffff_ffffn, 1n),
  immediate('add', 64, 5n, -6, all),
  immediate('add', 32, 5n, -6, 0xffff_ffffn),
  // 4.1: division by zero gives 0, modulo by zero leaves dst (its low half, when 32 bits wide)
  binary('div', 64, 17n, 5n, 3n),
  binary('div', 64, 17n, 0n, 0n),
  binary('div', 32, 0x5_0000_0011n, 5n, 3n),
  binary('div', 32, 17n, 0x1_0000_0000n, 0n),
  binary('mod', 64, 17n, 5n, 2n),
  binary('mod', 64, 0x5_0000_0011n, 0n, 0x5_0000_0011n),
  binary('mod', 32, 0x5_0000_0011n, 0n, 0x11n),
  // 4.1: an immediate of a 64-bit unsigned division is sign-extended first, then read as unsigned
  immediate('div', 64, all, -1, 1n),
  immediate('div', 64, all - 1n, -1, 0n),
  immediate('div', 32, all, -1, 1n),
  immediate('mod', 64, all, -2, 1n),
  // 4.1: signed division truncates towards zero: -13 / 3 = -4, -13 % 3 = -1
  binary('div', 64, minus(13n), 3n, minus(4n), 1),
  binary('mod', 64, minus(13n), 3n, minus(1n), 1),
  binary('mod', 64, 13n, minus(3n), 1n, 1),
  binary('div', 32, 0xffff_fff3n, 3n, 0xffff_fffcn, 1),
  binary('mod', 32, 0xffff_fff3n, 3n, 0xffff_ffffn, 1),
  immediate('div', 64, minus(13n), -3, 4n, 1),
  binary('div', 64, minus(13n), 0n, 0n, 1),
  binary('mod', 64, minus(13n), 0n, minus(13n), 1),
  binary('mod', 32, minus(13n), 0n, 0xffff_fff3n, 1),
  // 4.1: the lowest number divided by -1 is itself, its remainder 0
  binary('div', 64, top, all, top, 1),
  binary('mod', 64, top, all, 0n, 1),
  binary('div', 32, 0x8000_0000n, 0xffff_ffffn, 0x8000_0000n, 1),
  binary('mod', 32, 0x8000_0000n, 0xffff_ffffn, 0n, 1),
  // 4.1: shifts are masked to 6 or 5 bits
  binary('lsh', 64, 1n, 63n, top),
  binary('lsh', 64, 1n, 64n, 1n),
  binary('lsh', 32, 1n, 31n, 0x8000_0000n),
  binary('lsh', 32, 1n, 33n, 2n),
  binary('rsh', 64, top, 63n, 1n),
  binary('rsh', 32, 0xf_8000_0000n, 31n, 1n),
  binary('arsh', 64, top, 63n, all),
  binary('arsh', 64, top, 127n, all),
  binary('arsh', 32, 0x8000_0000n, 31n, 0xffff_ffffn),
  binary('arsh', 32, 0xffff_ffff_4000_0000n, 30n, 1n),
  immediate('arsh', 64, minus(16n), 2, minus(4n)),
  immediate('lsh', 32, 0xffff_ffff_ffff_ffffn, 4, 0xffff_fff0n),
  // bitwise; a negative immediate covers the upper half of a 64-bit operation only
  binary('or', 64, 0xf0n << 56n, 0x0fn, 0xf000_0000_0000_000fn),
  immediate('and', 64, all, -16, minus(16n)),
  immediate('and', 32, all, -16, 0xffff_fff0n),
  immediate('xor', 64, 0n, -1, all),
  immediate('xor', 32, 0n, -1, 0xffff_ffffn),
  immediate('or', 32, top, 1, 1n),
  program('64-bit neg', minus(5n), imm64(0, 5n), aluI('neg', 64, 0, 0)),
  program('32-bit neg', 0xffff_fffbn, imm64(0, 5n), aluI('neg', 32, 0, 0)),
  program('64-bit neg of the lowest', top, imm64(0, top), aluI('neg', 64, 0, 0)),
  // mov: 32 bits zero-extend, an immediate of 64 bits is sign-extended
  program('64-bit mov of -1', all, aluI('mov', 64, 0, -1)),
  program('32-bit mov of -1', 0xffff_ffffn, aluI('mov', 32, 0, -1)),
  program(
    '32-bit mov drops the upper half',
    0x89ab_cdefn,
    imm64(2, 0x0123_4567_89ab_cdefn),
    aluR('mov', 32, 0, 2),
  ),
  program('movsx 8 to 64', minus(0x80n), imm64(2, 0x1280n), aluR('mov', 64, 0, 2, 8)),
  program('movsx 16 to 64', minus(0x8000n), imm64(2, 0x12_8000n), aluR('mov', 64, 0, 2, 16)),
  program('movsx 32 to 64', minus(0x8000_0000n), imm64(2, 0x12_8000_0000n), aluR('mov', 64, 0, 2, 32)),
  program('movsx 8 to 32', 0xffff_ff80n, imm64(2, 0x1280n), aluR('mov', 32, 0, 2, 8)),
  program('movsx 16 to 32', 0x7fffn, imm64(2, 0xffff_7fffn), aluR('mov', 32, 0, 2, 16)),
];

const word = 0x0123_4567_89ab_cdefn;
/** 4.2: class ALU converts to the named order (this machine is little-endian), class ALU64 always swaps. */
const swaps: readonly Case[] = (
  [
    ['le16', 0xd4, 16, 0xcdefn],
    ['le32', 0xd4, 32, 0x89ab_cdefn],
    ['le64', 0xd4, 64, word],
    ['be16', 0xdc, 16, 0xefcdn],
    ['be32', 0xdc, 32, 0xefcd_ab89n],
    ['be64', 0xdc, 64, 0xefcd_ab89_6745_2301n],
    ['bswap16', 0xd7, 16, 0xefcdn],
    ['bswap32', 0xd7, 32, 0xefcd_ab89n],
    ['bswap64', 0xd7, 64, 0xefcd_ab89_6745_2301n],
  ] as const
).map(([name, opcode, bits, r0]) => program(name, r0, imm64(0, word), raw(opcode, 0, 0, 0, bits)));

/** Conditions that hold, of r1 and r2; what follows is skipped when they do (section 4.3). */
const truths: readonly (readonly [Jump, 32 | 64, bigint, bigint])[] = [
  ['eq', 64, 7n, 7n],
  ['ne', 64, 1n << 32n, 0n],
  ['gt', 64, top, 1n],
  ['ge', 64, all, all],
  ['lt', 64, 1n, all],
  ['le', 64, 1n, 1n],
  ['set', 64, 6n << 32n, 2n << 32n],
  ['sgt', 64, 1n, all],
  ['sge', 64, all, all],
  ['slt', 64, top, 0n],
  ['sle', 64, minus(2n), minus(1n)],
  ['eq', 32, 1n << 32n, 0n],
  ['ne', 32, 1n, 2n],
  ['gt', 32, 0x8000_0000n, 1n],
  ['ge', 32, 5n, 0x1_0000_0005n],
  ['lt', 32, 0x5_0000_0001n, 2n],
  ['le', 32, 0x5_0000_0002n, 2n],
  ['set', 32, 3n, 2n],
  ['sgt', 32, 1n, 0xffff_ffffn],
  ['sge', 32, 0x7fff_ffffn, 0x8000_0000n],
  ['slt', 32, 0xffff_ffffn, 0n],
  ['sle', 32, 0x8000_0000n, 0x8000_0000n],
];
const opposite: Readonly<Record<Jump, Jump | undefined>> = {
  eq: 'ne',
  ne: 'eq',
  gt: 'le',
  le: 'gt',
  ge: 'lt',
  lt: 'ge',
  sgt: 'sle',
  sle: 'sgt',
  sge: 'slt',
  slt: 'sge',
  set: undefined,
};

function taken(condition: Jump, width: 32 | 64, a: bigint, b: bigint, holds: boolean): Case {
  return program(
    `${width}-bit j${condition} of ${a} and ${b} ${holds ? 'jumps' : 'does not jump'}`,
    holds ? 1n : 0n,
    imm64(3, a),
    imm64(4, b),
    aluI('mov', 64, 0, 1),
    jumpR(condition, width, 3, 4, 1),
    aluI('mov', 64, 0, 0),
  );
}

const branches: readonly Case[] = [
  ...truths.flatMap(([condition, width, a, b]) => {
    const other = opposite[condition];
    return [
      taken(condition, width, a, b, true),
      ...(other === undefined ? [] : [taken(other, width, a, b, false)]),
    ];
  }),
  taken('set', 64, 4n, 2n, false),
  taken('set', 32, 6n << 32n, 2n << 32n, false),
  program(
    '64-bit comparison with a negative immediate sign-extends it',
    1n,
    imm64(2, all),
    aluI('mov', 64, 0, 1),
    jumpI('eq', 64, 2, -1, 1),
    aluI('mov', 64, 0, 0),
  ),
  program(
    '32-bit comparison looks at the low half',
    1n,
    imm64(2, 0x7_ffff_ffffn),
    aluI('mov', 64, 0, 1),
    jumpI('eq', 32, 2, -1, 1),
    aluI('mov', 64, 0, 0),
  ),
  program('goto', 1n, aluI('mov', 64, 0, 1), goto_(1), aluI('mov', 64, 0, 0)),
  program('goto with a 32-bit offset', 1n, aluI('mov', 64, 0, 1), gotoLong(1), aluI('mov', 64, 0, 0)),
  // 10 + 9 + … + 1, backwards
  program(
    'loop',
    55n,
    aluI('mov', 64, 0, 0),
    aluI('mov', 64, 2, 10),
    aluR('add', 64, 0, 2),
    aluI('sub', 64, 2, 1),
    jumpI('ne', 64, 2, 0, -3),
  ),
];

const memory: readonly Case[] = [
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

const atomics: readonly Case[] = [
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

const calls: readonly Case[] = [
  {
    name: 'a call passes r1 to r5 and keeps r6 to r9 and the stack of the caller',
    functions: [
      assemble(
        aluI('mov', 64, 6, 100),
        storeImm(8, 10, -8, 7),
        aluI('mov', 64, 1, 1),
        aluI('mov', 64, 5, 5),
        callFunction(1, 4),
        aluR('add', 64, 0, 6),
        load(8, 2, 10, -8),
        aluR('add', 64, 0, 2),
        exit,
      ),
      assemble(
        aluI('mov', 64, 6, 0),
        storeImm(8, 10, -8, 0),
        aluR('mov', 64, 0, 1),
        aluI('mul', 64, 0, 10),
        aluR('add', 64, 0, 5),
        exit,
      ),
    ],
    r0: 122n, // 1 × 10 + 5, + 100, + 7
    executed: 15,
  },
  {
    name: 'a function reads the stack of its caller through a pointer',
    functions: [
      assemble(
        storeImm(8, 10, -16, 41),
        aluR('mov', 64, 1, 10),
        aluI('add', 64, 1, -16),
        callFunction(1, 3),
        load(8, 0, 10, -16),
        exit,
      ),
      assemble(load(8, 2, 1, 0), aluI('add', 64, 2, 1), store(8, 1, 2, 0), aluI('mov', 64, 0, 0), exit),
    ],
    r0: 42n,
  },
  {
    name: 'may_goto falls through while its count lasts',
    functions: [
      assemble(
        aluI('mov', 64, 0, 0),
        mayGoto(3),
        aluI('add', 64, 0, 1),
        jumpI('eq', 64, 0, 100, 1),
        goto_(-4),
        exit,
      ),
    ],
    r0: 100n,
  },
];

export const cases: readonly Case[] = [...arithmetic, ...swaps, ...branches, ...memory, ...atomics, ...calls];
