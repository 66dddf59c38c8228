// The simulator as a machine: one run at a time, interrupted when asked, and no livelock goes on for ever.

import { expect, it } from 'vitest';
import { openSimulator } from '../../src/machines/simulator.ts';
import { costProfiles, Simulator } from '../../src/simulator/simulate.ts';
import { expand } from '../../src/workload/expand.ts';
import { workload } from '../conformance/case.ts';
import { libraryArm } from '../conformance/library.ts';
import { experimentOf, memoryBlobs, type Subject } from '../conformance/subject.ts';

const blobs = memoryBlobs();
const machine = openSimulator(blobs);
const subject: Subject = {
  ...{ name: 'simulator', kernel: '6.18', machine, blobs, memoryMiB: 0 },
  reference: machine.reference('free'),
  exact: machine.reference('free'),
};
const hogs = (seconds: number) =>
  workload('hogs', { groups: [{ name: 'hog', count: 4, phases: [{ run: `${seconds}s` }] }] });
const experiment = (seconds: number, arm = 'vtime') =>
  experimentOf(subject, {
    workload: hogs(seconds),
    arm: libraryArm(arm),
    cpus: 2,
    seed: 1,
    limitMs: 3_000_000,
  });

it('runs asked for at once come out as runs one after the other', async () => {
  const wishes = [await experiment(1), await experiment(2, 'fifo'), await experiment(1, 'llc')];
  const atOnce = await Promise.all(wishes.map((wish) => machine.run(wish)));
  for (const [i, wish] of wishes.entries()) expect(await machine.run(wish)).toEqual(atOnce[i]);
});

it('a long run is interrupted in its midst, and the next one is as ever', async () => {
  const before = await machine.run(await experiment(1));
  const controller = new AbortController();
  const long = machine.run(await experiment(1000), controller.signal); // a million ticks
  setTimeout(() => controller.abort(), 20);
  await expect(long).rejects.toMatchObject({ code: 'interrupted' });
  expect(await machine.run(await experiment(1))).toEqual(before);
});

it('events without the clock moving end in a finding', () => {
  const { object } = libraryArm('fifo');
  const simulated = new Simulator().run({
    expansion: expand(hogs(1), { seed: 1, cpus: 2 }),
    ...{
      shape: { cpus: 2 },
      mode: 'checked',
      seed: 1,
      startOffsetNs: 0,
      pidOffset: 0,
      limitNs: 60e9,
      timeoutMs: 5000,
    },
    costs: costProfiles.free,
    policy: { object: object!, maps: [] },
    prepare(model) {
      const { core, freeSlot } = model;
      model.onSlot = () => core.wheel.set(freeSlot, core.now); // again, and at once
      core.wheel.set(freeSlot, core.now + 50_000_000);
    },
  });
  expect(simulated.finding).toMatchObject({
    code: 'bad-program',
    message: expect.stringContaining('without the clock moving'),
  });
});
