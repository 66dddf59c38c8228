// How many threads run or wait for a CPU, by kind and by CPU: states out of /proc/PID/task/TID/stat, sampled. A sample of many threads takes as long as reading
// them does, so it is a picture that is a little blurred, and on a large machine there are fewer of them.

import type { QueuesWish } from '../../core/host.ts';
import { type Queues, type TaskKind, taskKinds } from '../../core/observed-machine.ts';
import { kernelThreadFlag, type TaskStat } from './procfs.ts';
import { paged, type Surfaces } from './surfaces.ts';
import { allProcesses, allThreads, threadStat } from './tasks.ts';
import { onlineCpus } from './topology.ts';

/** What a thread adds to a queue, if it does. */
export function kindOf(stat: TaskStat): TaskKind | undefined {
  if (stat.state === 'D') return 'uninterruptible';
  if (stat.state !== 'R') return undefined;
  if ((stat.flags & kernelThreadFlag) !== 0) return 'kernel thread';
  const kinds: readonly (TaskKind | undefined)[] = [
    'normal',
    'real-time',
    'real-time',
    'batch or idle',
    undefined,
    'batch or idle',
    'deadline',
    'sched_ext',
  ];
  return kinds[stat.schedClass] ?? 'normal';
}

interface Tally {
  sum: number;
  max: number;
}

const add = (tallies: Map<unknown, Tally>, key: unknown, value: number): void => {
  const tally = tallies.get(key) ?? { sum: 0, max: 0 };
  tallies.set(key, { sum: tally.sum + value, max: Math.max(tally.max, value) });
};

/** One look at all threads but our own. */
async function sample(
  surfaces: Surfaces,
  signal: AbortSignal,
): Promise<{ threads: number; stats: TaskStat[] }> {
  const processes = await allProcesses(surfaces, signal);
  const others = processes.filter((one) => one.pid !== process.pid);
  const stats = others.filter((one) => one.threads === 1);
  const many = await allThreads(
    surfaces,
    signal,
    others.filter((one) => one.threads !== 1),
  );
  for (const thread of many) {
    const stat = threadStat(surfaces, thread);
    if (stat !== undefined) stats.push(stat);
  }
  return {
    threads:
      stats.length +
      processes.filter((one) => one.pid === process.pid).reduce((sum, one) => sum + one.threads, 0),
    stats,
  };
}

export async function queues(surfaces: Surfaces, wish: QueuesWish, signal: AbortSignal): Promise<Queues> {
  const started = surfaces.nowNs();
  const kinds = new Map<unknown, Tally>();
  const cpus = new Map<unknown, Tally>();
  const runnable = new Map<unknown, Tally>();
  const online = onlineCpus(surfaces);
  let [threads, samples] = [0, 0];
  const spent = (): number => (surfaces.nowNs() - started) / 1e6;
  while (samples < wish.samples && (samples === 0 || spent() < wish.intervalMs)) {
    const looked = await sample(surfaces, signal);
    threads = looked.threads;
    samples++;
    const found = looked.stats.map((stat) => ({ kind: kindOf(stat), cpu: stat.cpu }));
    const ready = found.filter(({ kind }) => kind !== undefined && kind !== 'uninterruptible');
    for (const kind of taskKinds) add(kinds, kind, found.filter((one) => one.kind === kind).length);
    for (const cpu of online) add(cpus, cpu, ready.filter((one) => one.cpu === cpu).length);
    add(runnable, 'all', ready.length);
    const due = (samples * wish.intervalMs) / wish.samples;
    if (samples < wish.samples) await surfaces.sleep(Math.max(1, due - spent()), signal);
  }
  const of = (tallies: Map<unknown, Tally>, key: unknown) => {
    const tally = tallies.get(key) ?? { sum: 0, max: 0 };
    return { mean: tally.sum / samples, max: tally.max };
  };
  const { rows, left } = paged(online, wish.page, wish.limit);
  return {
    observedNs: surfaces.nowNs() - started,
    samples,
    threads,
    runnable: of(runnable, 'all'),
    kinds: taskKinds.map((kind) => ({ kind, ...of(kinds, kind) })),
    cpus: rows.map((cpu) => ({ cpu, ...of(cpus, cpu) })),
    left,
    notes:
      samples < wish.samples
        ? [`${samples} of ${wish.samples} samples: reading ${threads} threads took the time`]
        : [],
  };
}
