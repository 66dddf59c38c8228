// Processes and threads in procfs, read one by one or all at once. A task may end between being listed and being read: then it is left out. (pid, start) is
// its identity: a pid that is used again is another task.

import { closeSync, openSync } from 'node:fs';
import { parseSchedStat, parseStat, type SchedStat, type TaskStat } from './procfs.ts';
import { breathe, list, pathOf, readSmall, type Surfaces } from './surfaces.ts';

export interface Thread {
  readonly pid: number;
  readonly tid: number;
}

/** Ids of all processes that this procfs shows. */
export function processIds({ proc }: Surfaces): number[] {
  return list(proc).flatMap((name) => (/^[1-9]\d*$/.test(name) ? Number(name) : []));
}

export function threadIds({ proc }: Surfaces, pid: number): number[] {
  return list(`${proc}/${pid}/task`).map(Number).filter(Number.isInteger);
}

/** A process as a whole: its times are those of all its threads, also of those that have ended. */
export function processStat({ proc }: Surfaces, pid: number): TaskStat | undefined {
  return parseStat(readTaskFile(`${proc}/${pid}/stat`) ?? '');
}

export const threadPath = ({ proc }: Surfaces, { pid, tid }: Thread): string => `${proc}/${pid}/task/${tid}`;

export function threadStat(surfaces: Surfaces, thread: Thread): TaskStat | undefined {
  return parseStat(readTaskFile(`${threadPath(surfaces, thread)}/stat`) ?? '');
}

export function schedStat(surfaces: Surfaces, thread: Thread): SchedStat | undefined {
  return parseSchedStat(readTaskFile(`${threadPath(surfaces, thread)}/schedstat`) ?? '');
}

/** One of the short files of a task: stat, schedstat, status. */
export function readTaskFile(path: string): string | undefined {
  try {
    const fd = openSync(pathOf(path), 'r');
    try {
      return readSmall(fd);
    } finally {
      closeSync(fd);
    }
  } catch {
    return undefined;
  }
}

export const taskKey = (stat: Pick<TaskStat, 'pid' | 'startTicks'>): string =>
  `${stat.pid}@${stat.startTicks}`;

/** Every so many tasks a walk lets others have the thread. */
const stride = 500;

/** All processes, each read once. */
export async function allProcesses(
  surfaces: Surfaces,
  signal: AbortSignal,
  ids: readonly number[] = processIds(surfaces),
): Promise<TaskStat[]> {
  const out: TaskStat[] = [];
  for (const [index, pid] of ids.entries()) {
    if (index % stride === stride - 1) await breathe(signal);
    const stat = processStat(surfaces, pid);
    if (stat !== undefined) out.push(stat);
  }
  return out;
}

/** Threads of the processes. One with a single thread needs no listing. */
export async function allThreads(
  surfaces: Surfaces,
  signal: AbortSignal,
  processes: readonly Pick<TaskStat, 'pid' | 'threads'>[],
): Promise<Thread[]> {
  const out: Thread[] = [];
  for (const [index, { pid, threads }] of processes.entries()) {
    if (index % stride === stride - 1) await breathe(signal);
    if (threads === 1) out.push({ pid, tid: pid });
    else for (const tid of threadIds(surfaces, pid)) out.push({ pid, tid });
  }
  return out;
}

/** The process and all that descend from it, as far as their parents still live. */
export function descendants(processes: readonly TaskStat[], root: number): TaskStat[] {
  const children = new Map<number, TaskStat[]>();
  for (const one of processes) {
    const own = children.get(one.ppid);
    if (own === undefined) children.set(one.ppid, [one]);
    else own.push(one);
  }
  const found = processes.filter((one) => one.pid === root);
  const seen = new Set(found.map((one) => one.pid));
  for (let at = 0; at < found.length; at++) {
    for (const child of children.get(found[at]!.pid) ?? []) {
      if (seen.has(child.pid)) continue;
      seen.add(child.pid);
      found.push(child);
    }
  }
  return found;
}
