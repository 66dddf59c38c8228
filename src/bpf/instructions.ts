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

const unknown: Operation = { kind: 'unknown' };

/**
 * Decodes all of `bytes`, which must be whole instructions. An opcode or a combination of fields that nobody defines
 * becomes `unknown`. `section` and `base` (bytes) place faults. @throws Fault malformed.
 */
export function decode(bytes: Uint8Array, section = 'instructions', base = 0): Instruction[] {
  if (bytes.length % 8 !== 0) malformed(section, base + bytes.length, 'size is not a multiple of 8');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const instructions: Instruction[] = [];
  for (let at = 0; at * 8 < bytes.length; ) {
    const encoded = encodedAt(view, at);
    if (encoded.slots === 2 && (at + 1) * 8 >= bytes.length)
      malformed(section, base + at * 8, 'ld_imm64 without its second half');
    instructions.push(Object.assign(blank(encoded), operation(encoded, view)) as Instruction);
    at += encoded.slots;
  }
  return instructions;
}

/** With room for every field of every kind: one layout for all makes every reader several times faster, in V8. */
function blank({
  at,
  slots,
  opcode,
  dst,
  src,
  offset,
  imm,
}: Encoded): Encoded & Partial<Record<string, unknown>> {
  const none = undefined;
  // biome-ignore format: one line of what all have, one of what some have
  return { at, slots, opcode, dst, src, offset, imm, kind: none,
    op: none, width: none, fromSrc: none, bits: none, to: none, toSpace: none, fromSpace: none, what: none, value: none,
    bytes: none, signed: none, fetch: none, condition: none, target: none, long: none, id: none };
}

function encodedAt(view: DataView, at: number): Encoded {
  const start = at * 8;
  const opcode = view.getUint8(start);
  const registers = view.getUint8(start + 1);
  return {
    at,
    slots: opcode === 0x18 ? 2 : 1,
    opcode,
    dst: registers & 15,
    src: registers >> 4,
    offset: view.getInt16(start + 2, true),
    imm: view.getInt32(start + 4, true),
  };
}

function operation(code: Encoded, view: DataView): Operation {
  if (code.dst > 10 || (code.src > 10 && code.opcode !== 0x18)) return unknown;
  switch (code.opcode & 7) {
    case 0:
      return code.opcode === 0x18 ? imm64(code, view) : packet(code);
    case 1:
    case 2:
    case 3:
      return memory(code);
    case 4:
      return alu(code, 32);
    case 7:
      return alu(code, 64);
    case 5:
      return jump(code, 64);
    default:
      return jump(code, 32);
  }
}

function imm64(code: Encoded, view: DataView): Operation {
  const what = imm64Kinds[code.src];
  const second = code.at * 8 + 8;
  const hasEmptyFields = view.getUint32(second, true) === 0 && code.offset === 0;
  if (what === undefined || !hasEmptyFields) return unknown;
  const value = (BigInt(view.getUint32(second + 4, true)) << 32n) | BigInt(code.imm >>> 0);
  return { kind: 'imm64', what, value };
}

function packet(code: Encoded): Operation {
  const bytes = bytesOf(code);
  const mode = code.opcode & 0xe0;
  if (bytes === 8 || (mode !== 0x20 && mode !== 0x40)) return unknown;
  return { kind: 'packet', bytes, fromSrc: mode === 0x40 };
}

function bytesOf(code: Encoded): Bytes {
  return ([4, 2, 1, 8] as const)[((code.opcode >> 3) & 3) as 0 | 1 | 2 | 3];
}

/** Classes LDX (1), ST (2) and STX (3). */
function memory(code: Encoded): Operation {
  const mode = code.opcode >> 5;
  const bytes = bytesOf(code);
  const group = code.opcode & 7;
  if (mode === 3) return group === 1 ? { kind: 'load', bytes, signed: false } : store(code, bytes);
  if (mode === 4 && group === 1 && bytes !== 8) return { kind: 'load', bytes, signed: true };
  if (mode === 6 && group === 3) return atomic(code, bytes);
  return unknown;
}

