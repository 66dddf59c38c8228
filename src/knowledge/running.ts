// Deployments that are under way: one small file each, so that others can see and end them. A process number that is in use again by somebody else is told by the time at which
// it was started (/proc/PID/stat, field 22); the file of a process that is gone stays until that is noted somewhere (`lost`).

import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { ForeignScheduler } from '../core/attachment.ts';
import { parameterValueSchema } from '../core/policy.ts';
import { whoSchema } from '../deployment/audit-line.ts';
import { claim, startOf } from './claims.ts';
import { explained, makePrivateDirectory } from './durable.ts';

const foreignSchema = z.strictObject({
  ops: z.string(),
  enableSeq: z.number(),
  pid: z.int().exactOptional(),
  argv: z.array(z.string()).readonly().exactOptional(),
  unit: z.string().exactOptional(),
});

const runningSchema = z.strictObject({
  version: z.literal(1),
  id: z.string().regex(/^[0-9a-f]{8}$/),
  pid: z.int().min(1),
  started: z.string(),
  policy: z.string(),
  /** Digest. */
  object: z.string(),
  on: z.enum(['host', 'guest']),
  by: z.string(),
  /** What `by` is the name of; absent: nobody said. */
  kind: z.enum(['person', 'agent']).optional(),
  sinceMs: z.int(),
  says: z.string(),
  /** Somebody else's scheduler that was unloaded, and is to have the machine back. */
  replaced: foreignSchema.optional(),
});
export type Running = z.infer<typeof runningSchema>;

/** What somebody asks of a deployment that another process carries out: to set knobs. That it should end is a file without words. */
const askedSchema = z.strictObject({
  who: whoSchema,
  values: z.record(z.string().regex(/^\w{1,64}$/), parameterValueSchema),
});
const answeredSchema = z.strictObject({ done: z.boolean(), words: z.string() });
export type Asked = z.infer<typeof askedSchema>;
export type Answered = z.infer<typeof answeredSchema>;

export interface RunningList {
  list(): Running[];
  /** Tells of each deployment whose process is gone, once for all who look; one that could not be noted, or is left (false), stays for the next. */
  lost(note: (one: Running) => Promise<boolean>): Promise<void>;
  /** Asks a deployment to end, and waits until it has left. False: it has not by then, or its process is gone; the request stays. */
  end(id: string, limitMs: number): Promise<boolean>;
  /** Signals the process of a deployment, and all that it does: SIGTERM, and SIGKILL when it is still there after `limitMs`. Never this process. */
  kill(id: string, limitMs: number): Promise<void>;
  /** Asks the process of a deployment, and waits for its answer; undefined: none came. */
  ask(id: string, asked: Asked, limitMs: number): Promise<Answered | undefined>;
  /** Enters this process. */
  enter(about: Pick<Running, 'policy' | 'object' | 'on' | 'by' | 'kind' | 'sinceMs'>): {
    readonly id: string;
    /** Aborted when somebody asks this deployment to end. */
    readonly ended: AbortSignal;
    say(text: string): void;
    /** Who is to have the machine back, should this process be killed. */
    remember(foreign: ForeignScheduler): void;
    /** What somebody asks for, once. */
    asked(): (Asked & { answer(done: boolean, words: string): void }) | undefined;
    leave(): void;
  };
}

/** How often a deployment looks whether it should end. */
const lookMs = 50;
const afterKillMs = 2000;

