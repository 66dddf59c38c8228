// Little-endian reading with a bound on everything: every read outside the bytes calls `fail`, whose owner knows what
// the bytes are and throws the fitting error.

/** Called with the offset (relative to the reader's first byte) and what is wrong there. Must throw. */
export type Fail = (offset: number, problem: string) => never;

const longestText = 4096;

export class Reader {
  readonly bytes: Uint8Array;
  readonly length: number;
  readonly #view: DataView;
  readonly #fail: Fail;

  constructor(bytes: Uint8Array, fail: Fail) {
    this.bytes = bytes;
    this.length = bytes.length;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#fail = fail;
  }

  fail(offset: number, problem: string): never {
    return this.#fail(offset, problem);
  }

  /** Fails unless `size` bytes exist at `offset`; negative, fractional and unsafe numbers fail too. */
  need(offset: number, size: number): void {
    const isInside = offset >= 0 && size >= 0 && size <= this.length - offset;
    if (!isInside || !Number.isInteger(offset) || !Number.isInteger(size))
      this.#fail(offset, `needs ${size} bytes at ${offset}, has ${this.length}`);
  }

  u8(offset: number): number {
    this.need(offset, 1);
    return this.#view.getUint8(offset);
  }

  u16(offset: number): number {
    this.need(offset, 2);
    return this.#view.getUint16(offset, true);
  }

  i16(offset: number): number {
    this.need(offset, 2);
    return this.#view.getInt16(offset, true);
  }

  u32(offset: number): number {
    this.need(offset, 4);
    return this.#view.getUint32(offset, true);
  }

  i32(offset: number): number {
    this.need(offset, 4);
    return this.#view.getInt32(offset, true);
  }

  u64(offset: number): bigint {
    this.need(offset, 8);
    return this.#view.getBigUint64(offset, true);
  }

  /** A 64-bit offset or size as a number; fails beyond 2^53 - 1. */
  size64(offset: number): number {
    this.need(offset, 8);
    const high = this.#view.getUint32(offset + 4, true);
    if (high >= 2 ** 21) this.#fail(offset, `size ${this.u64(offset)} is beyond 2^53`);
    return high * 2 ** 32 + this.#view.getUint32(offset, true);
  }

  /** An integer of 1, 2, 4 or 8 bytes. */
  integer(offset: number, size: number, signed: boolean): bigint {
    if (size !== 1 && size !== 2 && size !== 4 && size !== 8)
      this.#fail(offset, `no integer has ${size} bytes`);
    const raw =
      size === 8
        ? this.u64(offset)
        : BigInt(size === 4 ? this.u32(offset) : size === 2 ? this.u16(offset) : this.u8(offset));
    return signed ? BigInt.asIntN(size * 8, raw) : raw;
  }

  slice(offset: number, size: number): Uint8Array {
    this.need(offset, size);
    return this.bytes.subarray(offset, offset + size);
  }

  /** A zero-terminated text of at most 4096 bytes. */
  text(offset: number): string {
    this.need(offset, 1);
    const end = this.bytes.indexOf(0, offset);
    if (end < 0 || end - offset > longestText)
      this.#fail(offset, 'text without an end, or longer than 4096 bytes');
    return utf8.decode(this.bytes.subarray(offset, end));
  }
}

const utf8 = new TextDecoder();

/** UTF-8 to text, up to the first zero if there is one; bad sequences are replaced. */
export function decodeText(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return utf8.decode(end < 0 ? bytes : bytes.subarray(0, end));
}

/** "0x1f", "-0x1f". */
export function hex(value: number | bigint): string {
  return value < 0 ? `-0x${(-value).toString(16)}` : `0x${value.toString(16)}`;
}
