// Where a task goes that becomes runnable. Truth: select_task_rq_scx(), do_enqueue_task(), direct_dispatch(), scx_dsq_insert_preamble() in
// kernel/sched/ext.c, v6.18.

import { expect, test } from 'vitest';
import {
  type ExtOptions,
  extWorld,
  global,
  local,
  localOn,
  ms,
  user,
} from '../../../../test/simulator/ext-world.ts';
import { taskStruct } from '../../kernel/structs.ts';
import { setMigrationDisabled } from '../changes.ts';
import { scxFlag } from './scx-flags.ts';

const hears = ['select_cpu', 'enqueue', 'running'];
const oneCpu = { shape: { cpus: 1 } };
const ops = scxFlag.ops;

test('without callbacks: an idle CPU by the default choice, else the global queue; the default slice', () => {
  const w = extWorld({ hears: ['running'], ops: {} });
  for (let i = 0; i < 3; i++) w.add({ runNs: 100 * ms });
  w.run(0);
  expect(w.running()).toBe('AB');
  // A and B directly, C by way of the global queue
  expect(w.scx.events.refillSliceDfl).toBe(3);
  expect([0, 1, 2].map((task) => w.scx.dsqs.of[task])).toEqual([-1, -1, 2]);
  expect(w.memory.slice(2)).toBe(20 * ms);
});

test('a task that select_cpu has inserted is not enqueued', () => {
  const w = extWorld({
    hears,
    ops: {
      select_cpu: (k, p) => {
        k.insert(p, local, 3 * ms);
        return 1;
      },
      enqueue: () => {},
    },
  });
  const a = w.add({ runNs: ms });
  w.run(0);
  // SCX_DSQ_LOCAL means the CPU that select_cpu has chosen
  expect(w.log).toEqual(['0 select_cpu A 0 4', '1 running A']);
  expect(w.memory.slice(a)).toBe(3 * ms);
});

test('a slice of 0 keeps what is left, at least 1 ns', () => {
  const w = extWorld({ ...oneCpu, ops: { enqueue: (k, p) => k.insert(p, local, 0) } });
  const a = w.add({ runNs: 3 * ms, sleepNs: ms });
  const b = w.add({ runNs: 3 * ms, startNs: ms });
  w.memory.setSlice(b, 0);
  w.run(2 * ms);
  expect(w.memory.slice(a)).toBe(20 * ms);
  expect(w.memory.slice(b)).toBe(1);
  w.run(4 * ms);
  expect(w.memory.slice(a)).toBe(17 * ms);
});

test('SCX_SLICE_INF never ends by itself', () => {
  const w = extWorld({
    ...oneCpu,
    ops: {
      enqueue: (k, p) =>
        k.call('scx_bpf_dsq_insert', k.address(p), ...local, p === 0 ? -1 : 20 * ms, p === 0 ? -1 : 0, 0, 0),
    },
  });
  w.add({ runNs: 1000 * ms });
  w.add({ runNs: ms });
  w.run(900 * ms);
  expect(w.running()).toBe('A');
  expect(w.memory.slice(0)).toBe(Number.POSITIVE_INFINITY);
});

const queueOf = (options: ExtOptions, prepare: (w: ReturnType<typeof extWorld>, task: number) => void) => {
  const w = extWorld({ ...oneCpu, hears: ['enqueue'], ...options });
  w.add({ runNs: 100 * ms });
  const b = w.add({ runNs: ms, startNs: ms });
  prepare(w, b);
  w.run(ms);
  return {
    queue: w.scx.dsqs.of[b],
    asked: w.log.some((line) => line.includes('enqueue B')),
    events: w.scx.events,
    slice: w.memory.slice(b),
  };
};
const inGlobal: ExtOptions = { ops: { enqueue: (k, p) => k.insert(p, global, ms) } };

test('a task that exits goes to the local queue, unless SCX_OPS_ENQ_EXITING', () => {
  const exits = (w: ReturnType<typeof extWorld>, task: number): void => {
    w.core.tasks.exiting[task] = 1;
  };
  const skipped = queueOf(inGlobal, exits);
  expect(skipped).toMatchObject({ queue: 0, asked: false, slice: 20 * ms });
  expect(skipped.events.enqSkipExiting).toBe(1);
  const asked = queueOf({ ...inGlobal, flags: ops.enqExiting }, exits);
  expect(asked).toMatchObject({ queue: 1, asked: true, slice: ms });
  expect(asked.events.enqSkipExiting).toBe(0);
});

test('a task that may not migrate goes to the local queue, unless SCX_OPS_ENQ_MIGRATION_DISABLED', () => {
  const pinned = (w: ReturnType<typeof extWorld>, task: number): void =>
    setMigrationDisabled(w.core, task, true);
  const skipped = queueOf(inGlobal, pinned);
  expect(skipped).toMatchObject({ queue: 0, asked: false, slice: 20 * ms });
  expect(skipped.events.enqSkipMigrationDisabled).toBe(1);
  const asked = queueOf({ ...inGlobal, flags: ops.enqMigrationDisabled }, pinned);
  expect(asked).toMatchObject({ queue: 1, asked: true });
  expect(asked.events.enqSkipMigrationDisabled).toBe(0);
});

