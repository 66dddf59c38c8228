// The files of procfs as values: text in, value out, undefined for what is none. proc_pid_stat(5), proc_pid_schedstat, Documentation/filesystems/proc.rst;
// fs/proc/array.c: do_task_stat(), v6.18. A task's name may hold any byte, also ')' and newline: it ends at the last ')'.

/** USER_HZ: what the kernel tells user space, whatever its own tick; 100 on every architecture that we run on. */
export const tickNs = 1e7;

export interface TaskStat {
  readonly pid: number;
  readonly comm: string;
  readonly state: string;
  readonly ppid: number;
  readonly flags: number;
  readonly minorFaults: number;
  readonly majorFaults: number;
  readonly userNs: number;
  readonly systemNs: number;
  /** User and system time of children that have ended and were waited for. */
  readonly childrenNs: number;
  readonly nice: number;
  readonly threads: number;
  /** Since boot. With the pid it names a task for good. */
  readonly startTicks: number;
  readonly rssPages: number;
  readonly cpu: number;
  readonly realtimePriority: number;
  readonly schedClass: number;
  /** Waiting for block I/O; 0 where task_delayacct is off. */
  readonly blockDelayNs: number;
}

/** PF_KTHREAD of include/linux/sched.h, as user space has come to know it. */
export const kernelThreadFlag = 0x0020_0000;

/** Numbers of the line that was read last, by the field numbers of the man page. */
const fields = new Float64Array(64);

/** Fills `fields` from the fourth on; how many there are, or none where something else stands among them. No text is made: this is done for every thread. */
function numberFields(text: string, from: number): number {
  let [number, value, sign, digits] = [4, 0, 1, 0];
  for (let at = from; at < text.length && number < fields.length; at++) {
    const code = text.charCodeAt(at);
    if (code >= 0x30 && code <= 0x39) {
      value = value * 10 + (code - 0x30);
      digits++;
    } else if (code === 0x2d && digits === 0) sign = -1;
    else if ((code === 0x20 || code === 0x0a) && digits > 0) {
      fields[number++] = sign * value;
      [value, sign, digits] = [0, 1, 0];
    } else return 0;
  }
  return number - 1;
}

const blank = 0x20;

export function parseStat(text: string): TaskStat | undefined {
  const open = text.indexOf('(');
  const close = text.lastIndexOf(')');
  if (
    open < 2 ||
    close < open ||
    text.charCodeAt(close + 1) !== blank ||
    text.charCodeAt(close + 3) !== blank
  )
    return undefined;
  const state = text.charAt(close + 2);
  const pid = Number(text.slice(0, open - 1));
  const last = numberFields(text, close + 4);
  if (last < 41 || !Number.isInteger(pid) || !/[A-Za-z]/.test(state)) return undefined;
  const field = (number: number): number => fields[number]!;
  return {
    pid,
    comm: text.slice(open + 1, close),
    state,
    ppid: field(4),
    flags: field(9),
    minorFaults: field(10),
    majorFaults: field(12),
    userNs: field(14) * tickNs,
    systemNs: field(15) * tickNs,
    childrenNs: (field(16) + field(17)) * tickNs,
    nice: field(19),
    threads: field(20),
    startTicks: field(22),
    rssPages: field(24),
    cpu: field(39),
    realtimePriority: field(40),
    schedClass: field(41),
    blockDelayNs: last < 42 ? 0 : field(42) * tickNs,
  };
}

export interface SchedStat {
  readonly ranNs: number;
  readonly delayNs: number;
  /** Times that it got a CPU. */
  readonly runs: number;
}

/** "ran delay runs"; all 0 in a kernel without CONFIG_SCHED_INFO. */
export function parseSchedStat(text: string): SchedStat | undefined {
  const match = /^(\d+) (\d+) (\d+)/.exec(text);
  return match === null
    ? undefined
    : { ranNs: Number(match[1]), delayNs: Number(match[2]), runs: Number(match[3]) };
}

