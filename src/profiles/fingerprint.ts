// The fingerprint of a workload: a vector of unit length, by whose cosine it is found again on another machine and for another length of time. Each feature is
// centred and scaled by what is usual, so that 0 is "like most", and what was not measured is 0 too; weights say how well a feature keeps its value
// between runs of one workload. The constants come from recorded runs: npm run bench -- fingerprint --write.

import type { Profile, Shape } from '../core/profile.ts';
import { type FingerprintScale, featureNames, featuresOf } from './features.ts';
import { fingerprintScale } from './fingerprint-scale.ts';

export type Fingerprint = Profile['fingerprint'];

export const fingerprintVersion = 1;
const limit = 2;

/** All zeros where nothing was measured. */
export function fingerprintOf(shape: Shape, scale: FingerprintScale = fingerprintScale): Fingerprint {
  const found = featuresOf(shape);
  const values = featureNames.map((feature, i) => {
    const [value, by] = [found[i], scale[feature]];
    if (value === undefined || by === undefined) return 0;
    return by.weight * Math.min(limit, Math.max(-limit, (value - by.centre) / by.spread));
  });
  const length = Math.hypot(...values);
  return {
    version: fingerprintVersion,
    values: values.map((value) => (length > 0 ? Math.round((1e6 * value) / length) / 1e6 + 0 : 0)),
  };
}

/** From −1 (opposite) over 0 (nothing in common, or nothing measured) to 1 (the same). Undefined between versions. */
export function likeness(a: Fingerprint, b: Fingerprint): number | undefined {
  if (a.version !== b.version || a.values.length !== b.values.length) return undefined;
  const dot = a.values.reduce((sum, value, i) => sum + value * b.values[i]!, 0);
  const lengths = Math.hypot(...a.values) * Math.hypot(...b.values);
  return lengths > 0 ? Math.max(-1, Math.min(1, dot / lengths)) : 0;
}
