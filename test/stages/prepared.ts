// A comparison on a scripted machine, ready to be carried out.

import type { Arm } from '../../src/core/records.ts';
import { createPlan } from '../../src/judge/plan.ts';
import type { Goal } from '../../src/judge/types.ts';
import { type Comparison, type ComparisonInput, compareArms } from '../../src/stages/compare.ts';
import type { Lab, Trial } from '../../src/stages/trials.ts';
import { defaultArm, policyArm } from '../records/build.ts';
import { contestants, heldRecords, type Script, scriptedMachine, trial } from './scripted.ts';

export const goal: Goal = { metric: 'makespanNs', direction: 'lower', unit: 'ns' };
const settings: Arm = { id: 'settings:batch', name: 'batch', kind: 'settings', settings: { sched: 'batch' } };
export const arms = [defaultArm, settings, policyArm('fast'), policyArm('slow')];

export interface Setup {
  readonly seed?: number;
  readonly arms?: readonly Arm[];
  readonly trial?: Trial;
  readonly others?: ComparisonInput['others'];
  readonly signal?: AbortSignal;
  readonly goal?: Goal;
}

/** A lab, and the comparison that it is to carry out. */
export function prepare(script: Script, setup: Setup = {}) {
  const records = heldRecords();
  const lab: Lab & { machine: ReturnType<typeof scriptedMachine> } = {
    machine: scriptedMachine(script),
    records,
    signal: setup.signal ?? new AbortController().signal,
  };
  const chosen = setup.arms ?? arms;
  const plan = createPlan({
    seed: setup.seed ?? 1,
    goal: setup.goal ?? goal,
    arms: chosen.map(({ id, name, kind }) => ({ id, name, kind })),
    profile: 'deterministic',
  });
  const said: [string, number, number][] = [];
  const input: ComparisonInput = {
    lab,
    plan,
    trial: setup.trial ?? trial(),
    contestants: contestants(chosen),
    others: setup.others ?? [{ trial: trial({ name: 'other' }), goal }],
    progress: (...report) => said.push(report),
  };
  return { lab, records, input, said, run: (): Promise<Comparison> => compareArms(input) };
}

export const fast = (arm: Arm): number =>
  arm.id === 'policy:fast' ? 0.8 : arm.id === 'policy:slow' ? 1.3 : 1;
