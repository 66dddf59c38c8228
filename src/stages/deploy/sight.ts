// What the breaker would see, from what the KPIs have said before: told before anything is attached.

import { openBreaker, type Sight } from '../../judge/breaker.ts';
import { percent } from '../../judge/text.ts';
import { kpiOf } from './charge.ts';
import type { Samples } from './samples.ts';

/** `blind`: why nobody would see a loss. */
export function sightOf(
  samples: Samples,
  nowNs: number,
): { readonly words: string } | { readonly blind: string } {
  const kpis = samples.kpis.map(kpiOf);
  const breaker = openBreaker({ kpis });
  for (const { kpi, at, value } of samples.reference()) breaker.sample(kpi, at, value);
  const armed = breaker.arm(nowNs);
  if (armed !== 'ok') return { blind: 'noGo' in armed ? armed.noGo.words : armed.tripped.words };
  return { words: breaker.sight().map(wordsOf).join('; ') };
}

function wordsOf({ kpi, seenWithinDeadline, seenAtAll }: Sight): string {
  return `a loss of ${percent(seenWithinDeadline)} in ${kpi} would be seen within 2 s, of ${percent(seenAtAll)} in 20 s`;
}
