// What registers hold, as a value plus a constant: registers of one value need one check between them, and what a loop leaves alone stays one value all
// through it. Source: Alpern, Wegman and Zadeck, "Detecting Equality of Variables in Programs" (POPL 1988), for moves and added constants.
import type { Instruction } from '../bpf/instructions.ts';
import type { Block } from './choice.ts';
import type { Flow } from './flow.ts';
import { writtenRegister } from './program.ts';

const registers = 11;
/** Constants beyond this begin a new value. */
export const mostAdded = 1 << 19;
/** After so many, all that loops could change counts as changed: the sweeps must end soon. */
const mostSweeps = 6;

/**
 * What the registers hold, in several places of one array: for each register the number of a value, any, and `addedAt` further on what was added to it. The
 * first place is the hand: what is stepped through code. Then follow, for each block, what holds at its entry and at its exit.
 */
export type Values = Int32Array;
export const addedAt = registers;
const size = 2 * registers;
const entryOf = (block: number): number => (1 + 2 * block) * size;
const exitOf = (block: number): number => (2 + 2 * block) * size;

/** Where each block begins. That a loop changes nothing is believed until a sweep shows what it changes. */
export function valuesAtEntries({ blocks, before }: Pick<Flow, 'blocks' | 'before'>): Values {
  const sweeps = new Sweeps(blocks, before);
  for (let count = 1; ; count++) {
    sweeps.sweep();
    if (!sweeps.markLoops(count >= mostSweeps)) return sweeps.values;
  }
}

/** Takes into the hand what holds where a block begins. */
export function enter(values: Values, block: number): void {
  values.copyWithin(0, entryOf(block), entryOf(block) + size);
}

class Sweeps {
  readonly values: Values;
  /** By block and register: ways that meet there bring different values. */
  readonly #meets: Uint8Array;
  readonly #isSwept: Uint8Array;
  readonly #blocks: Flow['blocks'];
  readonly #before: Flow['before'];

  constructor(blocks: Flow['blocks'], before: Flow['before']) {
    this.#blocks = blocks;
    this.#before = before;
    this.values = new Int32Array(entryOf(blocks.length));
    this.#meets = new Uint8Array(blocks.length * registers);
    this.#isSwept = new Uint8Array(blocks.length);
  }

  /** Through all blocks, as if there were no ways back. */
  sweep(): void {
    const { values } = this;
    for (let block = 0; block < this.#blocks.length; block++) {
      const ways = this.#before[block]!;
      let first = -1;
      for (let i = 0; i < ways.length; i++) {
        const from = ways[i]!;
        if (from >= block) continue;
        if (first < 0) values.copyWithin(0, exitOf(from), exitOf(from) + size);
        else this.#mark(0, block, from, false);
        first = from;
      }
      if (first < 0 || ways.length > 1) this.#renewMeeting(block, first < 0);
      if (this.#isSwept[block] === 1 && this.#isAsBefore(block)) continue;
      this.#isSwept[block] = 1;
      values.copyWithin(entryOf(block), 0, size);
      const { instructions } = this.#blocks[block]!;
      for (let i = 0; i < instructions.length; i++) step(values, instructions[i]!);
      stepChoice(values, this.#blocks[block]!);
      values.copyWithin(exitOf(block), 0, size);
    }
  }

  /** Marks what ways back bring that is not what was believed; or all. Answers whether one was not marked before. */
  markLoops(all: boolean): boolean {
    let isNew = false;
    for (let block = 0; block < this.#blocks.length; block++) {
      const ways = this.#before[block]!;
      for (let i = 0; i < ways.length; i++)
        if (ways[i]! >= block && this.#mark(entryOf(block), block, ways[i]!, all)) isNew = true;
    }
    return isNew;
  }

  #renewMeeting(block: number, all: boolean): void {
    for (let register = 0; register < registers; register++)
      if (all || this.#meets[block * registers + register] === 1) {
        this.values[register] = -1 - block * registers - register;
        this.values[addedAt + register] = 0;
      }
  }

  /** What is in the hand held at the entry in the sweep before, and so comes to the same end. */
  #isAsBefore(block: number): boolean {
    const { values } = this;
    const entry = entryOf(block);
    for (let i = 0; i < size; i++) if (values[i] !== values[entry + i]) return false;
    return true;
  }

  /** Marks what `from` brings to `block` that is not what stands at `at`; or all. Answers whether one was not marked before. */
  #mark(at: number, block: number, from: number, all: boolean): boolean {
    const { values } = this;
    const meets = this.#meets;
    const exit = exitOf(from);
    let isNew = false;
    for (let register = 0; register < registers; register++) {
      if (meets[block * registers + register] === 1) continue;
      const isSame =
        values[at + register] === values[exit + register] &&
        values[at + addedAt + register] === values[exit + addedAt + register];
      if (isSame && !all) continue;
      meets[block * registers + register] = 1;
      isNew = true;
    }
    return isNew;
  }
}

/** What an instruction does to those in the hand. */
export function step(values: Values, code: Instruction): void {
  const register = code.kind === 'call' || code.kind === 'cmpxchg' ? 0 : writtenRegister(code);
  if (register === undefined) return;
  if (code.kind === 'mov' && code.fromSrc && code.width === 64) {
    values[register] = values[code.src]!;
    values[addedAt + register] = values[addedAt + code.src]!;
    return;
  }
  if (code.kind === 'alu' && code.op === 'add' && code.width === 64 && !code.fromSrc) {
    const sum = values[addedAt + register]! + code.imm;
    if (Math.abs(sum) < mostAdded) {
      values[addedAt + register] = sum;
      return;
    }
  }
  renew(values, register, code.at);
}

/** What comes out of a choice is new, whichever way it went. */
function stepChoice(values: Values, { choice }: Block): void {
  if (choice === undefined) return;
  for (const way of [choice.taken, choice.otherwise])
    for (const code of way) {
      const register = writtenRegister(code);
      if (register !== undefined) renew(values, register, choice.branch.at);
    }
}

function renew(values: Values, register: number, at: number): void {
  values[register] = at * registers + register;
  values[addedAt + register] = 0;
}
