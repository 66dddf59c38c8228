// Sets of CPUs as the kernel computes with them: bits from the number of CPUs on do not count, but whole longs are copied, filled and combined.
// Source: include/linux/cpumask.h and bitmap.h, lib/bitmap.c, lib/find_bit.c, v6.18, with NR_CPUS above 256, so that all sizes are nr_cpu_ids.

/** Masks are given by the index of their first 32-bit word. CPUs are numbered below `cpus`; "none" is `cpus`. */
export class MaskWords {
  readonly #words: Int32Array;
  /** Number of CPUs of the machine. */
  cpus = 0;

  constructor(words: Int32Array) {
    this.#words = words;
  }

  /** 32-bit words of the longs that hold all CPUs. */
  get #longWords(): number {
    return 2 * ((this.cpus + 63) >> 6);
  }

  /** Bits of the i-th word that stand for CPUs. */
  #valid(i: number): number {
    const rest = this.cpus - 32 * i;
    return rest >= 32 ? -1 : rest <= 0 ? 0 : (1 << rest) - 1;
  }

  test(mask: number, cpu: number): boolean {
    return (this.#words[mask + (cpu >> 5)]! & (1 << (cpu & 31))) !== 0;
  }

  set(mask: number, cpu: number): void {
    this.#words[mask + (cpu >> 5)]! |= 1 << (cpu & 31);
  }

  clear(mask: number, cpu: number): void {
    this.#words[mask + (cpu >> 5)]! &= ~(1 << (cpu & 31));
  }

  fill(mask: number, word: 0 | -1): void {
    this.#words.fill(word, mask, mask + this.#longWords);
  }

  copy(to: number, from: number): void {
    this.#words.copyWithin(to, from, from + this.#longWords);
  }

  /** Bits behind the last CPU become 0. True: something is left. */
  and(to: number, a: number, b: number): boolean {
    let any = 0;
    for (let i = 0; i < this.#longWords; i++) {
      const word = this.#words[a + i]! & this.#words[b + i]! & this.#valid(i);
      this.#words[to + i] = word;
      any |= word;
    }
    return any !== 0;
  }

  or(to: number, a: number, b: number): void {
    for (let i = 0; i < this.#longWords; i++) this.#words[to + i] = this.#words[a + i]! | this.#words[b + i]!;
  }

  xor(to: number, a: number, b: number): void {
    for (let i = 0; i < this.#longWords; i++) this.#words[to + i] = this.#words[a + i]! ^ this.#words[b + i]!;
  }

  equal(a: number, b: number): boolean {
    for (let i = 0; i < this.#longWords; i++)
      if (((this.#words[a + i]! ^ this.#words[b + i]!) & this.#valid(i)) !== 0) return false;
    return true;
  }

  intersects(a: number, b: number): boolean {
    return this.firstAnd(a, b) < this.cpus;
  }

  /** Is all of `a` in `b`? */
  subset(a: number, b: number): boolean {
    for (let i = 0; i < this.#longWords; i++)
      if ((this.#words[a + i]! & ~this.#words[b + i]! & this.#valid(i)) !== 0) return false;
    return true;
  }

  weight(mask: number): number {
    let count = 0;
    for (let i = 0; i < this.#longWords; i++) count += ones(this.#words[mask + i]! & this.#valid(i));
    return count;
  }

  first(mask: number): number {
    return this.firstAnd(mask, mask);
  }

  firstZero(mask: number): number {
    for (let i = 0; i < this.#longWords; i++) {
      const bits = ~this.#words[mask + i]! & this.#valid(i);
      if (bits !== 0) return 32 * i + lowest(bits);
    }
    return this.cpus;
  }

  firstAnd(a: number, b: number): number {
    return this.#firstFrom(a, b, 0, this.cpus);
  }

  /** The first CPU in both from `start` on, going round once (find_next_and_bit_wrap). */
  nextAndWrap(a: number, b: number, start: number): number {
    const next = this.#firstFrom(a, b, start, this.cpus);
    return next < this.cpus || start === 0 ? next : this.#firstFrom(a, b, 0, start);
  }

  #firstFrom(a: number, b: number, start: number, end: number): number {
    for (let i = start >> 5; 32 * i < end; i++) {
      let bits = this.#words[a + i]! & this.#words[b + i]!;
      if (32 * i < start) bits &= -1 << (start & 31);
      if (bits === 0) continue;
      const cpu = 32 * i + lowest(bits);
      return cpu < end ? cpu : this.cpus;
    }
    return this.cpus;
  }
}

function lowest(bits: number): number {
  return 31 - Math.clz32(bits & -bits);
}

function ones(word: number): number {
  let left = word - ((word >>> 1) & 0x55555555);
  left = (left & 0x33333333) + ((left >>> 2) & 0x33333333);
  return Math.imul((left + (left >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
