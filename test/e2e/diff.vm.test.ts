// diff on a real kernel: 6.18, which the simulator models, when it is in the cache; else the default one.

import { describe, expect, it } from 'vitest';
import { cachedReleases } from '../support/lab.ts';
import { start } from '../support/schedcp.ts';

const has618 = (await cachedReleases()).some((release) => release.startsWith('6.18'));
const kernel = has618 ? '6.18' : '7.3';
if (!has618) console.warn('kernel 6.18 is not in the cache: diff runs on 7.3');

const diff = async (...args: string[]) => {
  const { json, code } = await start(['diff', '--kernel', kernel, ...args, '--json']).ended;
  return { ...json, code };
};

describe('diff', () => {
  it('a deterministic guest does the same twice, to the last number', async () => {
    const same = await diff(
      ...[
        '--workload',
        'long-tail',
        '--policy',
        'vtime',
        '--machines',
        'micro-vm,micro-vm',
        '--level',
        'numbers',
      ],
    );
    expect(same).toMatchObject({ same: true, first: null, order: null, agreement: 1, code: 0 });
    expect(same.sides[0].kernel).toMatch(new RegExp(`^${kernel}`));
    expect(same.sides[0].calls).toBeGreaterThan(5000);
  });

  it.each(['fifo', 'vtime'])(
    '%s: most of what the kernel says of a task the simulator says too',
    async (policy) => {
      const found = await diff('--workload', 'long-tail', '--policy', policy);
      expect(found.sides).toMatchObject([
        { machine: 'micro-vm', lost: 0, finding: null },
        { machine: 'simulator', lost: 0, finding: null },
      ]);
      expect(found.agreement).toBeGreaterThan(0.75);
      // every task has the same beginning: fork, wake-up, first run
      for (const { what, calls } of found.counts)
        if (/enable|init_task|sched_wakeup_new|set_weight/.test(what)) expect(calls[0]).toBe(calls[1]);
    },
  );
});
