// Decodes BPF instructions into values that say what they do. Source: RFC 9669 (sections 3 to 5 and the opcode table),
// and for may_goto, addr_space_cast and the acquire/release atomics the kernel's include/uapi/linux/bpf.h.
import { malformed } from './malformed.ts';

export type Width = 32 | 64;
export type Bytes = 1 | 2 | 4 | 8;
const aluOps = {
  0: 'add',
  1: 'sub',
  2: 'mul',
  3: 'div',
  4: 'or',
  5: 'and',
  6: 'lsh',
  7: 'rsh',
  9: 'mod',
  10: 'xor',
  12: 'arsh',
} as const;
export type AluOp = (typeof aluOps)[keyof typeof aluOps] | 'sdiv' | 'smod';
const conditions = {
  1: 'eq',
  2: 'gt',
  3: 'ge',
  4: 'set',
  5: 'ne',
  6: 'sgt',
  7: 'sge',
  10: 'lt',
  11: 'le',
  12: 'slt',
  13: 'sle',
} as const;
export type Condition = (typeof conditions)[keyof typeof conditions];
const atomicOps = { 0: 'add', 64: 'or', 80: 'and', 160: 'xor' } as const;
export type AtomicOp = (typeof atomicOps)[keyof typeof atomicOps];
/** What the 64 bits of ld_imm64 are, in the order of RFC 9669 table 12: src_reg 0 … 6. */
const imm64Kinds = [
  'value',
  'map_fd',
  'map_value_fd',
  'variable',
  'function',
  'map_index',
  'map_value_index',
] as const;
export type Imm64Kind = (typeof imm64Kinds)[number];

interface Encoded {
  /** Number of the first 8-byte slot; jumps count in slots. */
  readonly at: number;
  /** 2 for ld_imm64, else 1. */
  readonly slots: 1 | 2;
  readonly opcode: number;
  readonly dst: number;
  readonly src: number;
  /** Signed 16 bits. */
  readonly offset: number;
  /** Signed 32 bits. */
  readonly imm: number;
}

/** `fromSrc`: the second operand is register `src`, else `imm` (sign-extended). Targets are slots. */
export type Operation =
  | { readonly kind: 'alu'; readonly op: AluOp; readonly width: Width; readonly fromSrc: boolean }
  | { readonly kind: 'neg'; readonly width: Width }
  | { readonly kind: 'mov'; readonly width: Width; readonly fromSrc: boolean }
  | { readonly kind: 'movsx'; readonly width: Width; readonly bits: 8 | 16 | 32 }
  | { readonly kind: 'swap'; readonly to: 'le' | 'be' | 'bswap'; readonly bits: 16 | 32 | 64 }
  | { readonly kind: 'cast'; readonly toSpace: number; readonly fromSpace: number }
  | { readonly kind: 'imm64'; readonly what: Imm64Kind; readonly value: bigint }
  | { readonly kind: 'load'; readonly bytes: Bytes; readonly signed: boolean }
  | { readonly kind: 'store'; readonly bytes: Bytes; readonly fromSrc: boolean }
  | { readonly kind: 'packet'; readonly bytes: 1 | 2 | 4; readonly fromSrc: boolean }
  | { readonly kind: 'atomic'; readonly op: AtomicOp; readonly bytes: 4 | 8; readonly fetch: boolean }
  | { readonly kind: 'xchg' | 'cmpxchg'; readonly bytes: 4 | 8 }
  | { readonly kind: 'load_acquire' | 'store_release'; readonly bytes: Bytes }
  | {
      readonly kind: 'branch';
      readonly condition: Condition;
      readonly width: Width;
      readonly fromSrc: boolean;
      readonly target: number;
    }
  | { readonly kind: 'goto'; readonly long: boolean; readonly target: number }
  | { readonly kind: 'may_goto'; readonly target: number }
  | { readonly kind: 'call'; readonly what: 'helper' | 'kfunc'; readonly id: number }
  | { readonly kind: 'call'; readonly what: 'function'; readonly target: number }
  | { readonly kind: 'callx' }
  | { readonly kind: 'exit' }
  | { readonly kind: 'unknown' };
export type Instruction = Encoded & Operation;
export type InstructionKind = Operation['kind'];

