// What observing costs what is observed: programs alone, under the standing watch, under the recorder and under perf sched record, interleaved, all of
// them looking at the whole machine; the costs of an event by the kernel's own account; and what is lost when there are many. Needs root and BTF.
// Options: --rounds N (default 15), --only NAME (of a program, or losses). CPU time is what a noisy machine tells best: what observes works in the tasks' own time. A row without a
// mark: the interval of 95 % holds the limit within it, so that this machine cannot tell.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openCache } from '../src/linux/cache.ts';
import { record, whyNotRecord } from '../src/linux/recorder.ts';
import { buildRunner, type Runner } from '../src/linux/runner.ts';
import { type Tools, tools } from '../src/linux/tools.ts';
import { type Watching, watch } from '../src/linux/watcher.ts';
import { median, row } from './lib.ts';
import { type Observed, observedPrograms, type Spent, spend } from './observation/programs.ts';

const modes = ['none', 'watch', 'record', 'perf'] as const;
type Mode = (typeof modes)[number];
/** Until what observes is attached. */
const settleMs = 700;
const statsFile = '/proc/sys/kernel/bpf_stats_enabled';
const root = fileURLToPath(new URL('..', import.meta.url));

interface Lab {
  readonly runner: Runner;
  readonly perf: Tools;
  readonly directory: string;
  readonly watcher: Uint8Array;
  readonly recorder: Uint8Array;
}

export async function benchObservation(options: readonly string[]): Promise<void> {
  const refused = whyNotRecord();
  if (refused !== undefined) {
    row('observation', '', `not measured: ${refused.message}`, undefined);
    return;
  }
  const value = (name: string): string | undefined => options[options.indexOf(name) + 1 || options.length];
  const rounds = Number(value('--rounds') ?? 15);
  const cache = openCache();
  const lab: Lab = {
    runner: await buildRunner(cache, join(root, 'runner')),
    perf: await tools(cache, 'perf'),
    directory: mkdtempSync(join(tmpdir(), 'schedcp-observation-')),
    watcher: readFileSync(join(root, 'probes/watch.bpf.o')),
    recorder: readFileSync(join(root, 'probes/record.bpf.o')),
  };
  try {
    const programs = observedPrograms(lab.directory, lab.perf, await tools(cache, 'compiler'));
    const only = value('--only');
    for (const program of programs.filter(({ name }) => only === undefined || name === only)) {
      await overhead(lab, program, rounds);
      await costs(lab, program);
    }
    if (only === undefined || only === 'losses')
      await losses(lab, programs.find(({ name }) => name === 'pipe')!);
  } finally {
    rmSync(lab.directory, { recursive: true });
  }
}

/** Starts what observes, lets the program run, and ends it again. */
async function under(
  lab: Lab,
  mode: Mode,
  work: () => Promise<Spent>,
): Promise<Spent & { watching?: Watching }> {
  if (mode === 'none') return work();
  if (mode === 'perf') return underPerf(lab, work);
  const stop = new AbortController();
  const options = { stop: stop.signal, seconds: 120, limitMs: 120_000 };
  const observing =
    mode === 'watch'
      ? watch(lab.runner, { kind: 'all' }, { object: lab.watcher, ...options })
      : record(lab.runner, { kind: 'all' }, { object: lab.recorder, events: 4_000_000, ...options });
  await sleep(settleMs);
  const spent = await work();
  stop.abort();
  const came = await observing;
  return 'counters' in came ? { ...spent, watching: came } : spent;
}

async function underPerf(lab: Lab, work: () => Promise<Spent>): Promise<Spent> {
  const file = join(lab.directory, 'perf.data');
  const args = ['sched', 'record', '-o', file, '--', 'sleep', '1000'];
  const child: ChildProcess = spawn(lab.perf.program('perf'), args, {
    env: { ...process.env, ...lab.perf.env },
    stdio: 'ignore',
  });
  await sleep(settleMs);
  const spent = await work();
  child.kill('SIGINT');
  await once(child, 'close');
  rmSync(file, { force: true });
  return spent;
}

