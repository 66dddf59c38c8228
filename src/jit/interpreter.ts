// The oracle: BPF executed one instruction at a time on BigInt registers, slowly and obviously. What the translation to WebAssembly does must
// equal what happens here. Source: RFC 9669 sections 3 to 5; may_goto and the number of frames from kernel/bpf/verifier.c, v6.18.
import type { AluOp, Condition, Instruction } from '../bpf/instructions.ts';

/** Memory as the program sees it. Both throw what the caller wants thrown where an access is not allowed. */
export interface Memory {
  /** Unsigned value of `bytes` bytes, little-endian. */
  load(address: bigint, bytes: number): bigint;
  store(address: bigint, bytes: number, value: bigint): void;
}

export interface World {
  readonly memory: Memory;
  /** Address of the stack frames: function n owns the 512 bytes from stack + n × frameStride. BPF has no recursion. */
  readonly stack: bigint;
  /** Code of a function of the program, by the number in its call. */
  readonly functions: readonly (readonly Instruction[])[];
  /** A helper or kfunc; its value goes to r0. */
  call(what: 'helper' | 'kfunc', id: number, args: readonly bigint[]): bigint;
  /** Executed instructions at most. */
  readonly budget: number;
}

export type StopReason =
  | 'budget'
  | 'stack overflow'
  | 'unknown instruction'
  | 'outside the function'
  | 'unsupported instruction'
  | 'write to r10';

/** The program did what no verified program does. `at`: slot in function number `fn`. */
export class Stop extends Error {
  readonly reason: StopReason;
  readonly fn: number;
  readonly at: number;
  constructor(reason: StopReason, fn: number, at: number) {
    super(`${reason} in function ${fn} at ${at}`);
    this.reason = reason;
    this.fn = fn;
    this.at = at;
  }
}

export const frameBytes = 512;
/** Frames stand apart, so that an overrun does not end in another one. */
export const frameStride = 1024;
export const maxFrames = 8;
/** Times that the may_gotos of one frame together fall through (BPF_MAX_LOOPS). */
export const maxLoops = 8 * 1024 * 1024;

const u64 = (value: bigint): bigint => BigInt.asUintN(64, value);
const i64 = (value: bigint): bigint => BigInt.asIntN(64, value);
const u32 = (value: bigint): bigint => BigInt.asUintN(32, value);

/** Runs function number `fn`. Gives r0 and the number of instructions that were executed. @throws Stop, and what the world throws. */
export function interpret(
  world: World,
  fn: number,
  args: readonly bigint[],
): { r0: bigint; executed: number } {
  const run = { world, executed: 0 };
  const r0 = frame(run, fn, 0, args);
  return { r0, executed: run.executed };
}

interface Run {
  readonly world: World;
  executed: number;
}

