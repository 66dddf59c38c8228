// The typed arrays of a simulation, which the next one of the same engine uses again: simulations are short, and to allocate some hundred kilobytes for each, and to
// collect them, takes longer than to clear them.

type Column = Uint8Array | Int8Array | Int16Array | Int32Array | Float64Array;

/** Longer ones are not kept. */
const mostKeptBytes = 1 << 20;

/** Simulations mostly ask for the same columns in the same order; those that are as wanted are given out again, others are replaced. */
export class Columns {
  readonly #kept: (Column | undefined)[] = [];
  #next = 0;

  /** The simulation before has ended: nobody uses what it had. */
  restart(): void {
    this.#kept.length = this.#next; // what the last one did not ask for
    this.#next = 0;
  }

  bytes(count: number, value = 0): Uint8Array {
    return this.#take(Uint8Array, count, value);
  }

  signedBytes(count: number): Int8Array {
    return this.#take(Int8Array, count, 0);
  }

  shorts(count: number): Int16Array {
    return this.#take(Int16Array, count, 0);
  }

  ints(count: number, value = 0): Int32Array {
    return this.#take(Int32Array, count, value);
  }

  /** Times, or other numbers. */
  times(count: number, value = 0): Float64Array {
    return this.#take(Float64Array, count, value);
  }

  #take<T extends Column>(Kind: new (count: number) => T, count: number, value: number): T {
    const at = this.#next++;
    const kept = this.#kept[at];
    if (kept instanceof Kind && kept.length === count) {
      kept.fill(value);
      return kept;
    }
    const column = new Kind(count);
    if (value !== 0) column.fill(value);
    this.#kept[at] = column.byteLength > mostKeptBytes ? undefined : column;
    return column;
  }
}
