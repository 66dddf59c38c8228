// The critical path of a trace: from the end of the subject backwards, each burst leads to whatever made it ready: the burst that woke or forked its task,
// or, after a timer or a device, the task's own burst before. What is left is the chain that more CPUs would not shorten.

import { type Bursts, type Trace, wakeCauses } from '../core/trace.ts';
import type { Observed } from './observed.ts';

const [fork, task] = [wakeCauses.indexOf('fork'), wakeCauses.indexOf('task')];
const longestShown = 8;

export interface CriticalPath {
  /** CPU time on it. */
  readonly ns: number;
  /** Tasks on it. */
  readonly tasks: number;
  /** Rows of those with the most CPU time on it, the longest first. */
  readonly longest: readonly { readonly task: number; readonly ns: number }[];
}

export function criticalPathOf(trace: Trace, bursts: Bursts, observed: Observed): CriticalPath | undefined {
  let burst = lastBurst(bursts, observed);
  if (burst < 0) return undefined;
  const before = burstsBefore(trace, bursts);
  const ranNs = new Float64Array(observed.taskOf.length);
  const onPath = new Set<number>();
  let worked = bursts.ranNs[burst]!;
  for (let steps = 0; burst >= 0 && steps < bursts.count + bursts.acts.count; steps++) {
    const row = observed.rowOf[bursts.task[burst]!]!;
    ranNs[row]! += worked;
    onPath.add(row);
    if (bursts.readyNs[burst]! <= observed.startNs) break;
    const act = bursts.byAct[burst]!;
    const isCaused = bursts.cause[burst] === task || bursts.cause[burst] === fork;
    const waker = isCaused && act >= 0 ? bursts.acts.burst[act]! : -1;
    if (waker >= 0 && observed.rowOf[bursts.task[waker]!]! >= 0) {
      burst = waker;
      worked = bursts.acts.ranNs[act]!;
    } else {
      burst = before[burst]!;
      worked = burst < 0 ? 0 : bursts.ranNs[burst]!;
    }
  }
  const longest = [...onPath].map((row) => ({ task: row, ns: ranNs[row]! }));
  longest.sort((a, b) => b.ns - a.ns || a.task - b.task);
  return {
    ns: longest.reduce((sum, { ns }) => sum + ns, 0),
    tasks: onPath.size,
    longest: longest.slice(0, longestShown),
  };
}

/** The observed burst that ends last within the time; of several, the one that became ready first. */
function lastBurst(bursts: Bursts, { rowOf, endNs }: Observed): number {
  let [last, lastNs] = [-1, -1];
  for (let i = 0; i < bursts.count; i++) {
    const at = Math.min(bursts.endNs[i]!, endNs);
    if (rowOf[bursts.task[i]!]! < 0 || bursts.readyNs[i]! > endNs || Number.isNaN(bursts.startNs[i]!))
      continue;
    if (at > lastNs) [last, lastNs] = [i, at];
  }
  return last;
}

/** For each burst the one before of the same task; -1: none. */
function burstsBefore(trace: Trace, bursts: Bursts): Int32Array {
  const latest = new Int32Array(trace.tasks.length).fill(-1);
  const before = new Int32Array(bursts.count);
  for (let i = 0; i < bursts.count; i++) {
    const who = bursts.task[i]!;
    before[i] = latest[who]!;
    latest[who] = i;
  }
  return before;
}
