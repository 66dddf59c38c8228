// A guest that lives long: its command runs on, and policies are held in it, one at a time, by the same runner as on a host (docs/protocol.md, section 8). It ends with us.

import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createConnection, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { PassThrough, Writable } from 'node:stream';
import { z } from 'zod';
import { Fault } from '../core/errors.ts';
import type { HoldChannel } from './hold.ts';
import { type Guest, type GuestSpec, startGuest } from './qemu.ts';
import type { Tools } from './tools.ts';

const servingSchema = z.object({ event: z.literal('serving'), work: z.number(), cgroup: z.string() });
const presenceSchema = z.object({
  event: z.literal('presence'),
  when: z.literal('asked'),
  state: z.string(),
  ops: z.string(),
  enableSeq: z.number(),
  nrRejected: z.number(),
});
const releasedSchema = z.object({ event: z.literal('released') });
export type GuestPresence = Omit<z.infer<typeof presenceSchema>, 'event' | 'when'>;

export interface LongGuest {
  /** Of its command, as /proc/PID/cgroup says it in the guest. */
  readonly cgroup: string;
  /** On this machine: what the command prints. */
  readonly log: string;
  /** What the kernel says of sched_ext. Throws Fault('unavailable'), at once when it is over. */
  presence(): Promise<GuestPresence>;
  /** Starts a holder with a job; the one before it must have ended. Throws Fault('unavailable'). Killing the holder ends the guest. */
  hold(job: Uint8Array, options: { heartbeatMs: number; timeoutMs: number }): HoldChannel;
  /** Ends it in order: the holder first, then the machine. */
  end(): Promise<void>;
  /** How it ended, once it has. */
  readonly over: Promise<string>;
  /** For tests, in a guest that was started for them: one of their lines (docs/protocol.md, section 8) and the answer named `event`; none: there is none. */
  test(line: string, event?: string): Promise<unknown>;
  /** For tests: nobody is at the other end of its port for so long. */
  hangUp(ms: number): Promise<void>;
  /** For tests: the machine is without that port for so long. */
  unplug(ms: number): Promise<void>;
}

const bootLimitMs = 120_000;
const answerMs = 10_000;

