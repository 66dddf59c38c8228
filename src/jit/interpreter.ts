// The oracle: BPF executed one instruction at a time on BigInt registers, slowly and obviously. What the translation to WebAssembly does must
// equal what happens here. Source: RFC 9669 sections 3 to 5; may_goto from kernel/bpf/verifier.c, v6.18.
import { alu, holds } from '../bpf/arithmetic.ts';
import type { Instruction } from '../bpf/instructions.ts';
import {
  BadProgram,
  type Functions,
  frameBytes,
  frameStride,
  maxFrames,
  maxLoops,
  type Of,
  writtenRegister,
} from './program.ts';

/** Memory as the program sees it. Both throw what the caller wants thrown where an access is not allowed; `by` is who asks. */
export interface Memory {
  /** Unsigned value of `bytes` bytes, little-endian. */
  load(address: bigint, bytes: number, by?: Asker): bigint;
  /** Whether that would be allowed; absent: always. */
  allows?(address: bigint, bytes: number): boolean;
  store(address: bigint, bytes: number, value: bigint, by?: Asker): void;
}

/** An instruction of function number `fn`. */
export interface Asker {
  readonly fn: number;
  readonly code: Instruction;
}

export interface World {
  readonly memory: Memory;
  /** Address of the stack frames: function n owns the 512 bytes from stack + n × frameStride. BPF has no recursion. */
  readonly stack: bigint;
  readonly functions: Functions;
  /** A helper or kfunc; its value goes to r0. */
  call(what: 'helper' | 'kfunc', id: number, args: readonly bigint[]): bigint;
  /** Executed instructions at most. */
  readonly budget: number;
  /** By function: slots of loads that read 0 where nothing may be read. */
  readonly walked?: readonly ReadonlySet<number>[] | undefined;
}

const u64 = (value: bigint): bigint => BigInt.asUintN(64, value);
const u32 = (value: bigint): bigint => BigInt.asUintN(32, value);

/** Runs function number `fn`. Gives r0 and the number of instructions that were executed. @throws BadProgram, and what the world throws. */
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
  const bySlot = new Map(world.functions[fn]!.map((instruction) => [instruction.at, instruction]));
  const r = new BigUint64Array(11);
  args.forEach((value, i) => {
    r[i + 1] = value;
  });
  const top = world.stack + BigInt(fn * frameStride + frameBytes);
  r[10] = top;
  let loops = maxLoops;
  let last = 0;
  let at = 0;
  for (;;) {
    const code = bySlot.get(at);
    if (code === undefined) throw new BadProgram('leads outside the function', fn, last);
    if (run.executed >= world.budget) throw new BadProgram('budget', fn, at);
    run.executed++;
    last = at;
    at += code.slots;
    const dst = r[code.dst]!;
    const src = r[code.src]!;
    if (writtenRegister(code) === 10) throw new BadProgram('write to r10', fn, code.at);
    const operand = 'fromSrc' in code && code.fromSrc ? src : u64(BigInt(code.imm));
    switch (code.kind) {
      case 'alu':
        r[code.dst] = alu(code.op, code.width, dst, operand);
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
        const address = u64(src + BigInt(code.offset));
        const isZero =
          world.walked?.[fn]?.has(code.at) === true && world.memory.allows?.(address, code.bytes) === false;
        const value = isZero ? 0n : world.memory.load(address, code.bytes, { fn, code });
        r[code.dst] = code.signed ? u64(BigInt.asIntN(code.bytes * 8, value)) : value;
        break;
      }
      case 'load_acquire':
        r[code.dst] = world.memory.load(u64(src + BigInt(code.offset)), code.bytes, { fn, code });
        break;
      case 'store':
      case 'store_release': {
        const value = code.kind === 'store' ? operand : src;
        const stored = BigInt.asUintN(code.bytes * 8, value);
        world.memory.store(u64(dst + BigInt(code.offset)), code.bytes, stored, { fn, code });
        break;
      }
      case 'atomic':
      case 'xchg':
      case 'cmpxchg':
        atomic(world.memory, fn, code, r);
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
        if (code.what === 'function') refuse(run, code, fn, depth);
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
        throw new BadProgram('unsupported instruction', fn, code.at);
      case 'unknown':
        throw new BadProgram('unknown instruction', fn, code.at);
    }
  }
}

function refuse(
  { world }: Run,
  code: { readonly at: number; readonly target: number },
  fn: number,
  depth: number,
): void {
  if (world.functions[code.target] === undefined) throw new BadProgram('call of no function', fn, code.at);
  if (depth + 1 === maxFrames) throw new BadProgram('stack overflow', fn, code.at);
}

function reversed(value: bigint, bits: number): bigint {
  let answer = 0n;
  for (let bit = 0; bit < bits; bit += 8) answer = (answer << 8n) | ((value >> BigInt(bit)) & 0xffn);
  return answer;
}

/** 32-bit values that are fetched are zero-extended (RFC 9669 section 5.3). */
function atomic(
  memory: Memory,
  fn: number,
  code: Of<'atomic' | 'xchg' | 'cmpxchg'>,
  r: BigUint64Array,
): void {
  const address = u64(r[code.dst]! + BigInt(code.offset));
  const bits = code.bytes * 8;
  const src = BigInt.asUintN(bits, r[code.src]!);
  const old = memory.load(address, code.bytes, { fn, code });
  if (code.kind === 'atomic') {
    memory.store(address, code.bytes, BigInt.asUintN(bits, alu(code.op, 64, old, src)), { fn, code });
    if (code.fetch) r[code.src] = old;
  } else if (code.kind === 'xchg') {
    memory.store(address, code.bytes, src, { fn, code });
    r[code.src] = old;
  } else {
    if (old === BigInt.asUintN(bits, r[0]!)) memory.store(address, code.bytes, src, { fn, code });
    r[0] = old;
  }
}
