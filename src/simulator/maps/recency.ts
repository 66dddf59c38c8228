// Slots in order of last use. The kernel keeps lists per CPU with reference bits and frees in batches (kernel/bpf/bpf_lru_list.c v6.18): which
// element an LRU map gives up is a guess there. Here it is exactly the one that was not used for longest; a full map differs in that.
import { doubled } from './slots.ts';

export class Recency {
  /** A ring through place 0, where the newest and the oldest meet. Slot n has place n + 1. */
  #newer = new Int32Array(16);
  #older = new Int32Array(16);

  /** -1 when there is none. */
  get oldest(): number {
    return this.#newer[0]! - 1;
  }

  add(slot: number): void {
    while (slot + 1 >= this.#newer.length) {
      this.#newer = doubled(this.#newer);
      this.#older = doubled(this.#older);
    }
    const newest = this.#older[0]!;
    this.#newer[newest] = slot + 1;
    this.#older[slot + 1] = newest;
    this.#newer[slot + 1] = 0;
    this.#older[0] = slot + 1;
  }

  remove(slot: number): void {
    const newer = this.#newer[slot + 1]!;
    const older = this.#older[slot + 1]!;
    this.#newer[older] = newer;
    this.#older[newer] = older;
  }

  touch(slot: number): void {
    if (this.#older[0] === slot + 1) return;
    this.remove(slot);
    this.add(slot);
  }
}
