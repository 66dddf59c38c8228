// Deployments that are under way: one small file each, so that others can see and end them. A file whose process is gone is swept away; a process number that is in use again
// by somebody else is told by the time at which it was started (/proc/PID/stat, field 22).

import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { parameterValueSchema } from '../core/policy.ts';
import { whoSchema } from '../deployment/audit-line.ts';

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
  sinceMs: z.int(),
  says: z.string(),
});
export type Running = z.infer<typeof runningSchema>;

/** What somebody asks of a deployment that another process carries out: to set knobs. */
const askedSchema = z.strictObject({
  who: whoSchema,
  values: z.record(z.string().regex(/^\w{1,64}$/), parameterValueSchema),
});
const answeredSchema = z.strictObject({ done: z.boolean(), words: z.string() });
export type Asked = z.infer<typeof askedSchema>;
export type Answered = z.infer<typeof answeredSchema>;

export interface RunningList {
  list(): Running[];
  /** Asks the process of a deployment, and waits for its answer; undefined: none came. */
  ask(id: string, asked: Asked, limitMs: number): Promise<Answered | undefined>;
  /** Enters this process. */
  enter(about: Pick<Running, 'policy' | 'object' | 'on' | 'by' | 'sinceMs'>): {
    readonly id: string;
    say(text: string): void;
    /** What somebody asks for, once. */
    asked(): (Asked & { answer(done: boolean, words: string): void }) | undefined;
    leave(): void;
  };
}

export function openRunning(directory: string): RunningList {
  const fileOf = (id: string): string => join(directory, `${id}.json`);
  /** What a deployment's process has left, and what is asked of it. */
  const sweep = (start: string): void => {
    for (const name of filesOf(directory))
      if (name.startsWith(start)) rmSync(join(directory, name), { force: true });
  };
  const write = (one: Running): void => put(fileOf(one.id), one);
  return {
    list() {
      return filesOf(directory).flatMap((name) => {
        if (!name.endsWith('.json')) return [];
        const one = parsed(join(directory, name), runningSchema);
        if (one !== undefined && startedAt(one.pid) === one.started) return [one];
        sweep(name.slice(0, -'json'.length));
        return [];
      });
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
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      const id = randomBytes(4).toString('hex');
      const started = startedAt(process.pid) ?? '';
      let one: Running = { version: 1, id, pid: process.pid, started, ...about, says: 'it begins' };
      write(one);
      return {
        id,
        say(text) {
          one = { ...one, says: text.slice(0, 300) };
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
        leave: () => sweep(`${id}.`),
      };
    },
  };
}

/** Appears whole, for the owner alone. */
function put(file: string, content: object): void {
  writeFileSync(`${file}.new`, JSON.stringify(content), { mode: 0o600 });
  renameSync(`${file}.new`, file);
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

/** Ticks since boot; undefined: there is no such process. The name of the program may contain anything, but no ")" after its own. */
function startedAt(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}
