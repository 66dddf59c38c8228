// The comparison: a plan of the judge carried out on a machine, then the verdict, with every run and every observation on record.

import type { Finding, Verdict } from '../core/records.ts';
import { harmPairs } from '../judge/harm.ts';
import { judge } from '../judge/judge.ts';
import { nextBlocks } from '../judge/plan.ts';
import type { Goal, Judgement, Observation, OtherWorkload, Plan } from '../judge/types.ts';
import { derive } from '../lib/random.ts';
import {
  type BlockRun,
  type Contestant,
  experimentOf,
  inOrder,
  type Lab,
  type Ran,
  runBlock,
  runRecorded,
  type Trial,
} from './trials.ts';

export interface ComparisonInput {
  readonly lab: Lab;
  readonly plan: Plan;
  readonly trial: Trial;
  readonly contestants: readonly Contestant[];
  /** Other workloads of the same goal, on which the winner must do no harm. */
  readonly others: readonly { readonly trial: Trial; readonly goal: Goal }[];
  /** The same trial at the ends of a simulated machine's cost ranges: the winner must be better there too. */
  readonly costs?: readonly { readonly name: string; readonly trial: Trial }[];
  readonly progress: (text: string, done: number, total: number) => void;
}

export interface Comparison {
  readonly verdict: Verdict;
  readonly digest: string;
  readonly judgement: Judgement;
  /** Why the first failed run of an arm failed, by arm. */
  readonly failures: ReadonlyMap<string, Finding>;
}

/** Runs until the stopping rule says so. Interrupted or broken, it throws; what has run stays on record. */
export async function compareArms(input: ComparisonInput): Promise<Comparison> {
  const { lab, plan, trial, contestants } = input;
  const runs: BlockRun[] = [];
  const observations: Observation[] = [];
  for (;;) {
    const next = nextBlocks(plan, observations);
    if (next.kind === 'stop') return await conclude(input, runs, next.chosen);
    const [block] = next.blocks;
    if (block === undefined) throw new Error('bug: the plan wants to run nothing');
    const total = runs.length + next.blocks.reduce((sum, item) => sum + item.order.length, 0);
    input.progress(phaseText(next.phase, next.blocks.length, block.order.length), runs.length, total);
    const ran = await runBlock(lab, trial, contestants, plan.goal.metric, next.phase, block);
    runs.push(...ran);
    observations.push(...ran.map((item) => item.observation));
  }
}

function phaseText(phase: string, blocks: number, arms: number): string {
  const doing = phase === 'screen' ? 'screening' : 'confirming';
  return `${doing} ${arms} arms, ${blocks} ${blocks === 1 ? 'round' : 'rounds'} left`;
}

async function conclude(
  input: ComparisonInput,
  runs: readonly BlockRun[],
  chosen: string | null,
): Promise<Comparison> {
  const { lab, plan, contestants } = input;
  const observations = runs.map((item) => item.observation);
  const others =
    chosen === null ? [] : [...bystanders(plan, runs, chosen), ...(await otherRuns(input, chosen))];
  const judgement = judge({ plan, observations, others });
  const verdict: Verdict = {
    kind: 'verdict',
    version: 1,
    from: [...new Set(contestants.map((item) => item.candidate))],
    plan,
    observations,
    outcomes: runs.map((item) => item.digest),
    others,
    candidates: Object.fromEntries(contestants.map((item) => [item.arm.id, item.candidate])),
    judgement,
  };
  const failures = new Map<string, Finding>();
  for (const { observation, outcome } of [...runs].reverse()) {
    if (outcome.finding !== null) failures.set(observation.armId, outcome.finding);
  }
  return { verdict, digest: await lab.records.put(verdict), judgement, failures };
}

/** What the tasks of the same mix that are not the goal got, in the very runs of confirmation. */
function bystanders(plan: Plan, runs: readonly BlockRun[], chosen: string): OtherWorkload[] {
  const metric = 'backgroundCpus';
  const base = plan.arms.find((arm) => arm.kind === 'default')?.id;
  const confirming = runs.filter((run) => run.observation.phase === 'confirm');
  const runOf = (armId: string | undefined, block: number): BlockRun | undefined =>
    confirming.find((run) => run.observation.armId === armId && run.observation.block === block);
  const blocks = [...new Set(confirming.map((run) => run.observation.block))];
  const pairs = blocks.map((block) => pairOf(runOf(chosen, block), runOf(base, block), metric));
  if (pairs.length === 0 || pairs.some((pair) => pair.value === null || pair.base === null)) return [];
  const goal = { metric, direction: 'higher', unit: 'CPUs' } as const;
  return [{ name: 'background tasks', scope: 'bystander', goal, pairs }];
}

/** Other workloads, and other costs. */
async function otherRuns(input: ComparisonInput, chosen: string): Promise<OtherWorkload[]> {
  const { lab, plan, contestants, others, costs = [] } = input;
  const arm = contestants.find((item) => item.arm.id === chosen);
  const base = contestants.find((item) => item.arm.kind === 'default');
  if (arm === undefined || base === undefined) return [];
  const results: OtherWorkload[] = [];
  const all = [
    ...others.map((other) => ({ ...other, name: other.trial.name, scope: 'workload' as const })),
    ...costs.map((end) => ({ ...end, goal: plan.goal, scope: 'costs' as const })),
  ];
  for (const [index, { trial, goal, name, scope }] of all.entries()) {
    const what = scope === 'workload' ? `for harm on ${name}` : `with ${name}`;
    input.progress(`checking ${arm.arm.name} ${what}`, index, all.length);
    const purpose = scope === 'workload' ? 'harm' : 'costs';
    const seeds = Array.from({ length: harmPairs.usual }, (_, pair) =>
      derive(plan.seed, purpose, name, pair),
    );
    const jobs = seeds.flatMap((seed) => [
      { seed, contestant: arm },
      { seed, contestant: base },
    ]);
    const ran = await inOrder(jobs, trial.parallel, async ({ seed, contestant }) =>
      runRecorded(lab, await experimentOf(trial, contestant, seed)),
    );
    const pairs = seeds.map((_, pair) => pairOf(ran[2 * pair], ran[2 * pair + 1], goal.metric));
    results.push({ name, scope, goal, pairs });
  }
  return results;
}

function pairOf(
  value: Ran | undefined,
  base: Ran | undefined,
  metric: string,
): OtherWorkload['pairs'][number] {
  const number = (ran: Ran | undefined): number | null => ran?.outcome.metrics[metric] ?? null;
  const why = value?.outcome.finding?.message;
  return {
    value: number(value),
    base: number(base),
    ...(why === undefined ? {} : { why }),
    ...(value === undefined || base === undefined ? {} : { outcomes: [value.digest, base.digest] }),
  };
}
