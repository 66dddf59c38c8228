// Where the class programs run: a directory of inputs on a real disk, the fetched packages on the paths, and a cgroup for each program, so that all that
// it starts can be found and ended. Needs root.

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmdirSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Fault } from '../../src/core/errors.ts';
import { openCache } from '../../src/linux/cache.ts';
import { mustRun } from '../../src/linux/process.ts';
import { sourceTree } from '../../src/linux/sources.ts';
import { type Tools, tools } from '../../src/linux/tools.ts';
import type { ClassProgram } from './programs/program.ts';

const tmpfs = 0x01021994;
const announce = (text: string): void => void process.stderr.write(`${text}\n`);

export interface Stage {
  readonly directory: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Not in the cache: what is there may be removed at any time. TMPDIR names another place where /tmp is in memory. */
export const stageDirectory = (): string => join(tmpdir(), 'schedcp-classes');

/** Fetches what is missing and makes the inputs, once. */
export async function openStage(): Promise<Stage> {
  const cache = openCache();
  const groups: Tools[] = [];
  for (const group of [
    'stressors',
    'servers',
    'jobs',
    'media',
    'database',
    'programs',
    'perf',
    'compiler',
  ] as const)
    groups.push(await tools(cache, group, { announce }));
  const env = environment(groups);
  const directory = stageDirectory();
  if (!existsSync(join(directory, 'ready'))) {
    mkdirSync(directory, { recursive: true });
    announce(`making inputs in ${directory}: 1 GB`);
    const bzip2 = await sourceTree(cache, 'bzip2', { announce });
    const dbench = join(groups[0]!.root, 'usr/share/dbench/client.txt');
    const script = fileURLToPath(new URL('prepare', import.meta.url));
    const options = { cwd: directory, env: { ...env, BZIP2: bzip2, DBENCH: dbench }, limitMs: 300_000 };
    await mustRun('sh', [script], options);
    writeFileSync(join(directory, 'ready'), '');
  }
  if (statfsSync(directory).type === tmpfs)
    throw new Fault('unsupported', `${directory} is in memory: what waits for a disk cannot run there`);
  return { directory, env };
}

function environment(groups: readonly Tools[]): Record<string, string> {
  const all = (...names: string[]): string =>
    groups.flatMap(({ root }) => names.map((name) => join(root, name))).join(':');
  const libraries = ['usr/lib/x86_64-linux-gnu', 'lib/x86_64-linux-gnu', 'usr/lib'];
  const [jobs, media] = [groups[2]!.root, groups[3]!.root];
  return {
    PATH: `${all('usr/bin', 'usr/sbin', 'usr/games', 'bin', 'usr/lib/postgresql/15/bin', 'usr/lib/postgresql/17/bin')}:${process.env.PATH}`,
    LD_LIBRARY_PATH: `${all(...libraries)}:${join(groups[0]!.root, 'usr/lib/x86_64-linux-gnu/ceph')}`,
    JACK_DRIVER_DIR: join(media, 'usr/lib/x86_64-linux-gnu/jack'),
    GST_PLUGIN_SYSTEM_PATH: join(media, 'usr/lib/x86_64-linux-gnu/gstreamer-1.0'),
    GST_REGISTRY: join(stageDirectory(), 'gst-registry'), // it is replaced by rename: never name a device here
    JOBS: jobs,
    LC_ALL: 'C',
  };
}

/** A program that runs, in a cgroup of its own. */
export interface Running {
  readonly pid: number;
  readonly errors: () => string;
  /** Processes in its cgroup, itself first. */
  pids(): number[];
  /** Kills it and all that it has started, and waits for that. */
  stop(): Promise<void>;
}

/** The cgroup of what is observed: as the recorder names it, and its directory. */
export const groupOf = {
  path: '/schedcp-classes',
  directory: `/sys/fs/cgroup${existsSync('/sys/fs/cgroup/unified') ? '/unified' : ''}/schedcp-classes`,
};

export function start(stage: Stage, line: string, workers: number, group: string): Running {
  mkdirSync(group, { recursive: true });
  const child = spawn('sh', ['-c', 'echo $$ > "$0/cgroup.procs" && exec sh -c "$1"', group, line], {
    cwd: stage.directory,
    env: { ...process.env, ...stage.env, N: String(workers) },
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  });
  let errors = '';
  child.stderr!.on('data', (chunk: Buffer) => {
    errors = (errors + chunk.toString()).slice(-2000);
  });
  const pids = (): number[] =>
    readFileSync(`${group}/cgroup.procs`, 'utf8').split('\n').filter(Boolean).map(Number);
  return {
    pid: child.pid!,
    errors: () => errors,
    pids,
    stop: () => stop(child, group, pids),
  };
}

async function stop(child: ChildProcess, group: string, pids: () => number[]): Promise<void> {
  writeFileSync(`${group}/cgroup.kill`, '1');
  for (let i = 0; pids().length > 0; i++) {
    if (i === 200)
      throw new Fault('unavailable', `processes of ${group} do not end`, { where: pids().join(' ') });
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  child.stderr?.destroy();
  await retried(() => rmdirSync(group)); // the last ones are still leaving
}

async function retried(act: () => void): Promise<void> {
  for (let i = 0; ; i++) {
    try {
      return act();
    } catch (error) {
      if (i === 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

export const settleMs = 1200;

/** Starts a program and its load, lets them settle, calls `during`, and ends them. */
export async function staged<T>(
  stage: Stage,
  program: ClassProgram,
  workers: number,
  during: (running: Running) => Promise<T>,
): Promise<T> {
  const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
  const running = start(stage, program.run, workers, groupOf.directory);
  try {
    let load: Running | undefined;
    try {
      await pause(settleMs);
      if (program.load !== undefined) load = start(stage, program.load, workers, `${groupOf.directory}-load`);
      if (load !== undefined) await pause(settleMs);
      if (load !== undefined && load.pids().length === 0)
        throw new Fault('unavailable', `the load of ${program.name} ended at once: ${load.errors()}`);
      const result = await during(running);
      if (running.pids().length === 0)
        throw new Fault('unavailable', `${program.name} ended too early: ${running.errors()}`);
      return result;
    } finally {
      await load?.stop();
    }
  } finally {
    await running.stop();
  }
}
