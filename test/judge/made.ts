// Streams of one KPI for tests of the breaker, from 30 s before it is armed.

import type { BreakerOptions, Kpi } from '../../src/judge/breaker.ts';
import { judgeStream } from '../../src/judge/breaker-stream.ts';
import type { Sample } from './streams.ts';

export const s = 1e9;
export const kpi: Kpi = { name: 'throughput', better: 'higher', unit: '1/s', intervalNs: 0.1 * s };
export const options: BreakerOptions = { kpis: [kpi] };

/** Samples every 100 ms from −30 s to `until` s; a number, or a function of the second and the index. */
export function made(
  until: number,
  value: (second: number, index: number) => number,
  name = 'throughput',
): Sample[] {
  return Array.from({ length: Math.round((until + 30) * 10) }, (_, i) => {
    const at = -30 + (i + 1) / 10;
    return { kpi: name, at: Math.round(at * s), value: value(at, i) };
  });
}
/** 99, 101, 100, … : a deviation below 1 %, no positive correlation. */
export const steady = (_: number, i: number): number => 99 + ((i * 2) % 3);
export const judged = (samples: readonly Sample[], with_: BreakerOptions = options, gapNs = 60 * s) =>
  judgeStream(with_, samples, samples.at(-1)!.at, { armAt: 0, gapNs });
