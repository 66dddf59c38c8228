// Shares: who gets how much of a CPU that everybody wants. Reasons: the kernel's weights (nice 0: 1024, nice 5: 335, nice 10: 110, SCHED_IDLE: 3;
// kernel/sched/core.c, sched_prio_to_weight) and cpu.weight and cpu.max as Documentation/admin-guide/cgroup-v2.rst defines them.

import { expect } from 'vitest';
import type { WorkloadFile } from '../../../src/core/workload.ts';
import { type Case, cell, completed, ms, oneTask, sum, tasksOf, tick, within, workload } from '../case.ts';
import { libraryArm } from '../library.ts';
import { plain } from '../objects.ts';
import type { ArmWish, Bench } from '../subject.ts';

/** Endless hogs on one CPU for so long. */
function contest(name: string, forMs: number, hogs: Record<string, unknown>[], more = {}): WorkloadFile {
  const forever = [{ loop: 'forever', phases: [{ run: '5ms' }] }];
  return workload(name, {
    ...more,
    groups: [
      { name: 'clock', class: 'fifo', phases: [{ sleep: `${forMs}ms` }] },
      ...hogs.map((hog) => ({ background: true, phases: forever, ...hog })),
    ],
  });
}

async function shareOf(bench: Bench, file: WorkloadFile, arm: ArmWish, prefix: string): Promise<number> {
  const outcome = await completed(bench, cell(file, 1, arm));
  const all = sum(tasksOf(outcome, 'hog').map(({ cpuNs }) => cpuNs));
  expect(all, 'the hogs leave the CPU no rest').toBeGreaterThan(0.95 * outcome.metrics.makespanNs!);
  return sum(tasksOf(outcome, prefix).map(({ cpuNs }) => cpuNs)) / all;
}

const nice = contest('by-nice', 1000, [{ name: 'hog-normal' }, { name: 'hog-meek', nice: 5 }]);
const own = contest('by-own-nice', 1000, [
  { name: 'hog-normal' },
  { name: 'hog-meek', phases: [{ nice: 5 }, { loop: 'forever', phases: [{ run: '5ms' }] }] },
]);
const fair = 335 / (1024 + 335);

const byNice: Case[] = ['default', 'vtime', 'deadline'].flatMap((name) =>
  [nice, own].map((file) => ({
    name: `${file.name} under ${name}`,
    why: 'nice 5 weighs 335, nice 0 1024: 24.7 %',
    async check(bench: Bench) {
      const share = await shareOf(bench, file, libraryArm(name), 'hog-meek');
      // a slice of 20 ms at either end of a second
      within('share of nice 5', share, fair - 0.03, fair + 0.03);
    },
  })),
);

const blind: Case = {
  name: 'fifo is blind to nice',
  why: 'equal slices in turn: halves',
  check: async (bench) =>
    within('share', await shareOf(bench, nice, libraryArm('fifo'), 'hog-meek'), 0.46, 0.54),
};

const low = contest('by-low-nice', 1000, [
  { name: 'hog-normal', nice: 15 },
  { name: 'hog-meek', nice: 19 },
]);
const added: Case = {
  name: 'nice as a setting is added to every task',
  why: 'nice 15 weighs 36, nice 19 weighs 15; with 5 more both are at the end of the scale, 19: halves instead of 29 %',
  async check(bench) {
    const alone = await shareOf(bench, low, libraryArm('default'), 'hog-meek');
    within('share without it', alone, 15 / 51 - 0.04, 15 / 51 + 0.04);
    const share = await shareOf(bench, low, { name: 'nice 5', settings: { nice: 5 } }, 'hog-meek');
    within('share', share, 0.46, 0.54);
  },
};

const idleClass: Case = {
  name: 'SCHED_IDLE gets what is left',
  why: 'a weight of 3 beside 1024: 0.3 %, and a few slices because nobody starves',
  async check(bench) {
    const file = contest('by-class', 500, [{ name: 'hog-normal' }, { name: 'hog-idle', class: 'idle' }]);
    within('share', await shareOf(bench, file, libraryArm('default'), 'hog-idle'), 0, 0.03);
  },
};

const groups = contest(
  'by-cgroup',
  1200,
  [
    { name: 'hog-small', count: 2, cgroup: 'small' },
    { name: 'hog-large', cgroup: 'large' },
  ],
  { cgroups: { small: { weight: 100 }, large: { weight: 300 } } },
);
const byCgroup: Case[] = [
  {
    name: 'cpu.weight 100 : 300 under the default scheduler',
    why: 'groups share 1 : 3, however many tasks are in them',
    check: async (bench) =>
      within('share', await shareOf(bench, groups, libraryArm('default'), 'hog-large'), 0.72, 0.78),
  },
  {
    name: 'cpu.weight under vtime',
    why: 'its card: cpu.weight is ignored, three equal tasks share in thirds',
    check: async (bench) =>
      within('share', await shareOf(bench, groups, libraryArm('vtime'), 'hog-large'), 0.3, 0.37),
  },
];

