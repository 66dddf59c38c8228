// The user's cache: downloads, builds and snapshots; never results. Everything in it can be made again. Entries appear and
// disappear by rename, so a reader sees a whole entry or none; what was used a short time ago is not trimmed.

import { randomBytes } from 'node:crypto';
import { existsSync, linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir, readdir, rename, rm, stat, statfs, utimes } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { Fault } from '../core/errors.ts';

export interface Cache {
  readonly root: string;
  path(...parts: string[]): string;
  /**
   * Returns the directory `name`, made by `make` when it does not exist. `make` fills an empty directory that becomes the
   * entry when it returns; when it throws, nothing is left. Two processes at once: one makes, the other waits.
   */
  entry(name: string, make: (directory: string) => Promise<void>, signal?: AbortSignal): Promise<string>;
  /** Runs `work` while no other process runs one of the same name. */
  exclusively<T>(name: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T>;
  /** Says that the entries which hold these files are about to be used. Files elsewhere are none of its business. */
  use(...files: readonly string[]): Promise<void>;
  /** A directory for one run, removed by `release` and by the next `trim` when its owner has died. */
  scratch(): Promise<Scratch>;
  /**
   * Removes what dead processes left, then the least recently used entries until `limit` bytes are left; those used within
   * `inUseMs` stay even so, because a running process may be about to open them. Returns what was removed.
   */
  trim(limit: number): Promise<string[]>;
  size(): Promise<number>;
  /** Removes everything. Throws Fault('unavailable') while another process makes entries or runs guests. */
  remove(): Promise<void>;
}

/** So long is an entry safe from `trim` after its last use. */
export const inUseMs = 30 * 60_000;

export interface Scratch {
  readonly directory: string;
  release(): Promise<void>;
}

export function cacheDirectory(env: NodeJS.ProcessEnv = process.env): string {
  const base = env.XDG_CACHE_HOME;
  return join(base?.startsWith('/') ? base : join(homedir(), '.cache'), 'schedcp');
}

/** SCHEDCP_CACHE_LIMIT, in bytes. Throws Fault('malformed'). */
export function cacheLimit(env: NodeJS.ProcessEnv = process.env): number {
  const text = env.SCHEDCP_CACHE_LIMIT;
  if (text === undefined || text === '') return 12e9;
  const limit = Number(text);
  if (Number.isFinite(limit) && limit >= 0) return limit;
  throw new Fault('malformed', `SCHEDCP_CACHE_LIMIT=${text} is not a number of bytes`, {
    next: 'set it to a number such as 12e9, or leave it unset',
  });
}

export function openCache(root: string = cacheDirectory()): Cache {
  const path = (...parts: string[]): string => join(root, ...parts);
  return {
    root,
    path,
    entry: (name, make, signal) => makeEntry(path, name, make, signal),
    async exclusively(name, work, signal) {
      await writable(path());
      const unlock = await lock(path(), name, signal);
      return work().finally(unlock);
    },
    async use(...files) {
      for (const file of files) {
        const [kind, name] = relative(root, file).split('/');
        if (kind !== undefined && name !== undefined && kind !== '..') await touch(path(kind, name));
      }
    },
    scratch: () => makeScratch(path),
    trim: (limit) => trim(path, limit),
    size: () => treeSize(root),
    remove: () => removeAll(path),
  };
}

type Path = (...parts: string[]) => string;

async function makeEntry(
  path: Path,
  name: string,
  make: (directory: string) => Promise<void>,
  signal: AbortSignal | undefined,
): Promise<string> {
  const target = path(name);
  if (existsSync(target)) return touch(target);
  await writable(path());
  const unlock = await lock(path(), name, signal);
  try {
    if (existsSync(target)) return await touch(target);
    const staging = path('staging', ownName());
    try {
      await makeDirectory(staging);
      await make(staging);
      await makeDirectory(dirname(target));
      await rename(staging, target);
    } catch (error) {
      const removed = !existsSync(staging);
      await rm(staging, { recursive: true, force: true }).catch(() => {});
      if (existsSync(target)) return await touch(target); // someone was faster
      if (removed && errorCode(error) === 'ENOENT') throw vanished(path(), error);
      throw explainWrite(error, path());
    }
    return target;
  } finally {
    await unlock();
  }
}

/** Marks as used. A read-only cache still serves what it has. */
async function touch(entry: string): Promise<string> {
  const now = new Date();
  await utimes(entry, now, now).catch(() => {});
  return entry;
}

function vanished(root: string, cause: unknown): Fault {
  return new Fault('unavailable', `${root} was removed while something was being put into it`, {
    next: 'run the command again',
    cause,
  });
}

async function makeScratch(path: Path): Promise<Scratch> {
  await writable(path());
  const directory = path('scratch', ownName());
  try {
    await makeDirectory(dirname(directory));
    await mkdir(directory, { mode: 0o700 });
  } catch (error) {
    throw explainWrite(error, path());
  }
  return { directory, release: () => rm(directory, { recursive: true, force: true }) };
}

/** Works in a directory of this run's own, which is removed however it ends; a full or read-only disk is told as such. */
export async function withScratch<T>(
  cache: Pick<Cache, 'root' | 'scratch'>,
  work: (directory: string) => Promise<T>,
): Promise<T> {
  const scratch = await cache.scratch();
  try {
    return await work(scratch.directory);
  } catch (error) {
    throw explainWrite(error, cache.root);
  } finally {
    await scratch.release();
  }
}

async function writable(root: string): Promise<void> {
  await makeDirectory(join(root, 'staging')).catch((error) => {
    throw explainWrite(error, root);
  });
}

/** With its parents. Node's own recursive mkdir says ENOENT on a read-only file system. */
async function makeDirectory(path: string, parents = true): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    if (errorCode(error) === 'EEXIST' && (await stat(path)).isDirectory()) return;
    if (errorCode(error) !== 'ENOENT' || !parents) throw error;
    await makeDirectory(dirname(path));
    await makeDirectory(path, false);
  }
}

