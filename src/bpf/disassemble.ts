// One instruction as text, the way `llvm-objdump -d --mcpu=v4` of clang 19 prints it, so the two compare line for line.
// Source: RFC 9669 for what the fields mean, llvm-objdump's output for how they look.
import { hex } from '../lib/bytes.ts';
import type { Instruction } from './instructions.ts';

type Of<K extends Instruction['kind']> = Extract<Instruction, { readonly kind: K }>;

const aluSigns = {
  add: '+=',
  sub: '-=',
  mul: '*=',
  div: '/=',
  sdiv: 's/=',
  or: '|=',
  and: '&=',
  lsh: '<<=',
  rsh: '>>=',
  mod: '%=',
  smod: 's%=',
  xor: '^=',
  arsh: 's>>=',
} as const;
const conditionSigns = {
  eq: '==',
  ne: '!=',
  gt: '>',
  ge: '>=',
  lt: '<',
  le: '<=',
  set: '&',
  sgt: 's>',
  sge: 's>=',
  slt: 's<',
  sle: 's<=',
} as const;
const atomicSigns = { add: '+=', or: '|=', and: '&=', xor: '^=' } as const;

/** `r1 = *(u64 *)(r2 + 0x8)`; what nobody defines is `<unknown>`. */
export function instructionText(code: Instruction): string {
  switch (code.kind) {
    case 'alu':
    case 'neg':
    case 'mov':
    case 'movsx':
    case 'swap':
    case 'cast':
    case 'imm64':
      return computeText(code);
    case 'load':
    case 'store':
    case 'packet':
      return memoryText(code);
    case 'atomic':
    case 'xchg':
    case 'cmpxchg':
    case 'load_acquire':
    case 'store_release':
      return atomicText(code);
    default:
      return flowText(code);
  }
}

function computeText(code: Of<'alu' | 'neg' | 'mov' | 'movsx' | 'swap' | 'cast' | 'imm64'>): string {
  const { dst, src } = code;
  switch (code.kind) {
    case 'alu':
      return `${register(dst, code.width)} ${aluSigns[code.op]} ${operand(code, code.width)}`;
    case 'neg':
      return `${register(dst, code.width)} = -${register(dst, code.width)}`;
    case 'mov':
      return `${register(dst, code.width)} = ${operand(code, code.width)}`;
    case 'movsx':
      return `${register(dst, code.width)} = (s${code.bits})${register(src, code.width)}`;
    case 'swap':
      return `r${dst} = ${code.to}${code.bits} r${dst}`;
    case 'cast':
      return `r${dst} = addr_space_cast(r${src}, ${hex(code.toSpace)}, ${hex(code.fromSpace)})`;
    case 'imm64':
      if (code.what !== 'value') return `ld_pseudo\tr${dst}, ${hex(src)}, ${hex(code.imm >>> 0)}`;
      return `r${dst} = ${hex(BigInt.asIntN(64, code.value))} ll`;
  }
}

function memoryText(code: Of<'load' | 'store' | 'packet'>): string {
  const { dst, src, bytes } = code;
  if (code.kind === 'packet')
    return `r0 = *(u${bytes * 8} *)skb[${code.fromSrc ? `r${src}` : hex(code.imm)}]`;
  const width = bytes === 8 ? 64 : 32;
  if (code.kind === 'store') return `*(u${bytes * 8} *)${place(dst, code.offset)} = ${operand(code, width)}`;
  const target = code.signed ? `r${dst}` : register(dst, width);
  return `${target} = *(${code.signed ? 's' : 'u'}${bytes * 8} *)${place(src, code.offset)}`;
}

function atomicText(code: Of<'atomic' | 'xchg' | 'cmpxchg' | 'load_acquire' | 'store_release'>): string {
  const { dst, bytes, offset } = code;
  const width = bytes === 8 ? 64 : 32;
  const value = register(code.src, width);
  const pointer = `(u${bytes * 8} *)${place(dst, offset)}`;
  const bare = place(dst, offset).slice(1, -1);
  const suffix = bytes === 8 ? '_64' : '32_32';
  switch (code.kind) {
    case 'atomic':
      if (!code.fetch) return `lock *${pointer} ${atomicSigns[code.op]} ${value}`;
      return `${value} = atomic_fetch_${code.op}(${pointer}, ${value})`;
    case 'xchg':
      return `${value} = xchg${suffix}(${bare}, ${value})`;
    case 'cmpxchg':
      return `${register(0, width)} = cmpxchg${suffix}(${bare}, ${register(0, width)}, ${value})`;
    case 'load_acquire':
      return `${register(dst, width)} = load_acquire((u${bytes * 8} *)${place(code.src, offset)})`;
    case 'store_release':
      return `store_release(${pointer}, ${value})`;
  }
}

function flowText(code: Of<'branch' | 'goto' | 'may_goto' | 'call' | 'callx' | 'exit' | 'unknown'>): string {
  switch (code.kind) {
    case 'branch': {
      const left = register(code.dst, code.width);
      const test = `${left} ${conditionSigns[code.condition]} ${operand(code, code.width)}`;
      return `if ${test} goto ${distance(code.offset)}`;
    }
    case 'goto':
      return code.long ? `gotol ${distance(code.imm)}` : `goto ${distance(code.offset)}`;
    case 'may_goto':
      return `may_goto ${distance(code.offset)}`;
    case 'call':
      return `call ${hex(code.imm)}`;
    case 'callx':
      return `callx r${code.dst}`;
    case 'exit':
      return 'exit';
    case 'unknown':
      return '<unknown>';
  }
}

function register(number: number, width: 32 | 64): string {
  return `${width === 64 ? 'r' : 'w'}${number}`;
}

function operand(code: Instruction & { readonly fromSrc: boolean }, width: 32 | 64): string {
  return code.fromSrc ? register(code.src, width) : hex(code.imm);
}

function place(base: number, offset: number): string {
  return `(r${base} ${offset < 0 ? '-' : '+'} ${hex(Math.abs(offset))})`;
}

function distance(slots: number): string {
  return slots < 0 ? hex(slots) : `+${hex(slots)}`;
}
