// Expected values: RFC 9669 (encodings) and v4.bpf.c (the assembly). test/bpf compares every form with llvm-objdump.
import { expect, test } from 'vitest';
import { fixture } from '../../test/bpf/tools.ts';
import { instructionText } from './disassemble.ts';
import { decode, type Instruction } from './instructions.ts';
import { readObject } from './object.ts';

/** One instruction: opcode, dst, src, offset, imm; ld_imm64 takes the upper half too. */
function one(opcode: number, dst = 0, src = 0, offset = 0, imm = 0, upper?: number): Instruction {
  const view = new DataView(new ArrayBuffer(upper === undefined ? 8 : 16));
  view.setUint8(0, opcode);
  view.setUint8(1, dst | (src << 4));
  view.setInt16(2, offset, true);
  view.setInt32(4, imm, true);
  if (upper !== undefined) view.setInt32(12, upper, true);
  const [instruction, ...rest] = decode(new Uint8Array(view.buffer));
  expect(rest).toEqual([]);
  return instruction as Instruction;
}

test('arithmetic: class gives the width, offset 1 the sign', () => {
  expect(one(0x07, 1, 0, 0, -5)).toMatchObject({
    kind: 'alu',
    op: 'add',
    width: 64,
    fromSrc: false,
    imm: -5,
  });
  expect(one(0x3c, 1, 2, 0)).toMatchObject({ kind: 'alu', op: 'div', width: 32, fromSrc: true });
  expect(one(0x3c, 1, 2, 1)).toMatchObject({ kind: 'alu', op: 'sdiv', width: 32 });
  expect(one(0x97, 1, 0, 1, 3)).toMatchObject({ kind: 'alu', op: 'smod', width: 64 });
  expect(one(0xbf, 1, 2, 32)).toMatchObject({ kind: 'movsx', width: 64, bits: 32 });
  expect(one(0xbc, 1, 2, 16)).toMatchObject({ kind: 'movsx', width: 32, bits: 16 });
  expect(one(0xd7, 1, 0, 0, 32)).toMatchObject({ kind: 'swap', to: 'bswap', bits: 32 });
  expect(one(0xdc, 1, 0, 0, 16)).toMatchObject({ kind: 'swap', to: 'be', bits: 16 });
  expect(one(0xbf, 1, 2, 1, 0x10000)).toMatchObject({ kind: 'cast', toSpace: 1, fromSpace: 0 });
});

test('memory: sizes, signs, atomics', () => {
  expect(one(0x61, 1, 2, -4)).toMatchObject({ kind: 'load', bytes: 4, signed: false, offset: -4 });
  expect(one(0x89, 1, 2, 2)).toMatchObject({ kind: 'load', bytes: 2, signed: true });
  expect(one(0x7a, 1, 0, 8, 7)).toMatchObject({ kind: 'store', bytes: 8, fromSrc: false });
  expect(one(0xc3, 1, 2, 0, 0x51)).toMatchObject({ kind: 'atomic', op: 'and', bytes: 4, fetch: true });
  expect(one(0xdb, 1, 2, 0, 0x40)).toMatchObject({ kind: 'atomic', op: 'or', bytes: 8, fetch: false });
  expect(one(0xdb, 1, 2, 0, 0xf1)).toMatchObject({ kind: 'cmpxchg', bytes: 8 });
  expect(one(0xd3, 1, 2, 0, 0x100)).toMatchObject({ kind: 'load_acquire', bytes: 1 });
  expect(one(0xcb, 1, 2, 0, 0x110)).toMatchObject({ kind: 'store_release', bytes: 2 });
});

