// The user's cache: downloads, builds and snapshots; never results. Everything in it can be made again, so it may be
// deleted at any time; entries appear by rename, so a reader sees a whole entry or none.

import { randomBytes } from 'node:crypto';
import { existsSync, linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir, readdir, rename, rm, stat, statfs, utimes } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { Fault } from '../core/errors.ts';

export interface Cache {
  readonly root: string;
  /** Bytes that `trim` leaves at most. */
  readonly limit: number;
  path(...parts: string[]): string;
  /**
   * Returns the directory `name`, made by `make` when it does not exist. `make` fills an empty directory that becomes the
   * entry when it returns; when it throws, nothing is left. Two processes at once: one makes, the other waits.
   */
  entry(name: string, make: (directory: string) => Promise<void>, signal?: AbortSignal): Promise<string>;
  /** A directory for one run, removed by `release` and by the next `trim` when its owner has died. */
  scratch(): Promise<Scratch>;
  /** Removes the least recently used entries until the cache is below its limit. Returns what was removed. */
  trim(): Promise<string[]>;
  size(): Promise<number>;
  remove(): Promise<void>;
}

export interface Scratch {
  readonly directory: string;
  release(): Promise<void>;
}

export function cacheDirectory(env: NodeJS.ProcessEnv = process.env): string {
  const base = env.XDG_CACHE_HOME;
  return join(base?.startsWith('/') ? base : join(homedir(), '.cache'), 'schedcp');
}

export function openCache(root: string = cacheDirectory(), limit: number = 12e9): Cache {
  const path = (...parts: string[]): string => join(root, ...parts);
  return {
    root,
    limit,
    path,
    entry: (name, make, signal) => makeEntry(path, name, make, signal),
    scratch: () => makeScratch(path),
    trim: () => trim(path, limit),
    size: () => treeSize(root),
    remove: () => rm(root, { recursive: true, force: true }),
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
  const touch = async (): Promise<string> => {
    const now = new Date();
    await utimes(target, now, now).catch(() => {}); // a read-only cache still serves what it has
    return target;
  };
  if (existsSync(target)) return touch();
  await writable(path());
  const unlock = await lock(path(`${name}.lock`), signal);
  try {
    if (existsSync(target)) return touch();
    const staging = path('staging', `${process.pid}-${randomBytes(6).toString('hex')}`);
    try {
      await mkdir(staging, { recursive: true });
      await make(staging);
      await mkdir(join(target, '..'), { recursive: true });
      await rename(staging, target);
    } catch (error) {
      await rm(staging, { recursive: true, force: true });
      throw explainWrite(error, path());
    }
    return target;
  } finally {
    await unlock();
  }
}

async function makeScratch(path: Path): Promise<Scratch> {
  await writable(path());
  const directory = path('scratch', `${process.pid}-${randomBytes(6).toString('hex')}`);
  await mkdir(directory, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
    throw explainWrite(error, path());
  });
  return { directory, release: () => rm(directory, { recursive: true, force: true }) };
}

async function writable(root: string): Promise<void> {
  try {
    await mkdir(join(root, 'staging'), { recursive: true });
  } catch (error) {
    throw explainWrite(error, root);
  }
}

/** Turns the file system's "no" into a fault that says what to do. Other errors pass unchanged. */
export function explainWrite(error: unknown, root: string): unknown {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new Fault('unavailable', `no space left below ${root}`, {
      next: 'free some space, or point XDG_CACHE_HOME to a larger disk',
      cause: error,
    });
  }
  if (code === 'EROFS' || code === 'EACCES' || code === 'EPERM' || code === 'ENOTDIR') {
    return new Fault('not-permitted', `cannot write below ${root} (${code})`, {
      next: 'make it writable, or point XDG_CACHE_HOME to a directory that is',
      cause: error,
    });
  }
  return error;
}

/** A lock file with the owner's pid; a dead owner's lock is taken over. Waits at most 20 minutes. */
async function lock(file: string, signal: AbortSignal | undefined): Promise<() => Promise<void>> {
  await mkdir(join(file, '..'), { recursive: true });
  const mine = `${file}.${process.pid}`;
  for (const deadline = Date.now() + 20 * 60_000; ; ) {
    try {
      writeFileSync(mine, String(process.pid));
      linkSync(mine, file); // by link, so that the lock never exists without its owner's pid in it
      return () => rm(file, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw explainWrite(error, join(file, '..'));
    } finally {
      rmSync(mine, { force: true });
    }
    if (!ownerAlive(file)) {
      await rm(file, { force: true });
      continue;
    }
    if (signal?.aborted) throw new Fault('interrupted', 'interrupted while waiting for another schedcp');
    if (Date.now() > deadline) {
      throw new Fault('unavailable', `another schedcp has held ${file} for 20 minutes`, {
        next: 'wait for it, end it, or remove the file',
      });
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function ownerAlive(file: string): boolean {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return true; // gone already: try again
  }
  return alive(Number.parseInt(text, 10));
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

const entryKinds = ['tools', 'kernels', 'builds', 'payloads', 'snapshots', 'sources'] as const;

async function trim(path: Path, limit: number): Promise<string[]> {
  const removed: string[] = [];
  for (const kind of ['scratch', 'staging']) {
    for (const name of await readdir(path(kind)).catch(() => [])) {
      if (alive(Number.parseInt(name, 10))) continue;
      await rm(path(kind, name), { recursive: true, force: true });
      removed.push(join(kind, name));
    }
  }
  const entries: { name: string; size: number; used: number }[] = [];
  for (const kind of entryKinds) {
    for (const name of await readdir(path(kind)).catch(() => [])) {
      if (name.includes('.lock')) continue;
      const full = path(kind, name);
      const used = (await stat(full)).mtimeMs;
      entries.push({ name: join(kind, name), size: await treeSize(full), used });
    }
  }
  let total = entries.reduce((sum, entry) => sum + entry.size, 0);
  for (const entry of entries.sort((a, b) => a.used - b.used)) {
    if (total <= limit) break;
    await rm(path(entry.name), { recursive: true, force: true });
    total -= entry.size;
    removed.push(entry.name);
  }
  return removed;
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
