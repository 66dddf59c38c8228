import { describe, expect, it } from 'vitest';
import { judged, kpi, made, options, s, steady } from '../../test/judge/made.ts';
import { noises, stream, throughput } from '../../test/judge/streams.ts';
import { type BreakerOptions, type Decision, type Kpi, openBreaker } from './breaker.ts';
import { judgeStream } from './breaker-stream.ts';

const cause = (decision: Decision): string =>
  decision === 'ok' ? 'ok' : 'tripped' in decision ? decision.tripped.cause : decision.noGo.code;

describe('breaker', () => {
  it('lets a steady stream be', () => {
    expect(judged(made(120, steady)).decision).toBe('ok');
  });

  // Hardly any noise, so the limit is what is tolerated: −ln 0.85 = 0.1625 as the mean of 19 samples, each clipped at 1.5 times that, 0.2438.
  it.each<[string, number, number]>([
    // −ln 0.72 = 0.3285 is clipped: 13 samples make 0.1668, 12 make 0.1540
    ['a loss of 28 % trips with its thirteenth sample', 0.72, 11.3],
    // −ln 0.8 = 0.2231: 14 make 0.1644, 13 make 0.1527
    ['20 % with its fourteenth', 0.8, 11.4],
    // −ln 0.84 = 0.1744: 18 make 0.1652, 17 make 0.1560
    ['16 % with its eighteenth', 0.84, 11.8],
    ['all of it is clipped too', 0, 11.3],
  ])('%s', (_, factor, at) => {
    const { decision, at: when } = judged(
      made(20, (second, i) => steady(second, i) * (second > 10.01 ? factor : 1)),
    );
    expect(cause(decision)).toBe('loss');
    expect(when! / s).toBeCloseTo(at, 6);
  });

  it('does not wait for a whole window after arming', () => {
    // a third of 18.5 samples: seven
    const { at } = judged(made(20, (second, i) => steady(second, i) * (second > 0 ? 0.7 : 1)));
    expect(at! / s).toBeCloseTo(0.7, 6);
  });

  it('never trips on what is tolerated', () => {
    expect(judged(made(300, (second, i) => steady(second, i) * (second > 10 ? 0.87 : 1))).decision).toBe(
      'ok',
    );
  });

  it('lets a level slide further than it may fall, but not out of sight', () => {
    // 30 % in 30 s: the ten seconds before are never 15 % better. The mean of 5.55 s is 1.7 · 0.1625 = 0.2763 below at 10 + 5.55 / 2 + 30 · 0.2763 / 0.3567 = 36.0 s.
    const slide = (by: number) =>
      judged(made(80, (t, i) => steady(t, i) * Math.exp(by * Math.min(1, Math.max(0, (t - 10) / 30)))));
    const { decision, at } = slide(-0.3567);
    expect(cause(decision)).toBe('loss');
    expect(Math.abs(at! / s - 36)).toBeLessThan(0.3);
    expect(slide(-0.26).decision).toBe('ok');
  });

  it('tells what changed, by how much and since when', () => {
    const { decision } = judged(made(20, (second, i) => steady(second, i) * (second > 10.01 ? 0.7 : 1)));
    const trip = decision !== 'ok' && 'tripped' in decision ? decision.tripped : undefined;
    const [evidence] = trip!.evidence;
    expect(evidence!.effect.relative).toBeCloseTo(-0.3, 1);
    expect(evidence!.effect.low).toBeLessThan(-0.3);
    expect(evidence!.effect.high).toBeGreaterThan(-0.32);
    expect(evidence!.sinceAt / s).toBeCloseTo(10, 6);
    expect(evidence!.limit).toBeCloseTo(0.15, 9);
    expect(trip!.words).toMatch(
      /^throughput fell from 100 1\/s to \S+ 1\/s, by \S+ % \(95 % interval .*\), for 1.3 s; 15 % over 1.85 s/,
    );
  });

  it.each<[string, (second: number, i: number) => number, string, number | null]>([
    ['equal samples before', () => 100, 'kpi-constant', 0],
    ['nothing but NaN before', () => Number.NaN, 'kpi-missing', 0],
    ['mostly zero before', (_, i) => (i % 3 === 0 ? 1 : 0), 'kpi-unusable', 0],
    ['two of three missing before', (_, i) => (i % 3 === 0 ? 100 + (i % 2) : Number.NaN), 'kpi-missing', 0],
    ['equal samples under the policy', (t, i) => (t > 20 ? 100 : steady(t, i)), 'kpi-constant', 25.1],
    ['NaN under the policy', (t, i) => (t > 20 ? Number.NaN : steady(t, i)), 'kpi-missing', 22.1],
    ['negative under the policy', (t, i) => (t > 20 ? -1 : steady(t, i)), 'kpi-missing', 22.1],
    // the window that ends at 21.6 s is the last with seven samples: 19.8 to 20.1 s, and three more
    ['one of five left', (t, i) => (t > 20 && i % 5 !== 0 ? Number.NaN : steady(t, i)), 'kpi-missing', 27.7],
    ['a zero that stays', (t, i) => (t > 20 ? 0 : steady(t, i)), 'loss', 21.3],
  ])('%s', (_, value, expected, at) => {
    const { decision, at: when } = judged(made(40, value));
    expect(cause(decision)).toBe(expected);
    if (at !== null) expect(when! / s).toBeCloseTo(at, 6);
  });

  it('waits for twenty equal samples, and for four times what is usual', () => {
    const slow = { kpis: [{ ...kpi, intervalNs: 1 * s }] };
    const everySecond = made(60, (t, i) => (t > 20 ? 100 : 99 + ((i * 2) % 3))).filter(
      ({ at }) => at % s === 0,
    );
    // the first of the twenty is at 21 s
    expect(judged(everySecond, slow)).toMatchObject({
      at: 40 * s,
      decision: { noGo: { code: 'kpi-constant' } },
    });
    // runs of 1.9 s before: 7.6 s are needed; the last run begins at 20.1 s
    const lazy = (t: number, i: number): number => (t > 20 ? 100 : 99 + ((Math.floor(i / 20) * 2) % 3));
    expect(judged(made(40, lazy)).at! / s).toBeCloseTo(27.7, 6);
  });

  it('believes equal samples where they are announced', () => {
    const with_ = { kpis: [{ ...kpi, mayBeConstant: true }] };
    expect(
      judged(
        made(40, () => 6),
        with_,
      ).decision,
    ).toBe('ok');
    expect(
      cause(
        judged(
          made(40, (t) => (t > 20 ? 4 : 6)),
          with_,
        ).decision,
      ),
    ).toBe('loss');
  });

  it('notices that nothing comes at all', () => {
    const samples = made(20, steady);
    const { decision, at } = judgeStream(options, samples, 30 * s, { armAt: 0 });
    expect(cause(decision)).toBe('kpi-missing');
    expect(at! / s).toBeCloseTo(22.1, 6);
  });

  it('reads counters, and their resets as nothing', () => {
    let count = 0;
    const samples = made(40, (t, i) => {
      if (i % 70 === 0) count = 0;
      count += (t > 20 ? 0.6 : 1) * steady(t, i);
      return count;
    });
    const with_ = { kpis: [{ ...kpi, kind: 'counter' as const }] };
    const { decision, at } = judged(samples, with_);
    expect(cause(decision)).toBe('loss');
    expect(at! / s).toBeGreaterThan(20);
    expect(at! / s).toBeLessThan(21.5);
  });

  it.each([3600, -3600, 2])('a clock that steps by %d s is no loss, and hides none', (step) => {
    const samples = made(40, (t, i) => steady(t, i) * (t > 30 ? 0.7 : 1)).map((sample) =>
      sample.at > 10 * s ? { ...sample, at: sample.at + step * s } : sample,
    );
    const { decision, at } = judged(samples, options, 1 * s);
    expect(cause(decision)).toBe('loss');
    expect(at! / s - step).toBeGreaterThan(30);
    expect(at! / s - step).toBeLessThan(32);
  });

  it('a control plane that was frozen goes on where it was', () => {
    const samples = made(40, steady).filter(({ at }) => at < 10 * s || at > 18 * s);
    expect(judged(samples, options, 5 * s).decision).toBe('ok');
    // … but samples that stay away while it asks are missed
    expect(cause(judged(samples).decision)).toBe('kpi-missing');
  });

  it('names every KPI that is beyond its limit, by name', () => {
    const names = ['b', 'a'];
    const all = names.flatMap((name) => made(12, (t, i) => steady(t, i) * (t > 10 ? 0.5 : 1), name));
    const { decision } = judged(
      all.sort((x, y) => x.at - y.at),
      { kpis: names.map((name) => ({ ...kpi, name })) },
    );
    const evidence = decision !== 'ok' && 'tripped' in decision ? decision.tripped.evidence : [];
    expect(evidence.map((one) => one.kpi)).toEqual(['a', 'b']);
  });

  it('shares the false trips among KPIs, and says what it can see', () => {
    const noise = noises.find(({ name }) => name === 'lognormal 30 %')!;
    const samples = stream({ kpi: throughput, noise, level: 1000 }, 31 * s, 0, 1);
    const sightOf = (more: Partial<BreakerOptions>, ...kpis: Kpi[]) => {
      const breaker = openBreaker({ kpis, ...more });
      expect(breaker.sight()).toEqual([]);
      for (const { at, value } of samples) for (const { name } of kpis) breaker.sample(name, at, value);
      expect(breaker.arm(0)).toBe('ok');
      return breaker.sight().find((one) => one.kpi === 'throughput')!;
    };
    const alone = sightOf({}, throughput);
    expect(alone.noise).toBeCloseTo(0.3, 1);
    // by hand, z = 4.4: 1 − exp(−(4.4 + 2.33) · 0.3 · √(1/18 + 1/300)) = 0.39; a little more for what is estimated
    expect(alone.seenWithinDeadline).toBeGreaterThan(0.36);
    expect(alone.seenWithinDeadline).toBeLessThan(0.46);
    expect(alone.seenAtAll).toBeLessThan(alone.seenWithinDeadline);
    const among = sightOf({}, throughput, { ...throughput, name: 'a' }, { ...throughput, name: 'b' });
    expect(among.seenWithinDeadline).toBeGreaterThan(alone.seenWithinDeadline + 0.003);
    const later = sightOf({ watchedNs: 3600 * s }, throughput);
    expect(later.seenWithinDeadline).toBeGreaterThan(alone.seenWithinDeadline + 0.01);
  });

  it('spends the false trips on where other breakers of this policy have left off', () => {
    const noise = noises.find(({ name }) => name === 'lognormal 30 %')!;
    const samples = stream(
      { kpi: throughput, noise, level: 1000, change: { atNs: 0, factor: 0.2 } },
      61 * s,
      5 * s,
      1,
    );
    const limit = (watchedNs: number): number => {
      const { decision } = judged(samples, { kpis: [throughput], watchedNs });
      return decision !== 'ok' && 'tripped' in decision ? decision.tripped.evidence[0]!.limit : 0;
    };
    expect(limit(0)).toBeGreaterThan(0.2);
    expect(limit(3600 * s)).toBeGreaterThan(limit(0) + 0.01);
  });

  it('trips at once on a hard limit, whatever the KPIs say', () => {
    const breaker = openBreaker(options);
    for (const { at, value } of made(1, steady)) breaker.sample('throughput', at, value);
    breaker.arm(0);
    expect(breaker.tick(1 * s)).toBe('ok');
    breaker.hard(1.05 * s, 'the kernel ejected the policy: runnable task stall');
    breaker.hard(1.06 * s, 'something else');
    const decision = breaker.tick(1.1 * s);
    expect(decision).toMatchObject({ tripped: { cause: 'hard', at: 1.05 * s, evidence: [] } });
    expect(breaker.tick(9 * s)).toEqual(decision);
  });

  it('takes a reference in pieces, as a switchback leaves it', () => {
    // every second block of five seconds, and a policy that is bad from its first moment
    const pieces = made(5, (t, i) => steady(t, i) * (t > 0 ? 0.7 : 1)).filter(
      ({ at }) => at > 0 || Math.ceil(at / (5 * s)) % 2 === 0,
    );
    const early = pieces.map((one) => (one.at > 0 ? one : { ...one, at: one.at - 20 * s }));
    const breaker = openBreaker(options);
    for (const { at, value } of early.filter(({ at }) => at <= 0)) breaker.sample('throughput', at, value);
    expect(breaker.arm(0)).toBe('ok');
    expect(breaker.sight()[0]!.referenceValue).toBeCloseTo(100, 9);
    const first = early.find(({ at, value }) => {
      if (at > 0) breaker.sample('throughput', at, value);
      return at > 0 && breaker.tick(at) !== 'ok';
    });
    expect(first!.at / s).toBeCloseTo(0.7, 6);
  });

  it('takes no snapshot of other KPIs', () => {
    const state = openBreaker(options).snapshot();
    const other = { kpis: [{ ...kpi, name: 'latency' }] };
    expect(() => openBreaker(other, state)).toThrow('the snapshot is of throughput, not of latency');
  });

  it('counts the accepted past as reference when armed again', () => {
    const breaker = openBreaker(options);
    const samples = made(80, (t, i) => steady(t, i) * (t > 60 ? 0.6 : t > 0 ? 0.88 : 1));
    let decision: Decision = 'ok';
    for (const { at, value } of samples) {
      if (at === 0) decision = breaker.arm(at);
      if (at === 40 * s) decision = breaker.arm(at);
      breaker.sample('throughput', at, value);
      decision = breaker.tick(at);
      if (decision !== 'ok') break;
    }
    // 0.6 of 0.88 is a loss of 32 %: against the first reference it would be 40 %
    const evidence = decision !== 'ok' && 'tripped' in decision ? decision.tripped.evidence[0] : undefined;
    expect(evidence!.referenceValue).toBeCloseTo(88, 0);
    expect(Math.abs(evidence!.effect.relative + 0.318)).toBeLessThan(0.02);
  });

  it('goes with the day, but not without end', () => {
    const slowly = (perMinute: number, slowLoss?: null) =>
      judged(
        made(1200, (t, i) => steady(t, i) * Math.exp(-perMinute * (Math.max(0, t) / 60))),
        { ...options, renewNs: 60 * s, ...(slowLoss === null ? { slowLoss } : {}) },
      );
    expect(slowly(0.01).decision).toBe('ok');
    const { decision, at } = slowly(0.05);
    expect(cause(decision)).toBe('slow-loss');
    // −ln 0.7 = 0.357: reached after 7.1 minutes, seen at the renewal whose reference's middle is beyond: the eighth
    expect(at! / s / 60).toBeCloseTo(8, 1);
    expect(slowly(0.05, null).decision).toBe('ok');
  });

  it('measures slow losses from the first arming, not from the last', () => {
    const breaker = openBreaker({ ...options, renewNs: 60 * s });
    const samples = made(1200, (t, i) => steady(t, i) * Math.exp(-0.05 * (Math.max(0, t) / 60)));
    let over: { at: number; decision: Decision } | undefined;
    for (const { at, value } of samples) {
      if (at === 0 || at === 240 * s) expect(breaker.arm(at)).toBe('ok');
      breaker.sample('throughput', at, value);
      const decision = breaker.tick(at);
      if (decision === 'ok') continue;
      over = { at, decision };
      break;
    }
    expect(cause(over!.decision)).toBe('slow-loss');
    expect(over!.at / s / 60).toBeCloseTo(8, 1);
  });

  it.each<[string, Partial<BreakerOptions>]>([
    ['no KPI', { kpis: [] }],
    ['two KPIs have one name', { kpis: [kpi, kpi] }],
    ['not between 10 ms and 60 s', { kpis: [{ ...kpi, intervalNs: 1e6 }] }],
    ['not a fraction', { kpis: [{ ...kpi, tolerated: 1 }] }],
    ['not in (0, 0.5)', { falseTrips: 0 }],
  ])('refuses: %s', (message, change) => {
    expect(() => openBreaker({ ...options, ...change })).toThrow(message);
  });
});
