import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Attempt, restartAfter, usualBackOff } from './backoff.ts';

const s = 1e9;
const failed = (...seconds: number[]): Attempt[] => seconds.map((at) => ({ at: at * s, how: 'failed' }));
const options = { firstNs: 10 * s, factor: 2, mostNs: 60 * s, cap: 6, forgetNs: 1000 * s };

describe('restartAfter', () => {
  it.each<[string, Attempt[], number, object]>([
    ['nothing happened', [], 5, { kind: 'now', failures: 0 }],
    ['one failure waits 10 s', failed(100), 105, { kind: 'wait', failures: 1, untilAt: 110 * s }],
    ['… and then no more', failed(100), 110, { kind: 'now', failures: 1 }],
    ['the third waits 40 s', failed(0, 20, 50), 60, { kind: 'wait', failures: 3, untilAt: 90 * s }],
    ['the fourth would be 80, 60 is most', failed(0, 20, 50, 100), 101, { kind: 'wait', untilAt: 160 * s }],
    [
      'the sixth is the last',
      failed(0, 20, 50, 100, 200, 300),
      1e6,
      { kind: 'quarantined', sinceAt: 300 * s },
    ],
    ['a failure long after begins a new row', failed(0, 20, 2000), 2001, { kind: 'wait', untilAt: 2010 * s }],
    [
      'what was kept begins a new row',
      [...failed(0, 20), { at: 30 * s, how: 'kept' }, ...failed(40)],
      41,
      { kind: 'wait', failures: 1, untilAt: 50 * s },
    ],
    [
      'quarantine is not ended by anything kept',
      [...failed(0, 1, 2, 3, 4, 5), { at: 6 * s, how: 'kept' }],
      1e9,
      { kind: 'quarantined', failures: 6, sinceAt: 5 * s },
    ],
    [
      '… nor by time, nor counted on',
      failed(0, 1, 2, 3, 4, 5, 5000),
      1e9,
      { kind: 'quarantined', failures: 6, sinceAt: 5 * s },
    ],
    [
      '… but by a human',
      [...failed(0, 1, 2, 3, 4, 5), { at: 6 * s, how: 'released' }],
      7,
      { kind: 'now', failures: 0 },
    ],
    ['a clock an hour back waits no longer than 10 s', failed(4000), 400, { kind: 'wait', untilAt: 410 * s }],
    ['times that go back do not begin a new row', failed(5000, 20), 21, { kind: 'wait', untilAt: 40 * s }],
  ])('%s', (_, history, now, expected) => {
    expect(restartAfter(history, now * s, options)).toMatchObject(expected);
  });

  it('never waits longer than the most, nor less after one more failure', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(3000), { maxLength: 5 }), fc.nat(4000), (gaps, later) => {
        const times = gaps.map((_, i) => gaps.slice(0, i + 1).reduce((a, b) => a + b, 0));
        const now = ((times.at(-1) ?? 0) + later) * s;
        const wait = (history: Attempt[]): number => {
          const answer = restartAfter(history, now, options);
          return answer.kind === 'wait'
            ? answer.untilAt - now
            : answer.kind === 'now'
              ? 0
              : Number.POSITIVE_INFINITY;
        };
        const before = wait(failed(...times));
        expect(before).toBeLessThanOrEqual(60 * s);
        expect(wait([...failed(...times), { at: now, how: 'failed' }])).toBeGreaterThanOrEqual(before);
      }),
    );
  });

  it('quarantines by default after five in a day', () => {
    expect(restartAfter(failed(0, 100, 200, 300), 400 * s).kind).toBe('now');
    expect(restartAfter(failed(0, 100, 200, 300, 400), 500 * s)).toMatchObject({ kind: 'quarantined' });
    expect(usualBackOff.cap).toBe(5);
  });
});
