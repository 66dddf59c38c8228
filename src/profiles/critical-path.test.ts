import { expect, it } from 'vitest';
import { littleTrace, type Step } from '../../test/profiles/little-trace.ts';
import { bursts } from '../traces/bursts.ts';
import { criticalPathOf } from './critical-path.ts';
import { observedOf } from './observed.ts';
import { lastAlone } from './occupancy.ts';
import { periodOf } from './periodicity.ts';

function read(cpus: number, endNs: number, steps: readonly Step[], strangers: readonly string[] = []) {
  const trace = littleTrace({ cpus, endNs, steps, strangers });
  return { trace, all: bursts(trace), observed: observedOf(trace) };
}

it('a sleep leads on to the work before it; a device does too', () => {
  const { trace, all, observed } = read(1, 100, [
    [0, 0, 'switch', '', 'a'],
    [10, 0, 'switch', 'a', '', 'sleep'],
    [50, 0, 'wake', 'a', 'timer'],
    [50, 0, 'switch', '', 'a'],
    [55, 0, 'switch', 'a', '', 'disk'],
    [90, 0, 'wake', 'a', 'interrupt'],
    [91, 0, 'switch', '', 'a'],
    [98, 0, 'switch', 'a', '', 'ended'],
  ]);
  expect(criticalPathOf(trace, all, observed)).toMatchObject({ ns: 10 + 5 + 7, tasks: 1 });
});

it('who ends early is not on it, and of a waker only the work until the wakeup is', () => {
  const { trace, all, observed } = read(2, 100, [
    [0, 0, 'switch', '', 'long'],
    [0, 1, 'switch', '', 'short'],
    [30, 1, 'switch', 'short', '', 'futex'],
    [60, 0, 'wake', 'short', 'long'],
    [60, 1, 'switch', '', 'short'],
    [70, 0, 'switch', 'long', '', 'ended'],
    [99, 1, 'switch', 'short', '', 'ended'],
  ]);
  expect(criticalPathOf(trace, all, observed)).toEqual({
    ns: 60 + 39,
    tasks: 2,
    longest: [
      { task: 0, ns: 60 },
      { task: 1, ns: 39 },
    ],
  });
});

it('a waker that is not observed is outside: the task leads on to itself', () => {
  const steps: Step[] = [
    [0, 0, 'switch', '', 'a'],
    [10, 0, 'switch', 'a', 'other', 'socket'],
    [40, 0, 'wake', 'a', 'other'],
    [45, 0, 'switch', 'other', 'a', 'poll'],
    [60, 0, 'switch', 'a', '', 'ended'],
  ];
  const outside = read(1, 60, steps, ['other']);
  expect(criticalPathOf(outside.trace, outside.all, outside.observed)).toMatchObject({ ns: 25, tasks: 1 });
  const inside = read(1, 60, steps);
  expect(criticalPathOf(inside.trace, inside.all, inside.observed)).toMatchObject({ ns: 15 + 30, tasks: 2 });
});

/** Wakeups by timer at these times, each followed by 2 ns of work, on the CPU of this number. */
function ticks(cpu: number, who: string, times: readonly number[]): Step[] {
  return times.flatMap((at): Step[] => [
    [at, cpu, 'wake', who, 'timer'],
    [at, cpu, 'switch', '', who],
    [at + 2, cpu, 'switch', who, '', 'sleep'],
  ]);
}

it('a period, and how many wakeups keep it', () => {
  // from 100 to 600 five intervals of 100, then 150 and 95: seven, of which six are within a tenth of the median, 100
  const even = read(1, 1000, ticks(0, 'a', [100, 200, 300, 400, 500, 600, 750, 845]));
  expect(periodOf(even.all, even.observed)).toEqual({ ns: 100, strength: 6 / 7 });
  const few = read(1, 1000, ticks(0, 'a', [100, 200, 300, 400]));
  expect(periodOf(few.all, few.observed)).toBeUndefined();
});

it('tasks of one period count together, those of another against it', () => {
  const a = ticks(0, 'a', [100, 200, 300, 400, 500, 600]);
  const b = ticks(1, 'b', [130, 235, 340, 445, 550]);
  const c = ticks(2, 'c', [10, 30, 50, 70, 90]);
  const steps = [...a, ...b, ...c].sort((one, other) => one[0] - other[0]);
  const { all, observed } = read(3, 1000, steps);
  // five of 100, four of 105, four of 20
  expect(periodOf(all, observed)).toEqual({ ns: 100, strength: 9 / 13 });
});

it.each<[string, number[], number]>([
  ['never together', [], 1],
  ['together until 60 of 100', [0, 60], 0.4],
  ['together to the end', [10, 100], 0],
  ['a short meeting does not count: 2 in 41', [0, 59, 70, 72], 0.41],
  ['a longer one does: 3 in 41', [0, 59, 70, 73], 0.27],
])('the lonely end: %s', (_, together, share) => {
  expect(lastAlone(together, 0, 100)).toBeCloseTo(share);
});
