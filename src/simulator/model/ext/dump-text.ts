// A text of limited size, as the kernel's seq_buf holds it, and the lines that ops.dump and its relatives write into it piece by piece. Source: dump_line(), ops_dump_init(),
// ops_dump_flush(), scx_bpf_dump_bstr(), kernel/sched/ext.c, v6.18; lib/seq_buf.c.

/** What the end of a text that was too long is replaced by, and a NUL. */
const truncated = '\n\n~~~~ TRUNCATED ~~~~\n';
/** SCX_EXIT_MSG_LEN: of a policy's line. */
const lineBytes = 1024;

export class DumpText {
  readonly #limit: number;
  #text = '';
  #isFull = false;

  /** `limit`: bytes, a NUL at the end included. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  add(text: string): void {
    if (this.#isFull) return;
    this.#text += text;
    this.#isFull = this.#text.length >= this.#limit;
  }

  line(text: string): void {
    this.add(`${text}\n`);
  }

  /** A place to which forget() goes back. */
  get length(): number {
    return this.#text.length;
  }

  forget(length: number): void {
    if (!this.#isFull) this.#text = this.#text.slice(0, length);
  }

  toString(): string {
    if (!this.#isFull) return this.#text;
    if (this.#limit <= truncated.length) return this.#text.slice(0, Math.max(0, this.#limit - 1));
    return this.#text.slice(0, this.#limit - truncated.length - 1) + truncated;
  }
}

/** What one callback says: whole lines, each with a prefix, after a blank one. */
export class DumpLines {
  readonly #to: DumpText;
  readonly #prefix: string;
  #line = '';
  #isFirst = true;

  constructor(to: DumpText, prefix: string) {
    this.#to = to;
    this.#prefix = prefix;
  }

  /** A line may come in several pieces; it is over when a piece ends with a newline. */
  add(piece: string): void {
    this.#line = (this.#line + piece).slice(0, lineBytes);
    if (this.#line.length === lineBytes || this.#line.endsWith('\n')) this.flush();
  }

  complain(text: string): void {
    this.#to.line(this.#prefix + text);
  }

  flush(): void {
    if (this.#line === '') return;
    if (this.#isFirst) this.#to.add('\n');
    this.#isFirst = false;
    for (const line of this.#line
      .slice(0, lineBytes - 1)
      .replace(/\n$/, '')
      .split('\n'))
      this.#to.line(this.#prefix + line);
    this.#line = '';
  }
}
