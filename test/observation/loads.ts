// The programs of loads.c and acts.c, built once for a file of tests, under the standing watch.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Counters, TaskCounters } from '../../src/core/counters.ts';
import { openCache } from '../../src/linux/cache.ts';
import { mustRun } from '../../src/linux/process.ts';
import type { RecordTarget } from '../../src/linux/recorder.ts';
import { buildRunner, type Runner } from '../../src/linux/runner.ts';
import { tools } from '../../src/linux/tools.ts';
import { type WatchOptions, watch } from '../../src/linux/watcher.ts';
import { root } from '../support/paths.ts';

/** What a task said of itself. */
export interface Told {
  readonly tid: number;
  readonly ranNs: number;
  readonly delayNs: number;
  readonly voluntary: number;
  readonly involuntary: number;
  readonly minor: number;
}

export interface Load {
  readonly counters: Counters;
  readonly told: readonly Told[];
  readonly exit: number | undefined;
  /** Of the whole command: getrusage(2) of the one who waited for it. */
  readonly usedNs: number;
  task(tid: number): TaskCounters;
}

export interface Loads {
  readonly directory: string;
  readonly runner: Runner;
  file(program: 'acts' | 'loads'): string;
  /** Watches `PROGRAM NAME COUNT`. */
  load(
    program: 'acts' | 'loads',
    args: readonly string[],
    options?: Partial<WatchOptions>,
    signal?: AbortSignal,
  ): Promise<Load>;
  watch(target: RecordTarget, options?: Partial<WatchOptions>, signal?: AbortSignal): Promise<Load>;
  close(): void;
}

export async function openLoads(): Promise<Loads> {
  const cache = openCache();
  const runner = await buildRunner(cache, join(root, 'runner'));
  const compiler = await tools(cache, 'compiler');
  const directory = mkdtempSync(join(tmpdir(), 'schedcp-loads-'));
  const file = (program: string): string => join(directory, program);
  for (const program of ['acts', 'loads']) {
    const source = join(root, `test/observation/${program}.c`);
    const flags = ['-O2', '-Wall', '-Wextra', '-Werror', '-static', '-pthread'];
    const args = [`--sysroot=${compiler.root}`, ...flags, '-o', file(program), source];
    await mustRun(compiler.program('gcc'), args, { env: compiler.env });
  }
  const object = readFileSync(join(root, 'probes/watch.bpf.o'));
  const watched: Loads['watch'] = async (target, options = {}, signal = undefined) => {
    const { counters, events } = await watch(runner, target, { object, seconds: 20, ...options }, signal);
    const run = events.find((event) => event.event === 'run');
    return {
      counters,
      told: (run?.stdout ?? '').split('\n').flatMap(toldIn),
      exit: run?.exit,
      usedNs: (run?.userNs ?? 0) + (run?.systemNs ?? 0),
      task: (tid) => {
        const found = counters.tasks.find((task) => task.tid === tid);
        if (found === undefined) throw new Error(`no task ${tid}`);
        return found;
      },
    };
  };
  return {
    directory,
    runner,
    file,
    watch: watched,
    load: (program, args, options, signal) =>
      watched(
        { kind: 'command', argv: [file(program), ...args], env: {}, cwd: directory },
        options ?? {},
        signal,
      ),
    close: () => rmSync(directory, { recursive: true }),
  };
}

function toldIn(line: string): Told[] {
  const [tid, ranNs, delayNs, voluntary, involuntary, minor] = line.split(' ').map(Number);
  if (tid === undefined || ranNs === undefined || delayNs === undefined) return [];
  return [
    { tid, ranNs, delayNs, voluntary: voluntary ?? 0, involuntary: involuntary ?? 0, minor: minor ?? 0 },
  ];
}

export function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}
