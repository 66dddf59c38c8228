// A workload file, a seed and a topology to flat operations: the one meaning of a workload for all machines. Pure, and
// bit-identical on every engine.
import {
  type Expansion,
  type ExpansionSeries,
  type ExpansionTask,
  limits,
  type Op,
  opCodes,
  type Phase,
  type WorkloadFile,
} from '../core/workload.ts';
import { assert } from '../lib/assert.ts';
import { createRandom, derive } from '../lib/random.ts';
import { findProblem, sampleCounts } from './check.ts';
import { drawAmounts } from './draws.ts';
import { durationNs } from './duration.ts';
import { affinity, type DraftOp, lowerTask, type RoundDraft, type TaskName } from './lower.ts';
import { expansionFault } from './mistakes.ts';
import { makePlan, type Plan, type PlannedGroup, type Topology } from './plan.ts';
import { poissonArrivals } from './poisson.ts';
import { readWorkload } from './read.ts';
import { rehearse } from './rehearse.ts';
import { roundStarts } from './starts.ts';
import { createTables } from './tables.ts';

export interface ExpandOptions extends Topology {
  /** 0 … 2³²−1. */
  readonly seed: number;
}

interface DraftTask extends Omit<ExpansionTask, 'ops'> {
  readonly name: TaskName;
  readonly ops: readonly DraftOp[];
}

/**
 * The expansion. Throws a malformed fault with JSON paths for a file that breaks the rules or cannot end (a wait that
 * nobody signals, a deadlock), and an unsupported fault for one that asks for CPUs the topology lacks.
 */
export function expand(value: WorkloadFile, { seed, cpus }: ExpandOptions): Expansion {
  assert(Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32, `seed ${seed} is not a uint32`);
  assert(Number.isInteger(cpus) && cpus >= 1 && cpus <= 256, `${cpus} CPUs`);
  const file = readWorkload(value);
  const plan = makePlan(file, seed, { cpus });
  const tables = createTables(file.name);
  const budget = { ops: 0 };
  const rounds = Array.from({ length: file.rounds ?? 1 }, (_, round) =>
    draftRound(plan, { ...emptyRound(plan, round), tables, budget }),
  );
  const tasks: ExpansionTask[] = [];
  for (const drafts of rounds) tasks.push(...numbered(drafts, tasks.length));
  const bare = { ...tables.counts, rounds: rounds.length, warmupRounds: file.warmupRounds ?? 0, tasks };
  const expansion = { ...bare, series: seriesOf(plan, bare), cgroups: cgroupsOf(plan) };
  const problem = findProblem(expansion);
  assert(problem === undefined, `expansion of ${file.name}: ${JSON.stringify(problem)}`);
  refuseStuck(file, expansion, rounds[0]!);
  return expansion;
}

function emptyRound(plan: Plan, round: number): Omit<RoundDraft, 'tables' | 'budget'> {
  const streams = Object.entries(plan.file.arrivals ?? {}).map(([name, { poisson, count }]) => {
    const random = createRandom(derive(plan.seed, 'arrivals', round, name));
    return [name, poissonArrivals(random, poisson, count)] as const;
  });
  return {
    plan,
    round,
    arrivals: new Map(streams),
    drawn: new Map<Phase, number>(),
    forks: [],
    forked: new Map(),
  };
}

/** The tasks of a round: first those that the player starts, in the order of their start, then the forked ones. */
function draftRound(plan: Plan, round: RoundDraft): DraftTask[] {
  const starts = roundStarts(plan, round.round);
  const work = plan.groups.map((group) => workFactors(plan, group, round.round));
  const draft = (name: TaskName): DraftTask => {
    const startNs = starts[name.group]?.[name.index] ?? 0;
    const ops = lowerTask(round, name, { startNs, workPpm: work[name.group]![name.index]! });
    return { ...frame(plan, name), round: round.round, startNs, name, ops };
  };
  const roots = plan.groups
    .filter((group) => !group.forked)
    .flatMap(namesOf)
    .map(draft);
  roots.sort((a, b) => a.startNs - b.startNs || a.name.group - b.name.group || a.name.index - b.name.index);
  const forked: DraftTask[] = [];
  while (round.forks.length > forked.length) forked.push(draft(round.forks[forked.length]!));
  return [...roots, ...forked];
}

