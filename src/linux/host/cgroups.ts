// One cgroup with its limits, its statistics and those right below it: Documentation/admin-guide/cgroup-v2.rst; where version 1 stands beside it, its cpu, cpuacct,
// memory and pids controllers too (Documentation/admin-guide/cgroup-v1).

import type { CgroupWish } from '../../core/host.ts';
import type { Cgroup } from '../../core/observed-tasks.ts';
import { printable } from '../../lib/printable.ts';
import { type CgroupMounts, cgroupMounts, childrenOf, type FoundCgroup, findCgroup } from './cgroup-paths.ts';
import { breathe, paged, read, readLine, readNumber, type Surfaces } from './surfaces.ts';

/** "name number" lines. */
export function parseFlat(text: string): Map<string, number> {
  const out = new Map<string, number>();
  for (const line of text.split('\n')) {
    const match = /^(\S+) (\d+)$/.exec(line);
    if (match !== null) out.set(match[1]!, Number(match[2]));
  }
  return out;
}

/** io.stat: "8:0 rbytes=… wbytes=… rios=… wios=…" a line and device. */
export function parseIoStat(text: string): NonNullable<Cgroup['io']> {
  return text.split('\n').flatMap((line) => {
    const device = /^(\d+:\d+) /.exec(line)?.[1];
    if (device === undefined) return [];
    const of = (name: string): number => Number(new RegExp(` ${name}=(\\d+)`).exec(line)?.[1] ?? 0);
    return [
      { device, readBytes: of('rbytes'), writtenBytes: of('wbytes'), reads: of('rios'), writes: of('wios') },
    ];
  });
}

/** "max 100000" or "50000 100000": microseconds of quota and period. */
export function parseCpuMax(text: string): { quotaNs?: number; periodNs?: number } {
  const match = /^(max|\d+) (\d+)/.exec(text);
  if (match === null) return {};
  const periodNs = Number(match[2]) * 1000;
  return match[1] === 'max' ? { periodNs } : { quotaNs: Number(match[1]) * 1000, periodNs };
}

/** A limit: a number, or none where it says max. */
const limitIn = (path: string): number | undefined => readNumber(path);

const lines = (text: string | undefined): number => (text === undefined ? 0 : text.split('\n').length - 1);

/** Leaves out what is undefined. */
function known<T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}

const micro = (value: number | undefined): number | undefined =>
  value === undefined ? undefined : value * 1000;

function cpuOf(group: FoundCgroup): Cgroup['cpu'] {
  const { directory, v1 } = group;
  const stat = group.isV2 ? parseFlat(read(`${directory}/cpu.stat`) ?? '') : new Map<string, number>();
  const cpu = v1.get('cpu');
  const old = cpu === undefined ? undefined : parseFlat(read(`${cpu}/cpu.stat`) ?? '');
  const shares = cpu === undefined ? undefined : readNumber(`${cpu}/cpu.shares`);
  const quota = cpu === undefined ? undefined : readNumber(`${cpu}/cpu.cfs_quota_us`);
  const usage = v1.get('cpuacct');
  const idle =
    readNumber(`${directory}/cpu.idle`) ?? (cpu === undefined ? undefined : readNumber(`${cpu}/cpu.idle`));
  const cpus =
    readLine(`${directory}/cpuset.cpus.effective`) ??
    readLine(`${v1.get('cpuset') ?? directory}/cpuset.effective_cpus`);
  return known({
    usageNs:
      micro(stat.get('usage_usec')) ??
      (usage === undefined ? undefined : readNumber(`${usage}/cpuacct.usage`)),
    userNs: micro(stat.get('user_usec')),
    systemNs: micro(stat.get('system_usec')),
    // 1,024 shares of version 1 are the weight 100 of version 2.
    weight:
      readNumber(`${directory}/cpu.weight`) ?? (shares === undefined ? undefined : (shares * 100) / 1024),
    idle: idle === undefined ? undefined : idle === 1,
    ...parseCpuMax(readLine(`${directory}/cpu.max`) ?? ''),
    ...(quota === undefined || quota < 0
      ? {}
      : { quotaNs: quota * 1000, periodNs: (readNumber(`${cpu}/cpu.cfs_period_us`) ?? 0) * 1000 }),
    periods: stat.get('nr_periods') ?? old?.get('nr_periods'),
    throttled: stat.get('nr_throttled') ?? old?.get('nr_throttled'),
    throttledNs: micro(stat.get('throttled_usec')) ?? old?.get('throttled_time'),
    cpus: cpus === undefined || cpus === '' ? undefined : cpus,
  });
}

/** What version 1 says where memory has no limit: the largest multiple of a page. */
const unlimited = 2 ** 62;

