// Which tasks of a trace are observed, and when: the followed ones within the subject's time; where nobody is followed, everyone but kernel threads.

import type { Trace } from '../core/trace.ts';

export interface Observed {
  readonly startNs: number;
  readonly endNs: number;
  /** For each task of the trace its row among the observed ones; -1: not observed. */
  readonly rowOf: Int32Array;
  /** For each row its task. */
  readonly taskOf: readonly number[];
}

export function observedOf(trace: Trace): Observed {
  const { startNs, endNs } = trace.subject;
  const lived = livesWithin(trace, startNs, endNs);
  const choices = [
    (task: number) => trace.tasks[task]!.isFollowed,
    (task: number) => !trace.tasks[task]!.isKernel,
    () => true,
  ];
  const chosen = choices.find((choice) => trace.tasks.some((_, task) => choice(task))) ?? (() => true);
  const rowOf = new Int32Array(trace.tasks.length).fill(-1);
  const taskOf: number[] = [];
  for (const [task] of trace.tasks.entries()) {
    if (!chosen(task) || lived[task] !== 1) continue;
    rowOf[task] = taskOf.length;
    taskOf.push(task);
  }
  return { startNs, endNs, rowOf, taskOf };
}

/** 1 for each task whose life has a part between the two times. */
function livesWithin(trace: Trace, startNs: number, endNs: number): Uint8Array {
  const lived = new Uint8Array(trace.tasks.length).fill(1);
  for (let i = 0; i < trace.count; i++) {
    const kind = trace.kind[i]!;
    const gone = kind === 4 && trace.atNs[i]! < startNs;
    const later = kind === 3 && trace.atNs[i]! > endNs;
    if ((gone || later) && trace.task[i]! >= 0) lived[trace.task[i]!] = 0;
  }
  return lived;
}
