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

/** What the registers hold: for each the number of a value, any, and `addedAt` further on what was added to it. */
export type Values = Int32Array;
export const addedAt = registers;
export const valuesSize = 2 * registers;

/** What holds where each block begins: `valuesSize` numbers a block. That a loop changes nothing is believed until a sweep shows what it changes. */
export function valuesAtEntries({ blocks, before }: Pick<Flow, 'blocks' | 'before'>): Int32Array {
  const sweeps = new Sweeps(blocks, before);
  for (let count = 1; ; count++) {
    sweeps.sweep();
    if (!sweeps.markLoops(count >= mostSweeps)) return sweeps.entries;
  }
}

class Sweeps {
  readonly entries: Int32Array;
  readonly #exits: Int32Array;
  /** By block and register: ways that meet there bring different values. */
  readonly #meets: Uint8Array;
  readonly #isSwept: Uint8Array;
  readonly #blocks: Flow['blocks'];
  readonly #before: Flow['before'];

  constructor(blocks: Flow['blocks'], before: Flow['before']) {
    this.#blocks = blocks;
    this.#before = before;
    this.entries = new Int32Array(blocks.length * valuesSize);
    this.#exits = new Int32Array(blocks.length * valuesSize);
    this.#meets = new Uint8Array(blocks.length * registers);
    this.#isSwept = new Uint8Array(blocks.length);
  }

  /** Through all blocks, as if there were no ways back. */
  sweep(): void {
    const values = new Int32Array(valuesSize);
    for (let block = 0; block < this.#blocks.length; block++) {
      const ways = this.#before[block]!;
      let first = -1;
      for (let i = 0; i < ways.length; i++) {
        const from = ways[i]!;
        if (from >= block) continue;
        if (first < 0) copyValues(values, 0, this.#exits, from);
        else this.#mark(values, 0, block, from, false);
        first = from;
      }
      if (first < 0 || ways.length > 1) this.#renewMeeting(values, block, first < 0);
      // what was believed in the sweep before comes to the same end
      if (!copyValues(this.entries, block, values, 0) && this.#isSwept[block] === 1) continue;
      this.#isSwept[block] = 1;
      const { instructions } = this.#blocks[block]!;
      for (let i = 0; i < instructions.length; i++) step(values, instructions[i]!);
      stepChoice(values, this.#blocks[block]!);
      copyValues(this.#exits, block, values, 0);
    }
  }

  /** Marks what ways back bring that is not what was believed; or all. Answers whether one was not marked before. */
  markLoops(all: boolean): boolean {
    let isNew = false;
    for (let block = 0; block < this.#blocks.length; block++) {
      const ways = this.#before[block]!;
      for (let i = 0; i < ways.length; i++)
        if (ways[i]! >= block && this.#mark(this.entries, block, block, ways[i]!, all)) isNew = true;
    }
    return isNew;
  }

  #renewMeeting(values: Values, block: number, all: boolean): void {
    for (let register = 0; register < registers; register++)
      if (all || this.#meets[block * registers + register] === 1) {
        values[register] = -1 - block * registers - register;
        values[addedAt + register] = 0;
      }
  }

  /** Marks what `block` gets otherwise from `from` than it stands in `entries` at `at`; or all. Answers whether one was not marked before. */
  #mark(entries: Int32Array, at: number, block: number, from: number, all: boolean): boolean {
    const exits = this.#exits;
    const meets = this.#meets;
    const entry = at * valuesSize;
    const exit = from * valuesSize;
    let isNew = false;
    for (let register = 0; register < registers; register++) {
      if (meets[block * registers + register] === 1) continue;
      const isSame =
        entries[entry + register] === exits[exit + register] &&
        entries[entry + addedAt + register] === exits[exit + addedAt + register];
      if (isSame && !all) continue;
      meets[block * registers + register] = 1;
      isNew = true;
    }
    return isNew;
  }
}

/** What holds at one block becomes what holds at another. Answers whether that is something else than before. */
export function copyValues(to: Int32Array, toBlock: number, from: Int32Array, fromBlock: number): boolean {
  const target = toBlock * valuesSize;
  const source = fromBlock * valuesSize;
  let isNew = false;
  for (let i = 0; i < valuesSize; i++) {
    if (to[target + i] === from[source + i]) continue;
    to[target + i] = from[source + i]!;
    isNew = true;
  }
  return isNew;
}

/** What an instruction does to them. */
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
