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

const both = workload('both', {
  groups: [
    { name: 'first', cpus: [0], phases: [{ run: '100ms' }] },
    { name: 'second', cpus: [1], phases: [{ run: '100ms' }] },
  ],
});

/** What happened, in order: k the request, d CPU 1 is in the scheduler, w the probe has gone on. */
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
  {
    name: 'kicks: two CPUs that wait for one another',
    why: 'both spin with interrupts off, so neither comes to the scheduler: the machine hangs (mended later, by commit 415cb193bb97)',
    async check(bench) {
      const arm = { name: 'wait', object: built('wait'), parameters: { both: 1 } };
      const { status, finding, exit } = await bench.run(cell(both, 2, arm, { limitMs: 1000 }));
      expect({ status, code: finding?.code, exit }).toEqual({
        status: 'failed',
        code: 'timeout',
        exit: null,
      });
      if (bench.subject.name === 'simulator')
        expect(finding!.message).toMatch(/^CPU \d waits for CPU \d, which waits for CPU \d/);
    },
  },
];
