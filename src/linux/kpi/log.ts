// A KPI in a log: the number in each line that is added from now on and has the given form. A file that is replaced (rotated) is followed by its name, one that is cut is read from
// its start. Matching is plain comparison of text around the number: no pattern can take long.

import { type FileHandle, open, stat } from 'node:fs/promises';
import { Fault } from '../../core/errors.ts';
import type { Gauge } from './gauge.ts';

/** Longer lines are no lines of a KPI. */
const longestLine = 4096;
/** Read at a time; what a flood adds beyond it is skipped, the newest is what counts. */
const mostBytes = 256 << 10;

export async function openLog(path: string, form: string): Promise<Gauge> {
  let file = await openAt(path);
  let at = (await file.stat()).size;
  let rest = '';
  return {
    async read() {
      const now = await stat(path).catch(() => undefined);
      const is = await file.stat();
      if (now !== undefined && (now.ino !== is.ino || now.dev !== is.dev)) {
        await file.close();
        file = await openAt(path);
        at = 0;
        rest = '';
      } else if (is.size < at) {
        at = 0;
        rest = '';
      }
      const { size } = await file.stat();
      if (size - at > mostBytes) {
        at = size - mostBytes;
        rest = '';
      }
      const bytes = Buffer.alloc(Math.max(0, size - at));
      const { bytesRead } = await file.read(bytes, 0, bytes.length, at);
      at += bytesRead;
      const lines = (rest + bytes.subarray(0, bytesRead).toString('latin1')).split('\n');
      rest = lines.pop()!.slice(-longestLine);
      const values = lines.flatMap((line) => numberIn(line, form) ?? []);
      if (values.length === 0) throw new Fault('unavailable', 'no such line was written');
      return values.reduce((sum, value) => sum + value, 0) / values.length;
    },
    close: () => file.close(),
  };
}

async function openAt(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Fault(
      code === 'EACCES' ? 'not-permitted' : 'not-found',
      `cannot read the log ${path}: ${code}`,
      {
        next: 'name a file that exists and that this user may read',
      },
    );
  }
}

const numberAt = /^[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?/;

/** The number of a line of the form `text {number} text`, which may stand anywhere in it, with `{any}` for anything; undefined: it has none. */
export function numberIn(line: string, form: string): number | undefined {
  if (line.length > longestLine) return undefined;
  const [before, after] = form.split('{number}') as [string, string];
  const head = before.split('{any}');
  const last = head.pop()!;
  const start = skip(line, head, 0);
  if (start === undefined) return undefined;
  for (let at = line.indexOf(last, start); at >= 0; at = line.indexOf(last, at + 1)) {
    const from = at + last.length;
    const [text] = numberAt.exec(line.slice(from, from + longestNumber)) ?? [];
    if (text !== undefined && endsSo(line, after, from + text.length)) return Number(text);
    if (at === line.length) break;
  }
  return undefined;
}

const longestNumber = 40;

function endsSo(line: string, after: string, at: number): boolean {
  const [next, ...others] = after.split('{any}') as [string, ...string[]];
  return line.startsWith(next, at) && skip(line, others, at + next.length) !== undefined;
}

/** Where the last of the parts ends, when they come one after the other. */
function skip(line: string, parts: readonly string[], from: number): number | undefined {
  let at = from;
  for (const part of parts) {
    const found = line.indexOf(part, at);
    if (found < 0) return undefined;
    at = found + part.length;
  }
  return at;
}
