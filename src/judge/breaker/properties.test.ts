import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { judged, kpi, made, options, s, steady } from '../../../test/judge/made.ts';
import { noises, type Sample, stream, tail, throughput } from '../../../test/judge/streams.ts';
import { type BreakerOptions, type Kpi, openBreaker } from '../breaker.ts';
import { judgeStream } from '../breaker-stream.ts';

describe('breaker, as properties', () => {
  const noisy = noises.filter(({ name }) =>
    ['lognormal 20 %', 'AR(1) 0.8, 10 %', '8 %, drift ±10 % in a minute'].includes(name),
  );
  const anyNoise = fc.constantFrom(...noisy);
  const seed = fc.nat(1e6);
  const run = (samples: readonly Sample[], with_: BreakerOptions = options) => judged(samples, with_);
  const whenTripped = (samples: readonly Sample[]): number => run(samples).at ?? Number.POSITIVE_INFINITY;

  it('a larger loss never trips later', () => {
    const factor = fc.double({ min: 0.5, max: 1, noNaN: true });
    fc.assert(
      fc.property(anyNoise, seed, factor, factor, (noise, seed, one, more) => {
        const when = (factor: number): number => {
          const shape = { kpi: throughput, noise, level: 1000, change: { atNs: 3 * s, factor } };
          return whenTripped(stream(shape, 31 * s, 20 * s, seed));
        };
        expect(when(one * more)).toBeLessThanOrEqual(when(one));
      }),
      { numRuns: 100, seed: 1 },
    );
  });

  it('any samples at any times give a decision, and a snapshot that is JSON', () => {
    const time = fc.oneof(
      fc.integer({ min: -40, max: 40 }).map((t) => t * s),
      fc.double(),
    );
    const value = fc.oneof(fc.double(), fc.double({ min: 0, max: 10 }), fc.constantFrom(0, 1e308, 5e-324));
    const step = fc.record({
      at: time,
      value,
      what: fc.constantFrom('sample', 'sample', 'sample', 'tick', 'arm'),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), fc.boolean(), fc.boolean(), (steps, counter, warm) => {
        const breaker = openBreaker({ kpis: [{ ...kpi, kind: counter ? 'counter' : 'value' }] });
        if (warm) for (const { at, value } of made(0, steady)) breaker.sample('throughput', at, value);
        if (warm) breaker.arm(0);
        for (const { at, value, what } of steps) {
          if (what === 'sample') breaker.sample('throughput', at, value);
          else if (what === 'tick') breaker.tick(at);
          else breaker.arm(at);
        }
        const state = breaker.snapshot();
        expect(JSON.parse(JSON.stringify(state))).toEqual(state);
      }),
      { numRuns: 300, seed: 5 },
    );
  });

  it('units do not matter', () => {
    fc.assert(
      fc.property(anyNoise, seed, fc.double({ min: 1e-6, max: 1e9, noNaN: true }), (noise, seed, unit) => {
        const shape = { kpi: throughput, noise, level: 1000, change: { atNs: 3 * s, factor: 0.7 } };
        const samples = stream(shape, 31 * s, 12 * s, seed);
        const scaled = samples.map((one) => ({ ...one, value: one.value * unit }));
        expect(whenTripped(scaled)).toBe(whenTripped(samples));
      }),
      { numRuns: 60, seed: 2 },
    );
  });

  it('goes on from a snapshot, through JSON, as if nothing had been', () => {
    fc.assert(
      fc.property(anyNoise, seed, fc.double({ min: -5, max: 14, noNaN: true }), (noise, seed, cut) => {
        const shape = { kpi: throughput, noise, level: 1000, change: { atNs: 5 * s, factor: 0.7 } };
        const samples = stream(shape, 31 * s, 15 * s, seed);
        const whole = run(samples);
        const first = samples.filter(({ at }) => at <= cut * s);
        const rest = samples.slice(first.length);
        const half = judgeStream(options, first, first.at(-1)!.at, { armAt: 0 });
        if (half.decision !== 'ok') {
          expect(half.decision).toEqual(whole.decision);
          return;
        }
        const from = JSON.parse(JSON.stringify(half.state));
        const armAt = half.state.armedAt === null ? 0 : null;
        const second = judgeStream(options, rest, samples.at(-1)!.at, { armAt, from });
        expect(second.decision).toEqual(whole.decision);
        expect(second.at).toEqual(whole.at);
      }),
      { numRuns: 60, seed: 3 },
    );
  });

  it('the order of KPIs does not matter, listed or sampled', () => {
    fc.assert(
      fc.property(anyNoise, seed, fc.boolean(), (noise, seed, both) => {
        const worse = (of: Kpi, factor: number) => ({
          kpi: of,
          noise,
          level: 1000,
          change: { atNs: 3 * s, factor },
        });
        const a = stream(worse(throughput, 0.6), 31 * s, 12 * s, seed);
        const b = stream(worse(tail, both ? 2.5 : 1), 31 * s, 12 * s, seed);
        const order = (samples: Sample[]): Sample[] => samples.sort((x, y) => x.at - y.at);
        const one = run(order([...a, ...b]), { kpis: [throughput, tail] });
        const other = run(order([...b, ...a]), { kpis: [tail, throughput] });
        expect(other.decision).toEqual(one.decision);
      }),
      { numRuns: 40, seed: 4 },
    );
  });
});
