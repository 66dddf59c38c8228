import { expect, it } from 'vitest';
import { counters } from '../../test/profiles/counters.ts';
import { littleTrace } from '../../test/profiles/little-trace.ts';
import { bursts } from '../traces/bursts.ts';
import { inWordsOf } from './replayed.ts';

// a waits 10 for a disk, twice 5 for a time, and 20 for b, through a pipe
const recorded = littleTrace({
  cpus: 2,
  endNs: 200,
  steps: [
    [0, 0, 'switch', '', 'a'],
    [0, 1, 'switch', '', 'b'],
    [10, 0, 'switch', 'a', '', 'disk'],
    [20, 0, 'wake', 'a', 'interrupt'],
    [20, 0, 'switch', '', 'a'],
    [30, 0, 'switch', 'a', '', 'sleep'],
    [35, 0, 'wake', 'a', 'timer'],
    [35, 0, 'switch', '', 'a'],
    [40, 0, 'switch', 'a', '', 'sleep'],
    [45, 0, 'wake', 'a', 'timer'],
    [45, 0, 'switch', '', 'a'],
    [60, 0, 'switch', 'a', '', 'pipe'],
    [80, 1, 'wake', 'a', 'b'],
    [80, 0, 'switch', '', 'a'],
    [90, 0, 'switch', 'a', '', 'ended'],
  ],
});
const replay = counters([
  {
    ...{ tid: 1000, endedNs: 95 },
    waits: {
      other: { count: 1, ns: 3 },
      sleep: { count: 3, ns: 30 },
      futex: { count: 1, ns: 4 },
      child: { count: 1, ns: 9 },
    },
    wakes: { timer: 3, task: 2 },
  },
  { tid: 1001, endedNs: 95, waits: { sleep: { count: 1, ns: 7 } }, wakes: {} },
]);

it('waits and wakes are called what they had been in the recording, in its shares', () => {
  const [a, b] = inWordsOf(replay, recorded, bursts(recorded)).tasks;
  expect(a?.waits).toEqual({
    disk: { count: 1, ns: 15 }, // one of three, 10 of 20 ns
    sleep: { count: 2, ns: 15 },
    pipe: { count: 1, ns: 4 },
    child: { count: 1, ns: 9 },
  });
  expect(a?.wakes).toEqual({ interrupt: 1, timer: 2, task: 2 });
  expect(a?.endedNs).toBe(95);
  // nothing is known of its waits, and in the recording it did not end
  expect(b?.waits).toEqual({ sleep: { count: 1, ns: 7 } });
  expect(b?.endedNs).toBeUndefined();
});
