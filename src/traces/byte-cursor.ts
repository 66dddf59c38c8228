// Reading a text as bytes, word by word, without making strings of it.

const [space, minus, zero] = [32, 45, 48];
/** More digits would not be exact. */
const mostDigits = 15;

export class ByteCursor {
  bytes: Uint8Array = new Uint8Array();
  at = 0;
  to = 0;
  /** What number() and signed() have read. */
  value = 0;

  over(bytes: Uint8Array, from: number, to: number): void {
    this.bytes = bytes;
    this.at = from;
    this.to = to;
  }

  matches(word: Uint8Array, at: number): boolean {
    if (at + word.length > this.to) return false;
    for (let i = 0; i < word.length; i++) if (this.bytes[at + i] !== word[i]) return false;
    return true;
  }

  take(word: Uint8Array): boolean {
    if (!this.matches(word, this.at)) return false;
    this.at += word.length;
    return true;
  }

  skip(byte: number | undefined): boolean {
    if (this.at >= this.to || this.bytes[this.at] !== byte) return false;
    this.at++;
    return true;
  }

  spaces(): void {
    while (this.at < this.to && this.bytes[this.at] === space) this.at++;
  }

  signed(): boolean {
    const isNegative = this.skip(minus);
    if (!this.number()) return false;
    if (isNegative) this.value = -this.value;
    return true;
  }

  /** At most 15 digits are taken. */
  number(): boolean {
    const start = this.at;
    let value = 0;
    for (; this.at < this.to && this.at < start + mostDigits; this.at++) {
      const digit = this.bytes[this.at]! - zero;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    this.value = value;
    return this.at > start;
  }
}
