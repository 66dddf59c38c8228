// What is known of the registers that accesses start from, while a function is written: which have been found near memory on every way to here, and the
// lowest offset from each.
import type { Instruction } from '../bpf/instructions.ts';
import type { Block } from './choice.ts';
import { dominates, type Flow } from './flow.ts';
import { isInFrame } from './program.ts';
import { addedAt, mostAdded, step, type Values, valuesAtEntries, valuesOf, valuesSize } from './values.ts';

/** How far offsets lead. */
export const reach = 0x8000;

/** Checks of one value that are remembered at once. */
const mostRemembered = 8;

export class Bases {
  readonly #flow: Flow;
  readonly #entries: Int32Array;
  readonly #lowest: ReadonlyMap<number, number>;
  /** By value: where it was found near memory, and with what added; each place dominates those after it. */
  readonly #near = new Map<number, { readonly block: number; readonly added: number }[]>();
  #block = 0;
  readonly #values: Values = new Int32Array(valuesSize);

  constructor(flow: Flow) {
    this.#flow = flow;
    this.#entries = valuesAtEntries(flow);
    this.#lowest = lowestOffsets(flow.blocks, this.#entries);
  }

  /** The writer begins a block. */
  enter(block: number): void {
    this.#block = block;
    this.#values.set(valuesOf(this.#entries, block));
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
    return this.#nearOf(register).some((one) => added - one.added >= -reach && added - one.added < reach);
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
    while (near.length > 0 && !dominates(this.#flow, near.at(-1)!.block, this.#block)) near.pop();
    return near;
  }
}

/** By key: of all accesses from it that need an address, the lowest offset, where that is below 0. */
function lowestOffsets(blocks: readonly Block[], entries: Int32Array): Map<number, number> {
  const lowest = new Map<number, number>();
  const values = new Int32Array(valuesSize);
  blocks.forEach(({ instructions }, block) => {
    if (!instructions.some((code) => lowBaseOf(code) !== undefined)) return;
    values.set(valuesOf(entries, block));
    for (const code of instructions) {
      const base = lowBaseOf(code);
      if (base !== undefined) {
        const key = keyOf(values, base);
        lowest.set(key, Math.min(lowest.get(key) ?? 0, code.offset));
      }
      step(values, code);
    }
  });
  return lowest;
}

/** Of what a register holds. */
function keyOf(values: Values, register: number): number {
  return values[register]! * 2 * mostAdded + values[addedAt + register]!;
}

/** The register from which an access goes down, but not in the frame: where the frame is, is known. */
function lowBaseOf(code: Instruction): number | undefined {
  if (code.offset >= 0) return undefined;
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
