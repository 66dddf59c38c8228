// Counters of a process tree, a cgroup or the machine out of procfs, for when probes may not be loaded. All threads are read at the start and at the end, and
// looked at in between so that short ones are seen and waiting places are sampled; looks take at most a tenth of the time.

import type { Counters } from '../core/counters.ts';
import { Fault } from '../core/errors.ts';
import type { Subject } from '../core/observed-tasks.ts';
import { parseDiskStats } from './host/block.ts';
import { cgroupMounts, findCgroup } from './host/cgroup-paths.ts';
import { processesIn } from './host/cgroups.ts';
import { countersOf, type DiskSum, type Looked } from './host/looked.ts';
import { chosenProcesses, pageKiB, uptimeS } from './host/processes.ts';
import { type MachineStat, type TaskStat, tickNs } from './host/procfs.ts';
import { isDirectory, read, realSurfaces, type Surfaces } from './host/surfaces.ts';
import { allProcesses, allThreads, descendants, type Thread } from './host/tasks.ts';
import { machineStat, onlineCpus } from './host/topology.ts';
import {
  close,
  countSwitches,
  lookAgain,
  notePlace,
  statAgain,
  type Watched,
  watch,
} from './host/watched-tasks.ts';

export interface ProcfsWish {
  readonly subject: Subject;
  readonly durationMs: number;
  /** The end, when it comes earlier: of a command, say. */
  readonly until?: Promise<unknown>;
  /** The process was started for this: all that it and its descendants ever did counts. */
  readonly isOurs?: boolean;
}

/** A process, what it was told of the CPU time of its children, and its threads as far as they were seen. */
interface Family {
  readonly startTicks: number;
  readonly firstNs: number;
  lastNs: number;
  /** Who will be told of it: its parent when it was read last, if that one is followed. */
  parent: Family | undefined;
  leader: Watched | undefined;
  readonly threads: Watched[];
  readonly children: Family[];
}

/** Threads whose switches are read (status is the dearest of their files): those that have run most often so far. */
const mostSwitches = 1000;
/** Threads whose waiting place is sampled at a look: the most active ones. */
const mostPlaces = 250;
const lookEveryMs = 100;
const mostPauseMs = 1000;
const stride = 500;

/** Faults: not-found when there is no such process or group at the start; interrupted. */
export async function sampleProcfs(
  wish: ProcfsWish,
  signal: AbortSignal,
  surfaces: Surfaces = realSurfaces,
): Promise<Counters> {
  const observer = new Observer(wish, signal, surfaces);
  try {
    await observer.begin();
    await observer.stay();
    return countersOf(await observer.end());
  } finally {
    observer.close();
  }
}

class Observer {
  private readonly wish: ProcfsWish;
  private readonly signal: AbortSignal;
  private readonly surfaces: Surfaces;
  private readonly startedNs: number;
  /** In ticks since boot: who began later is new. */
  private bornAfter: number;
  private readonly before: MachineStat;
  private readonly disksBefore: DiskSum;
  private readonly live = new Map<number, Watched>();
  private readonly all: Watched[] = [];
  private readonly families: Family[] = [];
  private readonly familyOf = new Map<number, Family>();
  private followed = new Set<number>();
  private maxRssKiB = 0;
  private looks = 0;

  constructor(wish: ProcfsWish, signal: AbortSignal, surfaces: Surfaces) {
    this.wish = wish;
    this.signal = signal;
    this.surfaces = surfaces;
    this.startedNs = surfaces.nowNs();
    this.bornAfter = Math.floor((uptimeS(surfaces) * 1e9) / tickNs) - 1;
    this.before = machineStat(surfaces);
    this.disksBefore = disks(surfaces);
  }

  private nowNs(): number {
    return this.surfaces.nowNs() - this.startedNs;
  }

