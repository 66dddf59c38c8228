// From a scenario that fails to the smallest that still does: parts are left out, then numbers made plain, as long as the same checker complains, or a graver one.
// Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input" (2002), without the test of subsets alone.

import type { Disturbance, Scenario, ScenarioOp, ScenarioTask } from '../../core/scenario.ts';
import { mistakeIn, taskOf } from './scenario.ts';

/** Whether a scenario still fails. */
export type Fails = (scenario: Scenario) => Promise<boolean>;

/** @param fails is asked about valid scenarios only, and may say no when its patience is over. */
export async function shrink(scenario: Scenario, fails: Fails): Promise<Scenario> {
  let best = scenario;
  const tried = new Set([JSON.stringify(scenario)]);
  const get = (): Scenario => best;
  const attempt = async (candidate: Scenario): Promise<boolean> => {
    const text = JSON.stringify(candidate);
    if (tried.has(text) || mistakeIn(candidate) !== undefined) return false;
    tried.add(text);
    if (!(await fails(candidate))) return false;
    best = candidate;
    return true;
  };
  for (let before: Scenario | undefined; before !== best; ) {
    before = best;
    await withoutParts(best.tasks.length, (kept) => attempt(keepTasks(best, kept)));
    await withoutParts(best.disturbances.length, (kept) =>
      attempt({ ...best, disturbances: best.disturbances.filter((_, i) => kept(i)) }),
    );
    await fewerCpus(get, attempt);
    await shorter(get, attempt);
    for (let task = 0; task < best.tasks.length; task++) await plainTask(get, task, attempt);
    await plainDisturbances(get, attempt);
    if (before === best) await nudged(get, attempt);
  }
  return best;
}

/**
 * Tries to do without ever smaller stretches of a list of `count`, the last first. `attempt` is given which positions (of the list as it is then) to
 * keep, and says whether that was enough.
 */
export async function withoutParts(
  count: number,
  attempt: (kept: (index: number) => boolean) => Promise<boolean>,
): Promise<void> {
  let left = count;
  for (let size = count; size >= 1; size = Math.floor(size / 2)) {
    for (let end = left; end > 0; end -= size) {
      const start = Math.max(0, end - size);
      if (start === 0 && end === 0) break;
      if (await attempt((index) => index < start || index >= end)) left -= end - start;
    }
  }
}

/** The same scenario with some of its tasks; numbers that name tasks follow, and what concerns the others goes. */
export function keepTasks(scenario: Scenario, kept: (index: number) => boolean): Scenario {
  const { tasks, disturbances } = scenario;
  const forker = new Map(
    tasks.flatMap(({ ops }, task) => ops.flatMap((op) => ('fork' in op ? [[op.fork, task] as const] : []))),
  );
  const stays = (task: number): boolean => kept(task) && (!forker.has(task) || stays(forker.get(task)!));
  const number = new Map<number, number>();
  for (const task of tasks.keys()) if (stays(task)) number.set(task, number.size);
  const renumbered = (task: ScenarioTask): ScenarioTask => ({
    ...task,
    ops: task.ops.flatMap((op): ScenarioOp[] => {
      if (!('fork' in op)) return [op];
      const to = number.get(op.fork);
      return to === undefined ? [] : [{ fork: to }];
    }),
  });
  return {
    ...scenario,
    tasks: tasks.filter((_, task) => number.has(task)).map(renumbered),
    disturbances: disturbances.flatMap((one): Disturbance[] => {
      const task = taskOf(one);
      if (task === undefined) return [one];
      const to = number.get(task);
      if (to === undefined) return [];
      if ('affinity' in one) return [{ ...one, affinity: to }];
      if ('renice' in one) return [{ ...one, renice: to }];
      if ('pin' in one) return [{ ...one, pin: to }];
      return 'exec' in one ? [{ ...one, exec: to }] : 'kill' in one ? [{ ...one, kill: to }] : [];
    }),
  };
}

type Get = () => Scenario;
type Attempt = (candidate: Scenario) => Promise<boolean>;

async function fewerCpus(get: Get, attempt: Attempt): Promise<void> {
  if (get().threads > 1) await attempt({ ...get(), threads: 1 });
  if (get().llcs > 1) await attempt({ ...get(), llcs: 1 });
  for (let cpus = 1; cpus < get().cpus; cpus++) {
    if (await attempt(withCpus(get(), cpus, undefined))) return;
    if (await attempt(withCpus(get(), cpus, cpus - 1))) return;
  }
}

