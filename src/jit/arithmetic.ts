// Instructions that only compute, and comparisons, in WebAssembly. Source: RFC 9669 sections 4.1 to 4.3 and 5.4; WebAssembly core specification 2.0,
// section 4.3.2 for what traps.
import type { AluOp, Condition } from '../bpf/instructions.ts';
import { type FunctionCode, local } from './function-code.ts';
import type { Of } from './program.ts';
import { op, valueType } from './wasm.ts';

export const alu64 = {
  add: op.i64Add,
  sub: op.i64Sub,
  mul: op.i64Mul,
  or: op.i64Or,
  and: op.i64And,
  xor: op.i64Xor,
  lsh: op.i64Shl,
  rsh: op.i64ShrU,
  arsh: op.i64ShrS,
  div: op.i64DivU,
  mod: op.i64RemU,
  sdiv: op.i64DivS,
  smod: op.i64RemS,
} as const satisfies Record<AluOp, number>;
const alu32 = {
  add: op.i32Add,
  sub: op.i32Sub,
  mul: op.i32Mul,
  or: op.i32Or,
  and: op.i32And,
  xor: op.i32Xor,
  lsh: op.i32Shl,
  rsh: op.i32ShrU,
  arsh: op.i32ShrS,
  div: op.i32DivU,
  mod: op.i32RemU,
  sdiv: op.i32DivS,
  smod: op.i32RemS,
} as const satisfies Record<AluOp, number>;
/** [64 bits, 32 bits]. `set` is written out. */
const comparisons: Readonly<Record<Exclude<Condition, 'set'>, readonly [number, number]>> = {
  eq: [op.i64Eq, op.i32Eq],
  ne: [op.i64Ne, op.i32Ne],
  gt: [op.i64GtU, op.i32GtU],
  ge: [op.i64GeU, op.i32GeU],
  lt: [op.i64LtU, op.i32LtU],
  le: [op.i64LeU, op.i32LeU],
  sgt: [op.i64GtS, op.i32GtS],
  sge: [op.i64GeS, op.i32GeS],
  slt: [op.i64LtS, op.i32LtS],
  sle: [op.i64LeS, op.i32LeS],
};

type Arithmetic = Of<'alu' | 'neg' | 'mov' | 'movsx' | 'swap' | 'imm64'>;

/** Computes from registers into `code.dst`. */
export function emitArithmetic(to: FunctionCode, code: Arithmetic): void {
  switch (code.kind) {
    case 'alu':
      emitAlu(to, code);
      break;
    case 'neg':
      to.i64(0);
      to.register(code.dst).byte(op.i64Sub);
      if (code.width === 32) zeroExtend(to);
      break;
    case 'mov':
      if (!code.fromSrc) to.i64(code.width === 64 ? code.imm : code.imm >>> 0);
      else if (code.width === 64) to.register(code.src);
      else to.low(code.src).byte(op.i64ExtendI32U);
      break;
    case 'movsx':
      to.register(code.src).byte(
        code.bits === 8 ? op.i64Extend8S : code.bits === 16 ? op.i64Extend16S : op.i64Extend32S,
      );
      if (code.width === 32) zeroExtend(to);
      break;
    case 'swap':
      emitSwap(to, code);
      break;
    case 'imm64':
      to.i64(code.value);
      break;
  }
  to.setRegister(code.dst);
}

/** Leaves 1 if the branch is taken, else 0. */
export function emitComparison(to: FunctionCode, code: Of<'branch'>): void {
  emitOperands(to, code);
  const is64 = code.width === 64;
  if (code.condition !== 'set') {
    const [wide, narrow] = comparisons[code.condition];
    to.out.byte(is64 ? wide : narrow);
  } else if (is64) {
    to.out.byte(op.i64And);
    to.i64(0).byte(op.i64Ne);
  } else {
    to.out.byte(op.i32And);
    to.i32(0).byte(op.i32Ne);
  }
}

function emitAlu(to: FunctionCode, code: Of<'alu'>): void {
  const { op: name, width } = code;
  if (name === 'div' || name === 'mod' || name === 'sdiv' || name === 'smod') emitDivision(to, code);
  else {
    emitOperands(to, code);
    to.out.byte((width === 64 ? alu64 : alu32)[name]);
  }
  if (width === 32) to.out.byte(op.i64ExtendI32U);
}

/** Both operands, as wide as the operation. */
function emitOperands(to: FunctionCode, code: Of<'alu' | 'branch'>): void {
  emitRegister(to, code.dst, code.width);
  emitOperand(to, code);
}

function emitOperand(to: FunctionCode, code: Of<'alu' | 'branch'>): void {
  if (code.fromSrc) emitRegister(to, code.src, code.width);
  else emitConstant(to, code.imm, code.width);
}

function emitRegister(to: FunctionCode, register: number, width: 32 | 64): void {
  if (width === 64) to.register(register);
  else to.low(register);
}

function emitConstant(to: FunctionCode, value: number, width: 32 | 64): void {
  if (width === 64) to.i64(value);
  else to.i32(value);
}

/** By zero: 0, or dst. By −1: the negative, or 0, where WebAssembly would trap on the lowest number. */
function emitDivision(to: FunctionCode, code: Of<'alu'>): void {
  const { op: name, width } = code;
  const is64 = width === 64;
  const isQuotient = name === 'div' || name === 'sdiv';
  if (!code.fromSrc && code.imm !== 0 && code.imm !== -1) {
    emitOperands(to, code);
    to.out.byte((is64 ? alu64 : alu32)[name]);
    return;
  }
  const type = valueType[is64 ? 'i64' : 'i32'];
  emitOperand(to, code);
  to.out.byte(is64 ? op.i64Eqz : op.i32Eqz);
  to.begin(op.if, type);
  if (isQuotient) emitConstant(to, 0, width);
  else emitRegister(to, code.dst, width);
  to.out.byte(op.else);
  if (name === 'sdiv') {
    emitOperand(to, code);
    emitConstant(to, -1, width);
    to.out.byte(is64 ? op.i64Eq : op.i32Eq);
    to.begin(op.if, type);
    emitConstant(to, 0, width);
    emitRegister(to, code.dst, width);
    to.out.byte(is64 ? op.i64Sub : op.i32Sub).byte(op.else);
  }
  emitOperands(to, code);
  to.out.byte((is64 ? alu64 : alu32)[name]);
  if (name === 'sdiv') to.end();
  to.end();
}

function emitSwap(to: FunctionCode, code: Of<'swap'>): void {
  to.register(code.dst);
  if (code.to === 'le') {
    if (code.bits < 64) to.i64((1n << BigInt(code.bits)) - 1n).byte(op.i64And);
    return;
  }
  const exchange = (distance: number, mask: bigint): void => {
    to.set(local.wide);
    to.get(local.wide);
    to.i64(mask).byte(op.i64And);
    to.i64(distance).byte(op.i64Shl);
    to.get(local.wide);
    to.i64(distance).byte(op.i64ShrU);
    to.i64(mask).byte(op.i64And).byte(op.i64Or);
  };
  exchange(8, 0x00ff_00ff_00ff_00ffn);
  exchange(16, 0x0000_ffff_0000_ffffn);
  exchange(32, 0xffff_ffffn);
  if (code.bits < 64) to.i64(64 - code.bits).byte(op.i64ShrU);
}

function zeroExtend(to: FunctionCode): void {
  to.out.byte(op.i32WrapI64).byte(op.i64ExtendI32U);
}