async function overhead(lab: Lab, program: Observed, rounds: number): Promise<void> {
  const spent: Record<Mode, Spent[]> = { none: [], watch: [], record: [], perf: [] };
  const shares: number[] = [];
  const seen: number[] = [];
  await spend(program); // files are read, tables are built
  for (let round = 0; round < rounds; round++) {
    for (const mode of round % 2 === 0 ? modes : modes.toReversed()) {
      const { watching, ...one } = await under(lab, mode, () => spend(program));
      spent[mode].push(one);
      if (watching !== undefined) shares.push(watching.counters.sampled ?? 1);
      if (watching !== undefined) seen.push(watching.counters.switchesSeen ?? 1);
    }
  }
  const ratios = (mode: Mode, of: keyof Spent): number[] =>
    spent[mode].map((one, i) => one[of] / spent.none[i]![of] - 1);
  // watch <= perf / 4, pair by pair
  const quarter = spent.none.map(
    (none, i) => (spent.watch[i]!.cpuS - none.cpuS - (spent.perf[i]!.cpuS - none.cpuS) / 4) / none.cpuS,
  );
  const [watched, perf] = [median(ratios('watch', 'cpuS')), median(ratios('perf', 'cpuS'))];
  const sampled = `wakeups sampled ${percent(median(shares))} of the time, ${percent(median(seen))} of the switches seen`;
  for (const mode of modes.slice(1)) {
    const text = `CPU ${interval(ratios(mode, 'cpuS'))}, wall ${interval(ratios(mode, 'wallS'))}`;
    const limit = mode === 'watch' ? `≤ ${percent(program.limit)}, CPU time` : '';
    const holds = mode === 'watch' ? isBelow(ratios(mode, 'cpuS'), program.limit) : undefined;
    row(`${program.name} under ${mode}`, limit, text, holds);
  }
  row(
    '  watch less a quarter of perf sched record',
    '≤ 0',
    `${interval(quarter)} (${percent(watched)} and ${percent(perf)}), ${sampled}`,
    isBelow(quarter, 0),
  );
}

/** By the kernel's own account, which costs time itself: in runs of their own. */
async function costs(lab: Lab, program: Observed): Promise<void> {
  const before = readFileSync(statsFile, 'utf8');
  writeFileSync(statsFile, '1');
  try {
    const { watching, wallS } = await under(lab, 'watch', () => spend(program));
    const told = watching?.events.find((event) => event.event === 'watched');
    const { runs, ns } = told?.cost ?? { runs: 0, ns: 0 };
    const lost = watching?.counters.lost ?? 0;
    const share = ns / (watching?.counters.busyNs ?? Number.NaN);
    const events = `${(ns / runs).toFixed(0)} ns an event, ${(runs / wallS).toFixed(0)} events/s, ${lost} lost`;
    const text = `${(100 * share).toFixed(2)} % of the used CPU time: ${events}`;
    row(
      "  by the kernel's account, without the way there",
      `≤ ${percent(program.limit)}`,
      text,
      share <= program.limit,
    );
  } finally {
    writeFileSync(statsFile, before);
  }
}

/** Pipes on each CPU but one, always counted: the switches that the watch has seen against those that the kernel has counted for the same tasks. */
async function losses(lab: Lab, pipe: Observed): Promise<void> {
  const cpus = Math.max(1, Math.min(3, availableParallelism() - 1));
  const script = Array.from(
    { length: cpus },
    (_, i) => `taskset -c ${i} ${pipe.argv.slice(3).join(' ')} &`,
  ).join(' ');
  const argv = ['/bin/sh', '-c', `${script} wait`];
  const target = { kind: 'command', argv, env: { ...pipe.env }, cwd: lab.directory } as const;
  const { counters, events } = await watch(lab.runner, target, {
    object: lab.watcher,
    seconds: 120,
    windows: 1,
  });
  const run = events.find((event) => event.event === 'run');
  const seen = counters.tasks.reduce((sum, task) => sum + (task.runs ?? []).reduce((a, b) => a + b, 0), 0);
  const all = run?.vcsw ?? 0;
  const perS = ((counters.events ?? 0) / counters.observedNs) * 1e9;
  const lost = Math.abs(all - seen) / all;
  const text = `${(100 * lost).toFixed(4)} % of ${all} waits at ${perS.toFixed(0)} events/s; ${counters.lost} said`;
  row(`lost at 200,000 events a second or more`, '≤ 0.1 %', text, lost <= 0.001 && perS >= 200_000);
}

/** The median, and the order statistics between which the true one lies with 95 % (binomial, normal approximation). */
function medianOf(ratios: readonly number[]): { middle: number; low: number; high: number } {
  const sorted = [...ratios].sort((a, b) => a - b);
  const half = 0.98 * Math.sqrt(sorted.length);
  const at = (i: number): number => sorted[Math.min(sorted.length - 1, Math.max(0, i))] ?? Number.NaN;
  const low = at(Math.floor(sorted.length / 2 - half));
  return { middle: median(sorted), low, high: at(Math.ceil(sorted.length / 2 + half) - 1) };
}

function interval(ratios: readonly number[]): string {
  const { middle, low, high } = medianOf(ratios);
  return `${percent(middle)} [${percent(low)}, ${percent(high)}]`;
}

/** undefined: the machine is too noisy to tell. */
function isBelow(ratios: readonly number[], limit: number): boolean | undefined {
  const { low, high } = medianOf(ratios);
  return high <= limit ? true : low > limit ? false : undefined;
}

function percent(value: number): string {
  return `${(100 * value).toFixed(1)} %`;
}
