// Processes, or their threads, by what they use, or as a tree; a page of them.

import { Fault } from '../../core/errors.ts';
import type { ProcessesWish } from '../../core/host.ts';
import { type Processes, schedClassNames } from '../../core/observed-tasks.ts';
import { printable, shortened } from '../../lib/printable.ts';
import { cgroupMounts, findCgroup } from './cgroup-paths.ts';
import { processesIn } from './cgroups.ts';
import { type SchedStat, type TaskStat, tickNs } from './procfs.ts';
import { grown, paged, read, readPatiently, type Surfaces } from './surfaces.ts';
import {
  allProcesses,
  allThreads,
  descendants,
  processIds,
  schedStat,
  taskKey,
  threadStat,
} from './tasks.ts';

export const pageKiB = 4;

/** Seconds since boot, on the clock that start times are told in. */
export function uptimeS({ proc }: Surfaces): number {
  return Number.parseFloat(read(`${proc}/uptime`) ?? '0') || 0;
}

export const schedClassOf = (stat: Pick<TaskStat, 'schedClass'>): string =>
  schedClassNames[stat.schedClass] ?? `class ${stat.schedClass}`;

export const ageS = (stat: TaskStat, uptime: number): number =>
  Math.max(0, uptime - (stat.startTicks * tickNs) / 1e9);

/** Every process, or those asked for. Faults: not-found for a pid or group that is not there. */
export async function chosenProcesses(
  surfaces: Surfaces,
  of: { readonly pid?: number | undefined; readonly cgroup?: string | undefined },
  signal: AbortSignal,
): Promise<TaskStat[]> {
  const within =
    of.cgroup === undefined ? undefined : processesIn(findCgroup(cgroupMounts(surfaces), of.cgroup));
  const all = await allProcesses(
    surfaces,
    signal,
    of.pid === undefined && within !== undefined ? within : processIds(surfaces),
  );
  if (of.pid === undefined) return all;
  const found = descendants(all, of.pid);
  if (found.length === 0) throw gone(of.pid);
  return within === undefined ? found : found.filter((one) => within.includes(one.pid));
}

export function gone(pid: number): Fault {
  return new Fault('not-found', `no process ${pid} here: it has ended, or it is in another pid namespace`, {
    next: 'call processes for those that there are',
  });
}

interface Row {
  readonly stat: TaskStat;
  readonly tid?: number;
  readonly depth?: number;
  readonly cpu: number | undefined;
  readonly delay: number | undefined;
}

interface Seen {
  readonly stat: TaskStat;
  readonly tid: number;
  readonly sched: SchedStat | undefined;
}

/** What each has used so far, by identity. Of a process its own stat counts all its threads, also ended ones; its run delay does not. */
async function look(
  surfaces: Surfaces,
  wish: ProcessesWish,
  signal: AbortSignal,
): Promise<Map<string, Seen>> {
  const processes = await chosenProcesses(surfaces, wish, signal);
  const seen = new Map<string, Seen>();
  if (!wish.threads) {
    for (const stat of processes) {
      const sched = stat.threads === 1 ? schedStat(surfaces, { pid: stat.pid, tid: stat.pid }) : undefined;
      seen.set(taskKey(stat), { stat, tid: stat.pid, sched });
    }
    return seen;
  }
  for (const thread of await allThreads(surfaces, signal, processes)) {
    const stat = threadStat(surfaces, thread);
    if (stat === undefined) continue;
    seen.set(taskKey(stat), {
      stat: { ...stat, pid: thread.pid },
      tid: thread.tid,
      sched: schedStat(surfaces, thread),
    });
  }
  return seen;
}

const orders: Readonly<Record<Exclude<ProcessesWish['sort'], 'tree'>, (row: Row) => number>> = {
  cpu: (row) => -(row.cpu ?? 0),
  delay: (row) => -(row.delay ?? 0),
  memory: (row) => -row.stat.rssPages,
  threads: (row) => -row.stat.threads,
  pid: (row) => row.stat.pid,
};

/** Parents before their children, with depths. */
export function treeOf<T extends { readonly stat: Pick<TaskStat, 'pid' | 'ppid'>; readonly tid?: number }>(
  rows: readonly T[],
): (T & { depth: number })[] {
  const pids = new Set(rows.map((row) => row.stat.pid));
  const children = new Map<number, T[]>();
  for (const row of rows) {
    const parent = pids.has(row.stat.ppid) && row.stat.ppid !== row.stat.pid ? row.stat.ppid : 0;
    const own = children.get(parent);
    if (own === undefined) children.set(parent, [row]);
    else own.push(row);
  }
  const out: (T & { depth: number })[] = [];
  const stack = [{ pid: 0, depth: -1, rows: children.get(0) ?? [], next: 0 }];
  while (stack.length > 0) {
    const top = stack.at(-1)!;
    const row = top.rows[top.next++];
    if (row === undefined) stack.pop();
    else {
      out.push({ ...row, depth: stack.length - 1 });
      // With a row for each thread, the children hang below the first of them.
      const isFirst = row.tid === undefined || row.tid === row.stat.pid;
      if (isFirst && stack.length < 200)
        stack.push({
          pid: row.stat.pid,
          depth: stack.length,
          rows: children.get(row.stat.pid) ?? [],
          next: 0,
        });
    }
  }
  return out;
}

