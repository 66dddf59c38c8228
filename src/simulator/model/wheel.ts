// The clock's queue: one time per slot (a CPU, a task, a timer), changed in place, popped in order of time and then of slot. A calendar of
// buckets: Brown, "Calendar queues" (CACM 1988), with a fixed width since times here are near one another, and a bit for each bucket that holds something.

import { Columns } from './columns.ts';

const buckets = 4096;

export class Wheel {
  /** Time of each slot, ns; Infinity when it is not set. Read only. */
  readonly at: Float64Array;
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  readonly #first: Int32Array;
  readonly #occupied: Int32Array;
  readonly #widthNs: number;
  readonly #perNs: number;
  /** Number of a bucket, counted from time 0, before which no slot has its time. */
  #cursor = 0;
  /** The slot with the earliest time, −1 when it is not known. */
  #earliest = -1;
  #count = 0;
  poppedAt = 0;

  /** A bucket is 2^widthBits ns, and best has about one slot; 4096 of them are a year. */
  constructor(slots: number, widthBits = 16, columns = new Columns()) {
    this.#first = columns.ints(buckets, -1);
    this.#occupied = columns.ints(buckets / 32);
    this.at = columns.times(slots, Number.POSITIVE_INFINITY);
    this.#next = columns.ints(slots);
    this.#previous = columns.ints(slots);
    this.#widthNs = 2 ** widthBits;
    this.#perNs = 1 / this.#widthNs;
  }

  reset(): void {
    this.at.fill(Number.POSITIVE_INFINITY);
    this.#first.fill(-1);
    this.#occupied.fill(0);
    this.#cursor = 0;
    this.#earliest = -1;
    this.#count = 0;
  }

  /** `at`: integer ns, not before the last popped time, below 2^47 (39 h). */
  set(slot: number, at: number): void {
    const times = this.at;
    const old = times[slot]!;
    if (old === at) return;
    times[slot] = at;
    const number = Math.floor(at * this.#perNs);
    const bucket = number & (buckets - 1);
    if (number < this.#cursor) this.#cursor = number;
    const earliest = this.#earliest;
    if (earliest === slot) {
      if (at > old) this.#earliest = -1;
    } else if (earliest >= 0 && (at < times[earliest]! || (at === times[earliest] && slot < earliest)))
      this.#earliest = slot;
    if (old !== Number.POSITIVE_INFINITY) {
      const before = this.#bucketOf(old);
      if (before === bucket) return;
      this.#unlink(slot, before);
    }
    this.#link(slot, bucket);
  }

  clear(slot: number): void {
    const old = this.at[slot]!;
    if (old === Number.POSITIVE_INFINITY) return;
    this.#unlink(slot, this.#bucketOf(old));
    this.at[slot] = Number.POSITIVE_INFINITY;
    if (this.#earliest === slot) this.#earliest = -1;
  }

  /** Removes and returns the slot with the earliest time, or −1. Its time stays readable in `poppedAt`. */
  pop(): number {
    if (this.#count === 0) return -1;
    const slot = this.#earliest >= 0 ? this.#earliest : this.#find();
    this.poppedAt = this.at[slot]!;
    this.#unlink(slot, this.#bucketOf(this.poppedAt));
    this.at[slot] = Number.POSITIVE_INFINITY;
    this.#earliest = -1;
    return slot;
  }

  /** Time of the slot that pop() would return; Infinity when there is none. */
  earliestAt(): number {
    if (this.#count === 0) return Number.POSITIVE_INFINITY;
    return this.at[this.#earliest >= 0 ? this.#earliest : this.#find()]!;
  }

  #bucketOf(at: number): number {
    return Math.floor(at * this.#perNs) & (buckets - 1);
  }

  #link(slot: number, bucket: number): void {
    const first = this.#first[bucket]!;
    this.#next[slot] = first;
    this.#previous[slot] = -1;
    if (first >= 0) this.#previous[first] = slot;
    else this.#occupied[bucket >> 5]! |= 1 << (bucket & 31);
    this.#first[bucket] = slot;
    this.#count++;
  }

  #unlink(slot: number, bucket: number): void {
    const next = this.#next[slot]!;
    const previous = this.#previous[slot]!;
    if (next >= 0) this.#previous[next] = previous;
    if (previous >= 0) this.#next[previous] = next;
    else {
      this.#first[bucket] = next;
      if (next < 0) this.#occupied[bucket >> 5]! &= ~(1 << (bucket & 31));
    }
    this.#count--;
  }

  #find(): number {
    const start = this.#cursor & (buckets - 1);
    for (let passed = 0; passed < buckets; ) {
      const bucket = (start + passed) & (buckets - 1);
      const bits = this.#occupied[bucket >> 5]! >>> (bucket & 31);
      if (bits === 0) passed += 32 - (bucket & 31);
      else if ((bits & 1) === 0) passed += 31 - Math.clz32(bits & -bits);
      else {
        const number = this.#cursor + passed;
        const slot = this.#leastIn(bucket, (number + 1) * this.#widthNs);
        if (slot >= 0) {
          this.#cursor = number;
          this.#earliest = slot;
          return slot;
        }
        passed++;
      }
    }
    return this.#farAway();
  }

  /** The earliest of a bucket before `end`: it holds later years too. −1: none. */
  #leastIn(bucket: number, end: number): number {
    const { at } = this;
    let best = -1;
    let bestAt = end;
    for (let slot = this.#first[bucket]!; slot >= 0; slot = this.#next[slot]!) {
      const time = at[slot]!;
      if (time < bestAt || (time === bestAt && slot < best)) {
        best = slot;
        bestAt = time;
      }
    }
    return best;
  }

  /** Nothing within a year: the least of all. */
  #farAway(): number {
    const { at } = this;
    let best = -1;
    for (let bucket = 0; bucket < buckets; bucket++) {
      if (this.#occupied[bucket >> 5] === 0) bucket |= 31;
      else {
        const slot = this.#leastIn(bucket, Number.POSITIVE_INFINITY);
        if (slot >= 0 && (best < 0 || at[slot]! < at[best]! || (at[slot] === at[best] && slot < best)))
          best = slot;
      }
    }
    this.#cursor = Math.floor(at[best]! * this.#perNs);
    this.#earliest = best;
    return best;
  }
}