test('jumps name the slot that they go to', () => {
  expect(one(0x1d, 1, 2, 5)).toMatchObject({ kind: 'branch', condition: 'eq', width: 64, target: 6 });
  expect(one(0xc6, 1, 0, -3, 1)).toMatchObject({ kind: 'branch', condition: 'slt', width: 32, target: -2 });
  expect(one(0x06, 0, 0, 0, 70_000)).toMatchObject({ kind: 'goto', long: true, target: 70_001 });
  expect(one(0xe5, 0, 0, 2)).toMatchObject({ kind: 'may_goto', target: 3 });
  expect(one(0x85, 0, 0, 0, 14)).toMatchObject({ kind: 'call', what: 'helper', id: 14 });
  expect(one(0x85, 0, 1, 0, 14)).toMatchObject({ kind: 'call', what: 'function', target: 15 });
  expect(one(0x85, 0, 2, 0, 14)).toMatchObject({ kind: 'call', what: 'kfunc', id: 14 });
});

test('ld_imm64 takes two slots', () => {
  const value = 0x123456789abcdef0n;
  expect(one(0x18, 3, 0, 0, 0x9abcdef0 | 0, 0x12345678)).toMatchObject({
    kind: 'imm64',
    what: 'value',
    value,
  });
  expect(one(0x18, 3, 0, 0, -1, 0)).toMatchObject({ value: 0xffffffffn, slots: 2 });
  expect(one(0x18, 3, 4, 0, 9, 0)).toMatchObject({ what: 'function' });
});

test.each([
  ['class ALU, operation 14', one(0xe4)],
  ['class ALU, a negation of a register', one(0x8f)],
  ['class ALU, sign extension from 24 bits', one(0xbf, 1, 2, 24)],
  ['class ALU, signed addition', one(0x0f, 1, 2, 1)],
  ['32-bit sign extension of 32 bits', one(0xbc, 1, 2, 32)],
  ['a swap of 24 bits', one(0xd7, 1, 0, 0, 24)],
  ['a 64-bit signed load', one(0x99, 1, 2)],
  ['a 16-bit atomic addition', one(0xcb, 1, 2)],
  ['an atomic operation that is none', one(0xdb, 1, 2, 0, 0x30)],
  ['a call of kind 3', one(0x85, 0, 3)],
  ['a 64-bit packet load', one(0x38)],
  ['register 11', one(0xbf, 11, 2)],
  ['ld_imm64 of kind 7', one(0x18, 1, 7, 0, 0, 0)],
  ['ld_imm64 with an offset', one(0x18, 1, 0, 1, 0, 0)],
])('%s is unknown', (_, instruction) => {
  expect(instruction.kind).toBe('unknown');
  expect(instructionText(instruction)).toBe('<unknown>');
});

// As llvm-objdump 19 prints it; the upper half is not shown.
test('pseudo loads show their kind', () => {
  expect(instructionText(one(0x18, 5, 1, 0, -1, 7))).toBe('ld_pseudo\tr5, 0x1, 0xffffffff');
});

// llvm-objdump 19 does not know these two, so the form is that of LLVM 20 (llvm/test/CodeGen/BPF/acquire-release).
test('acquire and release read as assembly', () => {
  expect(instructionText(one(0xd3, 2, 1, 4, 0x100))).toBe('w2 = load_acquire((u8 *)(r1 + 0x4))');
  expect(instructionText(one(0xdb, 2, 1, -8, 0x110))).toBe('store_release((u64 *)(r2 - 0x8), r1)');
});

test('half an instruction is refused with its place', () => {
  expect(() => decode(new Uint8Array(12))).toThrow('instructions+0xc: size is not a multiple of 8');
  const half = new Uint8Array(16);
  half.set([0x95], 0);
  half.set([0x18], 8);
  expect(() => decode(half, 'struct_ops/x', 64)).toThrow(
    'struct_ops/x+0x48: ld_imm64 without its second half',
  );
});

test('every kind of instruction of v4.bpf.c is decoded', () => {
  const kinds = new Set(
    readObject(fixture('v4')).programs.flatMap((p) => p.instructions.map(({ kind }) => kind)),
  );
  expect([...kinds].sort()).toEqual(
    'alu atomic branch call callx cast cmpxchg exit goto imm64 load may_goto mov movsx neg packet store swap xchg'.split(
      ' ',
    ),
  );
});
