// What becomes of a policy's tasks when their CPU goes. Truth: sched_cpu_deactivate(), balance_push(), __balance_push_cpu_stop() in kernel/sched/core.c, do_enqueue_task() and
// balance_one() in ext.c, v6.18, and a recording of a guest of 6.18.15 with three hogs on the CPU that goes (docs/semantics.md, Attack mode).

import { expect, test } from 'vitest';
import {
  type ExtOptions,
  type ExtWorld,
  extWorld,
  local,
  ms,
  user,
} from '../../../../test/simulator/ext-world.ts';
import { setOnline } from '../changes.ts';

const follows: ExtOptions['ops'] = { cpu_online: () => {}, cpu_offline: () => {} };

/** A runs on CPU 1, B and C wait there; CPU 1 goes. */
function going(options: ExtOptions): ExtWorld {
  const hears = ['enqueue', 'dequeue', 'running', 'stopping', 'cpu_offline', ...(options.hears ?? [])];
  const ops = { select_cpu: (_k: unknown, _p: number, prev: number) => prev, ...follows, ...options.ops };
  const w = extWorld({ shape: { cpus: 2 }, ...options, hears, ops });
  for (let i = 0; i < 3; i++) w.add({ runNs: 100 * ms, startCpu: 1 });
  w.run(ms);
  w.core.execCpu = 0;
  w.take();
  setOnline(w.core, 1, false);
  return w;
}

test('whose queue of their own nobody looks into stay there, until the CPU is back or someone else does', () => {
  let helps = false;
  const w = going({
    ops: {
      init: (k) => void [0, 1].map((cpu) => k.call('scx_bpf_create_dsq', ...user(cpu), -1)),
      enqueue: (k, p) => k.insert(p, user(k.call('scx_bpf_task_cpu', k.address(p)))),
      dispatch: (k, cpu) => {
        if (!k.moveToLocal(user(cpu)) && helps) k.moveToLocal(user(1));
      },
    },
  });
  // cpuhp/1 runs when A's slice is over
  expect(w.take()).toEqual(['1 stopping A 1', '1 enqueue A 0', '1 cpu_offline 1']);
  w.run(60 * ms);
  expect([w.take(), w.running()]).toEqual([[], '..']);
  helps = true;
  w.kick(0);
  w.core.afterwards!.flush();
  w.run(61 * ms);
  expect(w.running()).toBe('B.');
  setOnline(w.core, 1, true);
  w.run(62 * ms);
  expect(w.running()).toBe('BC');
});

test('whom the policy holds stay with it', () => {
  const held: number[] = [];
  const w = going({
    ops: {
      enqueue: (_k, p) => void held.push(p),
      dispatch: (k, cpu) => {
        const p = cpu === 1 || w.core.cpus.online[1] === 0 ? held.shift() : undefined;
        if (p !== undefined) k.insert(p, local);
      },
    },
  });
  expect(w.take()).toEqual(['1 stopping A 1', '1 enqueue A 0', '1 cpu_offline 1']);
  expect(held).toEqual([1, 2, 0]);
  w.kick(0);
  w.core.afterwards!.flush();
  w.run(2 * ms);
  expect([w.take(), w.running()]).toEqual([['0 running B'], 'B.']);
});

test('who is in the local queue comes to run, and the stopper sends it away, one after the other, before ops.cpu_offline', () => {
  const w = going({
    hears: ['cpu_acquire'],
    ops: { enqueue: (k, p) => k.insert(p, local), cpu_release: (k) => k.note('release') },
  });
  const sent = (name: string): string[] => [
    `1 running ${name}`,
    `1 stopping ${name} 1`,
    'release',
    `1 enqueue ${name} 64`,
    '1 cpu_acquire 1',
  ];
  expect(w.take()).toEqual([
    '1 stopping A 1',
    '1 enqueue A 0',
    ...sent('B'),
    ...sent('C'),
    ...sent('A'),
    '1 cpu_offline 1',
  ]);
  w.run(2 * ms);
  expect([w.running(), w.core.tasks.cpu[2]]).toEqual(['B.', 0]);
});
