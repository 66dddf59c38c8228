// What is known of the registers that accesses start from, while a function is written: which have been found near memory on every way to here, and the
// lowest offset from each.
import type { Instruction } from '../bpf/instructions.ts';
import type { Block } from './choice.ts';
import { dominates, type Flow } from './flow.ts';
import { isInFrame } from './program.ts';
import { addedAt, enter, mostAdded, step, type Values, valuesAtEntries } from './values.ts';

/** How far offsets lead. */
export const reach = 0x8000;

/** Checks of one value that are remembered at once. */
const mostRemembered = 8;

export class Bases {
  readonly #flow: Flow;
  readonly #lowest: ReadonlyMap<number, number>;
  /** By value: where it was found near memory, and with what added; each place dominates those after it. */
  readonly #near = new Map<number, { readonly block: number; readonly added: number }[]>();
  #block = 0;
  readonly #values: Values;

  constructor(flow: Flow) {
    this.#flow = flow;
    this.#values = valuesAtEntries(flow);
    this.#lowest = lowestOffsets(flow.blocks, this.#values);
  }

  /** The writer begins a block. */
  enter(block: number): void {
    this.#block = block;
    enter(this.#values, block);
  }

  /** It has written an instruction. */
  pass(code: Instruction): void {
    step(this.#values, code);
  }

  /** Lowest of all offsets from what the register holds; 0 if none is below. */
  lowestOffset(register: number): number {
    return this.#lowest.get(keyOf(this.#values, register)) ?? 0;
  }

  /** Whether register + offset is known to lie no further than `reach` from what `setNear` was told of. */
  isNear(register: number, offset: number): boolean {
    const added = this.#values[addedAt + register]! + offset;
    const near = this.#nearOf(register);
    for (let i = near.length - 1; i >= 0; i--) {
      const more = added - near[i]!.added;
      if (more >= -reach && more < reach) return true;
    }
    return false;
  }

  /** From here on, what the register holds is known to be near memory. */
  setNear(register: number): void {
    const near = this.#nearOf(register);
    if (near.length === mostRemembered) near.shift();
    near.push({ block: this.#block, added: this.#values[addedAt + register]! });
    this.#near.set(this.#values[register]!, near);
  }

  /** What still holds here. Writers finish what a block dominates before they go on elsewhere, so the rest may be forgotten. */
  #nearOf(register: number): { readonly block: number; readonly added: number }[] {
    const near = this.#near.get(this.#values[register]!) ?? [];
    while (near.length > 0 && !dominates(this.#flow, near[near.length - 1]!.block, this.#block)) near.pop();
    return near;
  }
}

/** By key: of all accesses from it that need an address, the lowest offset, where that is below 0. */
function lowestOffsets(blocks: readonly Block[], values: Values): Map<number, number> {
  const lowest = new Map<number, number>();
  for (let block = 0; block < blocks.length; block++) {
    const { instructions } = blocks[block]!;
    /** Position of the first instruction that `values` do not know yet. */
    let next = -1;
    for (let i = 0; i < instructions.length; i++) {
      const code = instructions[i]!;
      const base = code.offset < 0 ? lowBaseOf(code) : undefined;
      if (base === undefined) continue;
      if (next < 0) enter(values, block);
      for (next = Math.max(next, 0); next < i; next++) step(values, instructions[next]!);
      const key = keyOf(values, base);
      lowest.set(key, Math.min(lowest.get(key) ?? 0, code.offset));
    }
  }
  return lowest;
}

/** Of what a register holds. */
function keyOf(values: Values, register: number): number {
  return values[register]! * 2 * mostAdded + values[addedAt + register]!;
}

/** The register from which an access with a negative offset starts, but for those in the frame: where the frame is, is known. */
function lowBaseOf(code: Instruction): number | undefined {
  switch (code.kind) {
    case 'load':
    case 'load_acquire':
      return code.src === 10 && isInFrame(code) ? undefined : code.src;
    case 'store':
    case 'store_release':
    case 'atomic':
    case 'xchg':
    case 'cmpxchg':
      return code.dst === 10 && isInFrame(code) ? undefined : code.dst;
    default:
      return undefined;
  }
}
