// A KPI in a log: the number in each line that is added from now on and has the given form. A file that is replaced (rotated) is followed by its name, one that is cut is read from
// its start. Matching is plain comparison of text around the number: no pattern can take long.

import { constants } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { Fault } from '../../core/errors.ts';
import type { Gauge } from './gauge.ts';
import { numberAt } from './number.ts';

/** Longer lines are no lines of a KPI. */
const longestLine = 4096;
/** Read at a time; what a flood adds beyond it is skipped, the newest is what counts. */
const mostBytes = 256 << 10;

/** Instead of the beginning of a line that is not known: it is too long now, and never read. */
const unknown = Buffer.alloc(longestLine + 1, ' ');
const newline = 0x0a;

export async function openLog(path: string, form: string): Promise<Gauge> {
  let file = await openAt(path);
  let at = (await file.stat()).size;
  let rest = await lineBefore(file, at);
  return {
    async read() {
      const now = await stat(path).catch(() => undefined);
      const is = await file.stat();
      if (now !== undefined && (now.ino !== is.ino || now.dev !== is.dev)) {
        const next = await openAt(path);
        await file.close();
        file = next;
        at = 0;
        rest = Buffer.alloc(0);
      } else if (is.size < at) {
        at = 0;
        rest = Buffer.alloc(0);
      }
      const { size } = await file.stat();
      if (size - at > mostBytes) {
        at = size - mostBytes;
        rest = await lineBefore(file, at);
      }
      const bytes = Buffer.alloc(Math.max(0, size - at));
      const { bytesRead } = await file.read(bytes, 0, bytes.length, at);
      at += bytesRead;
      const text = Buffer.concat([rest, bytes.subarray(0, bytesRead)]);
      const end = text.lastIndexOf(newline) + 1;
      rest = text.length - end > longestLine ? unknown : text.subarray(end);
      const lines = text.toString('utf8', 0, end).split('\n');
      const values = lines.flatMap((line) => numberIn(line, form) ?? []);
      if (values.length === 0) throw new Fault('unavailable', 'no such line was written');
      return values.reduce((sum, value) => sum + value, 0) / values.length;
    },
    close: () => file.close(),
  };
}

/** What stands there before a position in the middle of a line is not known: a number may be cut. */
async function lineBefore(file: FileHandle, at: number): Promise<Buffer> {
  const byte = Buffer.alloc(1, newline);
  if (at > 0) await file.read(byte, 0, 1, at - 1);
  return byte[0] === newline ? Buffer.alloc(0) : unknown;
}

/** Never waits: a named pipe would, for who writes into it. Throws Fault: not-found, not-permitted, unsupported (it is no file that grows). */
async function openAt(path: string): Promise<FileHandle> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((error) => {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENXIO') throw noFile(path); // a socket
    throw new Fault(
      code === 'EACCES' ? 'not-permitted' : 'not-found',
      `cannot read the log ${path}: ${code}`,
      {
        next: 'name a file that exists and that this user may read',
      },
    );
  });
  if ((await file.stat()).isFile()) return file;
  await file.close();
  throw noFile(path);
}

function noFile(path: string): Fault {
  return new Fault('unsupported', `${path} is no regular file: a log is read from one`, {
    next: 'let what writes there write to a file, or name a command that prints the number',
  });
}

/** The number of a line of the form `text {number} text`, which may stand anywhere in it, with `{any}` for anything; undefined: it has none. Throws Fault('malformed'): it is a part of something longer. */
export function numberIn(line: string, form: string): number | undefined {
  if (line.length > longestLine) return undefined;
  const [before, after] = form.split('{number}') as [string, string];
  const head = before.split('{any}');
  const last = head.pop()!;
  const start = skip(line, head, 0);
  if (start === undefined) return undefined;
  for (let at = line.indexOf(last, start); at >= 0; at = line.indexOf(last, at + 1)) {
    const found = numberAt(line, at + last.length);
    if (found?.ends.some((end) => endsSo(line, after, end))) return found.value();
    if (at === line.length) break;
  }
  return undefined;
}

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
