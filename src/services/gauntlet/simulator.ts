// The gate `simulator`: every standard workload once with each access of the policy checked, then attack mode with seeds.

import { digestOf } from '../../core/canonical.ts';
import type { EvidenceOf, KnobEnd, waivableCheckers } from '../../core/gauntlet.ts';
import type { Arm } from '../../core/records.ts';
import type { Ignored, Regression } from '../../core/scenario.ts';
import { type Contestant, experimentOf } from '../../stages/trials.ts';
import type { Call } from '../service.ts';
import type { Attacked, AttackFailure, World } from '../world.ts';
import { standardTrials } from './standard.ts';

export interface SimulatorWish {
  readonly contestant: Contestant;
  readonly knobs: KnobEnd;
  readonly seed: number;
  readonly scenarios: number;
  readonly ignore: readonly (typeof waivableCheckers)[number][];
}

/** Wall time that attack mode gets at most; the scenarios end it long before, at some 20 a second. What is cut short is not passed (judge/gauntlet.ts). */
const mostSeconds = (scenarios: number): number => 60 + scenarios;

export async function simulatorGate(
  world: World,
  { contestant, knobs, seed, scenarios, ignore }: SimulatorWish,
  call: Call,
): Promise<EvidenceOf<'simulator'>> {
  const standard: EvidenceOf<'simulator'>['standard'] = [];
  const trials = knobs === 'given' ? await standardTrials(world, 'tcg', call) : [];
  for (const { name, trial } of trials) {
    call.progress({ text: `simulating ${name}` });
    const experiment = await experimentOf(trial, contestant, seed);
    const { finding } = await world.simulate(
      { ...experiment, from: [] },
      { mode: 'checked', signal: call.signal },
    );
    standard.push({ workload: name, finding });
    if (finding !== null) return { gate: 'simulator', knobs, standard, attack: null };
  }
  const own = ignore.map((checker) => ({ checker, why: 'the caller said that it does not promise this' }));
  const attacked = await attackedOf(world, contestant.arm, own);
  const report = await world.attack({ attacked, seed, seconds: mostSeconds(scenarios), scenarios }, call);
  const { scenarios: played, cut, failure, unsupported = null, simulatedSeconds } = report;
  const saved = failure === undefined ? '' : await keepFailure(world, attacked, failure, undefined);
  const violation =
    failure === undefined
      ? null
      : { checker: failure.violation.checker, message: failure.violation.message, seed: failure.seed, saved };
  const ignored = attacked.ignores.map(({ checker, why }) => ({ checker, why }));
  const attack = { scenarios: played, cut, simulatedSeconds, violation, unsupported, ignored };
  return { gate: 'simulator', knobs, standard, attack };
}

/** What is attacked, and what it does not promise: the library's card says so, of the same object, wherever it was read from. */
export async function attackedOf(world: World, arm: Arm, own: readonly Ignored[] = []): Promise<Attacked> {
  const { name, object: digest, parameters } = arm.policy!;
  const known = await world.policies.cardOf(digest);
  return {
    name: known?.name ?? name,
    object: await world.store.blobs.get(digest),
    parameters,
    ignores: [...(known?.ignores ?? []), ...own],
  };
}

/** Writes what fails to a file or directory, else beside the records; the path. */
export async function keepFailure(
  world: World,
  { name, object }: { readonly name: string; readonly object: Uint8Array },
  { violation, seed, scenario }: AttackFailure,
  place: string | undefined,
): Promise<string> {
  const { checker, message } = violation;
  const regression: Regression = {
    kind: 'regression',
    version: 1,
    foundBy: await world.version(),
    policy: { name, object: digestOf(object) },
    checker,
    message,
    scenario,
  };
  const text = `${JSON.stringify(regression, undefined, 2)}\n`;
  return world.writeFailure(`${name}-${checker}-${seed}.json`, text, place);
}
