// What a trip shows: since when, by how much, in words. The change point is the split of the samples that explains them best (Hinkley 1970, with the level before it known);
// the loss is the median of what came after it.
import { median } from '../../lib/stats.ts';
import { fractionOf, gainOf, toEffect } from '../compare.ts';
import { interval, percent, quantity } from '../text.ts';
import { allowedRate, boundaryAt, studentised } from './boundary.ts';
import { freedomOf, standardError } from './reference.ts';
import type { Watch } from './state.ts';
import type { Evidence, Sight } from './types.ts';
import { limitOf } from './windows.ts';

const [alpha, leastAfter] = [0.05, 3];

/** The evidence of a watch that has crossed; `shift` takes steady times to the caller's clock. */
export function evidenceOf(watch: Watch, shift: number): Evidence {
  const { state, terms } = watch;
  const { kpi } = terms;
  const [reference, crossing] = [state.reference!, state.crossing!];
  const end = state.times.findLastIndex((at) => at <= crossing.at) + 1;
  const start = changeIndex(watch, end);
  const gains = state.values
    .slice(start, end)
    .map((value) => gainOf(kpi.better, { value, base: reference.value }));
  // 1.2533: a median's standard error over a mean's, for normal noise
  const z = studentised(
    boundaryAt(allowedRate(alpha, crossing.at - state.from + terms.watchedNs), terms.windowsNs[0]!),
    freedomOf(reference),
  );
  const half = z * 1.2533 * standardError(reference, gains.length);
  const estimate = median(gains);
  const effect = toEffect(kpi.better, {
    n: gains.length,
    estimate,
    low: estimate - half,
    high: estimate + half,
    confidence: 1 - alpha,
  });
  const sinceAt = Math.max(state.times[start]! - kpi.intervalNs, state.from) - shift;
  const limit = -fractionOf(kpi.better, -crossing.limit);
  const { windowNs } = crossing;
  const evidence = { kpi: kpi.name, effect, sinceAt, referenceValue: reference.value, samples: gains.length };
  const heldNs = crossing.at - shift - sinceAt;
  const now = reference.value * (1 + effect.relative);
  const words =
    `${kpi.name} ${effect.relative < 0 ? 'fell' : 'rose'} from ${quantity(reference.value, kpi.unit)} to ${quantity(now, kpi.unit)}, ` +
    `by ${percent(Math.abs(effect.relative))} (${interval(effect)}), for ${quantity(heldNs, 'ns')}; ` +
    `${percent(limit)} over ${quantity(windowNs, 'ns')} is where it trips`;
  return { ...evidence, limit, windowNs, words };
}

/** Index of the first sample after the change, among those of the longest window before `end`. */
function changeIndex({ state, terms, gains }: Watch, end: number): number {
  const start = Math.max(state.from, state.times[end - 1]! - terms.windowsNs.at(-1)!);
  let [sum, best, index] = [0, 0, Math.max(0, end - leastAfter)];
  for (let i = end - 1; i >= 0 && state.times[i]! > start; i--) {
    sum += gains[i]!;
    const score = sum < 0 ? sum ** 2 / (end - i) : 0;
    if (end - i >= leastAfter && score > best) [best, index] = [score, i];
  }
  return index;
}

/** What can be seen of a KPI when the watch begins. */
export function sightOf({ terms, state }: Watch): Sight {
  const reference = state.reference!;
  const { kpi } = terms;
  const seen = (index: number): number => {
    const n = Math.max(2, Math.floor(terms.windowsNs[index]! / kpi.intervalNs));
    const limit = limitOf(terms, reference, index, n, terms.watchedNs).loss;
    return -fractionOf(kpi.better, -(limit + 2.33 * standardError(reference, n)));
  };
  return {
    kpi: kpi.name,
    referenceValue: reference.value,
    noise: reference.deviation,
    correlation: reference.correlation,
    seenWithinDeadline: seen(0),
    seenAtAll: seen(terms.windowsNs.length - 1),
  };
}
