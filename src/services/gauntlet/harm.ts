// The gate `harm`: the policy beside the default scheduler on standard workloads, in pairs with the same seed. What is judged is simulated at both ends of what
// hardware costs.

import type { EvidenceOf, GoalName, HarmRow } from '../../core/gauntlet.ts';
import type { Arm } from '../../core/records.ts';
import { derive } from '../../lib/random.ts';
import { type Contestant, experimentOf, unrecorded } from '../../stages/trials.ts';
import { defaultEntrant } from '../arms.ts';
import type { Call } from '../service.ts';
import type { World } from '../world.ts';
import { type StandardTrial, standardTrials } from './standard.ts';

/** Latencies are those of a simulated minute, which takes half a second; the others take milliseconds. */
const pairs: Readonly<Record<GoalName, number>> = { makespan: 12, latency: 6, throughput: 12 };
/** What the tasks beside the goal's own got; only workloads with such tasks have it. */
const bystanders = 'backgroundCpus';

/** `goal`: what the policy is for; null: on the workloads of all goals. */
export async function harmGate(
  world: World,
  { arm }: Contestant,
  { seed, goal }: { readonly seed: number; readonly goal: GoalName | null },
  call: Call,
): Promise<EvidenceOf<'harm'>> {
  const rows: HarmRow[] = [];
  for (const costs of goal === null
    ? (['hardware'] as const)
    : (['hardware-low', 'hardware-high'] as const)) {
    for (const standard of await standardTrials(world, costs, call)) {
      if (goal !== null && standard.goalName !== goal) continue;
      call.progress({ text: `${arm.name} beside the default scheduler on ${standard.name}, costs ${costs}` });
      rows.push(...(await rowsOf(world, standard, arm, { seed, costs }, call)));
    }
  }
  return { gate: 'harm', rows };
}

async function rowsOf(
  world: World,
  { name, goalName, goal, trial }: StandardTrial,
  arm: Arm,
  { seed, costs }: { readonly seed: number; readonly costs: string },
  call: Call,
): Promise<HarmRow[]> {
  const measured = async (who: Arm, pair: number): Promise<Readonly<Record<string, number>>> => {
    const contestant = { arm: who, candidate: unrecorded };
    const experiment = await experimentOf(trial, contestant, derive(seed, 'harm', name, pair));
    const { finding, metrics } = await world.simulate({ ...experiment, from: [] }, { signal: call.signal });
    return finding === null ? metrics : {};
  };
  const runs: { value: Readonly<Record<string, number>>; base: Readonly<Record<string, number>> }[] = [];
  for (let pair = 0; pair < pairs[goalName]; pair++)
    runs.push({ value: await measured(arm, pair), base: await measured(defaultEntrant.arm, pair) });
  const row = (metric: string, direction: 'lower' | 'higher'): HarmRow => ({
    ...{ workload: name, goalName, costs, metric, direction },
    pairs: runs.map(({ value, base }) => ({ value: value[metric] ?? null, base: base[metric] ?? null })),
  });
  const isShared = runs.every(({ base }) => (base[bystanders] ?? 0) > 0);
  return [row(goal.metric, goal.direction), ...(isShared ? [row(bystanders, 'higher')] : [])];
}
