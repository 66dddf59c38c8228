// Where a machine is looked at: the roots of procfs and sysfs (tests give recorded trees), a monotonic clock, and reading. Paths and contents are bytes, one
// character each (latin1). Reading is synchronous through one buffer: for the tiny files of procfs that is ten times as fast as fs/promises.

import { closeSync, opendirSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { Fault } from '../../core/errors.ts';

export interface Surfaces {
  readonly proc: string;
  readonly sys: string;
  /** CLOCK_MONOTONIC: steps of the wall clock do not matter. */
  nowNs(): number;
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export const realSurfaces: Surfaces = {
  proc: '/proc',
  sys: '/sys',
  nowNs: () => Number(process.hrtime.bigint()),
  async sleep(ms, signal) {
    await wait(ms, undefined, { signal }).catch(() => {});
    check(signal);
  },
};

/** Throws Fault('interrupted') once the caller no longer wants an answer. */
export function check(signal: AbortSignal): void {
  if (signal.aborted) throw new Fault('interrupted', 'interrupted before it was done');
}

/** Lets others have the thread in the middle of a long walk. */
export async function breathe(signal: AbortSignal): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  check(signal);
}

export const pathOf = (path: string): Buffer => Buffer.from(path, 'latin1');

let buffer = Buffer.allocUnsafe(16_384);

/** Everything that an open file holds from its start on, at most `limit` bytes. Throws what the system call does. */
export function readOpen(fd: number, limit = 1 << 22): string {
  let at = 0;
  for (;;) {
    if (at === buffer.length) {
      if (at >= limit) break;
      const larger = Buffer.allocUnsafe(2 * at);
      buffer.copy(larger);
      buffer = larger;
    }
    const got = readSync(fd, buffer, at, buffer.length - at, at);
    if (got === 0) break;
    at += got;
  }
  return buffer.toString('latin1', 0, Math.min(at, limit));
}

/**
 * The same in one call, for files of a task that are mostly shorter than a page: hearing of the end would cost as much as the first call. The status of one with
 * many groups is longer.
 */
export function readSmall(fd: number): string {
  const got = readSync(fd, buffer, 0, 4096, 0);
  return got < 4096 ? buffer.toString('latin1', 0, got) : readOpen(fd, 65_536);
}

/** Throws the error of the system call (ENOENT, ESRCH, EACCES…). */
export function readOrThrow(path: string, limit?: number): string {
  const fd = openSync(pathOf(path), 'r');
  try {
    return readOpen(fd, limit);
  } finally {
    closeSync(fd);
  }
}

/** Undefined where it cannot be read: it is gone, it is not there in this kernel, or we may not. */
export function read(path: string, limit?: number): string | undefined {
  try {
    return readOrThrow(path, limit);
  } catch {
    return undefined;
  }
}

/** One line, without its end. */
export function readLine(path: string): string | undefined {
  return read(path)?.split('\n', 1)[0];
}

export function readNumber(path: string): number | undefined {
  const text = readLine(path);
  return text !== undefined && /^-?\d+$/.test(text.trim()) ? Number(text) : undefined;
}

/** The error's code ('EACCES', …) where it cannot be read, else undefined. */
export function whyNot(path: string): string | undefined {
  try {
    readOrThrow(path, 4096);
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}

/** Names in a directory; none where it is gone. */
export function list(path: string): string[] {
  try {
    return readdirSync(pathOf(path), { encoding: 'latin1' });
  } catch {
    return [];
  }
}

/** Names of the directories in a directory. */
export function directories(path: string): string[] {
  try {
    const entries = readdirSync(pathOf(path), { encoding: 'latin1', withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  } catch {
    return [];
  }
}

/** Whether a directory is there, without listing it. */
export function isDirectory(path: string): boolean {
  try {
    opendirSync(pathOf(path)).closeSync();
    return true;
  } catch {
    return false;
  }
}

export function readLink(path: string): string | undefined {
  try {
    return readlinkSync(pathOf(path), { encoding: 'latin1' });
  } catch {
    return undefined;
  }
}

/**
 * Files for which the kernel takes a lock of the process that is looked at (cmdline, maps): one that holds it may be stuck for ever, so this gives up after a
 * while. Undefined where it cannot be read.
 */
export async function readPatiently(
  path: string,
  limit = 1 << 20,
  patienceMs = 1500,
): Promise<string | undefined> {
  const reading = (async () => {
    const file = await open(pathOf(path), 'r');
    try {
      const chunks: Buffer[] = [];
      for (let size = 0; size < limit; ) {
        const { bytesRead, buffer: chunk } = await file.read(Buffer.allocUnsafe(65_536), 0, 65_536, null);
        if (bytesRead === 0) break;
        chunks.push(chunk.subarray(0, bytesRead));
        size += bytesRead;
      }
      return Buffer.concat(chunks).subarray(0, limit).toString('latin1');
    } finally {
      await file.close();
    }
  })().catch(() => undefined);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, patienceMs, undefined);
  });
  return Promise.race([reading, late]).finally(() => clearTimeout(timer));
}

/** How much a counter grew: never less than nothing (some of the kernel's go back a little, and all do when a CPU comes back). */
export function grown(before: number | undefined, after: number | undefined): number {
  return before === undefined || after === undefined || after < before ? 0 : after - before;
}

/** The part of a list on a page, counted from 1, and how many follow. */
export function paged<T>(items: readonly T[], page: number, limit: number): { rows: T[]; left: number } {
  const end = page * limit;
  return { rows: items.slice(end - limit, end), left: Math.max(0, items.length - end) };
}
