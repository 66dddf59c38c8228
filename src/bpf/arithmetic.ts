// What BPF's arithmetic and its comparisons come to, on unsigned values. Source: RFC 9669 sections 4.1 and 4.3.
import type { AluOp, Condition } from './instructions.ts';

const u64 = (value: bigint): bigint => BigInt.asUintN(64, value);
const i64 = (value: bigint): bigint => BigInt.asIntN(64, value);
const u32 = (value: bigint): bigint => BigInt.asUintN(32, value);

/** Of 32 bits: the low halves are taken, and the high half of the answer is zero. */
export function alu(op: AluOp, width: 32 | 64, a: bigint, b: bigint): bigint {
  return width === 64 ? alu64(op, a, b) : alu32(op, a, b);
}

/** Unsigned operations modulo 2^64; division by zero gives 0 and modulo by zero leaves dst (RFC 9669 section 4.1). */
function alu64(op: AluOp, a: bigint, b: bigint): bigint {
  switch (op) {
    case 'add':
      return u64(a + b);
    case 'sub':
      return u64(a - b);
    case 'mul':
      return u64(a * b);
    case 'div':
      return b === 0n ? 0n : a / b;
    case 'sdiv':
      return b === 0n ? 0n : u64(i64(a) / i64(b));
    case 'mod':
      return b === 0n ? a : a % b;
    case 'smod':
      return b === 0n ? a : u64(i64(a) % i64(b));
    case 'or':
      return a | b;
    case 'and':
      return a & b;
    case 'xor':
      return a ^ b;
    case 'lsh':
      return u64(a << (b & 63n));
    case 'rsh':
      return a >> (b & 63n);
    case 'arsh':
      return u64(i64(a) >> (b & 63n));
  }
}

/** The same on the low halves; the high half of the answer is zero. */
function alu32(op: AluOp, a: bigint, b: bigint): bigint {
  const signed = op === 'sdiv' || op === 'smod' || op === 'arsh';
  const half = (value: bigint): bigint => (signed ? u64(BigInt.asIntN(32, value)) : u32(value));
  const shifts = op === 'lsh' || op === 'rsh' || op === 'arsh';
  return u32(alu64(op, half(a), shifts ? b & 31n : half(b)));
}

/** Whether a jump of this condition is taken. */
export function holds(condition: Condition, width: 32 | 64, dst: bigint, operand: bigint): boolean {
  const a = BigInt.asUintN(width, dst);
  const b = BigInt.asUintN(width, operand);
  const signedA = BigInt.asIntN(width, dst);
  const signedB = BigInt.asIntN(width, operand);
  switch (condition) {
    case 'eq':
      return a === b;
    case 'ne':
      return a !== b;
    case 'gt':
      return a > b;
    case 'ge':
      return a >= b;
    case 'lt':
      return a < b;
    case 'le':
      return a <= b;
    case 'set':
      return (a & b) !== 0n;
    case 'sgt':
      return signedA > signedB;
    case 'sge':
      return signedA >= signedB;
    case 'slt':
      return signedA < signedB;
    case 'sle':
      return signedA <= signedB;
  }
}
