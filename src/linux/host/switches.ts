// Context switches, interrupts and forks of the machine (/proc/stat), and of the processes that are switched most. First half of the interval: who they are, by the
// times that their threads got a CPU (schedstat). Second half: their switches and migrations in detail (status, sched): that is dearer, so only for a page of them.

import type { SubjectWish } from '../../core/host.ts';
import type { Switches } from '../../core/observed-machine.ts';
import { printable } from '../../lib/printable.ts';
import { gone } from './processes.ts';
import { numberIn, parseFields, parseSwitches } from './procfs.ts';
import { breathe, grown, paged, read, type Surfaces } from './surfaces.ts';
import {
  allProcesses,
  allThreads,
  descendants,
  readTaskFile,
  schedStat,
  type Thread,
  threadPath,
} from './tasks.ts';
import { machineStat } from './topology.ts';

interface Detail {
  readonly runs: number;
  readonly voluntary?: number | undefined;
  readonly involuntary?: number | undefined;
  readonly migrations?: number | undefined;
}

function detailOf(surfaces: Surfaces, thread: Thread): Detail | undefined {
  const path = threadPath(surfaces, thread);
  const stat = schedStat(surfaces, thread);
  if (stat === undefined) return undefined;
  return {
    runs: stat.runs,
    ...parseSwitches(readTaskFile(`${path}/status`) ?? ''),
    migrations: numberIn(parseFields(read(`${path}/sched`) ?? ''), 'se.nr_migrations'),
  };
}

async function runsOf(
  surfaces: Surfaces,
  threads: readonly Thread[],
  signal: AbortSignal,
): Promise<Map<number, number>> {
  const out = new Map<number, number>();
  for (const [index, thread] of threads.entries()) {
    if (index % 1000 === 999) await breathe(signal);
    const stat = schedStat(surfaces, thread);
    if (stat !== undefined) out.set(thread.tid, stat.runs);
  }
  return out;
}

export async function switches(
  surfaces: Surfaces,
  wish: Omit<SubjectWish, 'cgroup'>,
  signal: AbortSignal,
): Promise<Switches> {
  const half = wish.intervalMs / 2;
  const started = surfaces.nowNs();
  const machineBefore = machineStat(surfaces);
  const all = await allProcesses(surfaces, signal);
  const processes = wish.pid === undefined ? all : descendants(all, wish.pid);
  if (wish.pid !== undefined && processes.length === 0) throw gone(wish.pid);
  const threads = await allThreads(surfaces, signal, processes);
  const before = await runsOf(surfaces, threads, signal);
  await surfaces.sleep(half, signal);
  const after = await runsOf(surfaces, threads, signal);
  const byProcess = new Map<number, number>();
  for (const { pid, tid } of threads)
    byProcess.set(pid, (byProcess.get(pid) ?? 0) + grown(before.get(tid), after.get(tid)));
  const active = processes
    .filter((one) => (byProcess.get(one.pid) ?? 0) > 0)
    .sort((a, b) => byProcess.get(b.pid)! - byProcess.get(a.pid)! || a.pid - b.pid);

  const { rows, left } = paged(active, wish.page, wish.limit);
  const shown = new Set(rows.map((one) => one.pid));
  const own = threads.filter((thread) => shown.has(thread.pid));
  const detailStarted = surfaces.nowNs();
  const first = own.map((thread) => detailOf(surfaces, thread));
  await surfaces.sleep(half, signal);
  const second = own.map((thread) => detailOf(surfaces, thread));
  const ended = surfaces.nowNs();
  const seconds = Math.max(1, ended - detailStarted) / 1e9;
  const machineAfter = machineStat(surfaces);
  const observedNs = Math.max(1, ended - started);
  const perS = (key: 'switches' | 'interrupts' | 'softirqs' | 'forks'): number =>
    (grown(machineBefore[key], machineAfter[key]) * 1e9) / observedNs;

  const rate = (pid: number, key: keyof Detail): number | undefined => {
    const grows = own.flatMap(({ pid: of }, index) => {
      const [a, b] = [first[index]?.[key], second[index]?.[key]];
      return of !== pid || a === undefined || b === undefined ? [] : [grown(a, b)];
    });
    return grows.length === 0 ? undefined : grows.reduce((sum, value) => sum + value, 0) / seconds;
  };
  return {
    observedNs,
    machine: {
      switchesPerS: perS('switches'),
      interruptsPerS: perS('interrupts'),
      softirqsPerS: perS('softirqs'),
      forksPerS: perS('forks'),
    },
    processes: rows.map(({ pid, comm, threads: count }) => ({
      pid,
      comm: printable(comm),
      threads: count,
      voluntaryPerS: rate(pid, 'voluntary'),
      involuntaryPerS: rate(pid, 'involuntary'),
      runsPerS: rate(pid, 'runs') ?? 0,
      migrationsPerS: rate(pid, 'migrations'),
    })),
    left,
    notes: [
      'migrations of the whole machine are not counted by procfs',
      ...([...after.values()].some((runs) => runs > 0)
        ? []
        : ['no process has schedstat (CONFIG_SCHED_INFO): none can be ranked']),
    ],
  };
}
