// Section 4.3.
import { aluI, aluR, goto_, gotoLong, imm64, type Jump, jumpI, jumpR } from '../assembler.ts';
import { all, type Case, minus, program, top } from './case.ts';

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

export const branches: readonly Case[] = [
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
