// What simple helpers and kfuncs give, said in WebAssembly: a call that leaves it costs more than most of them do. What is not plain (a pointer that is no
// good, an element that is not there yet) is left to the call itself, so there is one place that says what is wrong.
import { type Checks, emitShadowTest } from './access.ts';
import { type FunctionCode, local } from './function-code.ts';
import { op, valueType } from './wasm.ts';

/** Addresses are constants; nothing that programs may write lies there. */
export type Inline =
  /** The i32 at `at`, zero-extended. */
  | { readonly kind: 'word'; readonly at: number }
  /** The double at `at`: a whole number, not negative. */
  | { readonly kind: 'double'; readonly at: number }
  /** r2: address of an index. Elements of `stride` bytes begin at the address at `valuesAt`; there are `count`. */
  | {
      readonly kind: 'element';
      readonly valuesAt: number;
      readonly stride: number;
      readonly count: number;
    }
  /**
   * r2: an owner, 2^`shift` bytes after the one before; the first lies at the address at `ownersAt`, and those that live have another word than 0
   * `aliveAt` bytes on. The address of what an owner has lies in a table behind the table's length; the table's address is at `tableAt`. r3: address of
   * what a new one begins as, and r4: 1 to make one; both only matter where there is none.
   */
  | {
      readonly kind: 'owned';
      readonly ownersAt: number;
      readonly shift: number;
      readonly aliveAt: number;
      readonly tableAt: number;
    }
  /** r1: address of 8 bytes, the number that was given last and the end. Begins at r2 and ends before r3, at most `most` on. */
  | { readonly kind: 'numbers begin'; readonly most: number }
  | { readonly kind: 'numbers go on' }
  | { readonly kind: 'numbers end' };

/** Sets r0, or does what `call` writes. */
export function emitInline(to: FunctionCode, checks: Checks, inline: Inline, call: () => void): void {
  if (inline.kind === 'word' || inline.kind === 'double') {
    to.i32(0);
    if (inline.kind === 'word') to.out.access(op.i64Load32U, inline.at);
    else to.out.access(op.f64Load, inline.at).byte(op.i64TruncF64U);
    to.setRegister(0);
    return;
  }
  to.begin(op.block);
  to.begin(op.block);
  switch (inline.kind) {
    case 'element':
      emitElement(to, checks, inline);
      break;
    case 'owned':
      emitOwned(to, inline);
      break;
    default:
      emitNumbers(to, checks, inline);
  }
  to.setRegister(0);
  to.out.byte(op.br).u32(1);
  to.end();
  call();
  to.end();
}

/** Pops an i32: unless it is zero, the call decides. */
function otherwiseCall(to: FunctionCode): void {
  to.out.byte(op.brIf).u32(0);
}

/** The low half of the register must be the address of so many bytes. */
function emitPointer(
  to: FunctionCode,
  { shadow, limit }: Checks,
  register: number,
  way: 'read' | 'write',
  bytes: 4 | 8,
): void {
  to.low(register);
  to.i32(limit).byte(op.i32GeU);
  otherwiseCall(to);
  to.low(register).access(op.i32Load8U, shadow);
  emitShadowTest(to, way, bytes);
  otherwiseCall(to);
}

function emitElement(
  to: FunctionCode,
  checks: Checks,
  { valuesAt, stride, count }: Inline & { kind: 'element' },
): void {
  emitPointer(to, checks, 2, 'read', 4);
  to.low(2).access(op.i32Load, 0);
  to.set(local.choice);
  to.get(local.choice);
  to.i32(count).byte(op.i32LtU);
  to.begin(op.if, valueType.i64);
  emitWord(to, valuesAt);
  to.get(local.choice);
  to.i32(stride).byte(op.i32Mul).byte(op.i32Add).byte(op.i64ExtendI32U).byte(op.else);
  to.i64(0);
  to.end();
}

function emitOwned(
  to: FunctionCode,
  { ownersAt, shift, aliveAt, tableAt }: Inline & { kind: 'owned' },
): void {
  to.low(3);
  otherwiseCall(to);
  to.register(4);
  to.i64(1).byte(op.i64GtU);
  otherwiseCall(to);
  // what is no multiple of the distance becomes a large number
  to.low(2);
  emitWord(to, ownersAt);
  to.out.byte(op.i32Sub);
  to.i32(shift).byte(op.i32Rotr);
  to.set(local.choice);
  to.get(local.choice);
  emitWord(to, tableAt);
  to.out.access(op.i32Load, 0).byte(op.i32GeU);
  otherwiseCall(to);
  to.get(local.choice);
  to.i32(2).byte(op.i32Shl);
  emitWord(to, tableAt);
  to.out.byte(op.i32Add).access(op.i64Load32U, 4);
  to.set(local.wide);
  to.get(local.wide).byte(op.i64Eqz);
  otherwiseCall(to);
  to.low(2).access(op.i32Load, aliveAt).byte(op.i32Eqz);
  otherwiseCall(to);
  to.get(local.wide);
}

function emitNumbers(to: FunctionCode, checks: Checks, inline: Inline): void {
  to.low(1);
  to.i32(7).byte(op.i32And);
  otherwiseCall(to);
  emitPointer(to, checks, 1, 'write', 8);
  const store = (opcode: number, at: number): void => {
    to.out.access(opcode, at);
  };
  if (inline.kind === 'numbers end') {
    to.low(1);
    to.i64(0);
    store(op.i64Store, 0);
    to.i64(0);
  } else if (inline.kind === 'numbers begin') {
    to.low(3).byte(op.i64ExtendI32S);
    to.low(2).byte(op.i64ExtendI32S).byte(op.i64Sub);
    to.i64(inline.most).byte(op.i64GtU);
    otherwiseCall(to);
    to.low(1);
    to.low(2);
    to.i32(1).byte(op.i32Sub);
    store(op.i32Store, 0);
    to.low(1);
    to.low(3);
    store(op.i32Store, 4);
    to.i64(0);
  } else {
    to.low(1);
    store(op.i64Load32S, 0);
    to.i64(1).byte(op.i64Add);
    to.set(local.wide);
    to.get(local.wide);
    to.low(1);
    store(op.i64Load32S, 4);
    to.out.byte(op.i64LtS);
    to.begin(op.if, valueType.i64);
    to.low(1);
    to.get(local.wide);
    store(op.i64Store32, 0);
    to.low(1).byte(op.i64ExtendI32U).byte(op.else);
    to.low(1);
    to.i64(0);
    store(op.i64Store, 0);
    to.i64(0);
    to.end();
  }
}

/** The i32 at a constant address. */
function emitWord(to: FunctionCode, at: number): void {
  to.i32(0).access(op.i32Load, at);
}
