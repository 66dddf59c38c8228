// An attachment, over whatever carries its holder's lines: a child process and a socket on a host, a port of a guest. Formats: docs/protocol.md, sections 3 and 7.

import { setTimeout as sleep } from 'node:timers/promises';
import type {
  Attached,
  Attachment,
  AttachmentEnd,
  AttachmentEndWhy,
  AttachmentState,
} from '../core/attachment.ts';
import { Fault } from '../core/errors.ts';
import type { Outcome, Policy } from '../core/records.ts';
import type { HoldChannel } from '../linux/hold.ts';
import { eventBatches, type RunnerEvent } from '../linux/runner.ts';
import { loadFinding, refusalFinding } from './outcome.ts';

export interface AttachmentParts {
  readonly channel: HoldChannel;
  readonly address: string;
  /** Of the kernel: what a refusal names. */
  readonly release: string;
  /** Waits until the kernel is without the policy whose holder has gone without a word. */
  readonly settled?: (enableSeq: number) => Promise<void>;
  /** Ends a holder that was found (its channel cannot) and does not answer. */
  readonly force?: (pid: number) => void;
  /** How long it may take until the policy is attached, or refused. Default 60 s: the verifier has 30. */
  readonly limitMs?: number;
  /** How long letting go may take. Default 15 s: a policy that does not go is told to by SysRq after 1 s, and given up after 5. */
  readonly detachLimitMs?: number;
  /** How long a holder that was started has to end when nobody waits for it any more; then it is killed. Default 5 s. */
  readonly giveUpLimitMs?: number;
  readonly signal?: AbortSignal;
}

type EventOf<K extends RunnerEvent['event']> = Extract<RunnerEvent, { event: K }>;

/** A holder answers a line within milliseconds; one that does not is frozen or gone. */
const answerLimitMs = 5000;
const detachLimitMs = 15_000;
const giveUpLimitMs = 5000;
/** Who has been killed is gone within milliseconds, unless the kernel is at work for him. */
const deathLimitMs = 8000;

/**
 * Waits until the holder says that it holds a policy, or why not. Throws Fault: interrupted, unavailable (it says nothing, or ends). A holder that was started for it has ended then; one
 * that was found goes on.
 */
export async function openAttachment(parts: AttachmentParts): Promise<Attached> {
  const held = new Held(parts);
  const opened = await held.opened.catch((fault: Fault) => held.giveUp(fault));
  if (opened !== undefined) return { ok: true, attachment: held };
  const finding = loadFinding(parts.release, held.heard) ?? refusalFinding(held.heard);
  parts.channel.close();
  if (finding !== null) return { ok: false, finding };
  throw new Fault('unavailable', 'the runner ended before it held the policy', {
    next: 'look whether the machine has run out of memory or of processes; start it again',
  });
}

class Held implements Attachment {
  readonly address: string;
  readonly ended: Promise<AttachmentEnd>;
  /** Who holds it; undefined: nobody came so far. */
  readonly opened: Promise<EventOf<'hold'> | undefined>;
  /** What was said before it was attached. */
  readonly heard: RunnerEvent[] = [];
  private readonly parts: AttachmentParts;
  private hold: EventOf<'hold'> | undefined;
  private now: AttachmentState | undefined;
  private exit: Outcome['exit'] = null;
  private why: string | undefined;
  /** Who was, as it did not answer. */
  private killed: string | undefined;
  private left = false;
  private isOver = false;
  private readonly listeners = new Set<() => void>();
  private readonly answers: { name: string; done: (answer: EventOf<'set'> | undefined) => void }[] = [];

  constructor(parts: AttachmentParts) {
    this.parts = parts;
    this.address = parts.address;
    let isOpen: (hold: EventOf<'hold'> | undefined) => void = () => {};
    let failed: (fault: Fault) => void = () => {};
    this.opened = new Promise((resolve, reject) => {
      isOpen = resolve;
      failed = reject;
    });
    const timer = setTimeout(
      () => failed(new Fault('unavailable', 'the runner did not say whether it holds the policy')),
      parts.limitMs ?? 60_000,
    );
    const abort = (): void => failed(new Fault('interrupted', 'interrupted while a policy was attached'));
    if (parts.signal?.aborted) abort();
    parts.signal?.addEventListener('abort', abort, { once: true });
    const settle = (): void => {
      clearTimeout(timer);
      parts.signal?.removeEventListener('abort', abort);
    };
    this.opened.then(settle, settle);
    this.ended = this.listen(() => isOpen(this.hold)).then(() => {
      isOpen(undefined);
      return this.conclude();
    });
  }

  get ops(): string {
    return this.hold?.ops ?? '';
  }

  get enableSeq(): number {
    return this.hold?.enableSeq ?? -1;
  }

  get isFreezeNoticed(): boolean {
    return this.hold?.freezeNoticed ?? false;
  }

  state(): AttachmentState {
    return (
      this.now ?? { presence: { state: 'absent', ops: '', enableSeq: -1, nrRejected: -1 }, kernelEvents: {} }
    );
  }

  async *states(): AsyncIterable<AttachmentState> {
    let seen = this.now;
    for (;;) {
      if (this.isOver) return;
      if (this.now === seen) await this.change();
      if (this.now === seen || this.now === undefined) continue;
      seen = this.now;
      yield seen;
    }
  }

  beat(): void {
    this.send('beat');
  }

