// Instructions by hand, for programs that no compiler writes. Encodings: RFC 9669 section 3 and the opcode table.
import { decode, type Instruction } from '../../src/bpf/instructions.ts';

/** One 8-byte instruction. */
export function raw(opcode: number, dst = 0, src = 0, offset = 0, imm = 0): Uint8Array {
  const view = new DataView(new ArrayBuffer(8));
  view.setUint8(0, opcode);
  view.setUint8(1, dst | (src << 4));
  view.setInt16(2, offset, true);
  view.setInt32(4, imm | 0, true);
  return new Uint8Array(view.buffer);
}

/** ld_imm64: two slots. */
export function imm64(dst: number, value: bigint): Uint8Array {
  const low = raw(0x18, dst, 0, 0, Number(BigInt.asIntN(32, value)));
  return join([low, raw(0, 0, 0, 0, Number(BigInt.asIntN(32, value >> 32n)))]);
}

export function join(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(parts.flatMap((part) => [...part]));
}

export function assemble(...parts: readonly Uint8Array[]): Instruction[] {
  return decode(join(parts));
}

const alu = {
  add: 0x00,
  sub: 0x10,
  mul: 0x20,
  div: 0x30,
  or: 0x40,
  and: 0x50,
  lsh: 0x60,
  rsh: 0x70,
  neg: 0x80,
  mod: 0x90,
  xor: 0xa0,
  mov: 0xb0,
  arsh: 0xc0,
  end: 0xd0,
} as const;
export type Alu = keyof typeof alu;

/** dst = dst op src. `offset` 1 makes div and mod signed, 8, 16 and 32 make mov extend the sign. */
export function aluR(op: Alu, width: 32 | 64, dst: number, src: number, offset = 0): Uint8Array {
  return raw(alu[op] | 8 | (width === 64 ? 7 : 4), dst, src, offset);
}

/** dst = dst op imm. */
export function aluI(op: Alu, width: 32 | 64, dst: number, imm: number, offset = 0): Uint8Array {
  return raw(alu[op] | (width === 64 ? 7 : 4), dst, 0, offset, imm);
}

const jumps = {
  eq: 0x10,
  gt: 0x20,
  ge: 0x30,
  set: 0x40,
  ne: 0x50,
  sgt: 0x60,
  sge: 0x70,
  lt: 0xa0,
  le: 0xb0,
  slt: 0xc0,
  sle: 0xd0,
} as const;
export type Jump = keyof typeof jumps;

export function jumpR(condition: Jump, width: 32 | 64, dst: number, src: number, offset: number): Uint8Array {
  return raw(jumps[condition] | 8 | (width === 64 ? 5 : 6), dst, src, offset);
}

export function jumpI(condition: Jump, width: 32 | 64, dst: number, imm: number, offset: number): Uint8Array {
  return raw(jumps[condition] | (width === 64 ? 5 : 6), dst, 0, offset, imm);
}

const sizes = { 1: 0x10, 2: 0x08, 4: 0x00, 8: 0x18 } as const;
export type Size = keyof typeof sizes;

export const load = (size: Size, dst: number, src: number, offset: number): Uint8Array =>
  raw(0x61 | sizes[size], dst, src, offset);
export const loadSigned = (size: 1 | 2 | 4, dst: number, src: number, offset: number): Uint8Array =>
  raw(0x81 | sizes[size], dst, src, offset);
export const store = (size: Size, dst: number, src: number, offset: number): Uint8Array =>
  raw(0x63 | sizes[size], dst, src, offset);
export const storeImm = (size: Size, dst: number, offset: number, imm: number): Uint8Array =>
  raw(0x62 | sizes[size], dst, 0, offset, imm);
/** `what`: add 0, or 0x40, and 0x50, xor 0xa0, + 1 to fetch; xchg 0xe1; cmpxchg 0xf1; load_acquire 0x100; store_release 0x110. */
export const atomic = (size: Size, dst: number, src: number, offset: number, what: number): Uint8Array =>
  raw(0xc3 | sizes[size], dst, src, offset, what);
export const goto_ = (offset: number): Uint8Array => raw(0x05, 0, 0, offset);
export const gotoLong = (offset: number): Uint8Array => raw(0x06, 0, 0, 0, offset);
export const mayGoto = (offset: number): Uint8Array => raw(0xe5, 0, 0, offset);
export const helper = (id: number): Uint8Array => raw(0x85, 0, 0, 0, id);
export const kfunc = (id: number): Uint8Array => raw(0x85, 0, 2, 0, id);
/** In a linked program the call names the function's number: `target` is slot + 1 + imm, so imm = number - slot - 1. */
export const callFunction = (number: number, slot: number): Uint8Array =>
  raw(0x85, 0, 1, 0, number - slot - 1);
export const exit = raw(0x95);
