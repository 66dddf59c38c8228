// What the interpreter and the translation both hold to: limits of a program, what is wrong with a bad one, what an instruction writes.
// Source: kernel/bpf/verifier.c and include/linux/bpf.h (MAX_BPF_STACK, MAX_CALL_FRAMES, BPF_MAX_LOOPS), v6.18.
import type { Instruction } from '../bpf/instructions.ts';

/** Linked code by number of function: calls of functions name these numbers. */
export type Functions = readonly (readonly Instruction[])[];
export type Of<Kind extends Instruction['kind']> = Extract<Instruction, { kind: Kind }>;

export const frameBytes = 512;
/** Frames stand apart, so that an overrun does not end in another one. */
export const frameStride = 1024;
export const maxFrames = 8;
/** Times that the may_gotos of one frame together fall through. */
export const maxLoops = 8 * 1024 * 1024;

export type Problem =
  | 'budget'
  | 'stack overflow'
  | 'recursion'
  | 'call of no function'
  | 'leads outside the function'
  | 'unknown instruction'
  | 'unsupported instruction'
  | 'write to r10';

/** The program is or does what no verifier lets pass. `at`: slot in function number `fn`. */
export class BadProgram extends Error {
  readonly problem: Problem;
  readonly fn: number;
  readonly at: number;
  constructor(problem: Problem, fn: number, at: number) {
    super(`${problem} in function ${fn} at ${at}`);
    this.problem = problem;
    this.fn = fn;
    this.at = at;
  }
}

/** Whether an access relative to r10 stays in the frame. */
export function isInFrame({ offset, bytes }: { readonly offset: number; readonly bytes: number }): boolean {
  return offset >= -frameBytes && offset + bytes <= 0;
}

/** The register that takes what the instruction computes; undefined where there is none, and for calls and cmpxchg, which set r0. */
export function writtenRegister(code: Instruction): number | undefined {
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
