// One process in detail: proc_pid(5), a file of /proc/PID for each part. What may not be read is left out and noted.

import type { ProcessWish } from '../../core/host.ts';
import { type ProcessDetail, schedClassNames } from '../../core/observed-tasks.ts';
import { printable, shortened } from '../../lib/printable.ts';
import { ageS, command, gone, schedClassOf, uptimeS } from './processes.ts';
import {
  kernelThreadFlag,
  numberIn,
  parseFields,
  parseSwitches,
  type SchedStat,
  type TaskStat,
} from './procfs.ts';
import {
  breathe,
  grown,
  list,
  paged,
  read,
  readLine,
  readLink,
  readPatiently,
  type Surfaces,
  whyNot,
} from './surfaces.ts';
import {
  processStat,
  readTaskFile,
  schedStat,
  type Thread,
  threadIds,
  threadPath,
  threadStat,
} from './tasks.ts';

interface Sum {
  readonly sched: Map<number, SchedStat>;
  readonly ran: number;
  readonly delay: number;
  readonly runs: number;
}

async function schedOf(surfaces: Surfaces, threads: readonly Thread[], signal: AbortSignal): Promise<Sum> {
  const sched = new Map<number, SchedStat>();
  let [ran, delay, runs] = [0, 0, 0];
  for (const [index, thread] of threads.entries()) {
    if (index % 1000 === 999) await breathe(signal);
    const stat = schedStat(surfaces, thread);
    if (stat === undefined) continue;
    sched.set(thread.tid, stat);
    ran += stat.ranNs;
    delay += stat.delayNs;
    runs += stat.runs;
  }
  return { sched, ran, delay, runs };
}