function store(code: Encoded, bytes: Bytes): Operation {
  return { kind: 'store', bytes, fromSrc: (code.opcode & 7) === 3 };
}

function atomic(code: Encoded, bytes: Bytes): Operation {
  if (code.imm === 0x100) return { kind: 'load_acquire', bytes };
  if (code.imm === 0x110) return { kind: 'store_release', bytes };
  if (bytes < 4) return unknown;
  const wide = bytes as 4 | 8;
  if (code.imm === 0xe1) return { kind: 'xchg', bytes: wide };
  if (code.imm === 0xf1) return { kind: 'cmpxchg', bytes: wide };
  const op = atomicOps[(code.imm & ~1) as keyof typeof atomicOps];
  return op === undefined ? unknown : { kind: 'atomic', op, bytes: wide, fetch: (code.imm & 1) === 1 };
}

function alu(code: Encoded, width: Width): Operation {
  const fromSrc = (code.opcode & 8) !== 0;
  const number = code.opcode >> 4;
  if (number === 0x8) return fromSrc ? unknown : { kind: 'neg', width };
  if (number === 0xb) return move(code, width, fromSrc);
  if (number === 0xd) return swap(code, width, fromSrc);
  const op = aluOps[number as keyof typeof aluOps];
  if (op === undefined) return unknown;
  if (code.offset === 0) return { kind: 'alu', op, width, fromSrc };
  if (code.offset !== 1) return unknown;
  if (op === 'div') return { kind: 'alu', op: 'sdiv', width, fromSrc };
  return op === 'mod' ? { kind: 'alu', op: 'smod', width, fromSrc } : unknown;
}

function move(code: Encoded, width: Width, fromSrc: boolean): Operation {
  const { offset } = code;
  if (offset === 0) return { kind: 'mov', width, fromSrc };
  if (!fromSrc) return unknown;
  if (offset === 1 && width === 64)
    return { kind: 'cast', toSpace: code.imm >>> 16, fromSpace: code.imm & 0xffff };
  if (offset === 8 || offset === 16 || (offset === 32 && width === 64))
    return { kind: 'movsx', width, bits: offset };
  return unknown;
}

/** In class ALU the source bit tells the byte order; class ALU64 always swaps. */
function swap(code: Encoded, width: Width, fromSrc: boolean): Operation {
  const bits = code.imm;
  if ((bits !== 16 && bits !== 32 && bits !== 64) || (width === 64 && fromSrc)) return unknown;
  return { kind: 'swap', to: width === 64 ? 'bswap' : fromSrc ? 'be' : 'le', bits };
}

function jump(code: Encoded, width: Width): Operation {
  const fromSrc = (code.opcode & 8) !== 0;
  const target = code.at + 1 + code.offset;
  const condition = conditions[(code.opcode >> 4) as keyof typeof conditions];
  if (condition !== undefined) return { kind: 'branch', condition, width, fromSrc, target };
  switch (code.opcode) {
    case 0x05:
      return { kind: 'goto', long: false, target };
    case 0x06:
      return { kind: 'goto', long: true, target: code.at + 1 + code.imm };
    case 0x85:
      return call(code);
    case 0x8d:
      return { kind: 'callx' };
    case 0x95:
      return { kind: 'exit' };
    case 0xe5:
      return code.src === 0 ? { kind: 'may_goto', target } : unknown;
    default:
      return unknown;
  }
}

function call(code: Encoded): Operation {
  if (code.src === 0) return { kind: 'call', what: 'helper', id: code.imm };
  if (code.src === 1) return { kind: 'call', what: 'function', target: code.at + 1 + code.imm };
  return code.src === 2 ? { kind: 'call', what: 'kfunc', id: code.imm } : unknown;
}
