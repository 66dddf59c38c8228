// Whether an expansion keeps the contract of docs/protocol.md, section 1. `expand` asserts it, `decode` refuses by it.
import {
  type Expansion,
  type ExpansionTask,
  endless,
  limits,
  type Op,
  opCodes,
  schedClasses,
} from '../core/workload.ts';
import { bodyStart, executionCounts } from './loops.ts';

export interface Problem {
  readonly message: string;
  readonly task?: number;
  /** Index in the task's list. */
  readonly op?: number;
  readonly series?: number;
  readonly cgroup?: number;
}

const most = BigInt(Number.MAX_SAFE_INTEGER);
const commText = /^[A-Za-z0-9._:-]{1,15}$/;
const nameText = /^[A-Za-z0-9._:-]{1,31}$/;

/** The first violation, or undefined. */
export function findProblem(expansion: Expansion): Problem | undefined {
  return (
    headerProblem(expansion) ??
    seriesProblem(expansion) ??
    cgroupProblem(expansion) ??
    taskProblem(expansion) ??
    opProblem(expansion) ??
    forkProblem(expansion) ??
    capacityProblem(expansion)
  );
}

function headerProblem(expansion: Expansion): Problem | undefined {
  const { tasks, series, cgroups, rounds, warmupRounds } = expansion;
  const ops = tasks.reduce((sum, task) => sum + task.ops.length, 0);
  const counts = { ...expansion, tasks: tasks.length, series: series.length, cgroups: cgroups.length, ops };
  for (const kind of [
    'tasks',
    'ops',
    'semaphores',
    'locks',
    'pipes',
    'series',
    'cgroups',
    'rounds',
  ] as const) {
    if (!isCount(counts[kind], limits[kind]))
      return { message: `${counts[kind]} ${kind}; the limit is ${limits[kind]}` };
  }
  if (rounds < 1) return { message: 'no rounds' };
  return warmupRounds < rounds && warmupRounds >= 0
    ? undefined
    : { message: `${warmupRounds} warm-up rounds of ${rounds}` };
}

function isCount(value: number, limit: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= limit;
}

