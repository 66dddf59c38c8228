// What a recording says of the machine that it was made on, and a replay needs: how long an idle CPU takes from a wake-up to the task, and how soon a running task
// notices that another is to run (it enters the kernel now and then: kernel/sched/core.c, v6.18: resched_curr_lazy()).

import { stillRunnable, type Trace, traceKinds } from '../core/trace.ts';

export interface RecordedCosts {
  /** From the wake-up to the task, so many quantiles of what was seen, ascending; none: too seldom seen. */
  readonly idleWakesNs: readonly number[];
  /** Twice the median of the time until a task gives way to one that another CPU has woken: such wake-ups come at any time between two looks. */
  readonly lookNs: number | undefined;
}

const leastSamples = 8;

export function recordedCosts({
  tasks,
  cpus,
  count,
  kind,
  cpu,
  task,
  other,
  atNs,
  detail,
}: Trace): RecordedCosts {
  const isOwn = Uint8Array.from(tasks, ({ isFollowed, isKernel }) => (isFollowed && !isKernel ? 1 : 0));
  const woken = { at: new Float64Array(tasks.length).fill(-1), on: new Int32Array(tasks.length) };
  const since = new Float64Array(Math.max(cpus, 1));
  const idle: number[] = [];
  const looks: number[] = [];
  for (let i = 0; i < count; i++) {
    const [at, here] = [atNs[i]!, cpu[i]!];
    if (kind[i] === traceKinds.wake && isOwn[task[i]!] === 1) {
      woken.at[task[i]!] = at;
      woken.on[task[i]!] = here;
    }
    if (kind[i] !== traceKinds.switch) continue;
    const [prev, next] = [task[i]!, other[i]!];
    const wokenAt = next >= 0 ? (woken.at[next] ?? -1) : -1;
    if (wokenAt >= 0 && wokenAt >= (since[here] ?? 0)) {
      if (prev < 0) idle.push(at - wokenAt);
      else if (detail[i] === stillRunnable && isOwn[prev] === 1 && woken.on[next] !== here)
        looks.push(at - wokenAt);
    }
    if (next >= 0) woken.at[next] = -1;
    since[here] = at;
  }
  const look = median(looks);
  return {
    idleWakesNs: quantiles(idle),
    lookNs: look === undefined ? undefined : Math.max(leastLookNs, 2 * look),
  };
}

const leastLookNs = 1000;
const mostQuantiles = 200;

/** Each stands for an equal share of the values: the value in the middle of it. */
function quantiles(values: readonly number[]): number[] {
  if (values.length < leastSamples) return [];
  const sorted = Float64Array.from(values).sort();
  const count = Math.min(mostQuantiles, sorted.length);
  return Array.from({ length: count }, (_, i) => sorted[Math.floor(((i + 0.5) * sorted.length) / count)]!);
}

function median(values: readonly number[]): number | undefined {
  if (values.length < leastSamples) return undefined;
  return Float64Array.from(values).sort()[values.length >> 1];
}