/** Turns the file system's "no" below `root` into a fault that says what to do. Other errors pass unchanged. */
export function explainWrite(error: unknown, root: string): unknown {
  const code = errorCode(error);
  const { path } = error as NodeJS.ErrnoException;
  const near = path === undefined || `${path}/`.startsWith(`${root}/`) || `${root}/`.startsWith(`${path}/`);
  if (!near) return error;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new Fault('unavailable', `no space left below ${root}`, {
      next: 'free some space, or point XDG_CACHE_HOME to a larger disk',
      cause: error,
    });
  }
  if (code === 'EROFS' || code === 'EACCES' || code === 'EPERM' || code === 'ENOTDIR' || code === 'EEXIST') {
    return new Fault('not-permitted', `cannot write below ${root} (${code})`, {
      next: 'make it writable, or point XDG_CACHE_HOME to a directory that is',
      cause: error,
    });
  }
  return error;
}

function errorCode(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | null)?.code;
}

/** A lock file that names its owner; a dead owner's lock is taken over. Waits at most 20 minutes. */
async function lock(
  root: string,
  name: string,
  signal: AbortSignal | undefined,
): Promise<() => Promise<void>> {
  const file = join(root, `${name}.lock`);
  const mine = `${file}.${process.pid}`;
  await makeDirectory(dirname(file)).catch((error) => {
    throw explainWrite(error, root);
  });
  for (const deadline = Date.now() + 20 * 60_000; ; ) {
    try {
      writeFileSync(mine, owner());
      linkSync(mine, file); // by link, so that the lock never exists without its owner in it
      return async () => {
        if (readOwner(file) === owner()) rmSync(file, { force: true });
      };
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw explainWrite(error, root);
    } finally {
      rmSync(mine, { force: true });
    }
    const holder = readOwner(file);
    if (holder !== undefined && !alive(holder)) {
      breakLock(file, holder);
      continue;
    }
    if (signal?.aborted) throw new Fault('interrupted', 'interrupted while waiting for another schedcp');
    if (Date.now() > deadline) {
      throw new Fault('unavailable', `another schedcp (process ${holder}) has held ${file} for 20 minutes`, {
        next: 'wait for it, end it, or remove the file',
      });
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Undefined when there is no lock (any more). */
function readOwner(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

/** Removes a dead owner's lock; one that a faster process has taken meanwhile is put back. */
function breakLock(file: string, dead: string): void {
  const aside = `${file}.${process.pid}`;
  try {
    renameSync(file, aside);
    if (readOwner(aside) !== dead) linkSync(aside, file);
  } catch {
    // gone, or taken again: the next attempt will see
  } finally {
    rmSync(aside, { force: true });
  }
}

/** Process id and start time, because ids come again: in a container they are the same every time. */
function owner(pid = process.pid): string {
  return `${pid}.${startOf(pid) ?? 0}`;
}

function ownName(): string {
  return `${owner()}-${randomBytes(6).toString('hex')}`;
}

/** Whether the process that wrote this name (pid, dot, start time) still runs. */
function alive(name: string): boolean {
  const [, pid, start] = /^(\d+)(?:\.(\d+))?/.exec(name) ?? [];
  if (pid === undefined) return false;
  const found = startOf(Number(pid));
  return found !== undefined && (start === undefined || found === start);
}

/** Field 22 of /proc/PID/stat (proc(5)), in clock ticks since boot; undefined when there is no such process. */
function startOf(pid: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

const entryKinds = ['tools', 'kernels', 'builds', 'payloads', 'snapshots', 'sources', 'probes'] as const;

async function trim(path: Path, limit: number): Promise<string[]> {
  const removed = await removeLeftovers(path);
  const entries: { name: string; size: number; used: number }[] = [];
  for (const kind of entryKinds) {
    for (const name of await namesIn(path(kind))) {
      const used = await stat(path(kind, name)).catch(() => undefined); // another process may be trimming too
      if (used === undefined || name.includes('.lock')) continue;
      entries.push({ name: join(kind, name), size: await treeSize(path(kind, name)), used: used.mtimeMs });
    }
  }
  let total = entries.reduce((sum, entry) => sum + entry.size, 0);
  const idle = entries.filter((entry) => entry.used < Date.now() - inUseMs);
  for (const entry of idle.sort((a, b) => a.used - b.used)) {
    if (total <= limit) break;
    if (!(await discard(path, entry.name))) continue;
    total -= entry.size;
    removed.push(entry.name);
  }
  return removed;
}

/** Scratch, staging and locks of processes that are no more. */
async function removeLeftovers(path: Path): Promise<string[]> {
  const removed: string[] = [];
  for (const kind of ['scratch', 'staging']) {
    for (const name of await namesIn(path(kind))) {
      if (alive(name)) continue;
      await rm(path(kind, name), { recursive: true, force: true }).catch(() => {});
      removed.push(join(kind, name));
    }
  }
  for (const kind of [...entryKinds, 'apt']) {
    for (const name of (await namesIn(path(kind))).filter((item) => item.includes('.lock'))) {
      const holder = readOwner(path(kind, name));
      if (holder !== undefined && holder !== '' && !alive(holder)) breakLock(path(kind, name), holder);
    }
  }
  return removed;
}

/** By rename first: nobody may see an entry of which half is gone. False when the file system does not let us. */
async function discard(path: Path, name: string): Promise<boolean> {
  const aside = path('staging', ownName());
  try {
    await makeDirectory(path('staging'));
    await rename(path(name), aside);
    await rm(aside, { recursive: true, force: true });
    return true;
  } catch {
    return false;
  }
}

async function removeAll(path: Path): Promise<void> {
  for (const kind of ['scratch', 'staging']) {
    const name = (await namesIn(path(kind))).find((item) => alive(item) && !item.startsWith(`${owner()}-`));
    if (name === undefined) continue;
    throw new Fault(
      'unavailable',
      `another schedcp (process ${Number.parseInt(name, 10)}) is at work in ${path()}`,
      {
        next: 'wait for it or end it first',
      },
    );
  }
  await rm(path(), { recursive: true, force: true, maxRetries: 3 }).catch((error) => {
    throw explainWrite(error, path());
  });
}

function namesIn(directory: string): Promise<string[]> {
  return readdir(directory).catch(() => []);
}

/** Bytes on disk of a tree; a missing tree has none. */
export async function treeSize(root: string): Promise<number> {
  let total = 0;
  for (const name of await readdir(root, { withFileTypes: true }).catch(() => [])) {
    const full = join(root, name.name);
    if (name.isDirectory()) total += await treeSize(full);
    else if (name.isFile()) total += (await stat(full).catch(() => ({ blocks: 0 }))).blocks * 512;
  }
  return total;
}

/** Free bytes on the disk that holds `directory`, or its nearest existing parent. */
export async function freeBytes(directory: string): Promise<number> {
  let at = directory;
  while (!existsSync(at)) at = join(at, '..');
  const disk = await statfs(at);
  return disk.bavail * disk.bsize;
}