/** Lines "name: value" as they are; the value without the white space around it. A name that has a newline is escaped by the kernel here. */
export function parseFields(text: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const line of text.split('\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) fields.set(line.slice(0, colon).trimEnd(), line.slice(colon + 1).trim());
  }
  return fields;
}

/** The first number of a field: "12 kB" is 12. */
export function numberIn(fields: ReadonlyMap<string, string>, name: string): number | undefined {
  const match = /^\d+(?:\.\d+)?/.exec(fields.get(name) ?? '');
  return match === null ? undefined : Number(match[0]);
}

/** Voluntary and other switches out of a task's `status`, without looking at the rest of it. */
export function parseSwitches(text: string): { voluntary: number; involuntary: number } | undefined {
  const at = text.lastIndexOf('\nvoluntary_ctxt_switches:');
  const match =
    at < 0
      ? null
      : /^\nvoluntary_ctxt_switches:\s*(\d+)\nnonvoluntary_ctxt_switches:\s*(\d+)/.exec(text.slice(at));
  return match === null ? undefined : { voluntary: Number(match[1]), involuntary: Number(match[2]) };
}

export interface CpuTimes {
  readonly userNs: number;
  readonly systemNs: number;
  readonly idleNs: number;
  readonly iowaitNs: number;
  readonly interruptNs: number;
  readonly stealNs: number;
}

export interface MachineStat {
  readonly all: CpuTimes;
  readonly cpus: ReadonlyMap<number, CpuTimes>;
  readonly switches: number;
  readonly forks: number;
  readonly interrupts: number;
  readonly softirqs: number;
  readonly running: number;
}

/** /proc/stat. */
export function parseMachineStat(text: string): MachineStat | undefined {
  const cpus = new Map<number, CpuTimes>();
  const counters = new Map<string, number>();
  let all: CpuTimes | undefined;
  for (const line of text.split('\n')) {
    const [name = '', ...rest] = line
      .slice(0, 400)
      .split(' ')
      .filter((word) => word !== '');
    const cpu = /^cpu(\d*)$/.exec(name);
    if (cpu === null) counters.set(name, Number(rest[0]));
    else if (cpu[1] === '') all = cpuTimes(rest);
    else cpus.set(Number(cpu[1]), cpuTimes(rest));
  }
  if (all === undefined || cpus.size === 0) return undefined;
  const counter = (name: string): number => counters.get(name) || 0;
  return {
    all,
    cpus,
    switches: counter('ctxt'),
    forks: counter('processes'),
    interrupts: counter('intr'),
    softirqs: counter('softirq'),
    running: counter('procs_running'),
  };
}

/** user nice system idle iowait irq softirq steal; guest time is within user and nice. */
function cpuTimes(words: readonly string[]): CpuTimes {
  const at = (index: number): number => Number(words[index] ?? 0) * tickNs || 0;
  return {
    userNs: at(0) + at(1),
    systemNs: at(2),
    idleNs: at(3),
    iowaitNs: at(4),
    interruptNs: at(5) + at(6),
    stealNs: at(7),
  };
}

/** "0-3,8" as numbers; undefined for what is no list of CPUs. A machine has at most 65,536. */
export function parseCpuList(text: string): number[] | undefined {
  const out: number[] = [];
  const list = text.trim();
  if (list === '') return out;
  for (const part of list.split(',')) {
    const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(part);
    if (match === null) return undefined;
    const from = Number(match[1]);
    const to = Number(match[2] ?? match[1]);
    if (to < from || to > 65_535) return undefined;
    for (let cpu = from; cpu <= to; cpu++) out.push(cpu);
  }
  return out;
}

/** Numbers, ascending, as the kernel writes a list of CPUs. */
export function cpuList(cpus: readonly number[]): string {
  const parts: string[] = [];
  for (let index = 0; index < cpus.length; ) {
    let end = index;
    while (cpus[end + 1] === cpus[end]! + 1) end++;
    parts.push(end === index ? `${cpus[index]}` : `${cpus[index]}-${cpus[end]}`);
    index = end + 1;
  }
  return parts.join(',');
}