  async set(knobs: Policy['parameters']): Promise<void> {
    for (const [name, value] of Object.entries(knobs)) {
      if (!/^\w+$/.test(name)) throw new Fault('malformed', `${JSON.stringify(name)} is no name of a knob`);
      const answer = await this.setOne(name, String(value));
      if (answer?.ok === true) continue;
      if (answer === undefined || answer.error === 'unavailable' || answer.error === '')
        throw new Fault('unavailable', `the holder of ${this.ops} did not set ${name}`, {
          next: 'see whether the policy is still attached',
        });
      throw answer.error === 'not-found'
        ? new Fault('not-found', `${this.ops} has no knob ${name} in .data`, { next: 'see its policy.json' })
        : new Fault('malformed', `${name} of ${this.ops} cannot hold ${String(value)}`);
    }
  }

  async detach(): Promise<AttachmentEnd> {
    if (!this.isOver) this.send('detach');
    const limitMs = this.parts.detachLimitMs ?? detachLimitMs;
    const ended = await this.endsSoon(limitMs);
    if (ended !== undefined) return ended;
    this.parts.channel.close();
    const { kernelEvents } = this.state();
    return {
      why: 'gone',
      exit: null,
      kernelEvents,
      detail: `${this.killed ?? 'its holder'} has not ended, not even killed`,
    };
  }

  /** Nobody waits for it any more. The end of its input is no end for a holder with a socket: it would attach, and stay until it misses a beat. */
  async giveUp(fault: Fault): Promise<never> {
    const { channel, giveUpLimitMs: limitMs = giveUpLimitMs } = this.parts;
    if (channel.kill !== undefined && !this.isOver) {
      this.send('detach');
      await this.endsSoon(limitMs);
    }
    channel.close();
    if (this.killed === undefined || this.isOver) throw fault;
    throw new Fault(fault.code, `${fault.message}: ${this.killed} was killed, and has not ended so far`, {
      next: 'schedcp stop --now',
    });
  }

  leave(): void {
    this.left = true;
    this.parts.channel.close();
  }

  /** Who has not ended by then is killed; undefined: that did not end it either (frozen in a cgroup of version 1, or stuck in the kernel). */
  private async endsSoon(ms: number): Promise<AttachmentEnd | undefined> {
    const timer = setTimeout(() => this.force(), ms);
    const over = new AbortController();
    const late = sleep(ms + deathLimitMs, undefined, { signal: over.signal }).catch(() => undefined);
    try {
      return await Promise.race([this.ended, late]);
    } finally {
      clearTimeout(timer);
      over.abort();
    }
  }

  private force(): void {
    const { channel, force } = this.parts;
    const pid = this.hold?.pid;
    if (channel.kill !== undefined) this.killed = channel.kill();
    else if (pid !== undefined && force !== undefined) {
      this.killed = 'its holder';
      try {
        force(pid);
      } catch {
        // it has ended meanwhile
      }
    }
  }

  private send(line: string): void {
    const { to } = this.parts.channel;
    if (to.writable) to.write(`${line}\n`, () => {}); // one that is gone is told by its end
  }

  private setOne(name: string, value: string): Promise<EventOf<'set'> | undefined> {
    if (this.isOver) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const timer = setTimeout(() => done(undefined), answerLimitMs);
      const entry = { name, done: (answer: EventOf<'set'> | undefined) => done(answer) };
      const done = (answer: EventOf<'set'> | undefined): void => {
        clearTimeout(timer);
        const at = this.answers.indexOf(entry);
        if (at >= 0) this.answers.splice(at, 1);
        resolve(answer);
      };
      this.answers.push(entry);
      this.send(`set ${name} ${value}`);
    });
  }

  private change(): Promise<void> {
    return new Promise((resolve) => this.listeners.add(resolve));
  }

  private async listen(opened: () => void): Promise<void> {
    try {
      for await (const batch of eventBatches(this.parts.channel.from)) {
        for (const event of batch) this.hear(event);
        if (this.hold !== undefined && this.now !== undefined) opened();
        this.tell();
      }
    } catch {
      // a channel that breaks, or an unfinished line of a holder that was killed: it says no more
    }
    this.isOver = true;
    for (const { done } of [...this.answers]) done(undefined);
    this.tell();
  }

  private tell(): void {
    for (const listener of this.listeners) listener();
    this.listeners.clear();
  }

  private hear(event: RunnerEvent): void {
    if (this.hold === undefined) this.heard.push(event);
    if (event.event === 'hold') this.hold = event;
    if (event.event === 'set') this.answers.find(({ name }) => name === event.name)?.done(event);
    if (event.event === 'detached') this.why = event.why;
    if (event.event === 'exit') {
      const { kind, code, reason, message, dump } = event;
      this.exit = { kind, code, reason, message, dump };
    }
    if (event.event === 'presence' && this.hold !== undefined) {
      const { state, ops, enableSeq, nrRejected } = event;
      this.now = { ...this.state(), presence: { state, ops, enableSeq, nrRejected } };
    }
    if (event.event === 'covered') this.now = { ...this.state(), covered: event.threads };
    if (event.event === 'events') this.now = { ...this.state(), kernelEvents: event.values };
  }

  private async conclude(): Promise<AttachmentEnd> {
    const why = this.left ? 'left' : whyOf(this.why);
    if (why === 'gone' && this.hold !== undefined) await this.parts.settled?.(this.hold.enableSeq);
    this.parts.channel.close();
    const { kernelEvents } = this.state();
    const killed = this.killed === undefined ? '' : `${this.killed} was killed, as it did not answer`;
    return { why, exit: this.exit, kernelEvents, detail: this.why ?? killed };
  }
}

/** In the words of runner/hold.c. */
function whyOf(said: string | undefined): AttachmentEndWhy {
  if (said === undefined) return 'gone';
  const known: Readonly<Record<string, AttachmentEndWhy>> = {
    'asked to detach': 'detached',
    'missed heartbeat': 'silent',
    'end of input': 'silent',
    'a signal': 'signal',
  };
  return known[said] ?? 'ejected';
}