function memoryOf({ directory, v1 }: FoundCgroup): Cgroup['memory'] {
  const old = v1.get('memory');
  const limit = old === undefined ? undefined : readNumber(`${old}/memory.limit_in_bytes`);
  return known({
    currentBytes:
      readNumber(`${directory}/memory.current`) ??
      (old === undefined ? undefined : readNumber(`${old}/memory.usage_in_bytes`)),
    peakBytes:
      readNumber(`${directory}/memory.peak`) ??
      (old === undefined ? undefined : readNumber(`${old}/memory.max_usage_in_bytes`)),
    maxBytes:
      limitIn(`${directory}/memory.max`) ?? (limit === undefined || limit >= unlimited ? undefined : limit),
    highBytes: limitIn(`${directory}/memory.high`),
    oomKills: parseFlat(read(`${directory}/memory.events`) ?? '').get('oom_kill'),
  });
}

function childOf(group: FoundCgroup, name: string): Cgroup['children'][number] {
  const directory = `${group.directory}/${name}`;
  const populated = parseFlat(read(`${directory}/cgroup.events`) ?? '').get('populated');
  const usage = parseFlat(read(`${directory}/cpu.stat`) ?? '').get('usage_usec');
  const processes = read(`${directory}/cgroup.procs`);
  return known({
    path: printable(`${group.path === '/' ? '' : group.path}/${name}`),
    populated: populated === undefined ? undefined : populated === 1,
    usageNs: micro(usage),
    processes: processes === undefined ? undefined : lines(processes),
    children: childrenOf(directory).length,
  }) as Cgroup['children'][number];
}

export async function cgroup(surfaces: Surfaces, wish: CgroupWish, signal: AbortSignal): Promise<Cgroup> {
  const mounts = cgroupMounts(surfaces);
  const group = findCgroup(mounts, wish.path);
  const { directory } = group;
  const { rows, left } = paged(childrenOf(directory), wish.page, wish.limit);
  const children: Cgroup['children'] = [];
  for (const name of rows) {
    if (children.length % 100 === 99) await breathe(signal);
    children.push(childOf(group, name));
  }
  const events = parseFlat(read(`${directory}/cgroup.events`) ?? '');
  const flag = (name: string): boolean | undefined => (events.has(name) ? events.get(name) === 1 : undefined);
  const io = group.isV2 ? read(`${directory}/io.stat`) : undefined;
  return {
    path: printable(group.path),
    version: !group.isV2 ? 'v1' : mounts.v1.size > 0 ? 'v2 beside v1' : 'v2',
    controllers: [
      ...(readLine(`${directory}/cgroup.controllers`)?.split(' ') ?? []),
      ...group.v1.keys(),
    ].filter((name) => name !== ''),
    type: readLine(`${directory}/cgroup.type`),
    populated: flag('populated'),
    frozen: flag('frozen'),
    processes: lines(read(`${directory}/cgroup.procs`)),
    threads: lines(read(`${directory}/cgroup.threads`) ?? read(`${directory}/tasks`)),
    cpu: cpuOf(group),
    memory: memoryOf(group),
    ...(io === undefined ? {} : { io: parseIoStat(io) }),
    pids: known({
      current: readNumber(`${directory}/pids.current`) ?? pidsOf(group, 'current'),
      max: readNumber(`${directory}/pids.max`) ?? pidsOf(group, 'max'),
    }),
    descendants: parseFlat(read(`${directory}/cgroup.stat`) ?? '').get('nr_descendants'),
    children,
    left,
    notes: notesOf(mounts, group),
  };
}

function pidsOf({ v1 }: FoundCgroup, what: string): number | undefined {
  const directory = v1.get('pids');
  return directory === undefined ? undefined : readNumber(`${directory}/pids.${what}`);
}

function notesOf(mounts: CgroupMounts, group: FoundCgroup): string[] {
  const notes: string[] = [];
  if (group.isV2 && mounts.v1.size > 0)
    notes.push(
      `version 1 holds ${[...mounts.v1.keys()].join(', ')}: their numbers are there where the same path is`,
    );
  if (group.path === '/') notes.push('the root has statistics but no limits');
  return notes;
}

/** Ids of the processes of a group and all below it. */
export function processesIn(group: FoundCgroup): number[] {
  const out = new Set<number>();
  const queue = [group.directory];
  for (let directory = queue.pop(); directory !== undefined; directory = queue.pop()) {
    // A threaded group does not list processes; its threads lead to theirs.
    const text = read(`${directory}/cgroup.procs`) ?? read(`${directory}/cgroup.threads`) ?? '';
    for (const line of text.split('\n')) if (line !== '') out.add(Number(line));
    for (const name of childrenOf(directory)) queue.push(`${directory}/${name}`);
  }
  out.delete(0); // a process that lives outside of our pid namespace
  return [...out];
}
