// Sections 4.1 and 4.2.
import { type Alu, aluI, aluR, imm64, raw } from '../assembler.ts';
import { all, type Case, minus, program, top, word } from './case.ts';

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

export const arithmetic: readonly Case[] = [
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

/** 4.2: class ALU converts to the named order (this machine is little-endian), class ALU64 always swaps. */
export const swaps: readonly Case[] = (
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
