// The clock's queue: one time per slot (a CPU, a task, a timer), changed in place, popped in order of time and then of slot. A calendar of
// buckets: Brown, "Calendar queues" (CACM 1988), with a fixed width since times here are near one another.

const widthBits = 16; // a bucket is 2^16 ns
const buckets = 4096; // and the year 268 ms
const scale = 1 / (1 << widthBits);

export class Wheel {
  /** Time of each slot, ns; Infinity when it is not set. Read only. */
  readonly at: Float64Array;
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  readonly #first = new Int32Array(buckets).fill(-1);
  /** Number of the bucket that holds the earliest time, counted from time 0; never above that of any slot. */
  #cursor = 0;
  #count = 0;

  constructor(slots: number) {
    this.at = new Float64Array(slots).fill(Number.POSITIVE_INFINITY);
    this.#next = new Int32Array(slots);
    this.#previous = new Int32Array(slots);
  }

  reset(): void {
    this.at.fill(Number.POSITIVE_INFINITY);
    this.#first.fill(-1);
    this.#cursor = 0;
    this.#count = 0;
  }

  /** `at`: integer ns, not before the last popped time, below 2^47 (39 h). */
  set(slot: number, at: number): void {
    const old = this.at[slot]!;
    if (old === at) return;
    if (old !== Number.POSITIVE_INFINITY) this.#unlink(slot, old);
    this.at[slot] = at;
    const bucket = Math.floor(at * scale) & (buckets - 1);
    const first = this.#first[bucket]!;
    this.#next[slot] = first;
    this.#previous[slot] = -1;
    if (first >= 0) this.#previous[first] = slot;
    this.#first[bucket] = slot;
    this.#count++;
  }

  clear(slot: number): void {
    const old = this.at[slot]!;
    if (old === Number.POSITIVE_INFINITY) return;
    this.#unlink(slot, old);
    this.at[slot] = Number.POSITIVE_INFINITY;
  }

  #unlink(slot: number, at: number): void {
    const next = this.#next[slot]!;
    const previous = this.#previous[slot]!;
    if (next >= 0) this.#previous[next] = previous;
    if (previous >= 0) this.#next[previous] = next;
    else this.#first[Math.floor(at * scale) & (buckets - 1)] = next;
    this.#count--;
  }

  /** Removes and returns the slot with the earliest time, or −1. Its time stays readable in `poppedAt`. */
  pop(): number {
    if (this.#count === 0) return -1;
    const slot = this.#earliest();
    this.poppedAt = this.at[slot]!;
    this.#unlink(slot, this.poppedAt);
    this.at[slot] = Number.POSITIVE_INFINITY;
    return slot;
  }

  poppedAt = 0;

  /** Time of the slot that pop() would return; Infinity when there is none. */
  earliestAt(): number {
    if (this.#count === 0) return Number.POSITIVE_INFINITY;
    const cursor = this.#cursor;
    const at = this.at[this.#earliest()]!;
    this.#cursor = cursor; // what is set next may be earlier
    return at;
  }

  #earliest(): number {
    const { at } = this;
    for (let turn = 0; turn < buckets; turn++) {
      const number = this.#cursor + turn;
      const end = (number + 1) * (1 << widthBits);
      let best = -1;
      let bestAt = end;
      for (let slot = this.#first[number & (buckets - 1)]!; slot >= 0; slot = this.#next[slot]!) {
        const time = at[slot]!;
        if (time < bestAt || (time === bestAt && slot < best)) {
          best = slot;
          bestAt = time;
        }
      }
      if (best >= 0) {
        this.#cursor = number;
        return best;
      }
    }
    return this.#farAway();
  }

  /** Nothing within a year: the least of all. */
  #farAway(): number {
    let best = -1;
    for (let slot = 0; slot < this.at.length; slot++)
      if (this.at[slot]! < (best < 0 ? Number.POSITIVE_INFINITY : this.at[best]!)) best = slot;
    this.#cursor = Math.floor(this.at[best]! * scale);
    return best;
  }
}
