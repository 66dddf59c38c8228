// Arithmetic on values: exact on constants, a tag on what rules ask about (offsets, masks, CPU numbers in DSQ ids), "calculated from" otherwise. Source: RFC 9669, section 4.
import { alu } from '../../bpf/arithmetic.ts';
import type { AluOp, Width } from '../../bpf/instructions.ts';
import { dsq } from '../data/kernels.ts';
import { anything, constantOf, type Origin, type Value, type Values } from './values.ts';

/** Where the instruction stands. */
export interface Here {
  readonly fn: number;
  readonly at: number;
}

const mostPairs = 16;

export function compute(values: Values, here: Here, op: AluOp, width: Width, a: Value, b: Value): Value {
  const exact = constants(values, op, width, a, b);
  if (exact !== undefined) return exact;
  const right = constantOf(b);
  if (right !== undefined) {
    const tagged = withConstant(values, here, op, width, a, right);
    if (tagged !== undefined) return tagged;
  } else if (constantOf(a) !== undefined && (op === 'add' || op === 'or'))
    return compute(values, here, op, width, b, a);
  if (op === 'add') {
    const field = fieldAddress(values, a, b) ?? fieldAddress(values, b, a);
    if (field !== undefined) return field;
  }
  return calculated(values, here, op, a, b);
}

export function calculated(values: Values, { fn, at }: Here, name: string, a: Value, b: Value): Value {
  return values.calculated(name, fn, at, a, b);
}

function constants(values: Values, op: AluOp, width: Width, a: Value, b: Value): Value | undefined {
  if (a.atoms === undefined || b.atoms === undefined || a.atoms.length * b.atoms.length > mostPairs)
    return undefined;
  let joined: Value | undefined;
  for (const left of a.atoms)
    for (const right of b.atoms) {
      if (left.origin.kind !== 'const' || right.origin.kind !== 'const') return undefined;
      const result = values.constant(
        alu(op, width, BigInt.asUintN(width, left.origin.value), BigInt.asUintN(width, right.origin.value)),
      );
      joined = joined === undefined ? result : values.join(joined, result);
    }
  return joined;
}

/** Of the forms that keep their meaning. */
function withConstant(
  values: Values,
  { fn, at }: Here,
  op: AluOp,
  width: Width,
  a: Value,
  right: bigint,
): Value | undefined {
  const origin = a.atoms?.length === 1 ? a.atoms[0]!.origin : undefined;
  switch (op) {
    case 'add':
      return plus(values, a, right);
    case 'sub':
      return plus(values, a, BigInt.asUintN(64, -right));
    case 'or':
      if (right === 0n) return a;
      return right === dsq.localOn ? values.made('local-on', '', 0n, fn, at, [a]) : undefined;
    case 'and':
      if (right === BigInt.asUintN(width, -1n) || right === 0xffffffffn) return a;
      if (origin === undefined) return values.made('bits', '', right, fn, at, [a]);
      return values.made('bits', `${origin.number}`, right, -1, -1, [a]);
    case 'mod':
      return right > 0n && right <= 16n ? values.made('mod', '', right, fn, at, [a]) : undefined;
    case 'lsh':
      return right === 32n && width === 64 ? values.made('shl32', '', 0n, fn, at, [a]) : undefined;
    case 'rsh':
    case 'arsh':
      return right === 32n && origin?.kind === 'shl32' ? origin.of[0] : undefined;
    default:
      return undefined;
  }
}

/** Pointers and DSQ ids keep what they are offsets of. */
function plus(values: Values, a: Value, add: bigint): Value | undefined {
  if (add === 0n) return a;
  if (a.atoms?.length !== 1) return undefined;
  const { origin } = a.atoms[0]!;
  const sum = (from: bigint): bigint => BigInt.asIntN(64, from + add);
  switch (origin.kind) {
    case 'frame':
      return values.made('frame', '', sum(origin.value));
    case 'data':
      return values.made('data', origin.name, sum(origin.value));
    case 'plus':
      return values.made('plus', origin.name, sum(origin.value), -1, -1, origin.of);
    case 'calc':
    case 'counter':
    case 'loaded':
      return undefined;
    default:
      return values.made('plus', `${origin.number}`, sum(0n), -1, -1, [a]);
  }
}

/** A pointer plus the offset of a field. */
function fieldAddress(values: Values, pointer: Value, offset: Value): Value | undefined {
  const origin = offset.atoms?.length === 1 ? offset.atoms[0]!.origin : undefined;
  if (origin?.kind !== 'offset') return undefined;
  return fieldPointer(values, pointer, origin.name);
}

export function fieldPointer(values: Values, pointer: Value, field: string): Value {
  return values.made('fieldptr', `${field} of ${keyOf(pointer)}`, 0n, -1, -1, [pointer]);
}

/** The field itself, when loaded. Of one pointer it stays the same thing. */
export function fieldValue(values: Values, pointer: Value, field: string): Value {
  return values.made('field', field, BigInt(keyOf(pointer)), -1, -1, [pointer]);
}

function keyOf(value: Value): number {
  return value.atoms?.[0]?.origin.number ?? -1;
}

/** "task_struct.comm" of a pointer to a field. */
export function fieldNameOf(origin: Origin): string | undefined {
  return origin.kind === 'fieldptr' ? origin.name.split(' ')[0] : undefined;
}

/** What a move between widths leaves. */
export function narrowed(values: Values, value: Value): Value {
  if (value.atoms === undefined) return anything;
  if (value.atoms.every(({ origin }) => origin.kind !== 'const' || origin.value <= 0xffffffffn)) return value;
  let joined: Value | undefined;
  for (const atom of value.atoms) {
    const one =
      atom.origin.kind === 'const'
        ? values.constant(BigInt.asUintN(32, atom.origin.value))
        : values.ofAtom(atom);
    joined = joined === undefined ? one : values.join(joined, one);
  }
  return joined ?? anything;
}