function namesOf({ index, instances }: PlannedGroup): TaskName[] {
  return Array.from({ length: instances }, (_, i) => ({ group: index, index: i }));
}

/** Millionths by which the RUNs of each task of a group are multiplied in a round. */
function workFactors(plan: Plan, { index, instances }: PlannedGroup, round: number): number[] {
  const half = Math.round((plan.file.jitter?.work ?? 0.02) * 1e6);
  const random = createRandom(derive(plan.seed, 'work', round, index));
  return drawAmounts({ from: 1e6 - half, to: 1e6 + half }, instances, random);
}

function frame(
  plan: Plan,
  { group: number, index }: TaskName,
): Omit<DraftTask, 'round' | 'startNs' | 'name' | 'ops'> {
  const { group, path, forked, instances } = plan.groups[number]!;
  const digits = String(index).padStart(String(instances - 1).length, '0');
  const comm = (group.comm ?? `${group.name}-{i}`).replace('{i}', digits);
  if (comm.length > 15) {
    const at = [...path, group.comm === undefined ? 'name' : 'comm'];
    throw expansionFault(
      plan.file.name,
      at,
      `the comm "${comm}" is longer than 15 bytes; set a short "comm"`,
    );
  }
  return {
    comm,
    background: group.background ?? false,
    forked,
    nice: group.nice ?? 0,
    schedClass: group.class ?? 'other',
    cgroup: group.cgroup === undefined ? -1 : plan.cgroups.indexOf(group.cgroup),
    group: number,
    cpus: affinity(plan, group.cpus ?? 'all', index, [...path, 'cpus']),
  };
}

/** FORK and JOIN by task number; `first` is the number of the round's first task. */
function numbered(drafts: readonly DraftTask[], first: number): ExpansionTask[] {
  const numbers = new Map(drafts.map(({ name }, i) => [`${name.group} ${name.index}`, first + i]));
  const numberOf = ({ group, index }: TaskName): number => {
    const number = numbers.get(`${group} ${index}`);
    assert(number !== undefined, `no task ${index} of group ${group}`);
    return number;
  };
  return drafts.map(({ name: _, ops, ...task }) => ({
    ...task,
    ops: ops.map(
      ({ code, a, b }): Op => ({ code: opCodes[code], a: typeof a === 'number' ? a : numberOf(a), b }),
    ),
  }));
}

function seriesOf(plan: Plan, bare: Pick<Expansion, 'tasks' | 'warmupRounds'>): ExpansionSeries[] {
  const capacities = sampleCounts(bare, plan.series.length);
  const total = capacities.reduce((sum, count) => sum + count, 0);
  if (total > limits.samples) {
    const most = limits.samples.toLocaleString('en');
    throw expansionFault(
      plan.file.name,
      ['series'],
      `${total.toLocaleString('en')} samples; the limit is ${most}`,
    );
  }
  return plan.series.map((name, i) => {
    const deadline = plan.file.series?.[name]?.deadline;
    return { name, deadlineNs: deadline === undefined ? 0 : durationNs(deadline), capacity: capacities[i]! };
  });
}

function cgroupsOf({ file, cgroups }: Plan): Expansion['cgroups'] {
  return cgroups.map((name) => {
    const { weight = 100, limit } = file.cgroups?.[name] ?? {};
    return { name, weight, maxNs: limit === undefined ? 0 : durationNs(limit) };
  });
}

/** Rounds differ only in numbers and order, so that one rehearsal is enough. */
function refuseStuck(file: WorkloadFile, expansion: Expansion, drafts: readonly DraftTask[]): void {
  const stuck = rehearse(expansion, 0);
  if (stuck === undefined) return;
  const draft = drafts[stuck.task]!;
  const path = draft.ops[stuck.op]?.path ?? ['groups', draft.name.group];
  throw expansionFault(file.name, path, `${draft.comm}: ${stuck.message}`);
}
