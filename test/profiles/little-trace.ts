// Traces written by hand: a line an event, tasks by name.

import {
  ended,
  stillRunnable,
  type Trace,
  traceKinds,
  type WaitReason,
  waitReasons,
  wakeCauses,
} from '../../src/core/trace.ts';
import { TraceBuilder } from '../../src/traces/builder.ts';

export type Step =
  /** `from` leaves the CPU for `to`; '' is idle. Why: what it waits for, still runnable, or ended. */
  | readonly [
      at: number,
      cpu: number,
      what: 'switch',
      from: string,
      to: string,
      why?: WaitReason | 'preempted' | 'ended',
    ]
  | readonly [at: number, cpu: number, what: 'wake', who: string, by: string | 'timer' | 'interrupt']
  | readonly [at: number, cpu: number, what: 'fork', child: string, parent: string]
  | readonly [at: number, cpu: number, what: 'exit', who: string];

export interface Little {
  readonly cpus: number;
  readonly endNs: number;
  readonly steps: readonly Step[];
  readonly subject?: readonly [startNs: number, endNs: number];
  /** Others of the machine. */
  readonly strangers?: readonly string[];
  /** They are there though no event names them. */
  readonly asleep?: readonly string[];
}

/** Task ids 101, 102, … in the order of their first mention. */
export function littleTrace({ cpus, endNs, steps, subject, strangers = [], asleep = [] }: Little): Trace {
  const builder = new TraceBuilder();
  const tids = new Map<string, number>();
  const index = (name: string): number => {
    if (name === '') return -1;
    if (!tids.has(name)) tids.set(name, 101 + tids.size);
    const task = builder.taskOf(tids.get(name)!);
    Object.assign(builder.tasks[task]!, { comm: name, isFollowed: !strangers.includes(name) });
    return task;
  };
  for (const step of steps) add(builder, index, step);
  asleep.forEach(index);
  const [startNs, until] = subject ?? [0, endNs];
  return builder.finish({
    ...{ source: 'probes', cpus, release: '6.18.0', startNs: 0, endNs },
    subject: { name: 'little', startNs, endNs: until },
  });
}

function add(builder: TraceBuilder, index: (name: string) => number, step: Step): void {
  const [at, cpu, what, a] = step;
  const other = step[4] ?? '';
  if (what === 'exit') builder.add(at, traceKinds.exit, cpu, index(a));
  else if (what === 'fork') builder.add(at, traceKinds.fork, cpu, index(a), index(other));
  else if (what === 'wake') {
    const isTask = other !== 'timer' && other !== 'interrupt';
    const cause = wakeCauses.indexOf(isTask ? 'task' : other);
    builder.add(at, traceKinds.wake, cpu, index(a), isTask ? index(other) : -1, cause);
  } else {
    const why = step[5] ?? 'unknown';
    const detail = why === 'preempted' ? stillRunnable : why === 'ended' ? ended : waitReasons.indexOf(why);
    builder.add(at, traceKinds.switch, cpu, index(a), index(other), detail);
  }
}
