// The declared workloads of the standard set, as trials on simulated machines.

import { type GoalName, goalNames } from '../../core/gauntlet.ts';
import type { WorkloadFile } from '../../core/workload.ts';
import type { Trial } from '../../stages/trials.ts';
import { parseWorkload } from '../../workload/read.ts';
import type { Call } from '../service.ts';
import { type Named, type Setting, trialOf } from '../trials.ts';
import type { CostProfile, World } from '../world.ts';

export interface StandardTrial {
  readonly name: string;
  readonly goalName: GoalName;
  readonly goal: WorkloadFile['goal'];
  readonly trial: Trial;
}

/** More than the longest of them takes. */
const limitMs = 60_000;

export async function standardTrials(world: World, costs: CostProfile, call: Call): Promise<StandardTrial[]> {
  const ready = await world.openMachine({ machine: 'simulator', costs }, call);
  const setting: Setting = {
    ...{ world, ready, mode: 'auto', cpus: undefined, memoryMiB: 0 },
    ...{ limitMs, hinted: new Set<string>(), call },
  };
  const found: StandardTrial[] = [];
  for (const standard of await world.workloads.list()) {
    if (standard.kind !== 'declared') continue;
    const file = parseWorkload(standard.text, standard.name);
    const goalName = goalNameOf(file.goal.metric);
    if (goalName === undefined) continue;
    const named: Named = { kind: 'declared', name: file.name, file, goal: file.goal };
    found.push({ name: file.name, goalName, goal: file.goal, trial: await trialOf(setting, named) });
  }
  return found;
}

/** "latencyNsP99:wake" → latency. */
function goalNameOf(metric: string): GoalName | undefined {
  return goalNames.find((name) => metric.startsWith(name));
}