/** All fields of all kinds: one layout makes every reader several times faster, in V8. */
interface Draft {
  readonly at: number;
  readonly slots: 1 | 2;
  readonly opcode: number;
  readonly dst: number;
  readonly src: number;
  readonly offset: number;
  readonly imm: number;
  kind: InstructionKind;
  op: AluOp | AtomicOp | undefined;
  width: Width | undefined;
  fromSrc: boolean | undefined;
  bits: 8 | 16 | 32 | 64 | undefined;
  to: 'le' | 'be' | 'bswap' | undefined;
  toSpace: number | undefined;
  fromSpace: number | undefined;
  what: Imm64Kind | 'helper' | 'kfunc' | 'function' | undefined;
  value: bigint | undefined;
  bytes: Bytes | undefined;
  signed: boolean | undefined;
  fetch: boolean | undefined;
  condition: Condition | undefined;
  target: number | undefined;
  long: boolean | undefined;
  id: number | undefined;
}

/**
 * Decodes all of `bytes`, which must be whole instructions. An opcode or a combination of fields that nobody defines
 * becomes `unknown`. `section` and `base` (bytes) place faults. @throws Fault malformed.
 */
export function decode(bytes: Uint8Array, section = 'instructions', base = 0): Instruction[] {
  if (bytes.length % 8 !== 0) malformed(section, base + bytes.length, 'size is not a multiple of 8');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const count = bytes.length / 8;
  const instructions: Instruction[] = [];
  for (let at = 0; at < count; ) {
    const code = encodedAt(view, at);
    if (code.slots === 2 && at + 1 >= count)
      malformed(section, base + at * 8, 'ld_imm64 without its second half');
    decodeOperation(code, view);
    instructions.push(code as Instruction);
    at += code.slots;
  }
  return instructions;
}

/** Position of the instruction that begins in this slot; −1: none does. */
export function positionOf(instructions: readonly Instruction[], slot: number): number {
  let low = 0;
  let high = instructions.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (instructions[middle]!.at < slot) low = middle + 1;
    else high = middle;
  }
  return instructions[low]?.at === slot ? low : -1;
}

function encodedAt(view: DataView, at: number): Draft {
  const start = at * 8;
  const opcode = view.getUint8(start);
  const registers = view.getUint8(start + 1);
  const offset = view.getInt16(start + 2, true);
  const imm = view.getInt32(start + 4, true);
  const none = undefined;
  // biome-ignore format: one line of what all have, one of what some have
  return { at, slots: opcode === 0x18 ? 2 : 1, opcode, dst: registers & 15, src: registers >> 4, offset, imm, kind: 'unknown',
    op: none, width: none, fromSrc: none, bits: none, to: none, toSpace: none, fromSpace: none, what: none, value: none,
    bytes: none, signed: none, fetch: none, condition: none, target: none, long: none, id: none };
}

/** Kind and fields; what nobody defines keeps the kind `unknown`. */
function decodeOperation(code: Draft, view: DataView): void {
  if (code.dst > 10 || (code.src > 10 && code.opcode !== 0x18)) return;
  switch (code.opcode & 7) {
    case 0:
      if (code.opcode === 0x18) imm64(code, view);
      else packet(code);
      return;
    case 1:
    case 2:
    case 3:
      memory(code);
      return;
    case 4:
      alu(code, 32);
      return;
    case 7:
      alu(code, 64);
      return;
    case 5:
      jump(code, 64);
      return;
    default:
      jump(code, 32);
  }
}

function imm64(code: Draft, view: DataView): void {
  const what = imm64Kinds[code.src];
  const second = code.at * 8 + 8;
  const hasEmptyFields = view.getUint32(second, true) === 0 && code.offset === 0;
  if (what === undefined || !hasEmptyFields) return;
  code.kind = 'imm64';
  code.what = what;
  code.value = (BigInt(view.getUint32(second + 4, true)) << 32n) | BigInt(code.imm >>> 0);
}

function packet(code: Draft): void {
  const bytes = bytesOf(code);
  const mode = code.opcode & 0xe0;
  if (bytes === 8 || (mode !== 0x20 && mode !== 0x40)) return;
  code.kind = 'packet';
  code.bytes = bytes;
  code.fromSrc = mode === 0x40;
}

const sizes = [4, 2, 1, 8] as const;

function bytesOf(code: Draft): Bytes {
  return sizes[((code.opcode >> 3) & 3) as 0 | 1 | 2 | 3];
}

