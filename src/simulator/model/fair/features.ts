// The scheduler's switches and its base slice. Source: kernel/sched/features.h and fair.c (sysctl_sched_base_slice, get_update_sysctl_factor), v6.18.

/** Those that the model knows, as 6.18 sets them. */
export const defaultFeatures = {
  PLACE_LAG: true,
  PLACE_DEADLINE_INITIAL: true,
  PLACE_REL_DEADLINE: true,
  RUN_TO_PARITY: true,
  PREEMPT_SHORT: true,
  NEXT_BUDDY: false,
  PICK_BUDDY: true,
  CACHE_HOT_BUDDY: true,
  DELAY_DEQUEUE: true,
  DELAY_ZERO: true,
  WAKEUP_PREEMPTION: true,
  SIS_UTIL: true,
  LB_MIN: false,
  WA_IDLE: true,
  WA_WEIGHT: true,
  WA_BIAS: true,
  NI_RANDOM: true,
  UTIL_EST: true,
};

export type FeatureName = keyof typeof defaultFeatures;
export type Features = Record<FeatureName, boolean>;

export interface FairSettings {
  /** sched debugfs base_slice_ns; default the kernel's own for this number of CPUs. */
  readonly baseSliceNs?: number;
  /** As written to sched debugfs features: `NO_` before a name switches it off. */
  readonly features?: readonly string[];
  /** Of the dice of NI_RANDOM. */
  readonly seed?: number;
}

/** base_slice_ns before it is scaled; what protects a running task under NO_RUN_TO_PARITY. */
export const normalizedSliceNs = 700_000;

/** 0.7 ms × (1 + ⌊log₂ of the CPUs, at most 8⌋). */
export function defaultSliceNs(cpus: number): number {
  return normalizedSliceNs * (32 - Math.clz32(Math.min(cpus, 8)));
}

/** Of `features`, those that the model does not know: such a run is unsupported. */
export function unsupportedFeatures(features: readonly string[]): string[] {
  return features.filter((name) => featureName(name) === undefined);
}

/** @throws Error on unknown names: callers ask unsupportedFeatures before. */
export function featuresOf(settings: FairSettings): Features {
  const features = { ...defaultFeatures };
  for (const text of settings.features ?? []) {
    const name = featureName(text);
    if (name === undefined) throw new Error(`bug: feature ${text} is not modelled`);
    features[name] = name === text;
  }
  return features;
}

function featureName(text: string): FeatureName | undefined {
  const name = text.startsWith('NO_') ? text.slice(3) : text;
  return Object.hasOwn(defaultFeatures, name) ? (name as FeatureName) : undefined;
}
