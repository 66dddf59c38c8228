// What the kernel calls for one task, and with which flags: the policy keeps a journal (objects/journal.bpf.c). The truth of each entry is where
// kernel/sched/core.c and ext.c, v6.18, make the call; on both machines it is the same text. Numbers are hexadecimal: 9 WAKEUP|NOCLOCK or
// SLEEP|NOCLOCK, 409 with RQ_SELECTED, a SAVE|NOCLOCK, e with MOVE, 19 SLEEP|NOCLOCK|SPECIAL, 40 MIGRATED, 8 WF_TTWU, 18 with WF_SYNC.

import { expect } from 'vitest';
import type { WorkloadFile } from '../../../src/core/workload.ts';
import { type Case, cell, within, workload } from '../case.ts';
import { built } from '../objects.ts';
import type { Bench } from '../subject.ts';

/** Makes the policy leave when the probe has ended. */
const last = (cpu: number) => ({
  name: 'last',
  start: '60ms',
  cpus: [cpu],
  phases: [{ nice: 1 }, { run: '1ms' }],
});

/** All entries; the first are about the fork and what the runner does before the task's own phases. */
async function journalOf(
  bench: Bench,
  file: WorkloadFile,
  cpus: number,
  parameters: Readonly<Record<string, number>> = {},
): Promise<string[]> {
  const arm = { name: 'journal', object: built('journal'), parameters };
  const { exit } = await bench.run(cell(file, cpus, arm));
  expect(exit, 'the journal has come').toMatchObject({ kind: 65 });
  return exit!.message.trim().split(' ').slice(0, -1);
}

const life = workload('journal', {
  groups: [
    last(1),
    {
      name: 'probe',
      cpus: [0],
      phases: [
        { sleep: '5ms' },
        { run: '1ms' },
        { sleep: '5ms' },
        { run: '1ms' },
        { nice: 5 },
        { run: '1ms' },
        { yield: true },
        { run: '1ms' },
        { cpus: [1] },
        { run: '1ms' },
        { cpus: [0, 1] },
        { sleep: '2ms' },
        { run: '1ms' },
      ],
    },
  ],
});

/** A hog that two others disturb. */
const disturbed = workload('disturbed', {
  groups: [
    last(1),
    { name: 'probe', cpus: [0], start: '10ms', phases: [{ run: '12ms' }] },
    {
      name: 'urgent',
      cpus: [1],
      start: '5ms',
      phases: [{ run: '1ms' }, { cpus: [0, 1] }, { sleep: '10ms' }, { run: '1ms' }],
    },
  ],
});
const onOneCpu = workload('beside', {
  groups: [
    last(1),
    { name: 'probe', cpus: [0], start: '10ms', phases: [{ run: '12ms' }] },
    // woken by its own timer: whom the runner lets go comes while the runner has the CPU
    { name: 'urgent', cpus: [0], start: '5ms', phases: [{ run: '1ms' }, { sleep: '9ms' }, { run: '1ms' }] },
  ],
});
const realTime = workload('real-time', {
  groups: [
    last(1),
    { name: 'probe', cpus: [0], start: '10ms', phases: [{ run: '12ms' }] },
    { name: 'rt', class: 'fifo', cpus: [0], start: '15ms', phases: [{ run: '2ms' }] },
  ],
});
/** The probe has last run on CPU 0, which is busy then; the writer wakes it from CPU 1; CPU 2 idles. */
const synchronous = workload('synchronous', {
  groups: [
    last(2),
    {
      name: 'probe',
      cpus: [0],
      start: '5ms',
      phases: [{ run: '1ms' }, { cpus: [0, 1, 2] }, { read: 'data', bytes: 1 }, { run: '1ms' }],
    },
    { name: 'hog', cpus: [0], start: '10ms', phases: [{ run: '20ms' }] },
    { name: 'writer', cpus: [1], start: '20ms', phases: [{ write: 'data', bytes: 1 }, { run: '1ms' }] },
  ],
});

/** A real-time task that has CPU 0 for itself. */
const sleepy = workload('sleepy', {
  groups: [
    { name: 'first', start: '10ms', cpus: [1], phases: [{ nice: 1 }, { run: '1ms' }] },
    last(1),
    {
      name: 'rt',
      class: 'fifo',
      cpus: [0],
      start: '12ms',
      phases: [{ loop: 20, phases: [{ sleep: '1ms' }, { run: '200us' }] }],
    },
  ],
});
const groups = workload('groups', {
  cgroups: { heavy: { weight: 300 }, tight: { limit: '20ms' } },
  groups: [
    last(1),
    { name: 'first', cgroup: 'heavy', phases: [{ run: '1ms' }] },
    { name: 'second', cgroup: 'tight', phases: [{ run: '1ms' }] },
  ],
});

/** A task that exits is moved to another group while it runs (sched_autogroup_exit_task), and dies. */
const ends = ['S0', 'qe', 're', 'R0', 'S0', 'q19'];