/** Classes LDX (1), ST (2) and STX (3). */
function memory(code: Draft): void {
  const mode = code.opcode >> 5;
  const bytes = bytesOf(code);
  const group = code.opcode & 7;
  if (mode === 3 && group !== 1) {
    code.kind = 'store';
    code.fromSrc = group === 3;
  } else if (mode === 3 || (mode === 4 && group === 1 && bytes !== 8)) {
    code.kind = 'load';
    code.signed = mode === 4;
  } else if (mode !== 6 || group !== 3 || !isAtomic(code, bytes)) return;
  code.bytes = bytes;
}

/** Sets all but the bytes. */
function isAtomic(code: Draft, bytes: Bytes): boolean {
  if (code.imm === 0x100) code.kind = 'load_acquire';
  else if (code.imm === 0x110) code.kind = 'store_release';
  else if (bytes < 4) return false;
  else if (code.imm === 0xe1) code.kind = 'xchg';
  else if (code.imm === 0xf1) code.kind = 'cmpxchg';
  else {
    const op = atomicOps[(code.imm & ~1) as keyof typeof atomicOps];
    if (op === undefined) return false;
    code.kind = 'atomic';
    code.op = op;
    code.fetch = (code.imm & 1) === 1;
  }
  return true;
}

function alu(code: Draft, width: Width): void {
  const fromSrc = (code.opcode & 8) !== 0;
  const number = code.opcode >> 4;
  if (number === 0xb) move(code, width, fromSrc);
  else if (number === 0xd) swap(code, width, fromSrc);
  else if (number !== 0x8) compute(code, width, fromSrc, aluOps[number as keyof typeof aluOps]);
  else if (!fromSrc) {
    code.kind = 'neg';
    code.width = width;
  }
}

function compute(code: Draft, width: Width, fromSrc: boolean, plain: AluOp | undefined): void {
  let op = plain;
  if (code.offset === 1) op = op === 'div' ? 'sdiv' : op === 'mod' ? 'smod' : undefined;
  else if (code.offset !== 0) return;
  if (op === undefined) return;
  code.kind = 'alu';
  code.op = op;
  code.width = width;
  code.fromSrc = fromSrc;
}

function move(code: Draft, width: Width, fromSrc: boolean): void {
  const { offset } = code;
  if (offset === 0) {
    code.kind = 'mov';
    code.width = width;
    code.fromSrc = fromSrc;
  } else if (!fromSrc) return;
  else if (offset === 1 && width === 64) {
    code.kind = 'cast';
    code.toSpace = code.imm >>> 16;
    code.fromSpace = code.imm & 0xffff;
  } else if (offset === 8 || offset === 16 || (offset === 32 && width === 64)) {
    code.kind = 'movsx';
    code.width = width;
    code.bits = offset;
  }
}

/** In class ALU the source bit tells the byte order; class ALU64 always swaps. */
function swap(code: Draft, width: Width, fromSrc: boolean): void {
  const bits = code.imm;
  if ((bits !== 16 && bits !== 32 && bits !== 64) || (width === 64 && fromSrc)) return;
  code.kind = 'swap';
  code.to = width === 64 ? 'bswap' : fromSrc ? 'be' : 'le';
  code.bits = bits;
}

function jump(code: Draft, width: Width): void {
  const condition = conditions[(code.opcode >> 4) as keyof typeof conditions];
  const target = code.at + 1 + code.offset;
  if (condition !== undefined) {
    code.kind = 'branch';
    code.condition = condition;
    code.width = width;
    code.fromSrc = (code.opcode & 8) !== 0;
    code.target = target;
    return;
  }
  switch (code.opcode) {
    case 0x05:
    case 0x06:
      code.kind = 'goto';
      code.long = code.opcode === 0x06;
      code.target = code.long ? code.at + 1 + code.imm : target;
      return;
    case 0x85:
      call(code);
      return;
    case 0x8d:
      code.kind = 'callx';
      return;
    case 0x95:
      code.kind = 'exit';
      return;
    case 0xe5:
      if (code.src !== 0) return;
      code.kind = 'may_goto';
      code.target = target;
  }
}

function call(code: Draft): void {
  if (code.src > 2) return;
  code.kind = 'call';
  if (code.src === 1) {
    code.what = 'function';
    code.target = code.at + 1 + code.imm;
    return;
  }
  code.what = code.src === 0 ? 'helper' : 'kfunc';
  code.id = code.imm;
}
