// What the operations of a workload mean (docs/protocol.md, section 1), by hand calculation.

import { expect } from 'vitest';
import { opCodes } from '../../../src/core/workload.ts';
import { expand } from '../../../src/workload/expand.ts';
import {
  type Case,
  cell,
  completed,
  ms,
  oneTask,
  sum,
  tasksOf,
  tick,
  us,
  within,
  workload,
} from '../case.ts';
import { plain } from '../objects.ts';
import { type ArmWish, type Bench, byDefault } from '../subject.ts';

/** Under the default scheduler, and in order of arrival. */
function underBoth(name: string, why: string, check: (bench: Bench, arm: ArmWish) => Promise<void>): Case[] {
  return [byDefault, plain].map((arm) => ({
    name: `${name} under ${arm.name}`,
    why,
    check: (bench) => check(bench, arm),
  }));
}

/** A start, an end and a few system calls of an emulated guest; a fork alone takes it half a millisecond. */
const little = 2 * ms;

const lock = workload('lock', {
  groups: [
    {
      name: 'critical',
      count: 4,
      phases: [{ loop: 5, phases: [{ lock: 'one' }, { run: '2ms' }, { unlock: 'one' }] }],
    },
  ],
});
const pipeline = workload('pipeline', {
  groups: [
    { name: 'producer', phases: [{ loop: 10, phases: [{ run: '1ms' }, { write: 'data', bytes: 1000 }] }] },
    { name: 'consumer', phases: [{ loop: 10, phases: [{ read: 'data', bytes: 1000 }, { run: '3ms' }] }] },
  ],
});
const full = workload('full-pipe', {
  groups: [
    { name: 'writer', phases: [{ write: 'data', bytes: 131_072 }] },
    { name: 'reader', phases: [{ sleep: '20ms' }, { read: 'data', bytes: 131_072 }] },
  ],
});
const chain = workload('chain', {
  groups: [
    { name: 'first', phases: [{ run: '5ms' }, { signal: 'ready' }] },
    { name: 'second', phases: [{ wait: 'ready' }, { run: '5ms' }, { signal: 'steady' }] },
    { name: 'third', phases: [{ wait: 'steady' }, { run: '5ms' }] },
  ],
});
const family = workload('family', {
  groups: [
    {
      name: 'parent',
      phases: [{ run: '5ms' }, { fork: 'child' }, { run: '5ms' }, { join: 'child' }, { run: '5ms' }],
    },
    { name: 'child', phases: [{ run: '20ms' }] },
  ],
});
const waits: Case[] = [
  ...underBoth(
    'a lock',
    'four tasks, five times 2 ms under one lock: 40 ms however many CPUs there are',
    async (bench, arm) => {
      const outcome = await completed(bench, cell(lock, 4, arm));
      within('makespan', outcome.metrics.makespanNs, 40 * ms, 42 * ms + little);
    },
  ),
  ...underBoth(
    'a pipe',
    '1 ms until the first item, then ten times 3 ms: the producer is ahead',
    async (bench, arm) => {
      const outcome = await completed(bench, cell(pipeline, 2, arm));
      // EEVDF may wake the consumer beside the producer, and pull it over at the next tick
      within('makespan on two CPUs', outcome.metrics.makespanNs, 31 * ms, 32 * ms + tick + little);
      const alone = await completed(bench, cell(pipeline, 1, arm));
      within('makespan on one', alone.metrics.makespanNs, 40 * ms, 42 * ms + little);
    },
  ),
  ...underBoth(
    'a full pipe',
    'it holds 64 KiB: the writer of 128 KiB waits for the reader’s sleep to end',
    async (bench, arm) => {
      const outcome = await completed(bench, cell(full, 2, arm));
      within('end of the writer', oneTask(outcome, 'writer-0').endNs, 20 * ms, 21 * ms + little);
      within('CPU time of the writer', oneTask(outcome, 'writer-0').cpuNs, 0, 2 * ms);
    },
  ),
  ...underBoth('a chain of semaphores', 'three times 5 ms, one after the other', async (bench, arm) => {
    const outcome = await completed(bench, cell(chain, 4, arm));
    within('end of the first', oneTask(outcome, 'first-0').endNs, 5 * ms, 5 * ms + little);
    within('end of the second', oneTask(outcome, 'second-0').endNs, 10 * ms, 10 * ms + little);
    within('end of the third', oneTask(outcome, 'third-0').endNs, 15 * ms, 15 * ms + little);
  }),
  ...underBoth(
    'fork and join',
    '5 ms, then the child’s 20 ms beside it, then 5 ms: 30 ms on two CPUs, 35 ms on one',
    async (bench, arm) => {
      const two = await completed(bench, cell(family, 2, arm));
      // EEVDF may start the child beside its parent, and balance some ticks later
      // emulated CPUs take turns on one clock, and how a boot falls out decides whose turn it is: 1.8 ms early was seen
      const turn = tick / 2;
      within('makespan on two CPUs', two.metrics.makespanNs, 30 * ms - turn, 30 * ms + 2 * tick + little);
      within('start of the child', oneTask(two, 'child-0').startNs, 5 * ms, 6 * ms);
      const one = await completed(bench, cell(family, 1, arm));
      within('makespan on one', one.metrics.makespanNs, 35 * ms, 35 * ms + little);
    },
  ),
];

