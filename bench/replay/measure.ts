// What recordings and replays are held against: how long the subject took, and how long its tasks waited for a CPU when they were woken.

import { type Bursts, type Trace, wakeCauses } from '../../src/core/trace.ts';
import { type Expansion, opCodes } from '../../src/core/workload.ts';
import { type Costs, costProfiles, costsOfRecording, Simulator } from '../../src/simulator/simulate.ts';
import { bursts } from '../../src/traces/bursts.ts';
import { recordedCosts } from '../../src/traces/recorded-costs.ts';
import { SimulatedTrace } from '../../src/traces/simulated.ts';

export interface Measured {
  readonly makespanNs: number;
  readonly latencyNsP99: number;
  /** Wake-ups that the percentile is of. */
  readonly wakes: number;
  /** CPU time of what was followed. */
  readonly cpuNs: number;
}

const start = wakeCauses.indexOf('start');

export function measure(trace: Trace, all: Bursts = bursts(trace)): Measured {
  const { subject, tasks } = trace;
  const delays: number[] = [];
  let cpuNs = 0;
  for (let i = 0; i < all.count; i++) {
    const { isFollowed, isKernel } = tasks[all.task[i]!]!;
    const ready = all.readyNs[i]!;
    const isWithin = ready >= subject.startNs && ready <= subject.endNs;
    const delay = all.startNs[i]! - ready;
    if (isFollowed && !isKernel && isWithin) cpuNs += all.ranNs[i]!;
    if (isFollowed && !isKernel && isWithin && all.cause[i] !== start && delay >= 0) delays.push(delay);
  }
  delays.sort((a, b) => a - b);
  const rank = Math.max(0, Math.ceil(0.99 * delays.length) - 1);
  const makespanNs = subject.endNs - subject.startNs;
  return { makespanNs, latencyNsP99: delays[rank] ?? 0, wakes: delays.length, cpuNs };
}

let simulator: Simulator | undefined;

export interface ReplayOptions {
  /** Of a policy; absent: the default scheduler. */
  readonly object?: Uint8Array;
  readonly costs?: Costs;
  readonly seed?: number;
}

/** With so many times the CPU time: emulated CPUs are slower the more of them there are. */
export function scaled(expansion: Expansion, factor: number): Expansion {
  const longer = (ns: bigint): bigint => BigInt(Math.round(Number(ns) * factor));
  const tasks = expansion.tasks.map((task) => ({
    ...task,
    ops: task.ops.map((op) => (op.code === opCodes.RUN ? { ...op, b: longer(op.b) } : op)),
  }));
  return { ...expansion, tasks };
}

/** As the simulator takes them for a recording. */
export function costsOf(trace: Trace): Costs {
  const { idleWakesNs, lookNs } = recordedCosts(trace);
  return costsOfRecording(idleWakesNs, lookNs);
}

/** Undefined when the replay did not end as it should. */
export function replayed(
  expansion: Expansion,
  cpus: number,
  options: ReplayOptions = {},
): Measured | undefined {
  const { isDone, trace, makespanNs } = run(expansion, cpus, options);
  return isDone ? { ...measure(trace), makespanNs } : undefined;
}

/** A recording of a simulated run. */
export function recordReplay(expansion: Expansion, cpus: number): Trace {
  return run(expansion, cpus, {}).trace;
}

function run(
  expansion: Expansion,
  cpus: number,
  { object, costs = costProfiles.recorded, seed = 1 }: ReplayOptions,
) {
  simulator ??= new Simulator();
  const recorder = new SimulatedTrace(expansion, { name: '', cpus, release: '' });
  const { events, endNs } = simulator.run({
    ...{ expansion, shape: { cpus, llcs: 1 }, costs, mode: 'fast', seed, recorder },
    ...{ startOffsetNs: 0, pidOffset: 0, limitNs: 600e9, timeoutMs: 5000 },
    ...(object === undefined ? {} : { policy: { object, maps: [] } }),
  });
  const round = events.find((event) => event.event === 'round');
  const isDone = events.some((event) => event.event === 'done' && event.status === 'ok');
  return { isDone, trace: recorder.finish(endNs), makespanNs: Number(round?.makespanNs) };
}
