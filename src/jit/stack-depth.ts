// How much stack a program's chains of calls take together, as the verifier counts before it lets a program in: each frame as deep as its functions reach below r10,
// in steps of 16 bytes (those of machines that translate BPF, as x86-64). Source: check_max_stack_depth(), round_up_stack_depth(), grow_stack_state(), kernel/bpf/verifier.c, v6.18.
import type { Instruction } from '../bpf/instructions.ts';
import { type Functions, frameBytes, maxFrames } from './program.ts';

/** What the code alone does not tell. */
export interface CallNames {
  /** The function that this 64-bit value points to; undefined: none. */
  functionAt(value: bigint): number | undefined;
  /** The call leaves r2, a function, to be called later: by a timer, from a work queue. */
  isAsync(call: Extract<Instruction, { kind: 'call' }>): boolean;
}

export interface TooDeep {
  readonly problem: 'bytes' | 'frames';
  /** From the program on; `bytes` of each frame, rounded. */
  readonly chain: readonly { readonly fn: number; readonly bytes: number }[];
  /** The call, in the last but one of the chain, that is one too many. */
  readonly at: number;
}

interface Edge {
  readonly to: number;
  readonly at: number;
}

const step = 16;

/** The chain that the verifier refuses, from one of `roots` or from a callback that runs on its own; undefined: there is none. */
export function tooDeep(
  functions: Functions,
  roots: readonly number[],
  names: CallNames,
): TooDeep | undefined {
  const used = functions.map(frameUse);
  const { edges, asynchronous } = readEdges(functions, names);
  return new Walk(used, edges).first([...roots, ...asynchronous]);
}

/** Bytes of the frame: down to the lowest address that the function reaches or forms. */
export function frameUse(code: readonly Instruction[]): number {
  let lowest = 0;
  let copy = -1;
  for (let i = 0; i < code.length; i++) {
    const one = code[i]!;
    if (one.dst !== 10 && one.src !== 10 && copy < 0) continue; // nearly all
    const base = one.kind === 'load' || one.kind === 'load_acquire' ? one.src : accessBase(one);
    if (base === 10) lowest = Math.min(lowest, one.offset);
    // an address in the frame is formed by two instructions, one after the other
    if (one.kind === 'alu' && one.op === 'add' && one.width === 64 && !one.fromSrc && one.dst === copy)
      lowest = Math.min(lowest, one.imm);
    copy = one.kind === 'mov' && one.fromSrc && one.width === 64 && one.src === 10 ? one.dst : -1;
  }
  return Math.ceil(Math.abs(lowest) / step) * step;
}

/** The register from which a store or an atomic operation counts its address; −1: it is neither. */
function accessBase(code: Instruction): number {
  switch (code.kind) {
    case 'store':
    case 'store_release':
    case 'atomic':
    case 'xchg':
    case 'cmpxchg':
      return code.dst;
    default:
      return -1;
  }
}

/** Calls, and functions whose address is taken: whoever gets it calls it from there, unless it is left for later. */
function readEdges(functions: Functions, names: CallNames): { edges: Edge[][]; asynchronous: Set<number> } {
  const asynchronous = new Set<number>();
  const taken: Edge[][] = [];
  const called: Edge[][] = [];
  for (const code of functions) {
    const [pointers, calls]: [Edge[], Edge[]] = [[], []];
    let second: number | undefined;
    for (let i = 0; i < code.length; i++) {
      const one = code[i]!;
      if (one.kind !== 'imm64' && one.kind !== 'call') continue;
      const fn = one.kind === 'imm64' ? names.functionAt(one.value) : undefined;
      if (fn !== undefined) pointers.push({ to: fn, at: one.at });
      if (one.kind === 'imm64' && one.dst === 2) second = fn;
      if (one.kind !== 'call') continue;
      if (one.what === 'function') calls.push({ to: one.target, at: one.at });
      else if (second !== undefined && names.isAsync(one)) asynchronous.add(second);
      second = undefined;
    }
    taken.push(pointers);
    called.push(calls);
  }
  const edges = called.map((calls, fn) => [
    ...calls,
    ...taken[fn]!.filter(({ to }) => !asynchronous.has(to)),
  ]);
  return { edges, asynchronous };
}

class Walk {
  readonly #used: readonly number[];
  readonly #edges: readonly (readonly Edge[])[];
  /** Bytes and frames of the deepest chains that begin with each function; 0: not yet known, −1: it is being looked at. */
  readonly #bytes: Int32Array;
  readonly #frames: Int32Array;

  constructor(used: readonly number[], edges: readonly (readonly Edge[])[]) {
    this.#used = used;
    this.#edges = edges;
    this.#bytes = new Int32Array(used.length);
    this.#frames = new Int32Array(used.length);
  }

  first(roots: readonly number[]): TooDeep | undefined {
    for (const root of roots) {
      this.#measure(root);
      if (this.#bytes[root]! > frameBytes) return this.#follow(root, 'bytes');
      if (this.#frames[root]! > maxFrames) return this.#follow(root, 'frames');
    }
    return undefined;
  }

  #measure(fn: number): void {
    if (this.#frames[fn] !== 0) return;
    this.#frames[fn] = -1;
    let [bytes, frames] = [0, 0];
    for (const { to } of this.#edges[fn] ?? []) {
      this.#measure(to);
      // a callback that calls for itself again: no number of frames is enough
      frames = Math.max(frames, this.#frames[to]! < 0 ? maxFrames : this.#frames[to]!);
      bytes = Math.max(bytes, this.#bytes[to]!);
    }
    this.#bytes[fn] = this.#used[fn]! + bytes;
    this.#frames[fn] = frames + 1;
  }

  /** Down the deepest chain, until it is too deep. */
  #follow(root: number, problem: TooDeep['problem']): TooDeep {
    const depths = problem === 'bytes' ? this.#bytes : this.#frames;
    const most = problem === 'bytes' ? frameBytes : maxFrames;
    const chain = [{ fn: root, bytes: this.#used[root]! }];
    let total = problem === 'bytes' ? this.#used[root]! : 1;
    for (let fn = root; ; ) {
      let next: Edge | undefined;
      for (const edge of this.#edges[fn] ?? [])
        if (next === undefined || depths[edge.to]! > depths[next.to]!) next = edge;
      if (next === undefined) return { problem, chain, at: 0 };
      fn = next.to;
      chain.push({ fn, bytes: this.#used[fn]! });
      total += problem === 'bytes' ? this.#used[fn]! : 1;
      if (total > most) return { problem, chain, at: next.at };
    }
  }
}