  async begin(): Promise<void> {
    const { subject } = this.wish;
    const chosen = await chosenProcesses(this.surfaces, subject === 'machine' ? {} : subject, this.signal);
    this.followed = new Set(chosen.map((one) => one.pid));
    // In a container the uptime may be its own, and less than these.
    const starts = chosen.map((one) => one.startTicks);
    if (this.wish.isOurs) this.bornAfter = starts[0]! - 1;
    else for (const ticks of starts) this.bornAfter = Math.max(this.bornAfter, ticks - 1);
    await this.take(chosen, true);
    const busiest = [...this.all].sort((a, b) => b.sched.runs - a.sched.runs).slice(0, mostSwitches);
    for (const one of busiest) countSwitches(this.surfaces, one);
  }

  /** Looks again and again until the time is over; sooner when the subject has gone. */
  async stay(): Promise<void> {
    let isOver = false;
    void this.wish.until?.then(
      () => (isOver = true),
      () => (isOver = true),
    );
    let pauseMs = lookEveryMs;
    for (;;) {
      const left = this.wish.durationMs - this.nowNs() / 1e6;
      // The last look is the end's: none is begun that would end after it.
      if (left <= pauseMs / 4) break;
      await this.pause(Math.min(pauseMs, left));
      if (isOver || this.nowNs() / 1e6 >= this.wish.durationMs) break;
      const [began, used] = [this.nowNs(), process.cpuUsage()];
      await this.look();
      if (this.wish.subject !== 'machine' && this.live.size === 0) break;
      // On a busy machine a look takes long without costing much.
      const cost = process.cpuUsage(used);
      const costMs = Math.min((this.nowNs() - began) / 1e6, (cost.user + cost.system) / 1e3);
      pauseMs = Math.min(mostPauseMs, Math.max(lookEveryMs, 10 * costMs));
    }
  }

  private async pause(ms: number): Promise<void> {
    const { until } = this.wish;
    const sleep = this.surfaces.sleep(ms, this.signal);
    await (until === undefined ? sleep : Promise.race([sleep, until.catch(() => {})]));
  }

  /** Who is there now: new ones are taken in, the most active ones are asked where they wait. */
  private async look(): Promise<void> {
    this.looks++;
    for (const one of [...this.live.values()]) if (!lookAgain(this.surfaces, one)) this.gone(one);
    await this.take(await this.current(), false);
    const active = [...this.live.values()]
      .filter((one) => one.sched.runs > one.first.sched.runs || one.isNew)
      .sort((a, b) => b.sched.runs - b.first.sched.runs - (a.sched.runs - a.first.sched.runs))
      .slice(0, mostPlaces);
    for (const one of active) notePlace(this.surfaces, one);
  }

  private async current(): Promise<TaskStat[]> {
    const { subject } = this.wish;
    if (subject !== 'machine' && 'cgroup' in subject) {
      return allProcesses(this.surfaces, this.signal, this.membersOf(subject.cgroup));
    }
    const everyone = await allProcesses(this.surfaces, this.signal);
    if (subject === 'machine') return everyone;
    // Who was followed once stays followed, also when its parent has ended and it hangs elsewhere.
    const own = new Map<number, TaskStat>();
    const roots = [...this.followed].filter((pid) => this.live.has(pid));
    for (const root of roots)
      if (!own.has(root)) for (const one of descendants(everyone, root)) own.set(one.pid, one);
    return [...own.values()];
  }

  /** Once a group is removed nobody is in it. */
  private membersOf(cgroup: string): number[] {
    try {
      return processesIn(findCgroup(cgroupMounts(this.surfaces), cgroup));
    } catch (error) {
      if (error instanceof Fault && error.code === 'not-found') return [];
      throw error;
    }
  }

  private async take(processes: readonly TaskStat[], isFirst: boolean): Promise<void> {
    let pages = 0;
    for (const one of processes) {
      pages += one.rssPages;
      this.followed.add(one.pid);
      this.noteChildren(one, isFirst);
    }
    for (const one of processes) this.familyOf.get(one.pid)!.parent = this.familyOf.get(one.ppid);
    this.maxRssKiB = Math.max(this.maxRssKiB, pages * pageKiB);
    const own = this.wish.subject === 'machine' ? process.pid : -1;
    for (const thread of await allThreads(this.surfaces, this.signal, processes))
      if (thread.pid !== own && !this.live.has(thread.tid)) this.takeOne(thread, isFirst);
  }

