// The settings of an arm, as the runner writes them before a run (runner/settings.c): what the kernel would refuse is refused in the runner's words, what the model
// does not know is a finding. Source: kernel/sched/features.h and debug.c: sched_feat_write(), v6.18.

import type { RunEvent } from '../core/metrics.ts';
import type { Settings } from '../core/records.ts';
import { unsupportedFeatures } from './model/fair/features.ts';
import { SimFinding } from './program/instance.ts';

/** Of 6.18 and not modelled, as it sets them. */
const unmodelled: Readonly<Record<string, boolean>> = {
  HRTICK: false,
  HRTICK_DL: false,
  NONTASK_CAPACITY: true,
  TTWU_QUEUE: true,
  WARN_DOUBLE_CLOCK: false,
  RT_PUSH_IPI: true,
  RT_RUNTIME_SHARE: false,
  ATTACH_AGE_LOAD: true,
  UTIL_EST: true,
  LATENCY_WARN: false,
};

const nameOf = (text: string): string => (text.startsWith('NO_') ? text.slice(3) : text);

export interface Problem {
  readonly events: RunEvent[];
  readonly finding: SimFinding | undefined;
}

/** Why there will be no run: events that end it, or a finding. Undefined: the model does as these settings say. */
export function settingsProblem({ features = [] }: Settings): Problem | undefined {
  for (const text of unsupportedFeatures(features)) {
    const byDefault = unmodelled[nameOf(text)];
    if (byDefault === undefined) return { events: refusal(text), finding: undefined };
    if (byDefault !== (nameOf(text) === text))
      return {
        events: [],
        finding: new SimFinding('unsupported', `the scheduler's feature ${text} is not modelled`),
      };
  }
  return undefined;
}

function refusal(text: string): RunEvent[] {
  const message = `cannot write "${text}" to /sys/kernel/debug/sched/features: Invalid argument`;
  const next = 'check the value against what this kernel offers';
  return [
    { event: 'fault', message, next },
    { event: 'done', status: 'failed' },
  ];
}

/** Those that the model knows; the others say what it does anyway. */
export function modelledFeatures(features: readonly string[]): string[] {
  const others = unsupportedFeatures(features);
  return features.filter((text) => !others.includes(text));
}
