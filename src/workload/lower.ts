// One task's phases to flat operations: loops are unrolled where an iteration differs from the last, and become REPEAT
// where not. Tasks are still named by group and index; `expand` gives them their numbers.

import { Fault } from '../core/errors.ts';
import type { CpuChoice, EachPhase, LoopPhase, OpName, Phase, PlainPhase } from '../core/workload.ts';
import { endless, fileLimits } from '../core/workload.ts';
import { assert } from '../lib/assert.ts';
import { createRandom, derive } from '../lib/random.ts';
import { isFixed } from './draws.ts';
import { durationNs, mulDiv } from './duration.ts';
import { expansionFault, type JsonPath, pathText } from './mistakes.ts';
import type { Plan, PlannedGroup } from './plan.ts';
import { poissonArrivals } from './poisson.ts';
import { select } from './selectors.ts';
import type { ObjectTables } from './tables.ts';

export interface TaskName {
  readonly group: number;
  readonly index: number;
}

export interface DraftOp {
  readonly code: OpName;
  /** An index, or the task that FORK and JOIN mean. */
  readonly a: number | TaskName;
  readonly b: bigint;
  readonly path: JsonPath;
}

/** What the tasks of one round share while they are lowered. */
export interface RoundDraft {
  readonly plan: Plan;
  readonly round: number;
  readonly tables: ObjectTables;
  readonly arrivals: ReadonlyMap<string, readonly number[]>;
  /** Per phase, how many of its draws are used up. */
  readonly drawn: Map<Phase, number>;
  /** Forked tasks that are still to be lowered. */
  readonly forks: TaskName[];
  /** Per group, how many of its tasks have been forked. */
  readonly forked: Map<number, number>;
  /** Counts the operations of the whole expansion. */
  readonly budget: { ops: number };
}

interface TaskDraft {
  readonly round: RoundDraft;
  readonly planned: PlannedGroup;
  readonly index: number;
  readonly startNs: number;
  /** RUNs are times this ÷ 10⁶. */
  readonly workPpm: number;
  readonly ops: DraftOp[];
  /** When what the task now does was meant to begin; SINCE measures from here. */
  intendedNs: number;
  arrival: { readonly number: number; readonly ns: number } | undefined;
  readonly timers: Map<Phase, Iterator<number>>;
  /** Own children that have not been joined. */
  children: TaskName[];
}

export function lowerTask(
  round: RoundDraft,
  name: TaskName,
  { startNs, workPpm }: { startNs: number; workPpm: number },
): DraftOp[] {
  const planned = round.plan.groups[name.group]!;
  const task: TaskDraft = {
    ...{ round, planned, index: name.index, startNs, workPpm, ops: [], intendedNs: startNs },
    ...{ arrival: undefined, timers: new Map(), children: [] },
  };
  lowerPhases(task, planned.group.phases);
  return task.ops;
}

function lowerPhases(task: TaskDraft, phases: readonly Phase[]): void {
  for (const phase of phases) {
    const path = task.round.plan.paths.get(phase)!;
    if ('loop' in phase) lowerLoop(task, phase, path);
    else if ('each' in phase) lowerEach(task, phase);
    else lowerPlain(task, phase, path);
  }
}

function lowerLoop(task: TaskDraft, { loop, phases }: LoopPhase, path: JsonPath): void {
  const times = loop === 'forever' ? endless : loop - 1;
  if (times !== endless && !phases.every(isSteady)) {
    for (let i = 0; i <= times; i++) lowerPhases(task, phases);
    return;
  }
  const start = task.ops.length;
  lowerPhases(task, phases);
  if (times > 0) emit(task, path, 'REPEAT', times, task.ops.length - start);
}

/** Is every execution of the phase the same operations with the same numbers? */
function isSteady(phase: Phase): boolean {
  if ('run' in phase) return isFixed(phase.run);
  if ('sleep' in phase) return isFixed(phase.sleep);
  if ('loop' in phase) return phase.phases.every(isSteady);
  return !('timer' in phase || 'since' in phase || 'fork' in phase || 'each' in phase);
}

function lowerEach(task: TaskDraft, { each, phases }: EachPhase): void {
  const arrivals = task.round.arrivals.get(each)!;
  for (let number = task.index; number < arrivals.length; number += task.planned.instances) {
    task.arrival = { number, ns: arrivals[number]! };
    task.intendedNs = task.arrival.ns;
    lowerPhases(task, phases);
  }
  task.arrival = undefined;
}

