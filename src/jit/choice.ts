// Small branches around moves become choices between values: WebAssembly's `select`, which the processor does not have to predict. That is where the best
// of several is kept, and where a minimum is taken. Sources: Allen, Kennedy, Porterfield and Warren, "Conversion of Control Dependence to Data
// Dependence" (POPL 1983); Ball and Larus, "Branch Prediction for Free" (PLDI 1993): tests for equality mostly fail, so they are left to the processor.
import type { Condition, Instruction } from '../bpf/instructions.ts';
import { type Of, writtenRegister } from './program.ts';

/** What follows a branch on either way, up to where both ways meet: moves between registers, and jumps. */
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
  readonly next: number[];
}

/** A choice costs what four or five instructions cost, for its count must be exact; a branch that is mispredicted costs about forty. */
const maxArm = 3;

const predictable: ReadonlySet<Condition> = new Set(['eq', 'ne', 'set']);

/** Replaces what it can in `blocks`, whose successors are positions; the arms remain, where nothing leads to them. */
export function makeChoices(blocks: Block[]): void {
  /** By block: ways that lead to it. */
  const before = new Int32Array(blocks.length);
  for (let block = 0; block < blocks.length; block++) {
    const { next } = blocks[block]!;
    for (let way = 0; way < next.length; way++) before[next[way]!]!++;
  }
  /** Where the arm leads; undefined for what is no arm. */
  const armEnd = (block: number): number | undefined => {
    const { instructions, choice, next } = blocks[block]!;
    const fits = before[block] === 1 && next.length === 1 && instructions.length <= maxArm;
    return fits && choice === undefined && instructions.every(isMove) ? next[0] : undefined;
  };
  const code = (arm: number): readonly Instruction[] => blocks[arm]!.instructions;
  for (let block = 0; block < blocks.length; block++) {
    const { instructions, next } = blocks[block]!;
    const branch = instructions[instructions.length - 1]!;
    if (branch.kind !== 'branch' || predictable.has(branch.condition)) continue;
    const taken = next[0]!;
    const otherwise = next[1]!;
    const takenEnd = armEnd(taken);
    const otherwiseEnd = armEnd(otherwise);
    const choose = (choice: Choice, end: number): void => {
      blocks[block] = { instructions, choice, next: [end] };
    };
    if (takenEnd !== undefined && takenEnd === otherwiseEnd)
      choose({ branch, taken: code(taken), otherwise: code(otherwise) }, takenEnd);
    else if (takenEnd === otherwise) choose({ branch, taken: code(taken), otherwise: [] }, otherwise);
    else if (otherwiseEnd === taken) choose({ branch, taken: [], otherwise: code(otherwise) }, taken);
  }
  joinChoices(blocks, before);
}

/** Two choices by one condition, one right after the other, become one: clang writes two where it means two values. */
function joinChoices(blocks: Block[], before: Int32Array): void {
  for (let block = blocks.length - 1; block >= 0; block--) {
    const { instructions, choice, next } = blocks[block]!;
    if (choice === undefined || before[next[0]!] !== 2) continue;
    const after = blocks[next[0]!]!;
    const [first] = after.instructions;
    if (after.choice === undefined || first !== after.choice.branch) continue;
    if (!isSame(choice.branch, first) || changesOperands(choice)) continue;
    const taken = [...choice.taken, first, ...after.choice.taken];
    const otherwise = [...choice.otherwise, first, ...after.choice.otherwise];
    blocks[block] = {
      instructions,
      choice: { branch: choice.branch, taken, otherwise },
      next: after.next,
    };
  }
}

function isSame(a: Of<'branch'>, b: Of<'branch'>): boolean {
  if (a.condition !== b.condition || a.width !== b.width || a.dst !== b.dst) return false;
  return a.fromSrc ? b.fromSrc && a.src === b.src : !b.fromSrc && a.imm === b.imm;
}

function changesOperands({ branch, taken, otherwise }: Choice): boolean {
  return [...taken, ...otherwise].some((code) => {
    const written = writtenRegister(code);
    return written !== undefined && (written === branch.dst || (branch.fromSrc && written === branch.src));
  });
}

function isMove(code: Instruction): boolean {
  return code.kind === 'goto' || (code.kind === 'mov' && code.fromSrc && code.dst !== 10);
}
