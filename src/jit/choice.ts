// Small branches whose arms only compute become choices between values: WebAssembly's `select`, which the processor does not have to predict. Sources:
// Allen, Kennedy, Porterfield and Warren, "Conversion of Control Dependence to Data Dependence" (POPL 1983); Ball and Larus, "Branch Prediction for
// Free" (PLDI 1993): tests for equality mostly fail, so they are left to the processor.
import type { Condition, Instruction } from '../bpf/instructions.ts';
import { isInFrame, type Of } from './program.ts';

/** What follows a branch on either way, up to where both ways meet. */
export interface Choice {
  readonly branch: Of<'branch'>;
  readonly taken: readonly Instruction[];
  readonly otherwise: readonly Instruction[];
}

export interface Block {
  /** With the branch, if one ends the block or chooses. */
  readonly instructions: readonly Instruction[];
  /** Made after the instructions; the block then has one successor. */
  readonly choice: Choice | undefined;
  /** Successors: for a branch [taken, not taken], for the end of the function none. */
  readonly next: readonly number[];
}

/** Longer arms are cheaper to skip than to compute, even where nobody can tell whether they will be skipped. */
const maxArm = 3;

/** A choice costs what two or three instructions cost, for its count must be exact; a branch that is mispredicted costs about forty. */
const predictable: ReadonlySet<Condition> = new Set(['eq', 'ne', 'set']);

/** Replaces what it can in `blocks`, which are listed by their first slot; the arms remain, where nothing leads to them. */
export function makeChoices(blocks: Map<number, Block>): void {
  const before = new Map<number, number>();
  for (const { next } of blocks.values()) for (const to of next) before.set(to, (before.get(to) ?? 0) + 1);
  /** Where the arm leads; undefined for what is no arm. */
  const armEnd = (slot: number): number | undefined => {
    const { instructions, choice, next } = blocks.get(slot)!;
    const fits = before.get(slot) === 1 && next.length === 1 && instructions.length <= maxArm;
    return fits && choice === undefined && instructions.every(isHarmless) ? next[0] : undefined;
  };
  for (const [slot, { instructions, next }] of blocks) {
    const branch = instructions.at(-1)!;
    const [taken, otherwise] = next;
    if (branch.kind !== 'branch' || predictable.has(branch.condition)) continue;
    if (taken === undefined || otherwise === undefined) continue;
    const [takenEnd, otherwiseEnd] = [armEnd(taken), armEnd(otherwise)];
    const code = (arm: number): readonly Instruction[] => blocks.get(arm)!.instructions;
    const choose = (choice: Choice, end: number): void => {
      blocks.set(slot, { instructions, choice, next: [end] });
    };
    if (takenEnd !== undefined && takenEnd === otherwiseEnd)
      choose({ branch, taken: code(taken), otherwise: code(otherwise) }, takenEnd);
    else if (takenEnd === otherwise) choose({ branch, taken: code(taken), otherwise: [] }, otherwise);
    else if (otherwiseEnd === taken) choose({ branch, taken: [], otherwise: code(otherwise) }, taken);
  }
}

/** May be computed although it would not be executed: changes nothing but its register, cannot fault, is cheap. */
function isHarmless(code: Instruction): boolean {
  if (code.dst === 10) return false;
  switch (code.kind) {
    case 'alu':
      return code.op !== 'div' && code.op !== 'mod' && code.op !== 'sdiv' && code.op !== 'smod';
    case 'load':
      return code.src === 10 && isInFrame(code);
    case 'neg':
    case 'mov':
    case 'movsx':
    case 'imm64':
    case 'goto':
      return true;
    default:
      return false;
  }
}
