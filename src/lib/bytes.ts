// Little-endian reading with a bound on everything: every read outside the bytes calls `fail`, whose owner knows what
// the bytes are and throws the fitting error.

/** Called with the offset (relative to the reader's first byte) and what is wrong there. Must throw. */
export type Fail = (offset: number, problem: string) => never;

const longestText = 4096;

export class Reader {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  readonly #fail: Fail;

  constructor(bytes: Uint8Array, fail: Fail) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#fail = fail;
  }

  get length(): number {
    return this.bytes.length;
  }

  fail(offset: number, problem: string): never {
    return this.#fail(offset, problem);
  }

  /** Fails unless `size` bytes exist at `offset`; negative, fractional and unsafe numbers fail too. */
  need(offset: number, size: number): void {
    const sane = Number.isSafeInteger(offset) && Number.isSafeInteger(size) && offset >= 0 && size >= 0;
    if (!sane || size > this.length - offset)
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
    const value = this.u64(offset);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) this.#fail(offset, `size ${value} is beyond 2^53`);
    return Number(value);
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
    const limit = Math.min(this.length, offset + longestText + 1);
    let text = '';
    for (let at = offset; at < limit; at++) {
      const byte = this.bytes[at] as number;
      if (byte === 0) return text;
      if (byte > 127) return this.#utf8Text(offset, limit);
      text += String.fromCharCode(byte);
    }
    return this.#fail(offset, 'text without an end, or longer than 4096 bytes');
  }

  #utf8Text(offset: number, limit: number): string {
    const bytes = this.bytes.subarray(offset, limit);
    const end = bytes.indexOf(0);
    if (end < 0) this.#fail(offset, 'text without an end, or longer than 4096 bytes');
    return decodeText(bytes.subarray(0, end));
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
