// Threads that are followed from look to look. Their schedstat and stat stay open: reading again costs a third of opening by name, and an open file belongs to
// this task for good: when its id is used again, reading fails instead of telling of another one.

import { closeSync, openSync, readSync } from 'node:fs';
import type { WaitReason } from '../../core/trace.ts';
import { kernelThreadFlag, parseStat, parseSwitches, type SchedStat, type TaskStat } from './procfs.ts';
import { pathOf, read, readLine, readSmall, type Surfaces } from './surfaces.ts';
import { readTaskFile, schedStat, type Thread, threadPath, threadStat } from './tasks.ts';
import { reasonOf } from './wait-places.ts';

export interface Watched {
  readonly thread: Thread;
  readonly startTicks: number;
  readonly isNew: boolean;
  readonly hasSchedStat: boolean;
  /** Since the start of the observation. */
  readonly seenNs: number;
  readonly first: { readonly stat: TaskStat; readonly sched: SchedStat };
  stat: TaskStat;
  sched: SchedStat;
  /** schedstat and stat; -1: not open (closed, or more of them than may be open): read by name. */
  fd: number;
  statFd: number;
  statusFd: number;
  endedNs: number | undefined;
  switches: { readonly first: Switches; last: Switches } | undefined;
  /** How often it was seen waiting for what. */
  readonly places: Map<WaitReason, number>;
}

type Switches = NonNullable<ReturnType<typeof parseSwitches>>;

/** Most of what this process may have open; for all observations together, also those whose files are still being closed. */
const mostOpen = 0.8 * Number(/^Max open files\s+(\d+)/m.exec(read('/proc/self/limits') ?? '')?.[1] ?? 1024);
let heldOpen = 0;

const small = Buffer.allocUnsafe(128);

/** "ran delay runs", read without a text in between: this is done for every thread at every look. Undefined when the task has gone. */
export function readSchedStat(fd: number): SchedStat | undefined {
  let length: number;
  try {
    length = readSync(fd, small, 0, small.length, 0);
  } catch {
    return undefined;
  }
  let [field, value, ran, delay] = [0, 0, 0, 0];
  for (let at = 0; at < length; at++) {
    const byte = small[at]!;
    if (byte >= 0x30 && byte <= 0x39) value = value * 10 + (byte - 0x30);
    else {
      if (field === 0) ran = value;
      else if (field === 1) delay = value;
      else return { ranNs: ran, delayNs: delay, runs: value };
      field++;
      value = 0;
    }
  }
  return undefined;
}

const nothing: SchedStat = { ranNs: 0, delayNs: 0, runs: 0 };

/** Takes in a thread; undefined when it has gone meanwhile. `bornAfter`: in ticks since boot; who began later has used nothing before. */
export function watch(
  surfaces: Surfaces,
  thread: Thread,
  seenNs: number,
  bornAfter: number,
): Watched | undefined {
  const path = threadPath(surfaces, thread);
  const fd = opened(`${path}/schedstat`);
  const statFd = opened(`${path}/stat`);
  const stat = statFd < 0 ? undefined : parseStat(readOrNothing(statFd));
  const sched = fd < 0 ? nothing : readSchedStat(fd);
  const isWhole = stat !== undefined && sched !== undefined;
  const keepOpen = isWhole && heldOpen + 2 <= mostOpen;
  if (keepOpen) heldOpen += Number(fd >= 0) + Number(statFd >= 0);
  else for (const one of [fd, statFd]) if (one >= 0) closeSync(one);
  if (!isWhole) return undefined;
  const isNew = stat.startTicks > bornAfter;
  const before: TaskStat = isNew ? { ...stat, userNs: 0, systemNs: 0, minorFaults: 0, majorFaults: 0 } : stat;
  return {
    thread,
    startTicks: stat.startTicks,
    isNew,
    hasSchedStat: fd >= 0,
    seenNs,
    first: { stat: before, sched: isNew ? nothing : sched },
    stat,
    sched,
    fd: keepOpen ? fd : -1,
    statFd: keepOpen ? statFd : -1,
    statusFd: -1,
    endedNs: undefined,
    switches: undefined,
    places: new Map(),
  };
}

/** -1 where it cannot be: the task has gone, or the kernel has no such file. */
function opened(path: string): number {
  try {
    return openSync(pathOf(path), 'r');
  } catch {
    return -1;
  }
}

function readOrNothing(fd: number): string {
  try {
    return readSmall(fd);
  } catch {
    return '';
  }
}

/** Another look at its schedstat; false when it has ended. */
export function lookAgain(surfaces: Surfaces, watched: Watched): boolean {
  // By name it may be another task by now: the stat says when it began.
  if (watched.statFd < 0 && !statAgain(surfaces, watched)) return false;
  if (!watched.hasSchedStat) return true;
  const sched = watched.fd < 0 ? schedStat(surfaces, watched.thread) : readSchedStat(watched.fd);
  if (sched === undefined) return false;
  watched.sched = sched;
  return true;
}

/** Another look at its stat; false when it has ended. */
export function statAgain(surfaces: Surfaces, watched: Watched): boolean {
  const { statFd } = watched;
  const stat = statFd < 0 ? threadStat(surfaces, watched.thread) : parseStat(readOrNothing(statFd));
  if (stat === undefined || stat.startTicks !== watched.startTicks) return false;
  watched.stat = stat;
  return true;
}

/** The first time opens its status, which stays open too. */
export function countSwitches(surfaces: Surfaces, watched: Watched): void {
  const isFirst = watched.switches === undefined;
  const path = `${threadPath(surfaces, watched.thread)}/status`;
  if (isFirst && watched.statFd >= 0 && heldOpen < mostOpen) {
    watched.statusFd = opened(path);
    heldOpen += Number(watched.statusFd >= 0);
  }
  const { statusFd } = watched;
  const seen = parseSwitches(statusFd < 0 ? (readTaskFile(path) ?? '') : readOrNothing(statusFd));
  if (seen === undefined) return;
  if (watched.switches !== undefined) watched.switches.last = seen;
  else watched.switches = { first: watched.isNew ? { voluntary: 0, involuntary: 0 } : seen, last: seen };
}

/** Notes where it waits, if it does. */
export function notePlace(surfaces: Surfaces, watched: Watched): void {
  if (!statAgain(surfaces, watched)) return;
  const { state, flags } = watched.stat;
  if (!/[SDI]/.test(state)) return;
  const isKernel = (flags & kernelThreadFlag) !== 0;
  const wchan = isKernel ? undefined : readLine(`${threadPath(surfaces, watched.thread)}/wchan`);
  const reason = reasonOf(wchan, state, isKernel);
  watched.places.set(reason, (watched.places.get(reason) ?? 0) + 1);
}

export function close(watched: Watched): void {
  for (const fd of [watched.fd, watched.statFd, watched.statusFd]) {
    if (fd < 0) continue;
    closeSync(fd);
    heldOpen--;
  }
  watched.fd = -1;
  watched.statFd = -1;
  watched.statusFd = -1;
}