/** `directory`: of its own, and short (a Unix socket is in it). Throws Fault('unavailable') when it does not come up. */
export async function startLongGuest(
  tools: Tools,
  spec: Omit<GuestSpec, 'isServing'>,
  options: { directory: string; job: Uint8Array; lifeMs: number; signal?: AbortSignal },
): Promise<LongGuest> {
  const { directory } = options;
  const path = join(directory, 'control');
  if (path.length > 107)
    throw new Fault('unsupported', `${path} is too long for a socket`, {
      next: 'use a shorter XDG_CACHE_HOME',
    });
  await writeFile(join(directory, 'log'), '');
  const { signal, job, lifeMs } = options;
  const boot = new AbortController(); // the signal is about coming up: what lives is ended in order
  const abort = (): void => boot.abort();
  signal?.addEventListener('abort', abort, { once: true });
  if (signal?.aborted) abort();
  const limited = { directory, job, limitMs: lifeMs + bootLimitMs, signal: boot.signal };
  const guest = await startGuest(tools, { ...spec, isServing: true }, limited);
  const over = guest.end.then(({ how, detail, status }) => `${how}, status ${status} ${detail}`.trim());
  try {
    return await Serving.open(path, guest, over, join(directory, 'log'));
  } catch (error) {
    guest.kill();
    const { how } = await guest.end;
    throw how === 'aborted' ? new Fault('interrupted', 'interrupted while a guest was booting') : error;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

/** QEMU makes the socket when it starts. */
async function connect(path: string, guest: Guest): Promise<Socket> {
  let isOver = false;
  void guest.end.then(() => {
    isOver = true;
  });
  for (let tries = 0; tries < 250 && !isOver; tries++) {
    const socket = createConnection(path);
    const isOpen = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    if (isOpen) return socket;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Fault('unavailable', 'the guest does not listen', {
    where: (await guest.console()).slice(-2000),
  });
}

class Serving implements LongGuest {
  readonly log: string;
  readonly over: Promise<string>;
  cgroup = '';
  #socket: Socket;
  readonly #path: string;
  readonly #guest: Guest;
  #holder: PassThrough | undefined;
  #asked: ((presence: GuestPresence) => void)[] = [];
  readonly #tests: { event: string; done: (value: unknown) => void }[] = [];
  #served: ((serving: z.infer<typeof servingSchema>) => void) | undefined;
  /** Once it is over. */
  #how: string | undefined;

  static async open(path: string, guest: Guest, over: Promise<string>, log: string): Promise<Serving> {
    const serving = new Serving(await connect(path, guest), path, guest, over, log);
    const first = new Promise<z.infer<typeof servingSchema>>((resolve) => {
      serving.#served = resolve;
    });
    const late = new Promise<never>((_, reject) => {
      setTimeout(
        () => reject(new Fault('unavailable', 'the guest did not come up in time')),
        bootLimitMs,
      ).unref();
    });
    const ended = over.then(async (how) => {
      const where = `${await guest.console()}\n${await guest.output()}`.slice(-3000);
      throw new Fault('unavailable', `the guest ended before it was ready (${how})`, { where });
    });
    ended.catch(() => {});
    serving.cgroup = (await Promise.race([first, late, ended])).cgroup;
    return serving;
  }

  private constructor(socket: Socket, path: string, guest: Guest, over: Promise<string>, log: string) {
    this.#socket = socket;
    this.#path = path;
    this.#guest = guest;
    this.over = over;
    this.log = log;
    void over.then((how) => {
      this.#how = how;
    });
    this.#listen(socket);
  }

  #listen(socket: Socket): void {
    socket.on('error', () => {}); // its end is told by `over`
    createInterface({ input: socket })
      .on('line', (line) => this.#hear(line))
      .on('error', () => {}); // it repeats those of its input
    socket.on('close', () => this.#released());
  }

  #released(): void {
    this.#holder?.end();
    this.#holder = undefined;
  }

  #hear(line: string): void {
    const value = jsonOf(line);
    const serving = servingSchema.safeParse(value);
    const presence = presenceSchema.safeParse(value);
    if (serving.success) this.#served?.(serving.data);
    else if (presence.success) {
      const { state, ops, enableSeq, nrRejected } = presence.data;
      this.#asked.shift()?.({ state, ops, enableSeq, nrRejected });
    } else if (releasedSchema.safeParse(value).success) this.#released();
    else if (this.#tests[0] !== undefined && eventOf(value) === this.#tests[0].event)
      this.#tests.shift()?.done(value);
    else this.#holder?.write(`${line}\n`);
  }

  async presence(): Promise<GuestPresence> {
    const answer = new Promise<GuestPresence>((resolve) => {
      this.#asked.push(resolve);
    });
    this.#socket.write('presence\n');
    return await this.#inTime(answer);
  }

  async test(line: string, event?: string): Promise<unknown> {
    const answer = new Promise<unknown>((done) => {
      if (event === undefined) done(undefined);
      else this.#tests.push({ event, done });
    });
    this.#socket.write(`test ${line}\n`);
    return await this.#inTime(answer);
  }

  /** Throws Fault('unavailable'): it takes too long, or the guest has ended. */
  async #inTime<T>(answer: Promise<T>): Promise<T> {
    const over = this.over.then((how) => Promise.reject(ended(how)));
    return await Promise.race([answer, over, noAnswer()]);
  }

  async hangUp(ms: number): Promise<void> {
    this.#socket.destroy();
    await new Promise((resolve) => setTimeout(resolve, ms));
    this.#socket = await connect(this.#path, this.#guest);
    this.#listen(this.#socket);
  }

  async unplug(ms: number): Promise<void> {
    this.#released(); // what its holder says now is heard by nobody
    await this.#guest.command('device_del', { id: 'control-port' });
    await new Promise((resolve) => setTimeout(resolve, ms));
    const port = { id: 'control-port', chardev: 'control', name: 'org.schedcp.control' };
    for (let tries = 1; ; tries++) {
      const isBack = await this.#guest.command('device_add', { driver: 'virtserialport', ...port }).then(
        () => true,
        (error) => {
          if (tries === 100) throw error;
        },
      );
      if (isBack) return;
      await new Promise((resolve) => setTimeout(resolve, 20)); // the one that was taken away is let go a little later
    }
  }

  hold(job: Uint8Array, { heartbeatMs, timeoutMs }: { heartbeatMs: number; timeoutMs: number }): HoldChannel {
    if (this.#how !== undefined) throw ended(this.#how);
    if (this.#holder !== undefined) throw new Fault('unavailable', 'a policy is held in this guest already');
    const from = new PassThrough();
    this.#holder = from;
    this.#socket.write(`hold ${job.length} ${heartbeatMs} ${timeoutMs}\n`);
    this.#socket.write(job);
    const to = new Writable({
      write: (chunk, _, done) => {
        if (this.#holder === from) this.#socket.write(chunk);
        done();
      },
    });
    const kill = (): string => {
      this.#guest.kill(); // a holder in there is out of reach
      return 'the guest';
    };
    return { from, to, close: () => to.destroy(), kill };
  }

  async end(): Promise<void> {
    this.#socket.write('end\n');
    const killer = setTimeout(() => this.#guest.kill(), answerMs);
    await this.#guest.end;
    clearTimeout(killer);
    this.#socket.destroy();
  }
}

function ended(how: string): Fault {
  return new Fault('unavailable', `the guest has ended (${how})`, { next: 'start another one' });
}

function noAnswer(): Promise<never> {
  return new Promise((_, reject) => {
    setTimeout(() => reject(new Fault('unavailable', 'the guest does not answer')), answerMs).unref();
  });
}

function eventOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null && 'event' in value ? value.event : undefined;
}

function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
