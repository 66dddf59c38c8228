// What the breaker would see, from what the KPIs have said before: asked before anything is attached, for a watch that sees nothing protects nobody.

import { openBreaker, type Sight } from '../../judge/breaker.ts';
import { percent } from '../../judge/text.ts';
import { kpiOf } from './charge.ts';
import type { Samples } from './samples.ts';

/** A KPI in which a loss of half, or twice the latency, stays unseen is no watch. */
const mostUnseen = { higher: 0.5, lower: 1 } as const;

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
  const sights = breaker.sight();
  const isSeen = ({ kpi, seenAtAll }: Sight): boolean =>
    seenAtAll <= mostUnseen[kpis.find(({ name }) => name === kpi)!.better];
  if (sights.some(isSeen)) return { words: sights.map(wordsOf).join('; ') };
  const blind = sights.map(
    ({ kpi, seenAtAll }) => `${kpi} varies so much that a loss below ${percent(seenAtAll)} would stay unseen`,
  );
  return { blind: `${blind.join('; ')}: watch something steadier, or give it a longer reference` };
}

function wordsOf({ kpi, seenWithinDeadline, seenAtAll }: Sight): string {
  return `a loss of ${percent(seenWithinDeadline)} in ${kpi} would be seen within 2 s, of ${percent(seenAtAll)} in 20 s`;
}
