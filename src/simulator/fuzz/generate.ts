// From a seed to a scenario: a machine, a load, and one to three attacks on top. Every attack is the first one of some seed in each dozen.

import type { Scenario } from '../../core/scenario.ts';
import { createRandom, derive } from '../../lib/random.ts';
import { type AttackName, attacks } from './attacks.ts';
import { Draft } from './draft.ts';

/** What the policy allows to be done to it, and how large scenarios may get. */
export interface Range {
  /** Without ops.cpu_online and cpu_offline the kernel ejects a policy at each hotplug, by design. */
  readonly hotplug: boolean;
  readonly maxCpus: number;
  readonly maxTasks: number;
  readonly parameters: Scenario['parameters'];
}

const shapes = [
  { cpus: 1, llcs: 1, threads: 1 },
  { cpus: 2, llcs: 1, threads: 1 },
  { cpus: 2, llcs: 2, threads: 1 },
  { cpus: 3, llcs: 1, threads: 1 },
  { cpus: 4, llcs: 1, threads: 1 },
  { cpus: 4, llcs: 2, threads: 1 },
  { cpus: 4, llcs: 1, threads: 2 },
  { cpus: 6, llcs: 3, threads: 1 },
  { cpus: 8, llcs: 2, threads: 1 },
  { cpus: 8, llcs: 2, threads: 2 },
] as const;

export function generate(seed: number, range: Range): Scenario {
  const random = createRandom(derive(seed, 'scenario'));
  const usable = shapes.filter(({ cpus }) => cpus <= range.maxCpus);
  const shape = usable[random.below(usable.length)]!;
  const draft = new Draft(random, shape.cpus, range.maxTasks, 3_000_000_000 + random.below(5) * 500_000_000);
  const chosen = choose(seed, random.below(3), range);
  for (const name of chosen) attacks[name](draft);
  return {
    kind: 'scenario',
    version: 1,
    seed,
    attacks: chosen,
    // a core's threads slow one another down, which no policy here is asked to know
    ...(isAlone(chosen[0]!) ? { ...shape, threads: 1 } : shape),
    lengthNs: draft.lengthNs,
    parameters: range.parameters,
    tasks: draft.tasks,
    disturbances: draft.disturbances.sort((a, b) => a.atNs - b.atNs),
  };
}

/** Their shares are known only when nothing else happens. */
function isAlone(name: AttackName): boolean {
  return name === 'saturation' || name === 'latecomers';
}

/** The first by turns, `more` others by lot. */
function choose(seed: number, more: number, range: Range): AttackName[] {
  const names = (Object.keys(attacks) as AttackName[]).filter((name) => name !== 'hotplug' || range.hotplug);
  const first = names[seed % names.length]!;
  if (isAlone(first)) return [first];
  const others = createRandom(derive(seed, 'attacks')).shuffle(
    names.filter((name) => name !== first && !isAlone(name)),
  );
  return [first, ...others.slice(0, more)];
}