  private takeOne(thread: Thread, isFirst: boolean): void {
    const bornAfter = isFirst && !this.wish.isOurs ? Number.POSITIVE_INFINITY : this.bornAfter;
    const one = watch(this.surfaces, thread, this.nowNs(), bornAfter);
    if (one === undefined) return;
    this.live.set(thread.tid, one);
    this.all.push(one);
    const family = this.familyOf.get(thread.pid)!;
    family.threads.push(one);
    if (thread.tid === thread.pid) family.leader = one;
  }

  /** CPU time of children that were waited for: how those show that came and went between two looks. */
  private noteChildren(stat: TaskStat, isFirst: boolean): void {
    const known = this.familyOf.get(stat.pid);
    if (known?.startTicks === stat.startTicks) {
      known.lastNs = stat.childrenNs;
      return;
    }
    const family: Family = {
      startTicks: stat.startTicks,
      firstNs: isFirst && !this.wish.isOurs ? stat.childrenNs : 0,
      lastNs: stat.childrenNs,
      ...{ parent: undefined, leader: undefined, threads: [], children: [] },
    };
    this.familyOf.set(stat.pid, family);
    this.families.push(family);
  }

  private gone(one: Watched): void {
    one.endedNs = this.nowNs();
    this.live.delete(one.thread.tid);
    close(one);
  }

  async end(): Promise<Looked> {
    for (const one of [...this.live.values()]) if (!lookAgain(this.surfaces, one)) this.gone(one);
    await this.take(await this.current(), false);
    const observedNs = Math.max(1, this.nowNs());
    const after = machineStat(this.surfaces);
    const disksAfter = disks(this.surfaces);
    for (const one of this.live.values()) {
      // Who has not run since has the same times as before.
      if (one.sched.runs === one.first.sched.runs && one.hasSchedStat && !one.isNew) continue;
      if (!statAgain(this.surfaces, one)) one.endedNs = observedNs;
      if (one.switches !== undefined || one.isNew) countSwitches(this.surfaces, one);
    }
    const born = this.all.filter((one) => one.isNew).length;
    return {
      subject: this.wish.subject,
      observedNs,
      cpus: onlineCpus(this.surfaces).length,
      tasks: this.all,
      machine: [this.before, after],
      disks: [this.disksBefore, disksAfter],
      maxRssKiB: this.maxRssKiB,
      looks: this.looks,
      unseen: Math.max(0, after.forks - this.before.forks - born),
      hiddenNs: this.hidden(),
    };
  }

  /** What children took, less what is known of those that have ended: a parent is told of all threads of a child and of what the child was told itself. */
  private hidden(): number {
    const knownOfChildren = ({ children }: Family): number =>
      children.reduce((sum, one) => sum + (one.leader?.endedNs === undefined ? 0 : knownOf(one)), 0);
    const knownOf = (one: Family): number => {
      // Times are told in ticks: of each thread one may be missing.
      const own = one.threads.reduce((sum, { stat }) => sum + stat.userNs + stat.systemNs + tickNs, 0);
      return own + Math.max(one.lastNs, one.firstNs + knownOfChildren(one));
    };
    for (const one of this.families) one.parent?.children.push(one);
    return this.families.reduce(
      (sum, one) => sum + Math.max(0, one.lastNs - one.firstNs - knownOfChildren(one)),
      0,
    );
  }

  /** A few at a time, after the answer: closing ten thousand files takes as long as reading them. */
  close(): void {
    const open = [...this.live.values()];
    const some = (): void => {
      for (const one of open.splice(-stride)) close(one);
      if (open.length > 0) setImmediate(some);
    };
    setImmediate(some);
  }
}

function disks({ proc, sys }: Surfaces): DiskSum {
  const sum = { reads: 0, writes: 0, readBytes: 0, writtenBytes: 0 };
  for (const disk of parseDiskStats(read(`${proc}/diskstats`) ?? '')) {
    if (!isDirectory(`${sys}/block/${disk.device.replaceAll('/', '!')}`)) continue;
    sum.reads += disk.reads;
    sum.writes += disk.writes;
    sum.readBytes += disk.readBytes;
    sum.writtenBytes += disk.writtenBytes;
  }
  return sum;
}