function frame(run: Run, fn: number, depth: number, args: readonly bigint[]): bigint {
  const { world } = run;
  const code = world.functions[fn];
  if (code === undefined) throw new Stop('outside the function', fn, 0);
  if (depth >= maxFrames) throw new Stop('stack overflow', fn, 0);
  const bySlot = new Map(code.map((instruction) => [instruction.at, instruction]));
  const r = new BigUint64Array(11);
  args.forEach((value, i) => {
    r[i + 1] = value;
  });
  const top = world.stack + BigInt(fn * frameStride + frameBytes);
  r[10] = top;
  let loops = maxLoops;
  let at = 0;
  for (;;) {
    const code = bySlot.get(at);
    if (code === undefined) throw new Stop('outside the function', fn, at);
    if (run.executed >= world.budget) throw new Stop('budget', fn, at);
    run.executed++;
    at += code.slots;
    const dst = r[code.dst]!;
    const src = r[code.src]!;
    if (writesTo(code) === 10) throw new Stop('write to r10', fn, code.at);
    const operand = 'fromSrc' in code && code.fromSrc ? src : u64(BigInt(code.imm));
    switch (code.kind) {
      case 'alu':
        r[code.dst] = code.width === 64 ? alu64(code.op, dst, operand) : alu32(code.op, dst, operand);
        break;
      case 'neg':
        r[code.dst] = code.width === 64 ? u64(-dst) : u32(-dst);
        break;
      case 'mov':
        r[code.dst] = code.width === 64 ? operand : u32(operand);
        break;
      case 'movsx':
        r[code.dst] = BigInt.asUintN(code.width, BigInt.asIntN(code.bits, src));
        break;
      case 'swap':
        r[code.dst] = code.to === 'le' ? BigInt.asUintN(code.bits, dst) : reversed(dst, code.bits);
        break;
      case 'imm64':
        r[code.dst] = code.value;
        break;
      case 'load': {
        const value = world.memory.load(u64(src + BigInt(code.offset)), code.bytes);
        r[code.dst] = code.signed ? u64(BigInt.asIntN(code.bytes * 8, value)) : value;
        break;
      }
      case 'load_acquire':
        r[code.dst] = world.memory.load(u64(src + BigInt(code.offset)), code.bytes);
        break;
      case 'store':
      case 'store_release': {
        const value = code.kind === 'store' ? operand : src;
        world.memory.store(u64(dst + BigInt(code.offset)), code.bytes, BigInt.asUintN(code.bytes * 8, value));
        break;
      }
      case 'atomic':
      case 'xchg':
      case 'cmpxchg':
        atomic(world.memory, code, r);
        break;
      case 'branch':
        if (holds(code.condition, code.width, dst, operand)) at = code.target;
        break;
      case 'goto':
        at = code.target;
        break;
      case 'may_goto':
        if (loops === 0) at = code.target;
        else loops--;
        break;
      case 'call':
        r[0] =
          code.what === 'function'
            ? frame(run, code.target, depth + 1, [...r.subarray(1, 6)])
            : u64(world.call(code.what, code.id, [...r.subarray(1, 6)]));
        break;
      case 'exit':
        return r[0]!;
      case 'cast':
      case 'packet':
      case 'callx':
        throw new Stop('unsupported instruction', fn, code.at);
      case 'unknown':
        throw new Stop('unknown instruction', fn, code.at);
    }
  }
}

/** The register that takes what the instruction computes, besides r0 of calls and cmpxchg. */
function writesTo(code: Instruction): number | undefined {
  switch (code.kind) {
    case 'alu':
    case 'neg':
    case 'mov':
    case 'movsx':
    case 'swap':
    case 'imm64':
    case 'load':
    case 'load_acquire':
      return code.dst;
    case 'xchg':
      return code.src;
    case 'atomic':
      return code.fetch ? code.src : undefined;
    default:
      return undefined;
  }
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

function reversed(value: bigint, bits: number): bigint {
  let answer = 0n;
  for (let bit = 0; bit < bits; bit += 8) answer = (answer << 8n) | ((value >> BigInt(bit)) & 0xffn);
  return answer;
}

function holds(condition: Condition, width: 32 | 64, dst: bigint, operand: bigint): boolean {
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

type Atomic = Extract<Instruction, { kind: 'atomic' | 'xchg' | 'cmpxchg' }>;

/** 32-bit values that are fetched are zero-extended (RFC 9669 section 5.3). */
function atomic(memory: Memory, code: Atomic, r: BigUint64Array): void {
  const address = u64(r[code.dst]! + BigInt(code.offset));
  const bits = code.bytes * 8;
  const src = BigInt.asUintN(bits, r[code.src]!);
  const old = memory.load(address, code.bytes);
  if (code.kind === 'atomic') {
    memory.store(address, code.bytes, BigInt.asUintN(bits, alu64(code.op, old, src)));
    if (code.fetch) r[code.src] = old;
  } else if (code.kind === 'xchg') {
    memory.store(address, code.bytes, src);
    r[code.src] = old;
  } else {
    if (old === BigInt.asUintN(bits, r[0]!)) memory.store(address, code.bytes, src);
    r[0] = old;
  }
}
