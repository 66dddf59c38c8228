// Columns of unsigned numbers as varints: seven bits a byte, the lowest first.

const two28 = 2 ** 28;

export class VarintWriter {
  #bytes: Uint8Array;
  #length = 0;

  constructor(expected: number) {
    this.#bytes = new Uint8Array(expected + 16);
  }

  /** An integer, 0 … 2^53 − 1. */
  push(value: number): void {
    if (this.#length + 8 > this.#bytes.length) this.#grow();
    let rest = value;
    for (; rest >= two28; rest = Math.floor(rest / 128)) this.#bytes[this.#length++] = (rest % 128) | 128;
    for (; rest > 127; rest >>>= 7) this.#bytes[this.#length++] = (rest & 127) | 128;
    this.#bytes[this.#length++] = rest;
  }

  #grow(): void {
    const larger = new Uint8Array(2 * this.#bytes.length);
    larger.set(this.#bytes);
    this.#bytes = larger;
  }

  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }
}

export class VarintReader {
  readonly #bytes: Uint8Array;
  #at = 0;
  readonly #fail: (offset: number, problem: string) => never;

  constructor(bytes: Uint8Array, fail: (offset: number, problem: string) => never) {
    this.#bytes = bytes;
    this.#fail = fail;
  }

  get at(): number {
    return this.#at;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** At most 2^53 − 1. */
  next(): number {
    const first = this.#bytes[this.#at];
    if (first === undefined) this.#fail(this.#at, 'ends before its numbers do');
    this.#at++;
    return first < 128 ? first : this.#longer(first & 127);
  }

  #longer(low: number): number {
    const start = this.#at - 1;
    let value = low;
    for (let scale = 128; ; scale *= 128) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) this.#fail(start, 'ends in the middle of a number');
      value += (byte & 127) * scale;
      if (value > Number.MAX_SAFE_INTEGER) this.#fail(start, 'a number beyond 2^53');
      if (byte < 128) return value;
    }
  }
}
