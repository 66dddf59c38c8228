// Fairness: hogs that saturate the machine get CPU time in proportion to their weights, and equal ones get the same. Only scenarios that are plain enough
// for the answer to be known are judged: hogs allowed everywhere, disturbed by nothing, from when the last has come.

import type { Scenario, ScenarioTask } from '../../../core/scenario.ts';
import { cgroupWeight } from '../../model/weights.ts';
import { type MakeChecker, timeText, type Watched } from '../checker.ts';

/** Shares are counted from so long after the last has come: at first someone is new. */
const warmupNs = 500_000_000;
const leastWindowNs = 1_500_000_000;
/**
 * Half as much again or a third less. Slices end on ticks, new tasks start with a credit, and one guard against starvation bends shares, so exactness
 * is not asked; who ignores weights is off by the ratio of the weights, 1 : 3 and more here.
 */
const tolerance = 1.5;
/** And four slices of 20 ms either way: who has just had its turn, and who is about to. */
const grainNs = 80_000_000;

export const weights: MakeChecker = (watched, report) => {
  const used = usedSinceWarmup(watched);
  return {
    name: 'weights',
    sample: used.sample,
    end() {
      const got = used.got();
      if (got === undefined) return;
      const fair = fairTimes(
        watched.scenario,
        got.reduce((sum, one) => sum + one, 0),
      );
      const [worst] = offenders(got, fair);
      if (worst === undefined) return;
      report(
        `${watched.nameOf(worst)}, nice ${watched.scenario.tasks[worst]!.nice}, got ${timeText(got[worst]!)} of CPU time where its weight among ` +
          `${got.length} hogs is worth ${timeText(fair[worst]!)}; between ${timeText(low(fair[worst]!))} and ${timeText(high(fair[worst]!))} would pass`,
        [worst],
      );
    },
  };
};

export const equalShares: MakeChecker = (watched, report) => {
  const used = usedSinceWarmup(watched);
  return {
    name: 'equal-shares',
    sample: used.sample,
    end() {
      const got = used.got();
      if (got === undefined) return;
      const { tasks } = watched.scenario;
      const mean = tasks.map(({ nice }) => {
        const same = got.filter((_, task) => tasks[task]!.nice === nice);
        return same.reduce((sum, one) => sum + one, 0) / same.length;
      });
      const [worst] = offenders(got, mean);
      if (worst === undefined) return;
      report(
        `${watched.nameOf(worst)} got ${timeText(got[worst]!)} of CPU time, hogs of the same nice value ${timeText(mean[worst]!)} on average; ` +
          `between ${timeText(low(mean[worst]!))} and ${timeText(high(mean[worst]!))} would pass`,
        [worst],
      );
    },
  };
};

const low = (ns: number): number => Math.max(0, ns / tolerance - grainNs);
const high = (ns: number): number => ns * tolerance + grainNs;

/** Those too far from what is theirs, the furthest first. */
function offenders(got: readonly number[], fair: readonly number[]): number[] {
  const off = (task: number): number =>
    Math.max(low(fair[task]!) - got[task]!, got[task]! - high(fair[task]!));
  return got
    .map((_, task) => task)
    .filter((task) => off(task) > 0)
    .sort((a, b) => off(b) - off(a) || a - b);
}

function usedSinceWarmup({ scenario, core, startNs }: Watched) {
  const isPlain = isSaturation(scenario);
  const fromNs = windowFrom(scenario);
  let before: number[] | undefined;
  const used = (): number[] =>
    scenario.tasks.map((_, task) => {
      const cpu = core.tasks.cpu[task]!;
      const running = core.cpus.curr[cpu] === task ? core.now - core.cpus.execStart[cpu]! : 0;
      return core.tasks.sumExec[task]! + running;
    });
  return {
    sample(): void {
      if (isPlain && before === undefined && core.now - startNs >= fromNs) before = used();
    },
    /** CPU time of each task; undefined when the scenario is not one to judge. */
    got(): number[] | undefined {
      return before && used().map((ns, task) => ns - before![task]!);
    },
  };
}

/** Nothing but hogs, at least two a CPU, long enough to judge from when the last is there. */
export function isSaturation(scenario: Scenario): boolean {
  const { tasks, disturbances, cpus, threads, lengthNs } = scenario;
  return (
    disturbances.length === 0 &&
    threads === 1 &&
    tasks.length >= 2 * cpus &&
    tasks.every((task) => isHog(task, lengthNs)) &&
    lengthNs >= windowFrom(scenario) + leastWindowNs
  );
}

/** Runs without end from a time on: from the start, or after a sleep. */
function isHog({ class: schedClass, cpus, forked, ops, times }: ScenarioTask, lengthNs: number): boolean {
  const [op] = ops.slice(-1);
  const runs = op !== undefined && 'run' in op && op.run > 0;
  const isAlways = ops.length === 1 && times === 'forever';
  const isAtLast = ops.length === 2 && 'sleep' in ops[0]! && runs && op.run >= lengthNs && times === 1;
  return runs && (isAlways || isAtLast) && schedClass === 'other' && cpus.length === 0 && !forked;
}

function windowFrom({ tasks }: Scenario): number {
  const from = tasks.map(
    ({ startNs, ops: [op] }) => startNs + (op !== undefined && 'sleep' in op ? op.sleep : 0),
  );
  return Math.max(0, ...from) + warmupNs;
}

/** `total` CPU time divided by weight; nobody can use more than one CPU, and what is over goes to the others. */
function fairTimes({ tasks, cpus }: Scenario, total: number): number[] {
  const weight = tasks.map(({ nice }) => cgroupWeight(nice, false));
  const most = total / cpus;
  const fair = tasks.map(() => 0);
  const open = new Set(tasks.keys());
  let left = total;
  for (;;) {
    const sum = [...open].reduce((all, task) => all + weight[task]!, 0);
    const full = [...open].filter((task) => (left * weight[task]!) / sum > most);
    if (full.length === 0) {
      for (const task of open) fair[task] = (left * weight[task]!) / sum;
      return fair;
    }
    for (const task of full) {
      fair[task] = most;
      left -= most;
      open.delete(task);
    }
  }
}
