// What features say to a reader is what was seen.

import { expect, it } from 'vitest';
import { features } from './features.ts';

const work = features.find(({ name }) => name === 'workPerWait')!;
const shape = { cpus: 4, utilisation: 0.25, cpuNs: 2e9, switchesPerS: 10, involuntaryShare: 1 };

it('CPU time between two waits is never longer than what there was; without waits there is no between', () => {
  expect(work.of(shape)).toBeCloseTo(Math.log10(60e6), 9); // the number of the model has its floor
  expect(work.words(shape)).toBe('no wait in 2 s of CPU time');
  expect(work.words({ ...shape, switchesPerS: 0.5, involuntaryShare: 0.99 })).toBe(
    '2 s of CPU time between two waits',
  );
  expect(work.words({ ...shape, involuntaryShare: 0 })).toBe('100 ms of CPU time between two waits');
});
