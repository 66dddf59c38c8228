// Workload files and expansions as text, for people and for golden files.
import {
  type Amount,
  type Expansion,
  type ExpansionTask,
  endless,
  type Hint,
  type Op,
  type OpName,
  opCodes,
  type Phase,
  type PlainAmount,
  type WorkloadFile,
} from '../core/workload.ts';
import { durationNs, durationText } from './duration.ts';
import { hints } from './hints.ts';
import { isNested } from './phases.ts';

/** The file in short: what it is for, its groups and their phases in one line each. */
export function workloadView(file: WorkloadFile): string {
  const { rounds = 1, warmupRounds = 0, goal } = file;
  const lines = [
    `workload ${file.name}   goal ${goal.metric} ${goal.direction}   rounds ${rounds} (${warmupRounds} warm-up)`,
    ...wrap(file.description, 100).map((line) => `  ${line}`),
    ...Object.entries(file.arrivals ?? {}).map(
      ([name, { poisson, count }]) => `arrivals ${name}   ${count} at ${poisson}`,
    ),
    ...Object.entries(file.series ?? {}).map(([name, { deadline }]) =>
      deadline === undefined
        ? `series ${name}`
        : `series ${name}   deadline ${durationText(durationNs(deadline))}`,
    ),
    ...Object.entries(file.cgroups ?? {}).map(([name, { weight = 100, limit }]) =>
      limit === undefined
        ? `cgroup ${name}   weight ${weight}`
        : `cgroup ${name}   weight ${weight}   limit ${durationText(durationNs(limit))} per 100ms`,
    ),
  ];
  const rows = file.groups.map((group) => [
    group.name,
    countText(group),
    frameText(group),
    phasesText(group.phases),
  ]);
  return [...lines, '', ...table([['group', 'tasks', 'frame', 'phases'], ...rows])].join('\n');
}

function countText({ count }: WorkloadFile['groups'][number]): string {
  if (count === undefined) return '';
  if (typeof count === 'number') return String(count);
  return `${count.perCpu}/cpu${count.plus === undefined ? '' : `+${count.plus}`}`;
}

function frameText(group: WorkloadFile['groups'][number]): string {
  const parts = [
    group.background ? 'background' : '',
    group.class === undefined ? '' : group.class,
    group.nice === undefined ? '' : `nice ${group.nice}`,
    group.cgroup === undefined ? '' : `in ${group.cgroup}`,
    group.cpus === undefined ? '' : `cpus ${JSON.stringify(group.cpus).replaceAll('"', '')}`,
    group.start === undefined ? '' : `start ${amountText(group.start)}`,
    group.place === undefined ? '' : `place ${group.place[0]}-${group.place[1]}`,
  ];
  return parts.filter((part) => part !== '').join(', ');
}

function phasesText(phases: readonly Phase[]): string {
  return phases
    .map((phase) => {
      if (isNested(phase)) {
        const head = 'loop' in phase ? `loop ${phase.loop}` : `each ${phase.each}`;
        return `${head} { ${phasesText(phase.phases)} }`;
      }
      return Object.entries(phase)
        .map(([key, value]) => (value === true ? key : `${key} ${amountText(value as Amount)}`))
        .join(' ');
    })
    .join('; ');
}

function amountText(amount: Amount | { poisson: string } | readonly number[]): string {
  if (typeof amount !== 'object') return String(amount);
  if ('about' in amount) return `${durationOf(amount.about)}±${Math.round(amount.spread * 1e4) / 100}%`;
  if ('from' in amount)
    return `${durationOf(amount.from)}..${durationOf(amount.to)}${amount.shape === 'pareto' ? ' pareto' : ''}`;
  if ('mix' in amount)
    return `mix(${amount.mix.map((part) => `${part.share}: ${amountText(part.amount)}`).join(', ')})`;
  return 'poisson' in amount ? amount.poisson : `[${amount.join(',')}]`;
}

function durationOf(amount: PlainAmount): string {
  return durationText(durationNs(amount as string | number));
}

export interface ExpansionViewOptions {
  /** Tasks shown, in order; default 64. */
  readonly tasks?: number;
  /** Operations shown of each task; default 12. */
  readonly ops?: number;
}