const limited = workload('limited', {
  cgroups: { tight: { limit: '20ms' } },
  groups: [{ name: 'hog', cgroup: 'tight', phases: [{ run: '60ms' }] }],
});
const byLimit: Case[] = [
  {
    name: 'cpu.max 20 % under the default scheduler',
    why: '20 ms in each period of 100 ms, so 60 ms are three parts, or four when the first period is not whole: a period lies between two parts, or all but 20 ms of one',
    async check(bench) {
      const outcome = await completed(bench, cell(limited, 1));
      within('makespan', outcome.metrics.makespanNs, 140 * ms, 320 * ms + tick);
      within('CPU time', oneTask(outcome, 'hog-0').cpuNs, 60 * ms, 60 * ms + tick);
    },
  },
  {
    name: 'cpu.max under a policy',
    why: 'bandwidth control is part of the fair class; sched_ext only tells the policy (kernel/sched/ext.c, scx_group_set_bandwidth)',
    async check(bench) {
      const outcome = await completed(bench, cell(limited, 1, libraryArm('fifo')));
      within('makespan', outcome.metrics.makespanNs, 60 * ms, 64 * ms);
    },
  },
];

const slices: Case = {
  name: 'the base slice as a setting',
  why: 'two hogs of 200 ms on one CPU: turns of 3 ms, or of 4 where they end on ticks; turns of 40 ms; and a kernel thread now and then, each with two switches',
  async check(bench) {
    const file = workload('turns', { groups: [{ name: 'hog', count: 2, phases: [{ run: '200ms' }] }] });
    const run = (baseSliceNs: number) =>
      completed(bench, cell(file, 1, { name: `slice ${baseSliceNs}`, settings: { baseSliceNs } }));
    const [short, long] = [await run(3 * ms), await run(40 * ms)];
    within('switches at 3 ms', short.metrics.switchesInvoluntary, 400 / 4 - 10, 400 / 3 + 30);
    within('switches at 40 ms', long.metrics.switchesInvoluntary, 400 / 44 - 2, 400 / 40 + 30);
  },
};

const realTime: Case[] = ['default', 'vtime'].map((name) => ({
  name: `SCHED_FIFO goes first under ${name}`,
  why: 'a higher sched class: the real-time task waits for nobody, the other for all of it',
  async check(bench) {
    const file = workload('classes', {
      groups: [
        { name: 'plain', phases: [{ run: '20ms' }] },
        { name: 'urgent', class: 'fifo', start: '5ms', phases: [{ run: '20ms' }] },
      ],
    });
    const outcome = await completed(bench, cell(file, 1, libraryArm(name)));
    const [plain, urgent] = [oneTask(outcome, 'plain-0'), oneTask(outcome, 'urgent-0')];
    within('end of the real-time task', urgent.endNs, 25 * ms, 27 * ms);
    within('end of the other', plain.endNs, 40 * ms, 42 * ms);
  },
}));

const keepsItsTurn: Case = {
  name: 'a turn goes on after a real-time task',
  why: 'put_prev_task_scx(): what is preempted by a higher class and has slice left goes to the head of its CPU’s queue, not back to the policy',
  async check(bench) {
    const file = workload('turn', {
      groups: [
        { name: 'first', phases: [{ run: '30ms' }] },
        { name: 'second', phases: [{ run: '30ms' }] },
        { name: 'urgent', class: 'fifo', start: '5ms', phases: [{ run: '10ms' }] },
      ],
    });
    const outcome = await completed(bench, cell(file, 1, plain));
    const [first, second] = [oneTask(outcome, 'first-0'), oneTask(outcome, 'second-0')];
    within('end of the real-time task', oneTask(outcome, 'urgent-0').endNs, 15 * ms, 17 * ms);
    // 20 ms of work until 30 ms, the other's turn until 50 ms, then what is left; a turn ends up to a tick late
    within('end of the first', first.endNs, 60 * ms - tick, 60 * ms + tick + 2 * ms);
    within('end of the second', second.endNs, 70 * ms, 73 * ms);
  },
};

export const shares: readonly Case[] = [
  ...byNice,
  blind,
  added,
  idleClass,
  ...byCgroup,
  ...byLimit,
  slices,
  ...realTime,
  keepsItsTurn,
];
