// Deployments that are under way: one small file each, so that others can see and end them. A file whose process is gone is swept away; a process number that is in use again
// by somebody else is told by the time at which it was started (/proc/PID/stat, field 22).

import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

const runningSchema = z.strictObject({
  version: z.literal(1),
  id: z.string().regex(/^[0-9a-f]{8}$/),
  pid: z.int().min(1),
  started: z.string(),
  policy: z.string(),
  on: z.enum(['host', 'guest']),
  by: z.string(),
  sinceMs: z.int(),
  says: z.string(),
});
export type Running = z.infer<typeof runningSchema>;

export interface RunningList {
  list(): Running[];
  /** Enters this process. */
  enter(about: Pick<Running, 'policy' | 'on' | 'by' | 'sinceMs'>): {
    readonly id: string;
    say(text: string): void;
    leave(): void;
  };
}

export function openRunning(directory: string): RunningList {
  const fileOf = (id: string): string => join(directory, `${id}.json`);
  const write = (one: Running): void => {
    const file = fileOf(one.id);
    writeFileSync(`${file}.new`, JSON.stringify(one), { mode: 0o600 });
    renameSync(`${file}.new`, file);
  };
  return {
    list() {
      return names(directory).flatMap((name) => {
        const one = read(join(directory, name));
        if (one !== undefined && startedAt(one.pid) === one.started) return [one];
        rmSync(join(directory, name), { force: true });
        return [];
      });
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
        leave: () => rmSync(fileOf(id), { force: true }),
      };
    },
  };
}

function names(directory: string): string[] {
  try {
    return readdirSync(directory).filter((name) => name.endsWith('.json'));
  } catch {
    return [];
  }
}

function read(file: string): Running | undefined {
  try {
    return runningSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
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