export const journal: readonly Case[] = [
  {
    name: 'journal: sleeps, nice, yield, affinity, end',
    why: 'enqueue_task_scx(), dequeue_task_scx(), reweight_task_scx(), set_cpus_allowed_scx() and their callers',
    async check(bench) {
      const entries = await journalOf(bench, life, 2);
      const expected = [
        ...['r9', 'e9', 'R0', 'S0', 'q9'], // one CPU: nothing to select
        ...['r9', 'e9', 'R0'],
        ...['S0', 'qa', 'w21', 'ra', 'R0'], // nice 5 while it runs: 33 of 100, and on it goes without an enqueue
        ...['S0', 'qa', 'm2', 'ra', 'R0'], // after the yield, which says nothing: its mask while it runs
        ...['S1', 'e40', 'R0'], // the stopper sends it to CPU 1
        ...['S0', 'qa', 'm3', 'ra', 'R0', 'S0', 'q9'],
        ...['s8', 'r409', 'e409', 'R0'], // two CPUs: select_cpu
      ];
      // Who yields while somebody else is on his CPU (a real-time task of the runner's, say) is put back, and is asked about.
      const text = entries.join(' ').replaceAll(' S1 e0 R0', '');
      expect(text).toContain(expected.join(' '));
      expect(entries.slice(-ends.length)).toEqual(ends);
    },
  },
  {
    name: 'journal: an urgent task on the probe’s CPU',
    why: 'dispatch_enqueue(): SCX_ENQ_PREEMPT takes the slice, and put_prev_task_scx() asks the policy again',
    async check(bench) {
      const entries = await journalOf(bench, onOneCpu, 2, { preempt: 1 });
      expect(entries.slice(-10)).toEqual(['R0', 'S1', 'e0', 'R0', ...ends]);
    },
  },
  {
    name: 'journal: an urgent task from another CPU',
    why: 'enqueue_task_scx() of 6.18.15 has lost SCX_ENQ_PREEMPT by then: its flags are an int; mended by commit 57ccf5ccdc56',
    async check(bench) {
      const entries = await journalOf(bench, disturbed, 2, { preempt: 2 });
      if (bench.subject.kernel === '6.18') expect(entries.slice(-8)).toEqual(['e9', 'R0', ...ends]);
      else expect(entries.slice(-10)).toEqual(['R0', 'S1', 'e0', 'R0', ...ends]);
    },
  },
  {
    name: 'journal: a real-time task',
    why: 'put_prev_task_scx(): slice is left, so it waits at the head of the local queue and nobody is asked',
    async check(bench) {
      const entries = await journalOf(bench, realTime, 2);
      expect(entries.slice(-9)).toEqual(['R0', 'S1', 'R0', ...ends]);
    },
  },
  {
    name: 'journal: a synchronous wake-up',
    why: 'scx_select_cpu_dfl() of 6.18.15 looks into the mask of a node, which is empty: the idle CPU, not the waker’s; mended by commit db08b1940f4b',
    async check(bench) {
      const entries = await journalOf(bench, synchronous, 3, { choose: 1 });
      const woken = entries.indexOf('s18');
      expect(woken, entries.join(' ')).toBeGreaterThan(0);
      expect(entries[woken + 1]).toBe(bench.subject.kernel === '6.18' ? 'i2' : 'i1');
    },
  },
  {
    name: 'journal: an idle CPU asks before a real-time task takes it',
    why: 'prev_balance(): from idle on, sched_ext balances first; and again when the real-time task sleeps: twice for each of 20 wake-ups',
    async check(bench) {
      const arm = { name: 'journal', object: built('journal') };
      const { exit } = await bench.run(cell(sleepy, 2, arm));
      const asked = Number.parseInt(/n([0-9a-f]+)$/.exec(exit!.message)![1]!, 16);
      // kernel threads have the CPU now and then
      within('times that CPU 0 has asked', asked, bench.subject.kernel === '6.18' ? 40 : 20, 55);
    },
  },
  {
    name: 'journal: cgroups',
    why: 'scx_cgroup_init(), scx_tg_online(), scx_group_set_weight(), scx_group_set_bandwidth(), scx_init_task()',
    async check(bench) {
      const arm = { name: 'groups', object: built('groups') };
      const { exit } = await bench.run(cell(groups, 2, arm));
      expect(exit, 'the journal has come').toMatchObject({ kind: 65 });
      const made = '64:186a0:ffffffffffffffff:0'; // weight 100, 100 ms, no quota, no burst
      expect(exit!.message.trim().split(' ')).toEqual([
        `I0:${made}`,
        `I1:${made}`,
        'W1:12c', // 300
        `I1:${made}`, // its weight is the one that it has
        'B1:186a0:4e20:0', // 20 ms of 100
        'T1',
        'T1',
      ]);
    },
  },
];
