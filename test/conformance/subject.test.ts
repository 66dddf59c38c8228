// The bench of the suite keeps outcomes so that cases can share them, but not those of a case that failed: a second try of it would see them again.

import { expect, it } from 'vitest';
import type { Experiment, Outcome } from '../../src/core/records.ts';
import { openSimulator } from '../../src/machines/simulator.ts';
import { cell, workload } from './case.ts';
import { Bench, byDefault, memoryBlobs } from './subject.ts';

const one = cell(workload('one', { groups: [{ name: 'hog', phases: [{ run: '1ms' }] }] }), 1, byDefault);

it('runs a cell once, and anew for a case that failed', async () => {
  const blobs = memoryBlobs();
  const machine = openSimulator(blobs);
  const reference = machine.reference('tcg');
  let runs = 0;
  const counted = (experiment: Experiment): Promise<Outcome> => {
    runs++;
    return machine.run(experiment);
  };
  const bench = new Bench({
    ...{ name: 'simulator', kernel: '6.18', blobs, reference, exact: reference, memoryMiB: 0 },
    machine: { ...machine, run: counted },
  });
  /** Asks for the cell, and wants it to have run so many times. */
  const wants = (count: number) => async (): Promise<void> => {
    await bench.run(one);
    expect(runs).toBe(count);
  };
  await bench.check({ check: wants(1) });
  await bench.check({ check: wants(1) });
  await expect(bench.check({ check: wants(2) })).rejects.toThrow('expected 1 to be 2');
  await bench.check({ check: wants(2) });
});
