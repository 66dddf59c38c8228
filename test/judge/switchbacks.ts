// Made-up switchbacks: a service with noise that remembers, drift and an effect that takes its time, measured block by block under the real plan.
import {
  blockOf,
  blockValue,
  judgeSwitchback,
  type MeasuredBlock,
  type SwitchbackJudgement,
  type SwitchbackPlan,
} from '../../src/judge/switchback.ts';
import { createRandom, derive } from '../../src/lib/random.ts';

export interface Service {
  readonly name: string;
  /** Of a sample of 100 ms, on the log scale, and its correlation with the next. */
  readonly sigma: number;
  readonly rho: number;
  /** Sinusoidal drift: part up and down, period. */
  readonly drift?: { readonly part: number; readonly periodNs: number };
  /** Change of the level per hour, log scale. */
  readonly trend?: number;
  /** Deviation of a random walk per square root of a second. */
  readonly walk?: number;
  /** How fast the effect comes and goes after a switch. */
  readonly settleNs?: number;
}

export const services: readonly Service[] = [
  { name: '10 %, independent', sigma: 0.1, rho: 0 },
  { name: '10 %, AR(1) 0.8', sigma: 0.1, rho: 0.8 },
  { name: '25 %, AR(1) 0.8', sigma: 0.25, rho: 0.8 },
  { name: '10 %, AR(1) 0.98', sigma: 0.1, rho: 0.98 },
  {
    name: '10 %, AR(1) 0.8, drift ±10 % in a minute',
    sigma: 0.1,
    rho: 0.8,
    drift: { part: 0.1, periodNs: 60e9 },
  },
  {
    name: '10 %, AR(1) 0.8, drift as long as two pairs',
    sigma: 0.1,
    rho: 0.8,
    drift: { part: 0.1, periodNs: 40e9 },
  },
  { name: '10 %, AR(1) 0.8, down to a third in an hour', sigma: 0.1, rho: 0.8, trend: -1.1 },
  { name: '10 %, AR(1) 0.8, a random walk of 1 % in a second', sigma: 0.1, rho: 0.8, walk: 0.01 },
  { name: '10 %, AR(1) 0.8, settles in 0.3 s', sigma: 0.1, rho: 0.8, settleNs: 300e6 },
];

const intervalNs = 100e6;

export interface SwitchbackRun {
  readonly judgement: SwitchbackJudgement;
  readonly blocks: number;
}

/** Runs a plan to its end; `effect` is the candidate's true relative change. */
export function runSwitchback(
  plan: SwitchbackPlan,
  service: Service,
  effect: number,
  seed: number,
): SwitchbackRun {
  const random = createRandom(derive(seed, 'service'));
  const { sigma, rho, drift, trend = 0, walk = 0, settleNs } = service;
  const phase = 2 * Math.PI * random.uniform();
  const target = Math.log1p(effect);
  const part = settleNs === undefined ? 1 : 1 - Math.exp(-intervalNs / settleNs);
  let [noise, wander, under] = [sigma * random.normal(), 0, 0];
  const measured: MeasuredBlock[] = [];
  for (;;) {
    const judgement = judgeSwitchback(plan, measured);
    if (judgement.next === null) return { judgement, blocks: measured.length };
    const block = blockOf(plan, judgement.next.block);
    const samples: { at: number; value: number }[] = [];
    for (let at = block.startNs + intervalNs; at <= block.endNs; at += intervalNs) {
      noise = rho * noise + Math.sqrt(1 - rho * rho) * sigma * random.normal();
      wander += walk * Math.sqrt(intervalNs / 1e9) * random.normal();
      under += part * ((block.arm === 'candidate' ? target : 0) - under);
      const swing =
        drift === undefined ? 1 : 1 + drift.part * Math.sin((2 * Math.PI * at) / drift.periodNs + phase);
      samples.push({ at, value: 1000 * swing * Math.exp(noise + wander + under + (trend * at) / 3600e9) });
    }
    measured.push(blockValue(block, samples, intervalNs));
  }
}
