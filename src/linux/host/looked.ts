// Threads that were followed through procfs, as Counters: differences, waits by the places where they were seen, and in words what procfs cannot tell.

import type { Counters, TaskCounters } from '../../core/counters.ts';
import type { Subject } from '../../core/observed-tasks.ts';
import { kernelThreadFlag, type MachineStat } from './procfs.ts';
import { grown } from './surfaces.ts';
import type { Watched } from './watched-tasks.ts';

export interface DiskSum {
  readonly reads: number;
  readonly writes: number;
  readonly readBytes: number;
  readonly writtenBytes: number;
}

/** Everything that the counters are made of. */
export interface Looked {
  readonly subject: Subject;
  readonly observedNs: number;
  readonly cpus: number;
  readonly tasks: readonly Watched[];
  readonly machine: readonly [MachineStat, MachineStat];
  readonly disks: readonly [DiskSum, DiskSum];
  readonly maxRssKiB: number;
  readonly looks: number;
  /** Forks on the machine that were not seen as tasks. */
  readonly unseen: number;
  /** CPU time that processes were told of children which nobody has seen. */
  readonly hiddenNs: number;
}

/** More than these are folded into one. */
const mostTasks = 8192;
/** Below so much, hidden time is rounding. */
const leastHiddenNs = 5e7;

export function countersOf(looked: Looked): Counters {
  const tasks = looked.tasks.map((one) => taskOf(one, looked.observedNs));
  tasks.sort((a, b) => b.ranNs + (b.delayNs ?? 0) - a.ranNs - (a.delayNs ?? 0) || a.tid - b.tid);
  const kept = tasks.slice(0, mostTasks);
  const rest = tasks.slice(mostTasks);
  const hidden = looked.hiddenNs >= leastHiddenNs ? looked.hiddenNs : 0;
  if (rest.length > 0 || hidden > 0) kept.push(foldedOf(rest, hidden));
  const [before, after] = looked.machine;
  const [first, last] = looked.disks;
  return {
    by: 'procfs',
    observedNs: looked.observedNs,
    cpus: looked.cpus,
    tasks: kept,
    folded: rest.length + (hidden > 0 ? hiddenTasks(looked) : 0),
    busyNs: (['userNs', 'systemNs', 'interruptNs'] as const).reduce(
      (sum, key) => sum + grown(before.all[key], after.all[key]),
      0,
    ),
    blockIo: {
      reads: grown(first.reads, last.reads),
      writes: grown(first.writes, last.writes),
      readBytes: grown(first.readBytes, last.readBytes),
      writtenBytes: grown(first.writtenBytes, last.writtenBytes),
    },
    maxRssKiB: looked.maxRssKiB,
    missing: missingOf(looked, hidden),
  };
}

function taskOf(one: Watched, observedNs: number): TaskCounters {
  const { first, stat, sched, switches } = one;
  const userNs = grown(first.stat.userNs, stat.userNs);
  const systemNs = grown(first.stat.systemNs, stat.systemNs);
  const hasSched = one.hasSchedStat;
  const ranNs = hasSched ? grown(first.sched.ranNs, sched.ranNs) : userNs + systemNs;
  const delayNs = hasSched ? grown(first.sched.delayNs, sched.delayNs) : undefined;
  const counted = switches && {
    voluntary: grown(switches.first.voluntary, switches.last.voluntary),
    involuntary: grown(switches.first.involuntary, switches.last.involuntary),
  };
  const livedNs = (one.endedNs ?? observedNs) - (one.isNew ? one.seenNs : 0);
  const waits = waitsOf(one, Math.max(0, livedNs - ranNs - (delayNs ?? 0)), counted?.voluntary);
  return {
    tid: one.thread.tid,
    tgid: one.thread.pid,
    comm: stat.comm,
    isKernel: (stat.flags & kernelThreadFlag) !== 0,
    ...(one.isNew && { bornNs: one.seenNs }),
    ...(one.endedNs !== undefined && { endedNs: one.endedNs }),
    ranNs,
    ...(delayNs !== undefined && { delayNs }),
    userNs,
    systemNs,
    ...(counted && { bursts: counted.voluntary, ...counted }),
    minorFaults: grown(first.stat.minorFaults, stat.minorFaults),
    majorFaults: grown(first.stat.majorFaults, stat.majorFaults),
    ...(waits && { waits }),
  };
}

/** The time that it slept, shared out by where it was seen; where nobody looked, unknown. */
function waitsOf(one: Watched, sleptNs: number, voluntary: number | undefined): TaskCounters['waits'] {
  const seen = [...one.places.values()].reduce((sum, count) => sum + count, 0);
  if (seen === 0) return undefined;
  const count = voluntary ?? seen;
  return Object.fromEntries(
    [...one.places].map(([reason, times]) => [
      reason,
      { count: Math.round((count * times) / seen), ns: Math.round((sleptNs * times) / seen) },
    ]),
  );
}

/** Forks are counted for the machine as a whole: of a part of it is known only that there was somebody. */
const hiddenTasks = ({ subject, unseen }: Looked): number =>
  subject === 'machine' ? Math.max(1, unseen) : 1;

function foldedOf(rest: readonly TaskCounters[], hiddenNs: number): TaskCounters {
  const sum = (key: 'ranNs' | 'delayNs' | 'userNs' | 'systemNs'): number =>
    rest.reduce((total, task) => total + (task[key] ?? 0), 0);
  return {
    tid: -1,
    tgid: -1,
    comm: '',
    isKernel: false,
    ranNs: sum('ranNs') + hiddenNs,
    delayNs: sum('delayNs'),
    userNs: sum('userNs'),
    systemNs: sum('systemNs'),
  };
}

function missingOf({ tasks, looks, unseen, subject }: Looked, hidden: number): string[] {
  const withSwitches = tasks.filter((one) => one.switches !== undefined).length;
  const places = tasks.some((one) => one.places.size > 0);
  const missing = [
    'lengths of runs, waits and delays; who wakes whom; migrations; tasks on CPUs at once: procfs has sums only (probes need root and BTF)',
    places
      ? `what tasks wait for is an estimate from ${looks} looks at where they sleep`
      : 'what tasks wait for: nobody was seen waiting, or we may not see where',
  ];
  if (withSwitches < tasks.length)
    missing.push(
      `switches of ${tasks.length - withSwitches} of ${tasks.length} threads: only the busiest were asked`,
    );
  if (tasks.some((one) => !one.hasSchedStat)) missing.push('run delay: this kernel has no schedstat');
  if (unseen > 0)
    missing.push(
      `${unseen} tasks of the machine that came and went between two looks${hidden > 0 ? '; what CPU time of such children is known is in one sum' : ''}`,
    );
  if (subject !== 'machine') missing.push('block I/O is that of the whole machine');
  return missing;
}
