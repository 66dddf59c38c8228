// From a recording to a workload: each followed task keeps its run lengths, and each of its waits what ended it, so that under another scheduler waits shrink or
// grow by cause and effect. A wake-up by a followed task becomes SIGNAL and WAIT; what timers, devices and outsiders did takes the time that it took.

import { Fault } from '../core/errors.ts';
import { type Bursts, ended, open, type Trace, wakeCauses } from '../core/trace.ts';
import {
  type Expansion,
  type ExpansionTask,
  endless,
  limits,
  type Op,
  opCodes,
  type SchedClass,
} from '../core/workload.ts';
import { createRandom, derive } from '../lib/random.ts';
import { bursts } from './bursts.ts';
import { begins, type Links, links } from './replay-links.ts';
import { Operations } from './replay-ops.ts';

export interface RecordingOptions {
  /** What is varied, as in declared workloads; absent: nothing, all is as recorded. */
  readonly seed?: number;
  /** Share by which each task's CPU time varies, up and down. */
  readonly workJitter?: number;
  /** Tasks that no other one starts come up to so much later. */
  readonly startJitterNs?: number;
}

const usualWorkJitter = 0.02;
/** And at most a thousandth of the recording. */
const usualStartJitterNs = 200_000;

/** @throws Fault unsupported: nothing to replay, or more than an expansion may have. */
export function expandRecording(trace: Trace, options: RecordingOptions = {}): Expansion {
  return expandBursts(trace, bursts(trace), options);
}

export function expandBursts(trace: Trace, all: Bursts, options: RecordingOptions = {}): Expansion {
  const chosen = links(trace, all);
  checkTasks(chosen);
  const factors = workFactors(chosen.tasks.length, options);
  const operations = new Operations(trace, all, chosen);
  const starts = startsOf(trace, options);
  const lasts = lastingTasks(trace, all, chosen);
  const groups = new Map<string, number>();
  let ops = 0;
  const tasks = chosen.tasks.map((task, place): ExpansionTask => {
    const own = operations.of(task, factors[place]!);
    if (lasts[place] === lastings.busy) own.push(...forEver);
    ops += own.length;
    if (ops > limits.ops) throw tooMuch(`more than ${limits.ops.toLocaleString('en')} operations`);
    return {
      ...frame(trace, chosen, task, groups),
      background: lasts[place] !== lastings.no,
      startNs: starts(all, chosen, task),
      ops: own,
    };
  });
  if (chosen.semaphores > limits.semaphores) throw tooMuch(`${chosen.semaphores} tasks that are waited for`);
  return {
    ...{ semaphores: chosen.semaphores, locks: 0, pipes: chosen.pipes, rounds: 1, warmupRounds: 0 },
    ...{ series: [], cgroups: [], tasks },
  };
}

/** Whether a task outlives the subject: `busy`: at work, as it had been for a while. */
const lastings = { no: 0, yes: 1, busy: 2 } as const;
/** The last switch of what ends comes a little after its end is known. */
const endSlackNs = 200_000;
const busyNs = 20_000_000;
const forEver: readonly Op[] = [
  { code: opCodes.RUN, a: 0, b: 1_000_000n },
  { code: opCodes.REPEAT, a: endless, b: 1n },
];

/** Nobody waits for those that had not ended when the subject had; unless that is everybody. */
function lastingTasks(
  { subject }: Trace,
  all: Bursts,
  { tasks, placeOf, first, list, begin }: Links,
): Uint8Array {
  const of = (task: number): number => makerOf(all, begin, first, list, task);
  const lasts = Uint8Array.from(tasks, (task) => {
    const burst = list[first[task + 1]! - 1]!;
    if (all.end[burst] === ended && all.endNs[burst]! <= subject.endNs + endSlackNs) return lastings.no;
    const isBusy = all.end[burst] === open && all.ranNs[burst]! >= busyNs;
    return isBusy ? lastings.busy : lastings.yes;
  });
  for (const [place, task] of tasks.entries()) {
    // who makes one that is waited for is waited for too
    if (lasts[place] !== lastings.no) continue;
    for (let maker = of(task); maker >= 0; maker = of(maker)) lasts[placeOf[maker]!] = lastings.no;
  }
  return lasts.includes(lastings.no) ? lasts : lasts.fill(lastings.no);
}

