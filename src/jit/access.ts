// Accesses to memory in WebAssembly: addresses are as they stand in the registers. Source: RFC 9669 sections 5.1 to 5.3.
//
// Memory checks ask a shadow of one byte per byte: its low nibble says how many bytes from here on may be read (at most 8), bit 4 that they may be
// written. So every access, aligned or not, is checked to the byte with one load; null and wild pointers find zero there. Offsets lead 32 KiB far, and
// nothing in the first and the last 64 KiB may be accessible: a base that is not 32 KiB or more inside is a fault whatever the offset.
import type { Bytes } from '../bpf/instructions.ts';
import { alu64 } from './arithmetic.ts';
import { reach } from './bases.ts';
import { type FunctionCode, local } from './function-code.ts';
import { isInFrame, type Of } from './program.ts';
import { op, valueType } from './wasm.ts';

const loads = { 1: op.i64Load8U, 2: op.i64Load16U, 4: op.i64Load32U, 8: op.i64Load } as const;
const signedLoads = { 1: op.i64Load8S, 2: op.i64Load16S, 4: op.i64Load32S, 8: op.i64Load } as const;
const stores = { 1: op.i64Store8, 2: op.i64Store16, 4: op.i64Store32, 8: op.i64Store } as const;

/** Bits of a count up to 8 of which one is set if that many bytes are there. */
const enough = { 1: 0b1111, 2: 0b1110, 4: 0b1100, 8: 0b1000 } as const;

type Access = Of<'load' | 'load_acquire' | 'store' | 'store_release' | 'atomic' | 'xchg' | 'cmpxchg'>;

export interface Checks {
  readonly mode: 'checked' | 'fast';
  /** Address of the shadow of address 0. */
  readonly shadow: number;
  /** Addresses below this have a shadow. */
  readonly limit: number;
  /** By function: slots of loads that read 0 where nothing may be read (see walked.ts). */
  readonly walked?: readonly ReadonlySet<number>[] | undefined;
}

export function emitAccess(to: FunctionCode, checks: Checks, code: Access): void {
  switch (code.kind) {
    case 'load':
    case 'load_acquire': {
      if (code.kind === 'load' && checks.walked?.[to.fn]?.has(code.at) === true) {
        emitWalk(to, checks, code);
        return;
      }
      const offset = emitAddress(to, checks, code, code.src, 'read');
      const isSigned = code.kind === 'load' && code.signed;
      to.out.access((isSigned ? signedLoads : loads)[code.bytes], offset);
      to.setRegister(code.dst);
      return;
    }
    case 'store':
    case 'store_release':
      emitStore(to, checks, code, () => {
        if (code.kind === 'store' && !code.fromSrc) to.i64(code.imm);
        else to.register(code.src);
      });
      return;
    default:
      emitAtomic(to, checks, code);
  }
}

/** A load that does not fault. Unchecked, what is near memory counts as readable: null is not. */
function emitWalk(to: FunctionCode, checks: Checks, code: Of<'load'>): void {
  const { src, dst, offset, bytes, signed } = code;
  const otherwiseZero = (): void => {
    to.out.byte(op.else);
    to.i64(0);
    to.end();
  };
  to.register(src);
  to.i64(-reach).byte(op.i64Add);
  to.i64(checks.limit - 2 * reach).byte(op.i64LtU);
  to.begin(op.if, valueType.i64);
  if (checks.mode === 'checked') {
    const more = emitLowAddress(to, src, offset);
    to.out.access(op.i32Load8U, checks.shadow + more);
    to.i32(enough[bytes]).byte(op.i32And);
    to.begin(op.if, valueType.i64);
  }
  const more = emitLowAddress(to, src, offset);
  to.out.access((signed ? signedLoads : loads)[bytes], more);
  if (checks.mode === 'checked') otherwiseZero();
  otherwiseZero();
  to.setRegister(dst);
}

/** Leaves an i32 and answers with what is to be added to it: the address, checked if that is the mode. What lies in the frame is known to be right. */
function emitAddress(
  to: FunctionCode,
  checks: Checks,
  code: Access,
  base: number,
  way: 'read' | 'write',
): number {
  if (base === 10 && isInFrame(code)) {
    to.i32(to.top + code.offset);
    return 0;
  }
  if (checks.mode === 'checked') emitCheck(to, checks, code, base, way);
  return emitLowAddress(to, base, code.offset);
}

/** WebAssembly adds without a sign, to 33 bits; so the lowest offset from a base is added first, once for all accesses from it. */
function emitLowAddress(to: FunctionCode, base: number, offset: number): number {
  const lowest = to.bases.lowestOffset(base);
  to.low(base);
  if (lowest < 0) to.i32(lowest).byte(op.i32Add);
  return offset - lowest;
}

/** Faults unless the bytes at base + offset may be accessed. */
function emitCheck(
  to: FunctionCode,
  checks: Checks,
  code: Access,
  base: number,
  way: 'read' | 'write',
): void {
  const { at, offset, bytes } = code;
  to.mayFault(way, at, base, offset);
  emitNearness(to, checks.limit, base, offset);
  const more = emitLowAddress(to, base, offset);
  to.out.access(op.i32Load8U, checks.shadow + more);
  emitShadowTest(to, way, bytes);
  to.faultIf();
}

/** Makes of the shadow of a byte whether so many bytes from there on may not be accessed. */
export function emitShadowTest(to: FunctionCode, way: 'read' | 'write', bytes: Bytes): void {
  if (way === 'write') to.i32(16 + bytes).byte(op.i32LtU);
  else to.i32(enough[bytes]).byte(op.i32And).byte(op.i32Eqz);
}

/** Faults if no offset leads from the base to accessible memory. Otherwise base + offset has a shadow, and its low 32 bits are all there is. */
function emitNearness(to: FunctionCode, limit: number, base: number, offset: number): void {
  if (to.bases.isNear(base, offset)) return;
  to.register(base);
  to.i64(-reach).byte(op.i64Add);
  to.i64(limit - 2 * reach).byte(op.i64GeU);
  to.faultIf();
  to.bases.setNear(base);
}

function emitStore(to: FunctionCode, checks: Checks, code: Access, value: () => void): void {
  const offset = emitAddress(to, checks, code, code.dst, 'write');
  value();
  to.out.access(stores[code.bytes], offset);
}

/** One thread executes: a load and a store are atomic, and one check is enough for both. */
function emitAtomic(to: FunctionCode, checks: Checks, code: Of<'atomic' | 'xchg' | 'cmpxchg'>): void {
  const { bytes } = code;
  const unchecked = { ...checks, mode: 'fast' } as const;
  const offset = emitAddress(to, checks, code, code.dst, 'write');
  to.out.access(loads[bytes], offset);
  to.set(local.old);
  if (code.kind === 'atomic') {
    const { op: name } = code;
    emitStore(to, unchecked, code, () => {
      to.get(local.old);
      to.register(code.src).byte(alu64[name]);
    });
  } else if (code.kind === 'xchg') emitStore(to, unchecked, code, () => to.register(code.src));
  else {
    to.get(local.old);
    if (bytes === 4) to.low(0).byte(op.i64ExtendI32U);
    else to.register(0);
    to.out.byte(op.i64Eq);
    to.begin(op.if);
    emitStore(to, unchecked, code, () => to.register(code.src));
    to.end();
  }
  if (code.kind === 'atomic' && !code.fetch) return;
  to.get(local.old);
  to.setRegister(code.kind === 'cmpxchg' ? 0 : code.src);
}