function isNs(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function seriesProblem({ series }: Expansion): Problem | undefined {
  for (const [i, { name, deadlineNs, capacity }] of series.entries()) {
    if (!nameText.test(name)) return { series: i, message: `series name ${JSON.stringify(name)}` };
    if (!isNs(deadlineNs) || !isNs(capacity)) return { series: i, message: 'a number beyond 2^53' };
  }
  return undefined;
}

function cgroupProblem({ cgroups }: Expansion): Problem | undefined {
  for (const [i, { name, weight, maxNs }] of cgroups.entries()) {
    if (!nameText.test(name)) return { cgroup: i, message: `cgroup name ${JSON.stringify(name)}` };
    if (!isCount(weight, 10_000) || weight === 0) return { cgroup: i, message: `cgroup weight ${weight}` };
    if (!isNs(maxNs)) return { cgroup: i, message: 'a number beyond 2^53' };
  }
  return undefined;
}

function taskProblem(expansion: Expansion): Problem | undefined {
  for (const [task, entry] of expansion.tasks.entries()) {
    const message = taskMessage(entry, expansion);
    if (message !== undefined) return { task, message };
  }
  return undefined;
}

function taskMessage(task: ExpansionTask, { rounds, cgroups }: Expansion): string | undefined {
  if (!commText.test(task.comm)) return `comm ${JSON.stringify(task.comm)}`;
  if (!isCount(task.round, rounds - 1)) return `round ${task.round} of ${rounds}`;
  if (!isNs(task.startNs)) return 'startNs beyond 2^53';
  if (task.forked && task.startNs !== 0) return 'a forked task with startNs';
  if (!isNice(task.nice)) return `nice ${task.nice}`;
  if (!Object.hasOwn(schedClasses, task.schedClass)) return `sched class ${task.schedClass}`;
  if (!isCount(task.cgroup + 1, cgroups.length)) return `cgroup ${task.cgroup} of ${cgroups.length}`;
  if (!isCount(task.group, 0xffff_ffff)) return `group ${task.group}`;
  return task.cpus < 0n || task.cpus >= 1n << 256n ? 'affinity beyond 256 CPUs' : undefined;
}

function isNice(value: number): boolean {
  return Number.isInteger(value) && value >= -20 && value <= 19;
}

function opProblem(expansion: Expansion): Problem | undefined {
  for (const [task, entry] of expansion.tasks.entries()) {
    const starts: { at: number; start: number }[] = [];
    for (const [op, operation] of entry.ops.entries()) {
      const message = opMessage(operation, op, entry, expansion) ?? nestingMessage(operation, op, starts);
      if (message !== undefined) return { task, op, message };
    }
  }
  return undefined;
}

/** Per code: what `a` and `b` may be. */
function opMessage(
  { code, a, b }: Op,
  index: number,
  task: ExpansionTask,
  expansion: Expansion,
): string | undefined {
  const { semaphores, locks, pipes, series, tasks } = expansion;
  const indexed = (value: number | bigint, count: number, what: string) =>
    value < count ? undefined : `${what} ${value} of ${count}`;
  const zero = (value: number | bigint, name: string) =>
    Number(value) === 0 ? undefined : `${name} must be 0`;
  const between = (low: bigint, high: bigint) =>
    b >= low && b <= high ? undefined : `b is ${b}, not in ${low}..${high}`;
  switch (code) {
    case opCodes.RUN:
    case opCodes.SLEEP:
    case opCodes.UNTIL:
      return zero(a, 'a') ?? between(0n, most);
    case opCodes.WAIT:
      return indexed(a, semaphores, 'semaphore') ?? zero(b, 'b');
    case opCodes.SIGNAL:
      return indexed(a, semaphores, 'semaphore') ?? between(1n, 0xffff_ffffn);
    case opCodes.LOCK:
    case opCodes.UNLOCK:
      return indexed(a, locks, 'lock') ?? zero(b, 'b');
    case opCodes.WRITE:
    case opCodes.READ:
      return indexed(a, pipes, 'pipe') ?? between(1n, BigInt(limits.transferBytes));
    case opCodes.FORK:
    case opCodes.JOIN:
      return indexed(a, tasks.length, 'task') ?? zero(b, 'b') ?? kinMessage(code, task, tasks[a]!);
    case opCodes.YIELD:
      return zero(a, 'a') ?? zero(b, 'b');
    case opCodes.LAP:
      return indexed(a, series.length, 'series') ?? indexed(b, semaphores, 'semaphore');
    case opCodes.SINCE:
      return indexed(a, series.length, 'series') ?? between(0n, most);
    case opCodes.REPEAT:
      if (a === 0 || a > endless) return `${a} repetitions`;
      if (a === endless && !task.background) return 'an endless REPEAT in a foreground task';
      return between(1n, BigInt(index));
    case opCodes.NICE:
      return zero(a, 'a') ?? between(-20n, 19n);
    case opCodes.CPUS:
      return zero(a, 'a') ?? between(1n, 0xffff_ffff_ffff_ffffn);
    default:
      return `code ${code}`;
  }
}

function kinMessage(code: number, task: ExpansionTask, other: ExpansionTask): string | undefined {
  if (other === task) return 'a task that joins or forks itself';
  if (other.round !== task.round) return 'a task of another round';
  return code === opCodes.FORK && !other.forked ? 'FORK of a task without the flag "forked"' : undefined;
}

/** Bodies of REPEATs must be nested or apart. `open` holds the REPEATs so far that no later body has swallowed. */
function nestingMessage(op: Op, at: number, open: { at: number; start: number }[]): string | undefined {
  if (op.code !== opCodes.REPEAT) return undefined;
  const start = bodyStart(op, at);
  while (open.length > 0 && open.at(-1)!.at >= start) {
    if (open.pop()!.start < start) return 'REPEAT bodies overlap';
  }
  open.push({ at, start });
  return undefined;
}

/** Every forked task is forked exactly once. */
function forkProblem({ tasks }: Expansion): Problem | undefined {
  const forked = new Set<number>();
  for (const [task, { ops }] of tasks.entries()) {
    const forks = ops.flatMap(({ code, a }, op) => (code === opCodes.FORK ? [{ a, op }] : []));
    const times = forks.length === 0 ? [] : executionCounts(ops);
    for (const { a, op } of forks) {
      if (times[op] !== 1 || forked.has(a))
        return { task, op, message: `task ${a} is forked more than once` };
      forked.add(a);
    }
  }
  const orphan = tasks.findIndex((task, i) => task.forked && !forked.has(i));
  return orphan < 0 ? undefined : { task: orphan, message: 'nobody forks this task' };
}

/** Samples that the measured rounds take, by series. */
export function sampleCounts(expansion: Pick<Expansion, 'tasks' | 'warmupRounds'>, series: number): number[] {
  const counts = new Array<number>(series).fill(0);
  for (const { round, ops } of expansion.tasks) {
    if (round < expansion.warmupRounds || !ops.some(isSample)) continue;
    const times = executionCounts(ops);
    for (const [i, op] of ops.entries()) if (isSample(op)) counts[op.a]! += times[i]!;
  }
  return counts;
}

function isSample({ code }: Op): boolean {
  return code === opCodes.LAP || code === opCodes.SINCE;
}

function capacityProblem(expansion: Expansion): Problem | undefined {
  const counts = sampleCounts(expansion, expansion.series.length);
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total > limits.samples) return { message: `${total} samples; the limit is ${limits.samples}` };
  const series = counts.findIndex((count, i) => count !== expansion.series[i]!.capacity);
  if (series < 0) return undefined;
  const { name, capacity } = expansion.series[series]!;
  return { series, message: `capacity of ${name} is ${capacity}, its samples are ${counts[series]}` };
}
