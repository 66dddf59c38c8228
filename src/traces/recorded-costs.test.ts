import { expect, test } from 'vitest';
import { stillRunnable, traceKinds, waitReasons, wakeCauses } from '../core/trace.ts';
import { TraceBuilder } from './builder.ts';
import { recordedCosts } from './recorded-costs.ts';

const [pipe, byTask] = [waitReasons.indexOf('pipe'), wakeCauses.indexOf('task')];

/** Rounds of one millisecond in which task 0, on CPU 0, wakes task 1, which waits for CPU 1: idle, or task 2's. */
function traceOf(rounds: number, lateNs: (round: number) => number, isIdle: boolean) {
  const builder = new TraceBuilder();
  const [a, b, c] = [1, 2, 3].map((tid) => builder.born(tid, -1)) as [number, number, number];
  for (const one of builder.tasks) one.isFollowed = true;
  builder.add(0, traceKinds.switch, 0, -1, a);
  builder.add(0, traceKinds.switch, 1, -1, isIdle ? -1 : c);
  for (let round = 0; round < rounds; round++) {
    const at = 1e6 * (round + 1);
    const prev = isIdle ? -1 : c;
    builder.add(at, traceKinds.wake, 0, b, a, byTask);
    builder.add(at + lateNs(round), traceKinds.switch, 1, prev, b, isIdle ? 0 : stillRunnable);
    builder.add(at + lateNs(round) + 1000, traceKinds.switch, 1, b, prev, pipe);
  }
  return builder.finish({ source: 'probes', cpus: 2 });
}

test('an idle CPU: what wake-ups took, the least first', () => {
  const late = (round: number): number => 10_000 + 100 * ((7 * round) % 11);
  const all = Array.from({ length: 11 }, (_, i) => 10_000 + 100 * i);
  expect(recordedCosts(traceOf(11, late, true))).toEqual({ idleWakesNs: all, lookNs: undefined });
  const many = recordedCosts(traceOf(1000, (round) => round, true)).idleWakesNs;
  expect(many).toHaveLength(200);
  expect([many[0], many[99], many[199]]).toEqual([2, 497, 997]); // in the middle of 5 each
});

test('a busy CPU: wake-ups fall anywhere between two looks, so these are twice as far apart', () => {
  const late = (round: number): number => 20_000 * round;
  expect(recordedCosts(traceOf(11, late, false))).toEqual({ idleWakesNs: [], lookNs: 200_000 });
});

test('of a few nothing is said', () => {
  expect(recordedCosts(traceOf(5, () => 10, true))).toEqual({ idleWakesNs: [], lookNs: undefined });
});
