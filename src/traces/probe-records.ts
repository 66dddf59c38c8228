// The recorder's events as bytes: 32 each, little-endian (docs/protocol.md section 5). Reading them one by one, and their times.

import { malformed } from './malformed.ts';

export const recordBytes = 32;
export const recordKinds = {
  switch: 1,
  wake: 2,
  fork: 3,
  exit: 4,
  migrate: 5,
  name: 6,
  about: 7,
  subject: 8,
  lost: 9,
} as const;
const lastKind = recordKinds.lost;
/** Linux supports no more (CONFIG_NR_CPUS). */
const mostCpus = 8192;
const two32 = 4_294_967_296;

/** By number; every one is checked when it is made. */
export class ProbeRecords {
  readonly count: number;
  /** ns since the first event of the scheduler. */
  readonly atNs: Float64Array;
  readonly #view: DataView;
  readonly #bytes: Uint8Array;

  /** Bytes beyond the last whole record are left out. @throws Fault malformed. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.count = Math.floor(bytes.length / recordBytes);
    for (let i = 0; i < this.count; i++) this.#check(i);
    this.atNs = this.#times();
  }

  kind(i: number): number {
    return this.#bytes[i * recordBytes + 8]!;
  }
  flags(i: number): number {
    return this.#bytes[i * recordBytes + 9]!;
  }
  cpu(i: number): number {
    return this.#view.getUint16(i * recordBytes + 10, true);
  }
  task(i: number): number {
    return this.#view.getInt32(i * recordBytes + 12, true);
  }
  other(i: number): number {
    return this.#view.getInt32(i * recordBytes + 16, true);
  }
  detail(i: number): number {
    return this.#view.getUint32(i * recordBytes + 20, true);
  }
  valueLow(i: number): number {
    return this.#view.getUint32(i * recordBytes + 24, true);
  }
  valueHigh(i: number): number {
    return this.#view.getUint32(i * recordBytes + 28, true);
  }

  /** Up to its first zero, each byte one character. */
  comm(i: number): string {
    const from = i * recordBytes + 16;
    let text = '';
    for (let at = from; at < from + 16 && this.#bytes[at] !== 0; at++)
      text += String.fromCharCode(this.#bytes[at]!);
    return text;
  }

  #check(i: number): void {
    const kind = this.kind(i);
    const at = i * recordBytes;
    if (kind === 0 || kind > lastKind) refuse(at + 8, `no event has kind ${kind}`);
    if (this.cpu(i) >= mostCpus) refuse(at + 10, `no machine has a CPU ${this.cpu(i)}`);
    if (this.task(i) < 0) refuse(at + 12, `no task has the id ${this.task(i)}`);
    if (kind === recordKinds.migrate) {
      if (this.other(i) < 0 || this.other(i) >= mostCpus) refuse(at + 16, `no CPU ${this.other(i)}`);
      if (this.detail(i) >= mostCpus) refuse(at + 20, `no CPU ${this.detail(i)}`);
    } else if (kind <= recordKinds.fork && this.other(i) < 0)
      refuse(at + 16, `no task has the id ${this.other(i)}`);
  }

  /** Exact although the clock may be beyond 2^53: what counts is how far it is from the first. Names and the like without a time have that of what precedes. */
  #times(): Float64Array {
    const { count } = this;
    const times = new Float64Array(count);
    let first = 0;
    while (first < count && this.#isLate(first)) first++;
    const at = Math.min(first, count - 1) * recordBytes;
    const [low, high] =
      count === 0 ? [0, 0] : [this.#view.getUint32(at, true), this.#view.getUint32(at + 4, true)];
    for (let i = 0; i < count; i++) {
      const offset = i * recordBytes;
      const [ownLow, ownHigh] = [this.#view.getUint32(offset, true), this.#view.getUint32(offset + 4, true)];
      const since = (ownHigh - high) * two32 + (ownLow - low);
      if (this.#isLate(i) && ownLow === 0 && ownHigh === 0) times[i] = times[i - 1] ?? 0;
      else if (Math.abs(since) > Number.MAX_SAFE_INTEGER)
        refuse(offset, 'more than 104 days from the first event');
      else times[i] = since;
    }
    return times;
  }

  /** What the runner adds; not the scheduler's. */
  #isLate(i: number): boolean {
    const kind = this.kind(i);
    return kind === recordKinds.name || kind === recordKinds.about || kind === recordKinds.lost;
  }
}

function refuse(offset: number, problem: string): never {
  malformed('recorded events', 'events', offset, problem);
}
