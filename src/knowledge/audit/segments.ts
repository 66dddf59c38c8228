// The files of an audit: <first seq, 12 digits>.jsonl, one after another. The end of the last one says where the chain has come to.

import { closeSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { digestOf } from '../../core/canonical.ts';
import { Fault } from '../../core/errors.ts';
import { type AuditLine, readLine } from '../../deployment/audit-line.ts';
import { codeOf, explained } from '../durable.ts';

export interface Tail {
  /** Where to append; undefined before the first line. */
  readonly file: string | undefined;
  readonly bytes: number;
  /** The last whole line. */
  readonly last: AuditLine | null;
  /** What stands behind it and is none: torn by a crash or a full disk. */
  readonly rest: { readonly bytes: number; readonly digest: string } | null;
  /** The last line is whole but for its line end. */
  readonly isOpen: boolean;
}

export const segmentName = (seq: number): string => `${String(seq).padStart(12, '0')}.jsonl`;

/** Paths, oldest first. */
export function segments(directory: string): string[] {
  return explained(directory, () => {
    try {
      const names = readdirSync(directory).filter((name) => /^\d{12,16}\.jsonl$/.test(name));
      return names
        .sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10))
        .map((name) => join(directory, name));
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return [];
      throw error;
    }
  });
}

/** Of the last segment that holds a whole line. */
export function readTail(directory: string): Tail {
  const files = segments(directory);
  const file = files.at(-1);
  if (file === undefined) return { file, bytes: 0, last: null, rest: null, isOpen: false };
  const { size: bytes } = explained(file, () => statSync(file));
  for (let room = 65_536; ; room *= 16) {
    const read = endOf(file, bytes, room);
    const found = lastLine(read);
    if (found !== undefined) return { file, bytes, ...found };
    if (room < bytes) continue;
    const rest = bytes === 0 ? null : { bytes, digest: digestOf(read) };
    return { file, bytes, last: lastBefore(files.slice(0, -1)), rest, isOpen: false };
  }
}

function lastLine(read: Buffer): Pick<Tail, 'last' | 'rest' | 'isOpen'> | undefined {
  for (let end = read.length; end > 0; ) {
    const start = read.lastIndexOf(10, end - 1) + 1;
    const last = end > start ? readLine(read.subarray(start, end)) : undefined;
    if (last !== undefined) {
      const after = read.subarray(end + 1);
      const rest = after.length === 0 ? null : { bytes: after.length, digest: digestOf(after) };
      return { last, rest, isOpen: end === read.length };
    }
    end = start - 1;
  }
  return undefined;
}

function lastBefore(files: readonly string[]): AuditLine | null {
  for (const file of files.toReversed()) {
    const { size } = statSync(file);
    for (let room = 65_536; ; room *= 16) {
      const found = lastLine(endOf(file, size, room));
      if (found?.last != null) return found.last;
      if (room >= size) break;
    }
  }
  return null;
}

/** At most the last `room` bytes of a file of `size`. */
function endOf(file: string, size: number, room: number): Buffer {
  return explained(file, () => {
    const fd = openSync(file, 'r');
    try {
      const wanted = Math.min(room, size);
      const buffer = Buffer.alloc(wanted);
      let done = 0;
      while (done < wanted) {
        const count = readSync(fd, buffer, done, wanted - done, size - wanted + done);
        if (count === 0)
          throw new Fault('unavailable', `${file} became shorter while it was read`, { where: file });
        done += count;
      }
      return buffer;
    } finally {
      closeSync(fd);
    }
  });
}
