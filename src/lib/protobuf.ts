// Writing protocol buffers: tags, varints, strings and nested messages, nothing more. Source: protobuf.dev, "Encoding".

const two32 = 4_294_967_296;
const encoder = new TextEncoder();
/** Short texts of ASCII, names mostly, are written as they are: their length is one byte. */
const longestPlain = 127;
/** Views of typed arrays cost more than copying so many bytes. */
const mostByHand = 256;

/** One message. Fields come out in the order of their writing. */
export class Message {
  #bytes = new Uint8Array(64);
  #length = 0;

  /** uint32, uint64, int32, int64, bool or enum: any integer; beyond 2^53 and below zero as bigint or decimal text, too. */
  integer(field: number, value: number | bigint | string): this {
    this.#varint(field * 8);
    if (typeof value === 'number' && value >= 0) this.#varint(value);
    else this.#wide(BigInt.asUintN(64, BigInt(value)));
    return this;
  }

  string(field: number, text: string): this {
    const { length } = text;
    if (length > longestPlain) return this.bytes(field, encoder.encode(text));
    const start = this.#length;
    this.#varint(field * 8 + 2);
    this.#room(1 + length);
    this.#bytes[this.#length++] = length;
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code > 127) {
        this.#length = start;
        return this.bytes(field, encoder.encode(text));
      }
      this.#bytes[this.#length++] = code;
    }
    return this;
  }

  message(field: number, inner: Message): this {
    const length = inner.#length;
    if (length > mostByHand) return this.bytes(field, inner.finish());
    this.#varint(field * 8 + 2);
    this.#varint(length);
    this.#room(length);
    const [from, to] = [inner.#bytes, this.#bytes];
    for (let i = 0; i < length; i++) to[this.#length++] = from[i]!;
    return this;
  }

  bytes(field: number, value: Uint8Array): this {
    this.#varint(field * 8 + 2);
    this.#varint(value.length);
    this.#room(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
    return this;
  }

  /** What has been written; valid until more is. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Below 2^53, not negative. */
  #varint(value: number): void {
    this.#room(10);
    let rest = value;
    for (; rest >= two32; rest = Math.floor(rest / 128)) this.#bytes[this.#length++] = (rest % 128) | 128;
    for (; rest > 127; rest = Math.floor(rest / 128)) this.#bytes[this.#length++] = (rest & 127) | 128;
    this.#bytes[this.#length++] = rest;
  }

  #wide(value: bigint): void {
    this.#room(10);
    let rest = value;
    for (; rest > 127n; rest >>= 7n) this.#bytes[this.#length++] = Number(rest & 127n) | 128;
    this.#bytes[this.#length++] = Number(rest);
  }

  #room(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(2 * this.#bytes.length, this.#length + bytes));
    larger.set(this.#bytes);
    this.#bytes = larger;
  }
}