test('bypass: nobody is asked, all wait in the global queue, and turn with every tick', () => {
  const w = extWorld({
    ...oneCpu,
    hears: ['select_cpu', 'enqueue', 'dispatch', 'tick', 'running'],
    ops: { enqueue: (k, p) => k.insert(p, user(9)) },
  });
  w.scx.bypassing = true;
  w.add({ runNs: 100 * ms });
  w.add({ runNs: 100 * ms });
  w.run(13 * ms); // ticks at 4, 8 and 12 ms
  expect(w.log).toEqual(['0 running A', '0 running B', '0 running A', '0 running B']);
  // two births and three turns
  expect(w.scx.events.bypassDispatch).toBe(5);
  // nor does what is left of a slice count
  w.memory.setSlice(1, 5 * ms);
  w.core.resched(0);
  w.run(14 * ms);
  expect(w.running()).toBe('A');
});

test('on a CPU that is going away: its local queue', () => {
  const w = extWorld({ ...inGlobal, hears: ['enqueue'], ops: { ...inGlobal.ops, cpu_offline: () => {} } });
  w.add({ runNs: 100 * ms, startCpu: 1, affinity: [1] });
  const b = w.add({ runNs: ms, startCpu: 1, affinity: [1], startNs: ms });
  w.run(0);
  w.core.cpus.online[1] = 0;
  w.core.activate(1, b, 0);
  expect(w.scx.dsqs.of[b]).toBe(1);
  expect(w.log).toEqual(['1 enqueue A 136']);
});

test('a verdict for another CPU’s local queue is carried out when the wakeup is over', () => {
  const w = extWorld({
    hears: ['enqueue', 'running'],
    ops: { select_cpu: (_k, _p, prev) => prev, enqueue: (k, p) => k.insert(p, localOn(1), 2 * ms) },
  });
  const a = w.add({ runNs: ms });
  w.run(0);
  expect(w.log).toEqual(['0 enqueue A 136', '1 running A']);
  expect(w.core.tasks.cpu[a]).toBe(1);
  expect(w.core.cpus.nrRunning[1]).toBe(1);
  // select_cpu said 0, and that is where it was queued: no fallback
  expect(w.scx.events.selectCpuFallback).toBe(0);
});

test('and not when the event is over, in which others may be woken', () => {
  const w = extWorld({
    ops: { select_cpu: (_k, _p, prev) => prev, enqueue: (k, p) => k.insert(p, localOn(p === 0 ? 0 : 1)) },
  });
  w.add({ runNs: ms, sleepNs: 1000 * ms });
  const b = w.add({ runNs: ms, sleepNs: 1000 * ms });
  w.run(10 * ms);
  w.core.tasks.cpu[b] = 0;
  w.core.execCpu = 0;
  expect(w.core.wake(b)).toBe(true);
  expect(w.core.tasks.cpu[b]).toBe(1);
  expect(w.scx.dsqs.of[b]).toBe(1);
});

test('ops.select_cpu names a CPU that the task may not use: another is taken, and counted', () => {
  const w = extWorld({
    shape: { cpus: 4 },
    hears,
    ops: { select_cpu: () => 3, enqueue: (k, p) => k.insert(p, local) },
  });
  w.add({ runNs: ms, sleepNs: ms, affinity: [1, 2], startCpu: 2 });
  w.run(2 * ms);
  expect(w.log).toEqual([
    '2 select_cpu A 2 4',
    '2 enqueue A 136',
    '1 running A',
    '1 select_cpu A 1 8',
    '1 enqueue A 1033',
    '1 running A',
  ]);
  // a fork does not count: it lacks RQ_SELECTED
  expect(w.scx.events.selectCpuFallback).toBe(1);
  expect(w.memory.get(0, taskStruct.offsets.scxSelectedCpu)).toBe(3);
});

test('SCX_ENQ_HEAD goes before those that wait', () => {
  const w = extWorld({
    ...oneCpu,
    hears: ['running'],
    ops: { enqueue: (k, p) => k.insert(p, global, 20 * ms, p === 2 ? 0x10 : 0) },
  });
  for (let i = 0; i < 3; i++) w.add({ runNs: ms, rounds: 1 });
  w.run(10 * ms);
  expect(w.log).toEqual(['0 running A', '0 running C', '0 running B']);
});

test('a verdict for another CPU than select_cpu has named counts, at wake-ups but not at forks', () => {
  const fallbacks = (rounds: number, away: number): number => {
    const w = extWorld({
      ops: {
        select_cpu: (_k, _p, prev) => prev,
        enqueue: (k, p) => k.insert(p, localOn((k.call('scx_bpf_task_cpu', k.address(p)) + away) % 2)),
      },
    });
    w.add({ runNs: ms, sleepNs: ms, rounds });
    w.run(20 * ms);
    return w.scx.events.selectCpuFallback;
  };
  // enqueue_task_scx() on the other CPU sees SCX_ENQ_CPU_SELECTED of the wake-up; wake_up_new_task() does not set it
  expect(fallbacks(1, 1)).toBe(0);
  expect(fallbacks(4, 1)).toBe(3);
  expect(fallbacks(4, 0)).toBe(0);
});