function lowerPlain(task: TaskDraft, phase: PlainPhase, path: JsonPath): void {
  const { series } = task.round.plan;
  if ('run' in phase) emit(task, path, 'RUN', 0, mulDiv(amountOf(task, phase, phase.run), task.workPpm, 1e6));
  else if ('sleep' in phase) emit(task, path, 'SLEEP', 0, amountOf(task, phase, phase.sleep));
  else if ('timer' in phase) emitUntil(task, path, nextTimer(task, phase));
  else if ('until' in phase)
    emitUntil(task, path, phase.until === 'arrival' ? task.arrival!.ns : durationNs(phase.until));
  else if ('wait' in phase) lowerWait(task, phase, path);
  else if ('signal' in phase) lowerSignal(task, phase, path);
  else if ('lock' in phase) emit(task, path, 'LOCK', objectOf(task, 'locks', phase.lock, path), 0);
  else if ('unlock' in phase) emit(task, path, 'UNLOCK', objectOf(task, 'locks', phase.unlock, path), 0);
  else if ('write' in phase)
    emit(task, path, 'WRITE', objectOf(task, 'pipes', phase.write, path), phase.bytes);
  else if ('read' in phase) emit(task, path, 'READ', objectOf(task, 'pipes', phase.read, path), phase.bytes);
  else if ('fork' in phase) lowerFork(task, phase.fork, path);
  else if ('join' in phase) lowerJoin(task, phase.join, path);
  else if ('yield' in phase) emit(task, path, 'YIELD', 0, 0);
  else if ('lap' in phase)
    emit(task, path, 'LAP', series.indexOf(phase.lap), objectOf(task, 'semaphores', phase.of, path));
  else if ('since' in phase) emit(task, path, 'SINCE', series.indexOf(phase.since), task.intendedNs);
  else if ('nice' in phase) emit(task, path, 'NICE', 0, phase.nice);
  else emit(task, path, 'CPUS', 0, maskNow(task, phase.cpus, path));
}

function emit(task: TaskDraft, path: JsonPath, code: OpName, a: number | TaskName, b: number | bigint): void {
  const { budget, plan } = task.round;
  budget.ops += 1;
  if (budget.ops > fileLimits.ops) {
    const most = fileLimits.ops.toLocaleString('en');
    throw expansionFault(
      plan.file.name,
      path,
      `more than ${most} operations; loops with plain durations stay short`,
    );
  }
  task.ops.push({ code, a, b: BigInt(b), path });
}

function emitUntil(task: TaskDraft, path: JsonPath, ns: number): void {
  task.intendedNs = ns;
  emit(task, path, 'UNTIL', 0, ns);
}

function amountOf(task: TaskDraft, phase: Phase, amount: Parameters<typeof isFixed>[0]): number {
  if (typeof amount === 'string' || typeof amount === 'number') return durationNs(amount);
  const used = task.round.drawn.get(phase) ?? 0;
  task.round.drawn.set(phase, used + 1);
  const drawn = task.round.plan.draws.get(phase)?.[used];
  assert(drawn !== undefined, 'more draws than planned');
  return drawn;
}

type TimerPhase = Extract<PlainPhase, { timer: unknown }>;

function nextTimer(task: TaskDraft, phase: TimerPhase): number {
  const timer = task.timers.get(phase) ?? startTimer(task, phase);
  task.timers.set(phase, timer);
  const next = timer.next();
  assert(!next.done, 'a timer beyond its arrivals');
  return next.value;
}

function startTimer(task: TaskDraft, phase: TimerPhase): Iterator<number> {
  const { plan, round } = task.round;
  const { timer } = phase;
  if (typeof timer !== 'object') return periods(task.startNs, durationNs(timer));
  const count = Math.min(plan.executions.get(phase)!, fileLimits.ops);
  const seed = derive(plan.seed, 'timer', round, task.planned.index, task.index, task.timers.size);
  const times = poissonArrivals(createRandom(seed), timer.poisson, count);
  return times.map((ns) => task.startNs + ns).values();
}

/** The first now, then one each period. */
function* periods(startNs: number, periodNs: number): Generator<number> {
  for (let ns = startNs; ; ns += periodNs) yield ns;
}

function selected(task: TaskDraft, selector: string) {
  const found = select(selector, { index: task.index, arrival: task.arrival?.number });
  assert(found !== undefined, `selector ${selector} without an arrival`);
  return found;
}

