// A room of a test's own: cache and records apart from everybody else's, with the user's tools, kernels and runners linked in, so that
// nothing is fetched twice. Its path marks every process that it has to do with, so what is left over can be found.

import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cacheDirectory } from '../../src/linux/cache.ts';
import { type Run, type StartOptions, start } from './schedcp.ts';

export interface Room {
  readonly directory: string;
  readonly env: { readonly XDG_CACHE_HOME: string; readonly XDG_DATA_HOME: string };
  /** The cache inside: $XDG_CACHE_HOME/schedcp. */
  readonly cache: string;
  start(args: readonly string[], options?: StartOptions): Run;
  /** Processes whose command line names the room: QEMU and its guardians. */
  processes(): { pid: number; command: string }[];
  /** What a run must not leave behind: scratch and staging directories, locks, half-written records. */
  leftovers(): string[];
  /** Ends what the room still runs and removes it. */
  close(): void;
}

/** `filled: false`: an empty cache, as on a fresh machine. */
export function openRoom({ filled = true } = {}): Room {
  const directory = mkdtempSync(join(tmpdir(), 'schedcp-room-'));
  const env = { XDG_CACHE_HOME: join(directory, 'cache'), XDG_DATA_HOME: join(directory, 'data') };
  const cache = join(env.XDG_CACHE_HOME, 'schedcp');
  if (filled) linkTools(cache);
  const processes = (): { pid: number; command: string }[] => processesOf(directory);
  return {
    directory,
    env,
    cache,
    start: (args, options = {}) => start(args, { ...options, env: { ...env, ...options.env } }),
    processes,
    leftovers: () => [...inside(cache), ...unfinished(env.XDG_DATA_HOME)],
    close() {
      for (const { pid } of processes()) kill(pid);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function linkTools(cache: string): void {
  for (const kind of ['tools', 'kernels', 'builds']) {
    const from = join(cacheDirectory(), kind);
    mkdirSync(join(cache, kind), { recursive: true });
    for (const name of existsSync(from) ? readdirSync(from) : []) {
      if (!name.includes('.lock')) symlinkSync(join(from, name), join(cache, kind, name));
    }
  }
}

/** Processes whose command line holds the text. */
export function processesOf(marker: string): { pid: number; command: string }[] {
  const found: { pid: number; command: string }[] = [];
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) continue;
    try {
      const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ');
      if (command.includes(marker) && isAlive(name)) found.push({ pid: Number(name), command });
    } catch {
      // ended meanwhile
    }
  }
  return found;
}

function isAlive(pid: string): boolean {
  return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // ended meanwhile
  }
}

function inside(cache: string): string[] {
  const list = (path: string): string[] => (existsSync(path) ? readdirSync(path) : []);
  const private_ = ['scratch', 'staging'].flatMap((kind) =>
    list(join(cache, kind)).map((name) => `${kind}/${name}`),
  );
  const locks = ['snapshots', 'payloads', 'tools', 'kernels', 'builds'].flatMap((kind) =>
    list(join(cache, kind))
      .filter((name) => name.includes('.lock'))
      .map((name) => `${kind}/${name}`),
  );
  return [...private_, ...locks];
}

function unfinished(data: string): string[] {
  if (!existsSync(data)) return [];
  return readdirSync(data, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.tmp'));
}