const rounds = workload('rounds', {
  rounds: 4,
  warmupRounds: 1,
  groups: [{ name: 'job', count: 3, phases: [{ run: { from: '4ms', to: '30ms' } }] }],
  jitter: { work: 0.5, start: 0 },
});
const inRounds: Case[] = underBoth(
  'rounds',
  'on one CPU a round lasts as long as its work; the makespan is the median over the rounds that are measured',
  async (bench, arm) => {
    const outcome = await completed(bench, cell(rounds, 1, arm));
    const { tasks } = expand(rounds, { seed: 1, cpus: 1 });
    const work = [0, 1, 2, 3].map((round) =>
      sum(
        tasks
          .filter((task) => task.round === round)
          .flatMap(({ ops }) => ops.filter(({ code }) => code === opCodes.RUN).map(({ b }) => Number(b))),
      ),
    );
    expect(work[0], 'the warm-up would change the median').not.toBe(work[2]);
    const measured = work.slice(1).sort((a, b) => a - b);
    within('makespan', outcome.metrics.makespanNs, measured[1]!, 1.02 * measured[1]! + little);
    expect(outcome.timeline.map(({ round }) => round)).toEqual([0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]);
    for (const round of [0, 1, 2, 3])
      within(
        `end of round ${round}`,
        Math.max(...tasksOf(outcome, 'job', round).map(({ endNs }) => endNs)),
        work[round]!,
        1.02 * work[round]! + little,
      );
  },
);

const bystanders = workload('bystanders', {
  rounds: 2,
  groups: [
    { name: 'clock', phases: [{ sleep: '50ms' }] },
    { name: 'hog', count: 4, background: true, phases: [{ loop: 'forever', phases: [{ run: '5ms' }] }] },
  ],
});
const background: Case[] = underBoth(
  'background tasks',
  'they end with the round, and two CPUs are theirs until then',
  async (bench, arm) => {
    const outcome = await completed(bench, cell(bystanders, 2, arm));
    // the sleeper may wait for a slice of 20 ms when it wakes, and once more to end
    within('makespan', outcome.metrics.makespanNs, 50 * ms, 50 * ms + 3 * 24 * ms);
    // who is killed runs until it notices: at the next tick
    const most = (2 * (outcome.metrics.makespanNs! + 2 * tick)) / outcome.metrics.makespanNs!;
    within('CPUs of the background', outcome.metrics.backgroundCpus, 1.85, most);
    expect(outcome.timeline).toHaveLength(10);
    for (const round of [0, 1]) {
      const end = oneTask(outcome, 'clock-0', round).endNs;
      for (const { endNs } of tasksOf(outcome, 'hog', round))
        within('end of a hog', endNs, end - us, end + 8 * ms);
    }
  },
);

const yielders = workload('yielders', {
  groups: [{ name: 'y', count: 2, phases: [{ loop: 5, phases: [{ run: '1ms' }, { yield: true }] }] }],
});
const yields: Case = {
  name: 'yield under plain',
  why: 'two tasks of five times 1 ms on one CPU take turns: both end within the last two turns; without yielding the first would end at 5 ms',
  async check(bench) {
    const outcome = await completed(bench, cell(yielders, 1, plain));
    const ends = outcome.timeline.map(({ endNs }) => endNs).sort((a, b) => a - b);
    within('end of the first', ends[0], 8.9 * ms, 10 * ms + little);
    within('end of the second', ends[1], 10 * ms, 10 * ms + little);
  },
};

const pinned = workload('pinned', {
  groups: [{ name: 'p', count: 2, phases: [{ cpus: [0] }, { run: '10ms' }] }],
});
const apart = workload('apart', {
  groups: [
    { name: 'left', count: 2, cpus: [0], phases: [{ run: '10ms' }] },
    { name: 'right', cpus: [1], phases: [{ run: '10ms' }] },
  ],
});
const moved = workload('moved', {
  groups: [
    { name: 'hog', cpus: [0], phases: [{ run: '30ms' }] },
    { name: 'mover', cpus: [0], phases: [{ cpus: [1] }, { run: '10ms' }] },
  ],
});
const affinity: Case[] = [
  ...underBoth(
    'affinity as an operation',
    'both must share CPU 0: 20 ms, though the other is idle',
    async (bench, arm) => {
      const outcome = await completed(bench, cell(pinned, 2, arm));
      within('makespan', outcome.metrics.makespanNs, 20 * ms, 20 * ms + little);
    },
  ),
  ...underBoth(
    'affinity of groups',
    'two on CPU 0 take 20 ms, one on CPU 1 takes 10 ms',
    async (bench, arm) => {
      const outcome = await completed(bench, cell(apart, 2, arm));
      within('end on CPU 1', oneTask(outcome, 'right-0').endNs, 10 * ms, 10 * ms + little);
      within('makespan', outcome.metrics.makespanNs, 20 * ms, 20 * ms + little);
    },
  ),
  ...underBoth(
    'a task that moves itself',
    'once it has had its first turn it is alone on CPU 1',
    async (bench, arm) => {
      const outcome = await completed(bench, cell(moved, 2, arm));
      // it may wait for one slice of 20 ms before
      within('end of the mover', oneTask(outcome, 'mover-0').endNs, 10 * ms, 34 * ms + little);
      // and it for a tick, where the boot falls out so: 3.4 ms were seen
      within('end of the hog', oneTask(outcome, 'hog-0').endNs, 30 * ms, 30 * ms + tick + little);
    },
  ),
];

export const operations: readonly Case[] = [...waits, ...inRounds, ...background, yields, ...affinity];