function objectsOf(
  task: TaskDraft,
  kind: keyof ObjectTables['counts'],
  selector: string,
  path: JsonPath,
): number[] {
  const { family, indexes } = selected(task, selector);
  const names = indexes.length === 0 ? [family] : indexes.map((index) => `${family}#${index}`);
  return names.map((name) => task.round.tables.indexOf(kind, task.round.round, name, path));
}

function objectOf(
  task: TaskDraft,
  kind: keyof ObjectTables['counts'],
  selector: string,
  path: JsonPath,
): number {
  return objectsOf(task, kind, selector, path)[0]!;
}

function lowerWait(task: TaskDraft, phase: Extract<PlainPhase, { wait: unknown }>, path: JsonPath): void {
  for (const semaphore of objectsOf(task, 'semaphores', phase.wait, path)) {
    emit(task, path, 'WAIT', semaphore, 0);
    const more = (phase.times ?? 1) - 1;
    if (more > 0) emit(task, path, 'REPEAT', more, 1);
  }
}

function lowerSignal(task: TaskDraft, phase: Extract<PlainPhase, { signal: unknown }>, path: JsonPath): void {
  for (const semaphore of objectsOf(task, 'semaphores', phase.signal, path)) {
    emit(task, path, 'SIGNAL', semaphore, phase.units ?? 1);
  }
}

function lowerFork(task: TaskDraft, group: string, path: JsonPath): void {
  const { plan, forked, forks } = task.round;
  const number = plan.groups.findIndex((planned) => planned.group.name === group);
  const index = forked.get(number) ?? 0;
  forked.set(number, index + 1);
  const child = { group: number, index };
  forks.push(child);
  task.children.push(child);
  emit(task, path, 'FORK', child, 0);
}

/** A task joins its own children of a forked group, and anybody of another. */
function lowerJoin(task: TaskDraft, selector: string, path: JsonPath): void {
  const { plan } = task.round;
  const { family, indexes } = selected(task, selector);
  const planned = plan.groups.find(({ group }) => group.name === family)!;
  const own = task.children.filter((child) => child.group === planned.index);
  if (own.length > 0 && indexes.length === 0) {
    task.children = task.children.filter((child) => child.group !== planned.index);
    for (const child of own) emit(task, path, 'JOIN', child, 0);
    return;
  }
  const all = Array.from({ length: planned.instances }, (_, i) => i);
  for (const index of indexes.length === 0 ? all : indexes) {
    if (index >= planned.instances) {
      const message = `no task ${index} in group "${family}", which has ${planned.instances}`;
      throw expansionFault(plan.file.name, [...path, 'join'], message);
    }
    emit(task, path, 'JOIN', { group: planned.index, index }, 0);
  }
}

/** Affinity as 256 bits, 0n for every CPU. */
export function affinity(plan: Plan, choice: CpuChoice, index: number, path: JsonPath): bigint {
  const { cpus } = plan.topology;
  if (choice === 'all') return 0n;
  if (choice === 'one') return 1n;
  if (choice === 'each') return 1n << BigInt(index % cpus);
  if (choice === 'half' || typeof choice === 'number') {
    const first = Math.ceil((choice === 'half' ? 0.5 : choice) * cpus);
    return first >= cpus ? 0n : (1n << BigInt(first)) - 1n;
  }
  const beyond = choice.find((cpu) => cpu >= cpus);
  if (beyond === undefined) return choice.reduce((mask, cpu) => mask | (1n << BigInt(cpu)), 0n);
  const where = pathText(path);
  throw new Fault(
    'unsupported',
    `workload ${plan.file.name}: ${where}: CPU ${beyond} on a machine with ${cpus} CPUs`,
    {
      where,
      next: 'use "one", "half", "each" or a share, or a machine with more CPUs',
    },
  );
}

function maskNow(task: TaskDraft, choice: CpuChoice, path: JsonPath): bigint {
  const { plan } = task.round;
  const low = (1n << BigInt(Math.min(plan.topology.cpus, 64))) - 1n;
  const mask = affinity(plan, choice, task.index, [...path, 'cpus']);
  if (mask === 0n) return low;
  if ((mask & low) !== 0n) return mask & low;
  throw expansionFault(plan.file.name, [...path, 'cpus'], 'a change of affinity reaches only CPUs 0 to 63');
}