/** What named a CPU that is gone names `instead`, or goes with it; a mask that would lose all keeps the last there is. */
function withCpus(scenario: Scenario, cpus: number, instead: number | undefined): Scenario {
  const cut = (mask: readonly number[]): number[] => {
    const moved = mask.map((cpu) => (cpu < cpus ? cpu : instead));
    const left = [...new Set(moved)].filter((cpu) => cpu !== undefined);
    return mask.length > 0 && left.length === 0 ? [cpus - 1] : left;
  };
  return {
    ...scenario,
    cpus,
    llcs: cpus % scenario.llcs === 0 ? scenario.llcs : 1,
    threads: 1,
    tasks: scenario.tasks.map((task) => ({
      ...task,
      cpus: cut(task.cpus),
      ops: task.ops.map((op) => ('cpus' in op ? { cpus: cut(op.cpus) } : op)),
    })),
    disturbances: scenario.disturbances.flatMap((one): Disturbance[] => {
      if ('affinity' in one) return [{ ...one, cpus: cut(one.cpus) }];
      const named = 'offline' in one ? one.offline : 'online' in one ? one.online : -1;
      if (named < cpus) return [one];
      if (instead === undefined) return [];
      return 'offline' in one ? [{ ...one, offline: instead }] : [{ atNs: one.atNs, online: instead }];
    }),
  };
}

/** Tenths of a second, the fewest first; then nothing finer. */
async function shorter(get: Get, attempt: Attempt): Promise<void> {
  for (const tenths of [5, 10, 15, 20, 22, 25, 30, 35, 40]) {
    const lengthNs = tenths * 100_000_000;
    if (lengthNs >= get().lengthNs || (await attempt({ ...get(), lengthNs }))) return;
  }
}

async function plainTask(get: Get, index: number, attempt: Attempt): Promise<void> {
  const change = (part: Partial<ScenarioTask>): Promise<boolean> => {
    const tasks = get().tasks.map((task, i) => (i === index ? { ...task, ...part } : task));
    return attempt({ ...get(), tasks });
  };
  const task = (): ScenarioTask => get().tasks[index]!;
  if (task().startNs !== 0 && !(await change({ startNs: 0 })))
    await change({ startNs: rounded(task().startNs) });
  if (task().nice !== 0) await change({ nice: 0 });
  if (task().class !== 'other') await change({ class: 'other' });
  if (task().cpus.length > 0) await change({ cpus: [] });
  if (!task().ops.some((op) => 'fork' in op))
    await withoutParts(task().ops.length, (kept) => change({ ops: task().ops.filter((_, i) => kept(i)) }));
  if (task().times !== 'forever' && task().times !== 1) await change({ times: 1 });
  for (let at = 0; at < task().ops.length; at++) {
    const [verb, value] = Object.entries(task().ops[at]!)[0]!;
    if (verb !== 'run' && verb !== 'sleep') continue;
    for (const plain of [...(verb === 'sleep' ? [briefNs] : []), rounded(value as number)]) {
      if (plain >= (value as number)) continue;
      const changed = { [verb]: plain } as ScenarioOp;
      if (await change({ ops: task().ops.map((one, i) => (i === at ? changed : one)) })) break;
    }
  }
}

/** Who sleeps less does the work of several: then others can go. */
const briefNs = 1_000_000;

async function plainDisturbances(get: Get, attempt: Attempt): Promise<void> {
  for (let at = 0; at < get().disturbances.length; at++) {
    const one = get().disturbances[at]!;
    const changed = (atNs: number): Promise<boolean> =>
      attempt({
        ...get(),
        disturbances: get().disturbances.map((other, i) => (i === at ? { ...one, atNs } : other)),
      });
    for (const atNs of [100_000_000, rounded(one.atNs)]) if (atNs < one.atNs && (await changed(atNs))) break;
  }
}

/**
 * With a CPU or a task less, or both, others run at other times, and what hit a task in the queue hits it elsewhere. So with few disturbances left this is tried once
 * more, with one disturbance a little later.
 */
async function nudged(get: Get, attempt: Attempt): Promise<void> {
  if (get().disturbances.length > mostNudged) return;
  const withoutCpu = (scenario: Scenario): Scenario =>
    withCpus(scenario, scenario.cpus - 1, scenario.cpus - 2);
  if (get().cpus > 1) await nudgedOne(withoutCpu(get()), attempt);
  for (let task = get().tasks.length - 1; task >= 0; task--) {
    const fewer = keepTasks(get(), (index) => index !== task);
    if (await nudgedOne(fewer, attempt)) continue;
    if (fewer.cpus > 1) await nudgedOne(withoutCpu(fewer), attempt);
  }
}

async function nudgedOne(scenario: Scenario, attempt: Attempt): Promise<boolean> {
  const { disturbances } = scenario;
  for (const at of disturbances.keys())
    for (const laterNs of nudgesNs) {
      const moved = (one: Disturbance, i: number): Disturbance =>
        i === at ? { ...one, atNs: one.atNs + laterNs } : one;
      if (await attempt({ ...scenario, disturbances: disturbances.map(moved) })) return true;
    }
  return false;
}

const mostNudged = 4;
const nudgesNs = [3, 7, 11, 17, 23, 31].map((ms) => ms * 1_000_000);

/** One digit. */
function rounded(ns: number): number {
  let power = 1;
  while (ns >= power * 10) power *= 10;
  return Math.floor(ns / power) * power;
}