export async function processes(
  surfaces: Surfaces,
  wish: ProcessesWish,
  signal: AbortSignal,
): Promise<Processes> {
  const started = surfaces.nowNs();
  const before = await look(surfaces, wish, signal);
  await surfaces.sleep(wish.intervalMs, signal);
  const after = await look(surfaces, wish, signal);
  const observedNs = Math.max(1, surfaces.nowNs() - started);
  const all: Row[] = [...after].map(([key, { stat, tid, sched }]) => {
    const earlier = before.get(key);
    // A process may have one thread at one end only: its stat tells of both.
    const ran =
      sched === undefined || earlier?.sched === undefined
        ? grown(earlier && earlier.stat.userNs + earlier.stat.systemNs, stat.userNs + stat.systemNs)
        : grown(earlier.sched.ranNs, sched.ranNs);
    return {
      stat,
      ...(wish.threads ? { tid } : {}),
      cpu: earlier === undefined ? undefined : ran / observedNs,
      delay:
        earlier?.sched === undefined || sched === undefined
          ? undefined
          : grown(earlier.sched.delayNs, sched.delayNs) / observedNs,
    };
  });
  const sorted =
    wish.sort === 'tree'
      ? treeOf([...all].sort((a, b) => a.stat.pid - b.stat.pid || (a.tid ?? 0) - (b.tid ?? 0)))
      : [...all].sort(
          (a, b) => orders[wish.sort as 'cpu'](a) - orders[wish.sort as 'cpu'](b) || a.stat.pid - b.stat.pid,
        );
  const { rows, left } = paged(sorted, wish.page, wish.limit);
  const uptime = uptimeS(surfaces);
  const commands = await Promise.all(rows.map((row) => command(surfaces, row.stat.pid)));
  const ids = new Set([...after.values()].map(({ stat }) => stat.pid));
  return {
    observedNs,
    processes: ids.size,
    threads: wish.threads ? after.size : [...after.values()].reduce((sum, { stat }) => sum + stat.threads, 0),
    rows: rows.map((row, index) => rowOf(row, commands[index], uptime)),
    left,
    notes: notesOf(wish, after.size),
  };
}

export async function command({ proc }: Surfaces, pid: number, length = 120): Promise<string | undefined> {
  const text = await readPatiently(`${proc}/${pid}/cmdline`, 4096);
  const joined = text?.replace(/\0+$/, '').replaceAll('\0', ' ');
  return joined === undefined || joined === '' ? undefined : shortened(printable(masked(joined)), length);
}

/** What looks like a secret among the arguments is not told on. */
export function masked(line: string): string {
  return line.replace(
    /([\w-]*(?:passw(?:or)?d|secret|token|api[-_]?key|credential)[\w-]*["']?(?:\s*[=:]\s*|\s+))("[^"]*"|'[^']*'|[^\s"']+)/gi,
    '$1***',
  );
}

function rowOf(
  { stat, tid, depth, cpu, delay }: Row,
  text: string | undefined,
  uptime: number,
): Processes['rows'][number] {
  return {
    pid: stat.pid,
    ...(tid === undefined ? {} : { tid }),
    ppid: stat.ppid,
    ...(depth === undefined ? {} : { depth }),
    comm: printable(stat.comm),
    ...(text === undefined ? {} : { command: text }),
    state: stat.state,
    cpu,
    delay,
    ...(tid === undefined ? { threads: stat.threads } : {}),
    rssKiB: Math.max(0, stat.rssPages * pageKiB),
    ageS: ageS(stat, uptime),
    schedClass: schedClassOf(stat),
    nice: stat.nice,
  };
}

function notesOf(wish: ProcessesWish, count: number): string[] {
  const notes: string[] = [];
  if (!wish.threads && wish.intervalMs < 100)
    notes.push(
      'CPU time of processes with several threads is counted in steps of 10 ms: a longer interval tells more',
    );
  if (!wish.threads)
    notes.push('delay is told of single-threaded processes; threads=true tells it of each thread');
  if (count === 0) notes.push('nothing is in there now');
  return notes;
}