/** What a machine is to do: tables, then a line for each task with its hint (length / longest chain / dependents). */
export function expansionView(expansion: Expansion, options: ExpansionViewOptions = {}): string {
  const { tasks: mostTasks = 64, ops: mostOps = 12 } = options;
  const { tasks, series, cgroups } = expansion;
  const count = tasks.reduce((sum, task) => sum + task.ops.length, 0);
  const byComm = new Map(hints(expansion).map((hint) => [hint.comm, hint]));
  const rows = tasks.slice(0, mostTasks).map((task, i) => taskRow(task, i, byComm.get(task.comm)!, mostOps));
  return [
    `expansion   rounds ${expansion.rounds} (${expansion.warmupRounds} warm-up)   tasks ${tasks.length}   ops ${count}   ` +
      `semaphores ${expansion.semaphores}   locks ${expansion.locks}   pipes ${expansion.pipes}`,
    ...series.map(
      ({ name, deadlineNs, capacity }, i) =>
        `series ${i} ${name}   samples ${capacity}${deadlineNs > 0 ? `   deadline ${durationText(deadlineNs)}` : ''}`,
    ),
    ...cgroups.map(
      ({ name, weight, maxNs }, i) =>
        `cgroup ${i} ${name}   weight ${weight}${maxNs > 0 ? `   limit ${durationText(maxNs)} per 100ms` : ''}`,
    ),
    '',
    ...table([['task', 'round', 'comm', 'start', 'frame', 'hint', 'operations'], ...rows]),
    ...(tasks.length > mostTasks ? [`… ${tasks.length - mostTasks} more tasks`] : []),
  ].join('\n');
}

function taskRow(task: ExpansionTask, index: number, hint: Hint, mostOps: number): string[] {
  const frame = [
    task.background ? 'background' : '',
    task.forked ? 'forked' : '',
    task.schedClass === 'other' ? '' : task.schedClass,
    task.nice === 0 ? '' : `nice ${task.nice}`,
    task.cgroup < 0 ? '' : `cgroup ${task.cgroup}`,
    task.cpus === 0n ? '' : `cpus 0x${task.cpus.toString(16)}`,
  ];
  const shown = task.ops.slice(0, mostOps).map(opText);
  if (task.ops.length > mostOps) shown.push(`… ${task.ops.length - mostOps} more`);
  const lengths = [hint.lengthNs, hint.rank].map((ns) =>
    ns === Number.MAX_SAFE_INTEGER ? 'endless' : durationText(ns),
  );
  return [
    String(index),
    String(task.round),
    task.comm,
    task.forked ? '' : durationText(task.startNs),
    frame.filter((part) => part !== '').join(', '),
    `${lengths.join(' / ')} / ${hint.dependents}`,
    shown.join('; '),
  ];
}

const opNames = new Map(Object.entries(opCodes).map(([name, code]) => [code as number, name as OpName]));

/** "run 37ms", "wait s3", "repeat 9 (back 4)". */
export function opText({ code, a, b }: Op): string {
  const name = opNames.get(code)!;
  const verb = name.toLowerCase();
  switch (name) {
    case 'RUN':
    case 'SLEEP':
    case 'UNTIL':
      return `${verb} ${durationText(b)}`;
    case 'WAIT':
      return `wait s${a}`;
    case 'SIGNAL':
      return b === 1n ? `signal s${a}` : `signal s${a} ×${b}`;
    case 'LOCK':
    case 'UNLOCK':
      return `${verb} l${a}`;
    case 'WRITE':
    case 'READ':
      return `${verb} p${a} ${b}B`;
    case 'FORK':
    case 'JOIN':
      return `${verb} t${a}`;
    case 'YIELD':
      return verb;
    case 'LAP':
      return `lap ${a} of s${b}`;
    case 'SINCE':
      return `since ${durationText(b)} → ${a}`;
    case 'REPEAT':
      return `repeat ${a === endless ? 'for ever' : `${a}×`} (back ${b})`;
    case 'NICE':
      return `nice ${b}`;
    case 'CPUS':
      return `cpus 0x${b.toString(16)}`;
  }
}

function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join('   ')
      .trimEnd(),
  );
}

function wrap(text: string, width: number): string[] {
  const lines = [''];
  for (const word of text.split(/\s+/)) {
    const last = lines.at(-1)!;
    if (last !== '' && last.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`;
  }
  return lines;
}
