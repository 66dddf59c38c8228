// A program with its answer, and what the tables of such cases share. Every answer was worked out from the text of RFC 9669 (the section is named),
// none was taken from a run.
import type { Instruction } from '../../../src/bpf/instructions.ts';
import { assemble, exit } from '../assembler.ts';

export interface Case {
  readonly name: string;
  readonly functions: readonly (readonly Instruction[])[];
  readonly r0: bigint;
  /** Instructions executed, where the case is about them. */
  readonly executed?: number;
}

export const minus = (value: bigint): bigint => BigInt.asUintN(64, -value);
export const top = 1n << 63n;
export const all = (1n << 64n) - 1n;

export function program(name: string, r0: bigint, ...parts: readonly Uint8Array[]): Case {
  return { name, functions: [assemble(...parts, exit)], r0 };
}

export const word = 0x0123_4567_89ab_cdefn;
