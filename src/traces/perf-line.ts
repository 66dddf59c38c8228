// One line of `perf script` or `perf sched script`, as bytes: who ran where and when, and what the scheduler's tracepoint says. Formats: perf 5.x and 6.x print
// "comm tid [cpu] seconds: sched:event: fields", comm in 16 columns; fields as the kernel's print format has them (include/trace/events/sched.h), or as
// libtraceevent's plugin shortens them ("prev:1 [120] S ==> next:2 [120]"). Names may hold any bytes, the words of the format among them.

import { ByteCursor } from './byte-cursor.ts';

export const perfEvents = {
  unknown: 0,
  /** Understood, but of no use here. */
  other: 1,
  switch: 2,
  waking: 3,
  wakeup: 4,
  wakeupNew: 5,
  fork: 6,
  exit: 7,
  migrate: 8,
  /** How long the task has run since this was last said, or since it came. */
  runtime: 9,
} as const;
export type PerfEvent = (typeof perfEvents)[keyof typeof perfEvents];

/** Someone in the fields: a name, from here to there in the line's bytes, and numbers. */
export interface Person {
  from: number;
  to: number;
  pid: number;
  prio: number;
}

const latin1 = (text: string): Uint8Array => Buffer.from(text, 'latin1');
const eventNames: readonly (readonly [Uint8Array, PerfEvent])[] = [
  [latin1('sched_switch'), perfEvents.switch],
  [latin1('sched_waking'), perfEvents.waking],
  [latin1('sched_wakeup'), perfEvents.wakeup],
  [latin1('sched_wakeup_new'), perfEvents.wakeupNew],
  [latin1('sched_process_fork'), perfEvents.fork],
  [latin1('sched_process_exit'), perfEvents.exit],
  [latin1('sched_migrate_task'), perfEvents.migrate],
  [latin1('sched_stat_runtime'), perfEvents.runtime],
];
const schedSystem = latin1('sched:');
const ownRecord = latin1('PERF_RECORD_');

interface Keys {
  readonly comm: Uint8Array;
  readonly pid: Uint8Array;
  readonly prio: Uint8Array | undefined;
}
const keysOf = (prefix: string, hasPrio: boolean): Keys => ({
  comm: latin1(`${prefix}comm=`),
  pid: latin1(` ${prefix}pid=`),
  prio: hasPrio ? latin1(` ${prefix}prio=`) : undefined,
});
const keys = {
  prev: keysOf('prev_', true),
  next: keysOf('next_', true),
  one: keysOf('', true),
  parent: keysOf('', false),
  child: keysOf('child_', false),
};
const short = { pid: latin1(':'), prio: latin1(' [') };
const words = {
  state: latin1(' prev_state='),
  arrow: latin1(' ==> '),
  child: latin1(' child_comm='),
  target: latin1(' target_cpu='),
  success: latin1(' success='),
  cpu: latin1(' CPU:'),
  orig: latin1(' orig_cpu='),
  dest: latin1(' dest_cpu='),
  runtime: latin1(' runtime='),
  space: latin1(' '),
  nothing: latin1(''),
};

const [space, colon, slash, dot, open, close] = [32, 58, 47, 46, 91, 93];
/** perf pads names to this. */
const nameColumns = 16;
const longestComm = 15;

export class PerfLine extends ByteCursor {
  tid = 0;
  /** −1: not printed. */
  tgid = -1;
  cpu = 0;
  seconds = 0;
  /** Within the second. */
  ns = 0;
  readonly one: Person = { from: 0, to: 0, pid: 0, prio: 0 };
  readonly two: Person = { from: 0, to: 0, pid: 0, prio: 0 };
  /** The letters of prev_state. */
  readonly state = { from: 0, to: 0 };
  /** Where it is woken or goes; −1: not said. */
  toCpu = -1;
  runtimeNs = 0;

  /** What it is; the fields hold until the next line. */
  read(bytes: Uint8Array, from: number, to: number): PerfEvent {
    this.over(bytes, from, to);
    if (!this.#head(from)) return perfEvents.unknown;
    const event = this.#event();
    if (event <= perfEvents.other) return event;
    this.spaces();
    return this.#fields(event) ? event : perfEvents.unknown;
  }

  #head(from: number): boolean {
    if (this.bytes[from + nameColumns] === space && this.#headAt(from + nameColumns + 1)) return true;
    for (let at = from; at < this.to; at++)
      if (this.bytes[at] === open && this.bytes[at - 1] === space && this.#headAt(this.#numberBefore(at)))
        return true;
    return false;
  }

  /** Where the word before the space before `at` begins. */
  #numberBefore(at: number): number {
    let start = at - 1;
    while (this.bytes[start] === space) start--;
    while (start >= 0 && this.bytes[start] !== space) start--;
    return start + 1;
  }

  /** "  31/42 [003] 59548.977564[123]: ", and what perf may print of a period. */
  #headAt(at: number): boolean {
    this.at = at;
    this.spaces();
    this.tgid = -1;
    if (!this.signed()) return false;
    this.tid = this.value;
    if (this.skip(slash)) {
      this.tgid = this.tid;
      if (!this.signed()) return false;
      this.tid = this.value;
    }
    this.spaces();
    if (!this.skip(open) || !this.number()) return false;
    this.cpu = this.value;
    if (!this.skip(close)) return false;
    this.spaces();
    return this.#time() && this.cpu < 65_536;
  }