export function openRunning(directory: string): RunningList {
  const fileOf = (id: string): string => join(directory, `${id}.json`);
  const requestOf = (id: string): string => join(directory, `${id}.end`);
  /** What a deployment's process has left, and what is asked of it. */
  const sweep = (start: string): void => {
    for (const name of filesOf(directory))
      if (name.startsWith(start)) rmSync(join(directory, name), { force: true });
  };
  const write = (one: Running): void => put(fileOf(one.id), one);
  const entries = (): Running[] =>
    filesOf(directory).flatMap((name) =>
      name.endsWith('.json') ? (parsed(join(directory, name), runningSchema) ?? []) : [],
    );
  const living = (id: string): Running | undefined => {
    const one = parsed(fileOf(id), runningSchema);
    return one !== undefined && isAlive(one) ? one : undefined;
  };
  return {
    list: () => entries().filter(isAlive),
    async lost(note) {
      for (const one of entries()) {
        if (isAlive(one)) continue;
        const mine = claim(join(directory, 'claims'), Number.parseInt(one.id, 16));
        if ('heldBy' in mine) continue;
        try {
          if (!existsSync(fileOf(one.id))) continue;
          if (await note(one)) sweep(`${one.id}.`);
        } finally {
          mine.release();
        }
      }
    },
    async end(id, limitMs) {
      if (living(id) === undefined) return !existsSync(fileOf(id));
      try {
        put(requestOf(id), {});
      } catch {
        return false; // a disk that is full keeps nobody from being ended otherwise
      }
      const until = performance.now() + limitMs;
      while (living(id) !== undefined && performance.now() < until) await sleep(20);
      if (existsSync(fileOf(id))) return false;
      sweep(`${id}.`); // it may have left between our look and our request
      return true;
    },
    async kill(id, limitMs) {
      for (const [signal, ms] of [
        ['SIGTERM', limitMs],
        ['SIGKILL', afterKillMs],
      ] as const) {
        const one = living(id);
        if (one === undefined || one.pid === process.pid) return;
        tell(one.pid, signal);
        for (const until = performance.now() + ms; isAlive(one) && performance.now() < until; )
          await sleep(20);
      }
    },
    async ask(id, asked, limitMs) {
      const file = join(directory, `${id}.${randomBytes(4).toString('hex')}`);
      put(`${file}.ask`, asked);
      const until = performance.now() + limitMs;
      try {
        while (performance.now() < until) {
          const answered = parsed(`${file}.answer`, answeredSchema);
          if (answered !== undefined) return answered;
          await sleep(20);
        }
        return undefined;
      } finally {
        for (const end of ['ask', 'answer']) rmSync(`${file}.${end}`, { force: true });
      }
    },
    enter(about) {
      makePrivateDirectory(directory);
      const id = randomBytes(4).toString('hex');
      const started = startOf(process.pid) ?? '';
      let one: Running = { version: 1, id, pid: process.pid, started, ...about, says: 'it begins' };
      write(one);
      const ending = new AbortController();
      const look = setInterval(() => {
        if (existsSync(requestOf(id))) ending.abort();
      }, lookMs).unref();
      return {
        id,
        ended: ending.signal,
        say(text) {
          one = { ...one, says: text.slice(0, 300) };
          write(one);
        },
        remember(replaced) {
          one = { ...one, replaced };
          write(one);
        },
        asked() {
          const name = filesOf(directory).find((file) => file.startsWith(`${id}.`) && file.endsWith('.ask'));
          if (name === undefined) return undefined;
          const file = join(directory, name);
          const wanted = parsed(file, askedSchema);
          rmSync(file, { force: true });
          const answer = (done: boolean, words: string): void =>
            put(file.replace(/ask$/, 'answer'), { done, words });
          return wanted === undefined ? undefined : { ...wanted, answer };
        },
        leave() {
          clearInterval(look);
          sweep(`${id}.`);
        },
      };
    },
  };
}

/** Appears whole, for the owner alone. Faults: not-permitted, unavailable. */
function put(file: string, content: object): void {
  explained(file, () => {
    writeFileSync(`${file}.new`, JSON.stringify(content), { mode: 0o600 });
    renameSync(`${file}.new`, file);
  });
}

function filesOf(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

/** Undefined: it is not there, or not what it should be. */
function parsed<T>(file: string, schema: z.ZodType<T>): T | undefined {
  try {
    return schema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return undefined;
  }
}

const isAlive = ({ pid, started }: Running): boolean => startOf(pid) === started;

function tell(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // it has ended, or is somebody else's
  }
}
