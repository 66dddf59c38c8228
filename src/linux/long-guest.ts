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
  /** What the kernel says of sched_ext. */
  presence(): Promise<GuestPresence>;
  /** Starts a holder with a job; the one before it must have ended. */
  hold(job: Uint8Array, options: { heartbeatMs: number; timeoutMs: number }): HoldChannel;
  /** Ends it in order: the holder first, then the machine. */
  end(): Promise<void>;
  /** Undefined as long as it lives; else how it ended. */
  readonly over: Promise<string>;
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
  const guest = await startGuest(
    tools,
    { ...spec, isServing: true },
    { ...options, limitMs: options.lifeMs + bootLimitMs },
  );
  const over = guest.end.then(({ how, detail, status }) => `${how}, status ${status} ${detail}`.trim());
  try {
    const socket = await connect(path, guest);
    return await Serving.open(socket, guest, over, join(directory, 'log'));
  } catch (error) {
    guest.kill();
    await guest.end;
    throw error;
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
  readonly #socket: Socket;
  readonly #guest: Guest;
  #holder: PassThrough | undefined;
  #asked: ((presence: GuestPresence) => void)[] = [];
  #served: ((serving: z.infer<typeof servingSchema>) => void) | undefined;

  static async open(socket: Socket, guest: Guest, over: Promise<string>, log: string): Promise<Serving> {
    const serving = new Serving(socket, guest, over, log);
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

  private constructor(socket: Socket, guest: Guest, over: Promise<string>, log: string) {
    this.#socket = socket;
    this.#guest = guest;
    this.over = over;
    this.log = log;
    socket.on('error', () => {}); // its end is told by `over`
    createInterface({ input: socket }).on('line', (line) => this.#hear(line));
    socket.on('close', () => this.#holder?.end());
  }

  #hear(line: string): void {
    const value = jsonOf(line);
    const serving = servingSchema.safeParse(value);
    const presence = presenceSchema.safeParse(value);
    if (serving.success) this.#served?.(serving.data);
    else if (presence.success) {
      const { state, ops, enableSeq, nrRejected } = presence.data;
      this.#asked.shift()?.({ state, ops, enableSeq, nrRejected });
    } else if (releasedSchema.safeParse(value).success) {
      this.#holder?.end();
      this.#holder = undefined;
    } else this.#holder?.write(`${line}\n`);
  }

  async presence(): Promise<GuestPresence> {
    const answer = new Promise<GuestPresence>((resolve) => {
      this.#asked.push(resolve);
    });
    this.#socket.write('presence\n');
    const late = new Promise<never>((_, reject) => {
      setTimeout(() => reject(new Fault('unavailable', 'the guest does not answer')), answerMs).unref();
    });
    return await Promise.race([answer, late]);
  }

  hold(job: Uint8Array, { heartbeatMs, timeoutMs }: { heartbeatMs: number; timeoutMs: number }): HoldChannel {
    if (this.#holder !== undefined) throw new Fault('unavailable', 'a policy is held in this guest already');
    const from = new PassThrough();
    this.#holder = from;
    this.#socket.write(`hold ${job.length} ${heartbeatMs} ${timeoutMs}\n`);
    this.#socket.write(job);
    const socket = this.#socket;
    const to = new Writable({
      write(chunk, _, done) {
        socket.write(chunk);
        done();
      },
    });
    return { from, to, close: () => to.destroy() };
  }

  async end(): Promise<void> {
    this.#socket.write('end\n');
    const killer = setTimeout(() => this.#guest.kill(), answerMs);
    await this.#guest.end;
    clearTimeout(killer);
    this.#socket.destroy();
  }
}

function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