  #time(): boolean {
    if (!this.number()) return false;
    this.seconds = this.value;
    if (!this.skip(dot)) return false;
    const start = this.at;
    if (!this.number()) return false;
    const digits = this.at - start;
    if (digits > 9) return false;
    this.ns = Math.round(this.value * 10 ** (9 - digits));
    if (!this.skip(colon)) return false;
    this.spaces();
    const name = this.at;
    if (this.number() && this.bytes[this.at] === space) this.spaces();
    else this.at = name;
    return true;
  }

  #event(): PerfEvent {
    const isSched = this.take(schedSystem);
    for (const [name, event] of eventNames)
      if (this.matches(name, this.at) && this.bytes[this.at + name.length] === colon) {
        this.at += name.length + 1;
        return event;
      }
    if (isSched || this.matches(ownRecord, this.at)) return perfEvents.other;
    // another event: "system:name:", "name:"
    return this.bytes.indexOf(colon, this.at) < this.to && this.bytes[this.at] !== space
      ? perfEvents.other
      : perfEvents.unknown;
  }

  #fields(event: PerfEvent): boolean {
    switch (event) {
      case perfEvents.switch:
        return this.#switch();
      case perfEvents.fork:
        return (
          this.#person(this.one, keys.parent, words.child, 1) &&
          this.#person(this.two, keys.child, words.nothing)
        );
      case perfEvents.exit:
        return this.#person(this.one, keys.one, words.nothing);
      case perfEvents.migrate:
        return this.#migrate();
      case perfEvents.runtime:
        return this.#runtime();
      default:
        return this.#wake();
    }
  }

  #switch(): boolean {
    const start = this.at;
    if (this.#person(this.one, keys.prev, words.state) && this.take(words.state)) {
      this.#stateUntil(words.arrow);
      return this.take(words.arrow) && this.#person(this.two, keys.next, words.nothing);
    }
    this.at = start;
    if (!this.#shortPerson(this.one, words.space) || !this.take(words.space)) return false;
    this.#stateUntil(words.arrow);
    return this.take(words.arrow) && this.#shortPerson(this.two, words.nothing);
  }

  #stateUntil(end: Uint8Array): void {
    this.state.from = this.at;
    while (this.at < this.to && !this.matches(end, this.at)) this.at++;
    this.state.to = this.at;
  }

  #wake(): boolean {
    const start = this.at;
    this.toCpu = -1;
    if (this.#person(this.one, keys.one, words.target) || this.#again(start, this.one, words.success)) {
      if (this.take(words.success)) this.number();
      if (this.take(words.target) && this.number()) this.toCpu = this.value;
      return true;
    }
    this.at = start;
    if (!this.#shortPerson(this.one, undefined)) return false;
    if (this.take(words.success)) this.number();
    if (this.take(words.cpu) && this.number()) this.toCpu = this.value;
    return true;
  }

  #again(start: number, person: Person, after: Uint8Array): boolean {
    this.at = start;
    return this.#person(person, keys.one, after);
  }

  #runtime(): boolean {
    if (!this.#person(this.one, keys.parent, words.runtime) || !this.take(words.runtime)) return false;
    const isNumber = this.number();
    this.runtimeNs = this.value;
    return isNumber;
  }

  #migrate(): boolean {
    if (!this.#person(this.one, keys.one, words.orig) || !this.take(words.orig) || !this.number())
      return false;
    this.cpu = this.value; // who moves it is of no interest, where it leaves is
    if (!this.take(words.dest) || !this.number()) return false;
    this.toCpu = this.value;
    return this.cpu < 65_536 && this.toCpu < 65_536;
  }

  /** "comm=a pid=1 prio=120", `after` next (not taken but for its `taken` first bytes): where a name looks like the format, what follows decides. */
  #person(person: Person, { comm, pid, prio }: Keys, after: Uint8Array, taken = 0): boolean {
    if (!this.take(comm)) return false;
    const start = this.at;
    for (let end = start; end <= start + longestComm && end < this.to; end++) {
      if (this.bytes[end] !== pid[0]) continue; // mostly
      this.at = end;
      if (!this.take(pid) || !this.number()) continue;
      person.pid = this.value;
      if (prio !== undefined && !(this.take(prio) && this.signed())) continue;
      person.prio = prio === undefined ? Number.NaN : this.value;
      if (!this.matches(after, this.at)) continue;
      if (!this.#endsWord()) continue;
      person.from = start;
      person.to = end;
      this.at += taken;
      return true;
    }
    return false;
  }

  /** "a:1 [120]", `after` next. */
  #shortPerson(person: Person, after: Uint8Array | undefined): boolean {
    const start = this.at;
    for (let end = start; end <= start + longestComm && end < this.to; end++) {
      this.at = end;
      if (!this.take(short.pid) || !this.number()) continue;
      person.pid = this.value;
      if (!this.take(short.prio) || !this.signed()) continue;
      person.prio = this.value;
      if (!this.skip(close) || (after !== undefined && !this.matches(after, this.at))) continue;
      person.from = start;
      person.to = end;
      return true;
    }
    return false;
  }

  #endsWord(): boolean {
    return this.at >= this.to || this.bytes[this.at] === space;
  }
}
