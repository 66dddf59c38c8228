// SCX_KICK_WAIT, where it can be seen on both machines: emulated CPUs have their turns one after the other, so that without it the CPU that asks goes on for long. The truth is
// kick_cpus_irq_workfn(), kernel/sched/ext.c, v6.18.

import { expect } from 'vitest';
import { type Case, cell, workload } from '../case.ts';
import { built } from '../objects.ts';
import type { Bench } from '../subject.ts';

const asking = workload('asking', {
  groups: [
    { name: 'hog', cpus: [1], phases: [{ run: '40ms' }] },
    {
      name: 'probe',
      cpus: [0],
      start: '10ms',
      phases: [{ nice: 1 }, { nice: 2 }, { nice: 3 }, { nice: 4 }, { run: '1ms' }],
    },
    { name: 'last', cpus: [0], start: '60ms', phases: [{ nice: 1 }, { run: '1ms' }] },
  ],
});

/** What happened, in order: k the request, d CPU 1 asks for work, w the probe has gone on. */
async function journalOf(bench: Bench, wait: number): Promise<string> {
  const arm = { name: 'wait', object: built('wait'), parameters: { wait } };
  const { exit, finding } = await bench.run(cell(asking, 2, arm));
  expect(exit, finding?.detail).toMatchObject({ kind: 65 });
  return exit!.message;
}

export const kicks: readonly Case[] = [
  {
    name: 'kicks: who asks with SCX_KICK_WAIT waits',
    why: 'the CPU spins in an interrupt until the other one has been through the scheduler, and so ends its turn',
    check: async (bench) => expect(await journalOf(bench, 1)).toBe('kdwww'),
  },
  {
    name: 'kicks: who asks without it goes on',
    why: 'the other CPU hears of it when it has its turn',
    check: async (bench) => expect(await journalOf(bench, 0)).toBe('kwwwd'),
  },
];