/** Who forks it in the replay, −1: nobody. */
function makerOf(all: Bursts, begin: Uint8Array, first: Int32Array, list: Int32Array, task: number): number {
  const burst = list[first[task]!]!;
  return begin[burst] === begins.fork ? all.by[burst]! : -1;
}

function checkTasks({ tasks }: Links): void {
  if (tasks.length === 0)
    throw new Fault('unsupported', 'the recording has no task of the subject that did anything', {
      tried: 'make a workload of a recording',
      next: 'record again, and let what is observed do its work meanwhile',
    });
  if (tasks.length > limits.tasks)
    throw tooMuch(`${tasks.length} tasks; a workload has at most ${limits.tasks}`);
}

function tooMuch(what: string): Fault {
  return new Fault('unsupported', `the recording is too long to be replayed: ${what}`, {
    tried: 'make a workload of a recording',
    next: 'record a shorter or smaller part of the work',
  });
}

function frame(
  trace: Trace,
  { first, list, begin }: Links,
  task: number,
  groups: Map<string, number>,
): Omit<ExpansionTask, 'ops' | 'startNs' | 'background'> {
  const { comm: bytes, nice, schedClass } = trace.tasks[task]!;
  const comm = bytes.replace(/[^A-Za-z0-9._:-]/g, '_').slice(0, 15) || '_';
  const group = groups.get(comm) ?? groups.size;
  groups.set(comm, group);
  return {
    ...{ comm, group, round: 0, cgroup: -1, cpus: 0n },
    forked: begin[list[first[task]!]!] === begins.fork,
    nice: Math.max(-20, Math.min(19, Math.trunc(nice) || 0)),
    schedClass: classOf(schedClass),
  };
}

/** Real-time and deadline classes are what an expansion has of that kind: fifo. */
function classOf(number: number): SchedClass {
  if (number === 1 || number === 2 || number === 6) return 'fifo';
  return number === 3 ? 'batch' : number === 5 ? 'idle' : 'other';
}

/** As the draws of declared workloads: each task's factor from its own n-th of the range, in random order. */
function workFactors(count: number, { seed, workJitter }: RecordingOptions): Float64Array {
  const factors = new Float64Array(count).fill(1);
  const half = workJitter ?? (seed === undefined ? 0 : usualWorkJitter);
  if (half === 0) return factors;
  const random = createRandom(derive(seed ?? 0, 'recorded work'));
  const strata = random.shuffle(Array.from(factors.keys()));
  return factors.map((_, i) => 1 - half + (2 * half * (strata[i]! + random.uint32() / 2 ** 32)) / count);
}

function startsOf(trace: Trace, { seed, startJitterNs }: RecordingOptions) {
  const usual = seed === undefined ? 0 : Math.min(usualStartJitterNs, trace.durationNs / 1000);
  const most = startJitterNs ?? usual;
  const random = createRandom(derive(seed ?? 0, 'recorded starts'));
  const fork = wakeCauses.indexOf('fork');
  return (all: Bursts, { first, list, begin }: Links, task: number): number => {
    const burst = list[first[task]!]!;
    if (begin[burst] === begins.fork) return 0;
    const late = Math.floor((random.uint32() / 2 ** 32) * most);
    // it was there from the beginning, and waited
    if (begin[burst] === begins.wait && all.cause[burst] !== fork) return late;
    return late + Math.max(0, Math.round(all.readyNs[burst]! - trace.subject.startNs));
  };
}