/** Kinds of what file descriptors lead to, by the kernel's names of links: pipe:[1], socket:[2], anon_inode:[eventpoll], paths. */
export function kindOfFile(link: string): string {
  if (link.startsWith('pipe:')) return 'pipe';
  if (link.startsWith('socket:')) return 'socket';
  const anonymous = /^anon_inode:\[?([\w-]+)/.exec(link)?.[1];
  if (anonymous !== undefined) return anonymous;
  if (link.startsWith('/dev/')) return 'device';
  if (/^\/(proc|sys)\//.test(link)) return 'proc or sys';
  if (link.startsWith('/memfd:') || link.startsWith('/dmabuf')) return 'memory';
  return link.startsWith('/') ? 'file' : 'other';
}

const mostFiles = 20_000;

function openFiles({ proc }: Surfaces, pid: number): Record<string, number> | undefined {
  const at = `${proc}/${pid}/fd`;
  if (readLink(`${proc}/${pid}/exe`) === undefined && list(at).length === 0) return undefined;
  const counts = new Map<string, number>();
  for (const name of list(at).slice(0, mostFiles)) {
    const link = readLink(`${at}/${name}`);
    if (link !== undefined) counts.set(kindOfFile(link), (counts.get(kindOfFile(link)) ?? 0) + 1);
  }
  return Object.fromEntries([...counts].sort((a, b) => b[1] - a[1]));
}

/** Regions of memory and the files behind them: "from-to rwxp offset device inode path". */
export function parseMaps(text: string): { regions: number; files: string[] } {
  const files = new Set<string>();
  let regions = 0;
  for (const line of text.split('\n')) {
    const match = /^[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ \d+\s*(.*)$/.exec(line);
    if (match === null) continue;
    regions++;
    if (match[1]!.startsWith('/')) files.add(match[1]!);
  }
  return { regions, files: [...files] };
}

const mostMapped = 8;

async function mapsOf({ proc }: Surfaces, pid: number): Promise<ProcessDetail['maps']> {
  const text = await readPatiently(`${proc}/${pid}/maps`);
  if (text === undefined || text === '') return undefined;
  const { regions, files } = parseMaps(text);
  return {
    regions,
    files: files.slice(0, mostMapped).map((file) => shortened(printable(file), 80)),
    filesLeft: Math.max(0, files.length - mostMapped),
  };
}

/** proc_pid_io(5): null where we may not read it. */
function ioOf({ proc }: Surfaces, pid: number): ProcessDetail['io'] {
  const fields = parseFields(read(`${proc}/${pid}/io`) ?? '');
  const of = (name: string): number => numberIn(fields, name) ?? 0;
  if (!fields.has('rchar')) return undefined;
  return {
    readBytes: of('rchar'),
    writtenBytes: of('wchar'),
    readCalls: of('syscr'),
    writeCalls: of('syscw'),
    diskReadBytes: of('read_bytes'),
    diskWrittenBytes: of('write_bytes'),
  };
}

function memoryOf(status: ReadonlyMap<string, string>): ProcessDetail['memory'] {
  const of = (name: string): number | undefined => numberIn(status, name);
  if (!status.has('VmRSS')) return undefined;
  return {
    rssKiB: of('VmRSS'),
    peakRssKiB: of('VmHWM'),
    swapKiB: of('VmSwap'),
    anonymousKiB: of('RssAnon'),
    fileKiB: of('RssFile'),
    sharedKiB: of('RssShmem'),
  };
}

/** The path in version 2, else of the cpu controller: "0::/path", "3:cpu,cpuacct:/path". */
export function parseCgroup(text: string): string | undefined {
  const rows = text.split('\n').map((line) => /^\d+:([^:]*):(\/.*)$/.exec(line));
  const v2 = rows.find((row) => row?.[1] === '')?.[2];
  const cpu = rows.find((row) => row?.[1]?.split(',').includes('cpu'))?.[2];
  return v2 === undefined || (v2 === '/' && cpu !== undefined) ? cpu : v2;
}

type ThreadRow = ProcessDetail['threads'][number];

function threadRow(
  surfaces: Surfaces,
  thread: Thread,
  sums: readonly [Sum, Sum],
  observedNs: number,
): ThreadRow[] {
  const stat = threadStat(surfaces, thread);
  if (stat === undefined) return [];
  const wchan = readLine(`${threadPath(surfaces, thread)}/wchan`);
  const [before, after] = sums.map((sum) => sum.sched.get(thread.tid));
  return [
    {
      tid: thread.tid,
      comm: printable(stat.comm),
      state: stat.state,
      ...(wchan === undefined || wchan === '0' || wchan === '' ? {} : { waitsIn: printable(wchan) }),
      schedClass: schedClassOf(stat),
      nice: stat.nice,
      lastCpu: stat.cpu,
      ...(after === undefined
        ? {}
        : {
            cpu: grown(before?.ranNs, after.ranNs) / observedNs,
            delay: grown(before?.delayNs, after.delayNs) / observedNs,
            ranNs: after.ranNs,
          }),
    },
  ];
}

function identity(surfaces: Surfaces, stat: TaskStat, status: ReadonlyMap<string, string>) {
  const at = `${surfaces.proc}/${stat.pid}`;
  const link = (name: string): string | undefined => {
    const target = readLink(`${at}/${name}`);
    return target === undefined ? undefined : shortened(printable(target), 300);
  };
  const cgroup = parseCgroup(read(`${at}/cgroup`) ?? '');
  return {
    pid: stat.pid,
    startTicks: stat.startTicks,
    ppid: stat.ppid,
    comm: printable(stat.comm),
    executable: link('exe'),
    cwd: link('cwd'),
    state: stat.state,
    kernelThread: (stat.flags & kernelThreadFlag) !== 0,
    schedClass: schedClassNames[stat.schedClass] ?? `class ${stat.schedClass}`,
    nice: stat.nice,
    ...(stat.realtimePriority > 0 ? { realtimePriority: stat.realtimePriority } : {}),
    affinity: status.get('Cpus_allowed_list'),
    ageS: ageS(stat, uptimeS(surfaces)),
    ...(cgroup === undefined ? {} : { cgroup: printable(cgroup) }),
  };
}

export async function processDetail(
  surfaces: Surfaces,
  wish: ProcessWish,
  signal: AbortSignal,
): Promise<ProcessDetail> {
  const { pid } = wish;
  const first = processStat(surfaces, pid);
  if (first === undefined) throw gone(pid);
  const threads = threadIds(surfaces, pid).map((tid) => ({ pid, tid }));
  const started = surfaces.nowNs();
  const before = await schedOf(surfaces, threads, signal);
  await surfaces.sleep(wish.intervalMs, signal);
  const after = await schedOf(surfaces, threads, signal);
  const observedNs = Math.max(1, surfaces.nowNs() - started);
  const stat = processStat(surfaces, pid);
  // The same pid with another start is another process.
  if (stat === undefined || stat.startTicks !== first.startTicks) throw gone(pid);
  const status = parseFields(read(`${surfaces.proc}/${pid}/status`) ?? '');
  const ranIn = (tid: number): number => grown(before.sched.get(tid)?.ranNs, after.sched.get(tid)?.ranNs);
  const sorted = [...threads].sort((a, b) => ranIn(b.tid) - ranIn(a.tid) || a.tid - b.tid);
  const { rows, left } = paged(sorted, wish.page, wish.limit);
  const grew = (key: 'ranNs' | 'delayNs'): number =>
    threads.reduce(
      (sum, { tid }) => sum + grown(before.sched.get(tid)?.[key], after.sched.get(tid)?.[key]),
      0,
    );
  const switches = switchesOf(surfaces, threads);
  const text = await command(surfaces, pid, 300);
  return {
    ...identity(surfaces, stat, status),
    ...(text === undefined ? {} : { command: text }),
    observedNs,
    ...(after.sched.size === 0
      ? {}
      : {
          cpu: grew('ranNs') / observedNs,
          delay: grew('delayNs') / observedNs,
          ranNs: after.ran,
          delayNs: after.delay,
          runs: after.runs,
        }),
    userNs: stat.userNs,
    systemNs: stat.systemNs,
    ...switches,
    minorFaults: stat.minorFaults,
    majorFaults: stat.majorFaults,
    io: ioOf(surfaces, pid),
    memory: memoryOf(status),
    maps: await mapsOf(surfaces, pid),
    openFiles: openFiles(surfaces, pid),
    threads: rows.flatMap((thread) => threadRow(surfaces, thread, [before, after], observedNs)),
    threadCount: threads.length,
    left,
    notes: notesOf(surfaces, pid, threads.length),
  };
}

/** Summed over the threads that live: the process's own status tells of its first thread only. At most a thousand are asked. */
const mostAsked = 1000;

function switchesOf(
  surfaces: Surfaces,
  threads: readonly Thread[],
): { voluntary?: number; involuntary?: number } {
  if (threads.length > mostAsked) return {};
  const known = threads.flatMap(
    (thread) => parseSwitches(readTaskFile(`${threadPath(surfaces, thread)}/status`) ?? '') ?? [],
  );
  if (known.length === 0) return {};
  const sum = (key: 'voluntary' | 'involuntary'): number => known.reduce((total, own) => total + own[key], 0);
  return { voluntary: sum('voluntary'), involuntary: sum('involuntary') };
}

function notesOf({ proc }: Surfaces, pid: number, threads: number): string[] {
  const denied = ['io', 'maps'].filter((name) =>
    ['EACCES', 'EPERM'].includes(whyNot(`${proc}/${pid}/${name}`) ?? ''),
  );
  const notes: string[] = [];
  if (denied.length > 0)
    notes.push(
      `${denied.join(', ')}, open files: we may not look (another user's process, or a protected one)`,
    );
  if (threads > mostAsked) notes.push(`switches: not summed over ${threads} threads`);
  return notes;
}
