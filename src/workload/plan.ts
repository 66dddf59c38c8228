// What is the same in every round of an expansion: how many tasks each group has, and the amounts that its phases draw.
// Sizes belong to the task, not to the round, so that a policy can learn them from one round for the next.
import type { Amount, Group, Phase, WorkloadFile } from '../core/workload.ts';
import { fileLimits } from '../core/workload.ts';
import { createRandom, derive } from '../lib/random.ts';
import { drawAmounts, isFixed } from './draws.ts';
import { durationNs } from './duration.ts';
import { expansionFault, type JsonPath, pathText } from './mistakes.ts';
import { forkedGroups, type Visit, visitPhases } from './phases.ts';

export interface Topology {
  /** CPUs of the machine, 1..256. */
  readonly cpus: number;
}

export interface PlannedGroup {
  readonly group: Group;
  readonly index: number;
  readonly path: JsonPath;
  readonly forked: boolean;
  /** Tasks in each round. */
  readonly instances: number;
}

export interface Plan {
  readonly file: WorkloadFile;
  readonly seed: number;
  readonly topology: Topology;
  readonly groups: readonly PlannedGroup[];
  /** Names in the order of their indexes. */
  readonly series: readonly string[];
  readonly cgroups: readonly string[];
  /** Per phase with a varying amount, its draws of a round in the order of execution. */
  readonly draws: ReadonlyMap<Phase, readonly number[]>;
  readonly paths: ReadonlyMap<Phase, JsonPath>;
  /** Per phase, how often one task executes it (per arrival, inside `each`). */
  readonly executions: ReadonlyMap<Phase, number>;
  /** Per group with a start of its own, the starts in order of index. */
  readonly ownStarts: ReadonlyMap<number, readonly number[]>;
}

export function makePlan(file: WorkloadFile, seed: number, topology: Topology): Plan {
  const visits = file.groups.map((group, i) => visitPhases(group, ['groups', i]));
  const executions = new Map(visits.flat().map((visit) => [visit.phase, executionsOf(visit)]));
  const groups = planGroups(file, topology, visits, executions);
  const tasks = groups.reduce((sum, group) => sum + group.instances, 0) * (file.rounds ?? 1);
  if (tasks > fileLimits.tasks) {
    throw expansionFault(
      file.name,
      ['groups'],
      `${tasks} tasks in all rounds; the limit is ${fileLimits.tasks}`,
    );
  }
  const ownStarts = groups.flatMap(({ group, index, instances }) =>
    group.start === undefined
      ? []
      : [[index, drawAmounts(group.start, instances, createRandom(derive(seed, 'start', index)))] as const],
  );
  return {
    file,
    seed,
    topology,
    groups,
    series: Object.keys(file.series ?? {}).sort(),
    cgroups: Object.keys(file.cgroups ?? {}).sort(),
    draws: drawAll(file, seed, groups, visits, executions),
    paths: new Map(visits.flat().map(({ phase, path }) => [phase, path])),
    executions,
    ownStarts: new Map(ownStarts),
  };
}

function executionsOf(visit: Visit): number {
  return visit.loops.reduce((times, { loop }) => times * (loop === 'forever' ? 1 : loop), 1);
}

function planGroups(
  file: WorkloadFile,
  topology: Topology,
  visits: readonly (readonly Visit[])[],
  executions: ReadonlyMap<Phase, number>,
): PlannedGroup[] {
  const forked = forkedGroups(file.groups);
  const instancesOf = (name: string): number => {
    const index = file.groups.findIndex((group) => group.name === name);
    if (!forked.has(name)) return rootCount(file.groups[index]!, topology);
    return visits.reduce((sum, groupVisits, parent) => {
      const forks = groupVisits.filter(({ phase }) => 'fork' in phase && phase.fork === name);
      const each = forks.reduce(
        (times, visit) =>
          times + timesPerGroup(visit, executions, file, () => instancesOf(file.groups[parent]!.name)),
        0,
      );
      return sum + each;
    }, 0);
  };
  return file.groups.map((group, index) => ({
    group,
    index,
    path: ['groups', index],
    forked: forked.has(group.name),
    instances: instancesOf(group.name),
  }));
}

function rootCount({ count = 1 }: Group, { cpus }: Topology): number {
  return typeof count === 'number' ? count : Math.ceil(count.perCpu * cpus) + (count.plus ?? 0);
}

/** How often the tasks of a group together execute a phase in a round. */
function timesPerGroup(
  { phase, each }: Visit,
  executions: ReadonlyMap<Phase, number>,
  file: WorkloadFile,
  instances: () => number,
): number {
  const entries = each === undefined ? instances() : file.arrivals![each.each]!.count;
  return entries * executions.get(phase)!;
}

function drawAll(
  file: WorkloadFile,
  seed: number,
  groups: readonly PlannedGroup[],
  visits: readonly (readonly Visit[])[],
  executions: ReadonlyMap<Phase, number>,
): Map<Phase, number[]> {
  const draws = new Map<Phase, number[]>();
  let total = 0;
  for (const { index, instances } of groups) {
    for (const visit of visits[index]!) {
      const amount = varyingAmount(visit.phase);
      if (amount === undefined) continue;
      const times = timesPerGroup(visit, executions, file, () => instances);
      total += times;
      if (total > fileLimits.ops) {
        const most = fileLimits.ops.toLocaleString('en');
        throw expansionFault(file.name, visit.path, `with this, a round has more than ${most} operations`);
      }
      const random = createRandom(derive(seed, 'amount', index, pathText(visit.path)));
      draws.set(visit.phase, drawAmounts(amount, times, random));
    }
  }
  return draws;
}

function varyingAmount(phase: Phase): Amount | undefined {
  const amount = 'run' in phase ? phase.run : 'sleep' in phase ? phase.sleep : undefined;
  return amount === undefined || isFixed(amount) ? undefined : amount;
}

/** ns that `starts.within` is when the file does not say. */
export const defaultWithinNs = 1_000_000;

export function startJitterNs(file: WorkloadFile): number {
  return durationNs(file.jitter?.start ?? '200us');
}
