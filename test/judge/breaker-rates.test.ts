// What the breaker and the switchback promise, by simulation with fixed seeds. `npm run bench -- breaker` has the whole matrix.
import { describe, expect, it } from 'vitest';
import { breaker, tally } from '../../bench/breaker/runs.ts';
import { judgeStream } from '../../src/judge/breaker-stream.ts';
import { planSwitchback } from '../../src/judge/switchback.ts';
import { noises, stream, tail, throughput } from './streams.ts';
import { runSwitchback, services } from './switchbacks.ts';

const noiseOf = (name: string) => noises.find((noise) => noise.name === name)!;

describe('breaker, 100 runs with a change and 100 without', () => {
  const kinds = [
    'lognormal 10 %',
    'AR(1) 0.8, 8 %',
    '8 %, drift ±10 % in a minute',
    '8 %, collector: 150 ms of −60 % every 5 s',
    '8 %, 20 % missing, 5 % NaN',
    '8 %, clock an hour back',
    'AR(1) 0.6, 6 %, drift, collector, 5 % missing',
  ];
  it.each(kinds)('throughput, %s', (kind) => {
    const rates = tally({ kpi: throughput, noise: noiseOf(kind), factor: 0.7 }, breaker, 100);
    expect(rates.seen).toBeGreaterThanOrEqual(99);
    expect(rates.falsely).toBeLessThanOrEqual(1);
    expect(rates.noGo).toBe(0);
  });

  it.each(['lognormal 25 %', 'AR(1) 0.8, 10 %'])('p99, %s', (kind) => {
    const rates = tally({ kpi: tail, noise: noiseOf(kind), factor: 2 }, breaker, 100);
    expect(rates.seen).toBeGreaterThanOrEqual(99);
    expect(rates.falsely).toBeLessThanOrEqual(1);
  });

  // Nobody can see 30 % through this within two seconds; it must not guess, and sees it in its long windows.
  it('wide noise: late, but not falsely', () => {
    const noise = noiseOf('AR(1) 0.8, 15 %');
    let [late, falsely] = [0, 0];
    for (let seed = 0; seed < 50; seed++) {
      const run = (factor: number) => {
        const shape = { kpi: throughput, noise, level: 1000, change: { atNs: 5e9, factor } };
        return judgeStream({ kpis: [throughput] }, stream(shape, 61e9, 60e9, seed), 60e9, { armAt: 0 });
      };
      if (run(0.7).decision !== 'ok') late++;
      if (run(1).decision !== 'ok') falsely++;
    }
    expect(late).toBeGreaterThanOrEqual(45);
    expect(falsely).toBeLessThanOrEqual(1);
  });

  // What tripped on its mean was beyond noise, 15 % and more; what tripped on its jump was beyond what is tolerated.
  it('names the limit that was passed', () => {
    const shape = { kpi: throughput, noise: noiseOf('AR(1) 0.8, 10 %'), level: 1000 };
    const limits = Array.from({ length: 30 }, (_, seed) => {
      const samples = stream({ ...shape, change: { atNs: 5e9, factor: 0.65 } }, 61e9, 9e9, seed);
      const { decision } = judgeStream({ kpis: [throughput] }, samples, 9e9, { armAt: 0 });
      return decision !== 'ok' && 'tripped' in decision ? decision.tripped.evidence[0]!.limit : Number.NaN;
    });
    expect(limits.filter((limit) => Math.abs(limit - 0.15) < 1e-9).length).toBeGreaterThan(3);
    expect(limits.filter((limit) => limit > 0.18).length).toBeGreaterThan(3);
  });

  it('says when it began and how much it is', () => {
    const shape = { kpi: throughput, noise: noiseOf('lognormal 10 %'), level: 1000 };
    let [near, covered] = [0, 0];
    for (let seed = 0; seed < 100; seed++) {
      const changed = { ...shape, change: { atNs: 7.03e9, factor: 0.7 } };
      const { decision } = judgeStream({ kpis: [throughput] }, stream(changed, 61e9, 12e9, seed), 12e9, {
        armAt: 0,
      });
      const evidence = decision !== 'ok' && 'tripped' in decision ? decision.tripped.evidence[0]! : undefined;
      if (Math.abs(evidence!.sinceAt - 7.03e9) <= 0.2e9) near++;
      if (evidence!.effect.low <= -0.3 && evidence!.effect.high >= -0.3) covered++;
    }
    expect(near).toBeGreaterThanOrEqual(90);
    expect(covered).toBeGreaterThanOrEqual(95);
  });
});

describe('switchback, 200 runs', () => {
  it.each([
    ['10 %, AR(1) 0.8', -0.05],
    ['10 %, AR(1) 0.8, drift ±10 % in a minute', 0],
  ] as const)('%s with an effect of %d: the interval covers it', (name, effect) => {
    const service = services.find((one) => one.name === name)!;
    let [covered, go] = [0, 0];
    for (let seed = 0; seed < 200; seed++) {
      const plan = planSwitchback({
        seed,
        goal: { metric: 'throughput', direction: 'higher', unit: '1/s' },
        step: 0,
        steps: 1,
        question: 'no-harm',
        blockNs: 5e9,
        washoutNs: 1e9,
        mostPairs: 18,
      });
      const { judgement } = runSwitchback(plan, service, effect, seed);
      if (judgement.effect!.low <= effect && effect <= judgement.effect!.high) covered++;
      if (judgement.decision === 'go') go++;
    }
    // 95 % promised: 190, and three deviations below it
    expect(covered).toBeGreaterThanOrEqual(181);
    if (effect === -0.05) expect(go).toBeLessThanOrEqual(12);
    else expect(go).toBeGreaterThanOrEqual(50);
  });
});
