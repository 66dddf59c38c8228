// How a CPU finds its next task. Truth: balance_one(), pick_task_scx(), put_prev_task_scx(), flush_dispatch_buf(), finish_dispatch(),
// dispatch_to_local_dsq(), consume_dispatch_q(), scx_dsq_move() in kernel/sched/ext.c, v6.18.

import { expect, test } from 'vitest';
import {
  type ExtOptions,
  type ExtWorld,
  enqHigh,
  extWorld,
  global,
  type Id,
  type Kernel,
  local,
  localOn,
  ms,
  user,
} from '../../../../test/simulator/ext-world.ts';
import { setMigrationDisabled, setOnline } from '../changes.ts';
import { scxFlag } from './scx-flags.ts';

const oneCpu = { shape: { cpus: 1 } };
const queue = user(7);
const create = (k: Kernel, id: Id = queue): void => {
  k.call('scx_bpf_create_dsq', ...id, -1);
};

/** A policy that keeps tasks in an array and hands them over as `how` says. */
function keeper(how: (k: Kernel, waiting: number[], cpu: number) => void): {
  waiting: number[];
  ops: NonNullable<ExtOptions['ops']>;
} {
  const waiting: number[] = [];
  return {
    waiting,
    ops: {
      init: (k) => create(k),
      select_cpu: (_k, _p, prev) => prev,
      enqueue: (_k, p) => {
        waiting.push(p);
      },
      dispatch: (k, cpu) => how(k, waiting, cpu),
    },
  };
}

const oneByOne = () =>
  keeper((k, waiting) => {
    const next = waiting.shift();
    if (next !== undefined) k.insert(next, local);
  });

test('first the local queue, then the global one, then ops.dispatch', () => {
  const w = extWorld({
    ...oneCpu,
    hears: ['dispatch', 'running'],
    ops: {
      init: (k) => create(k),
      enqueue: (k, p) => k.insert(p, [queue, global, local][p]!),
      dispatch: (k) => {
        k.moveToLocal(queue);
      },
    },
  });
  for (let i = 0; i < 3; i++) w.add({ runNs: ms, rounds: 1 });
  w.run(10 * ms);
  // A came first, but nothing else was there when the CPU looked
  expect(w.log).toEqual(['0 dispatch 0 -', '0 running A', '0 running C', '0 running B', '0 dispatch 0 B']);
});

test('a task whose slice has not ended goes on, and nobody is asked', () => {
  const { ops } = oneByOne();
  const w = extWorld({ ...oneCpu, hears: ['dispatch', 'running', 'stopping'], ops });
  w.add({ runNs: 15 * ms, rounds: 1 });
  w.add({ runNs: ms, rounds: 1, startNs: ms });
  w.run(5 * ms);
  w.take();
  w.kick(0);
  w.core.afterwards!.flush();
  w.run(6 * ms);
  expect(w.take()).toEqual([]);
  expect(w.running()).toBe('A');
});

test('the previous task comes to ops.dispatch before it is enqueued again', () => {
  const { ops } = oneByOne();
  const w = extWorld({ ...oneCpu, hears: ['dispatch', 'enqueue', 'stopping', 'running'], ops });
  w.add({ runNs: 100 * ms });
  w.add({ runNs: 100 * ms });
  w.run(20 * ms);
  expect(w.log).toEqual([
    '0 enqueue A 136',
    '0 dispatch 0 -',
    '0 running A',
    '0 enqueue B 136',
    '0 dispatch 0 A',
    '0 stopping A 1',
    '0 enqueue A 0',
    '0 running B',
  ]);
});

test('nothing else to run: the last task goes on with a new slice', () => {
  const { ops } = oneByOne();
  const w = extWorld({ ...oneCpu, hears: ['dispatch', 'enqueue', 'stopping'], ops });
  w.add({ runNs: 100 * ms });
  w.run(50 * ms);
  expect(w.log).toEqual(['0 enqueue A 136', '0 dispatch 0 -', '0 dispatch 0 A', '0 dispatch 0 A']);
  expect(w.scx.events.dispatchKeepLast).toBe(2);
  expect(w.scx.events.refillSliceDfl).toBe(2);
  expect(w.memory.slice(0)).toBe(12 * ms); // of the slice that began at 40 ms, as the tick at 48 ms found it
});

test('with SCX_OPS_ENQ_LAST it is enqueued with SCX_ENQ_LAST, and the CPU idles if the policy leaves it so', () => {
  const waiting: number[] = [];
  const w = extWorld({
    ...oneCpu,
    flags: scxFlag.ops.enqLast,
    hears: ['dispatch', 'stopping', 'running'],
    ops: {
      enqueue: (k, p) => {
        k.note(`enqueue ${k.high(1)}`);
        waiting.push(p);
      },
      dispatch: (k) => {
        for (const p of waiting.splice(0, k.high(1) === 0 ? 1 : 0)) k.insert(p, local);
      },
    },
  });
  w.add({ runNs: 100 * ms });
  w.run(30 * ms);
  expect(w.log).toEqual([
    'enqueue 0',
    '0 dispatch 0 -',
    '0 running A',
    '0 dispatch 0 A',
    '0 stopping A 1',
    `enqueue ${enqHigh.last}`,
  ]);
  expect(w.running()).toBe('.');
  expect(w.scx.events.dispatchKeepLast).toBe(0);
});

test('ops.dispatch is called again while it brings something, 32 times; then the CPU starts anew', () => {
  let calls = 0;
  const w = extWorld({
    ...oneCpu,
    ops: {
      enqueue: (k, p) => k.insert(p, local),
      dispatch: (k) => {
        calls++;
        if (calls <= 40) k.insert(1, local); // nothing that it holds: the verdict is void, and counts
      },
    },
  });
  w.add({ runNs: 100 * ms });
  w.add({ runNs: ms, startNs: 99 * ms });
  w.run(20 * ms);
  // then it kicks itself and goes on with the last task, which has a new slice
  expect(calls).toBe(32);
  w.run(40 * ms);
  // 8 that bring something and one that does not
  expect(calls).toBe(41);
  expect(w.scx.events.dispatchKeepLast).toBe(2);
  expect(w.exit()).toBe('');
});

test('verdicts are buffered until ops.dispatch returns or moves something, in order', () => {
  const { waiting, ops } = keeper((k, all) => {
    for (const p of all.splice(0)) k.insert(p, queue);
    k.note(`queued ${k.call('scx_bpf_dsq_nr_queued', ...queue)}`);
    if (!k.moveToLocal(queue)) return;
    k.note(`queued ${k.call('scx_bpf_dsq_nr_queued', ...queue)}`);
  });
  const w = extWorld({ ...oneCpu, hears: ['running'], ops });
  for (let i = 0; i < 3; i++) w.add({ runNs: 3 * ms, rounds: 1, startNs: i });
  w.run(2);
  expect(w.take()).toEqual(['queued 0', 'queued 0', '0 running A']);
  expect(waiting).toEqual([1, 2]);
  w.run(20 * ms);
  expect(w.take()).toEqual([
    'queued 0',
    'queued 1',
    '0 running B',
    'queued 1',
    'queued 0',
    '0 running C',
    'queued 0',
  ]);
});

test('places in the buffer: as many as dispatch_max_batch, freed by a move; a verdict can be taken back', () => {
  const { ops } = keeper((k, waiting) => {
    const places = (): void => k.note(`places ${k.call('scx_bpf_dispatch_nr_slots')}`);
    places();
    for (const p of waiting) k.insert(p, queue);
    places();
    k.call('scx_bpf_dispatch_cancel');
    places();
    k.moveToLocal(queue);
    places();
    waiting.splice(0);
  });
  const w = extWorld({ ...oneCpu, maxBatch: 3, hears: ['running'], ops });
  w.add({ runNs: 2 * ms, rounds: 1 });
  w.run(0);
  // its only verdict is taken back; the array forgets it all the same, and the CPU idles
  expect(w.take()).toEqual(['places 3', 'places 2', 'places 3', 'places 3']);
  w.core.cpus.needResched[0] = 1; // it does not look until both are there
  w.add({ runNs: 100 * ms, startNs: ms });
  w.add({ runNs: 100 * ms, startNs: ms });
  w.run(ms);
  w.core.cpus.needResched[0] = 0;
  w.core.resched(0);
  w.run(2 * ms);
  expect(w.take()).toEqual(['places 3', 'places 1', 'places 2', 'places 3', '0 running B']);
  expect(w.scx.dsqs.nr[w.scx.dsqs.find(7, 0)]).toBe(0);
});

test('a verdict about an earlier stay with the policy is void', () => {
  const { waiting, ops } = keeper((k, all) => {
    for (const p of all.splice(0)) k.insert(p, local);
  });
  const w = extWorld({ ...oneCpu, hears: ['running'], ops });
  w.add({ runNs: 5 * ms, rounds: 1 });
  const b = w.add({ runNs: ms, rounds: 1, startNs: ms });
  w.run(ms);
  expect(waiting).toEqual([b]);
  w.core.sleep(b);
  w.core.deactivate(0, b, 1);
  w.run(10 * ms);
  expect(w.log).toEqual(['0 running A']);
  expect(w.exit()).toBe('');
});

test('LOCAL_ON another CPU: the task moves, and that CPU wakes', () => {
  const { ops } = keeper((k, waiting, cpu) => {
    if (cpu === 0) for (const p of waiting.splice(0)) k.insert(p, localOn(p === 0 ? 0 : 1));
  });
  const w = extWorld({ hears: ['running', 'runnable', 'quiescent'], ops });
  w.add({ runNs: 100 * ms });
  w.add({ runNs: 100 * ms, startNs: ms });
  w.run(30 * ms);
  // not on its run queue for a moment, which is no end of being runnable
  expect(w.log).toEqual(['0 runnable A 136', '0 running A', '0 runnable B 136', '1 running B']);
  expect(w.running()).toBe('AB');
});

test('LOCAL_ON a CPU that is offline: the global queue, and an event', () => {
  const { ops } = keeper((k, waiting) => {
    for (const p of waiting.splice(0)) k.insert(p, localOn(1));
  });
  const w = extWorld({ shape: { cpus: 2 }, hears: ['running'], ops: { ...ops, cpu_offline: () => {} } });
  setOnline(w.core, 1, false);
  w.add({ runNs: 100 * ms });
  w.run(ms);
  expect(w.log).toEqual(['0 running A']);
  expect(w.scx.events.dispatchLocalDsqOffline).toBe(1);
  expect(w.exit()).toBe('');
});

test('a CPU takes from a queue the first task that may run there', () => {
  const { ops } = keeper((k, waiting) => {
    for (const p of waiting.splice(0)) k.insert(p, queue);
    k.moveToLocal(queue);
  });
  const w = extWorld({ hears: ['running'], ops });
  w.add({ runNs: 100 * ms, affinity: [0] });
  w.add({ runNs: 100 * ms, affinity: [0] });
  w.add({ runNs: 100 * ms });
  const pinned = w.add({ runNs: 100 * ms });
  w.run(0);
  expect(w.take()).toEqual(['0 running A']);
  setMigrationDisabled(w.core, pinned, true);
  w.kick(1);
  w.core.afterwards!.flush();
  w.run(ms);
  // B may not, C may, D may not now
  expect(w.take()).toEqual(['1 running C']);
  w.core.resched(1);
  w.memory.setSlice(2, 0);
  w.run(2 * ms);
  expect(w.take()).toEqual([]);
  expect(w.running()).toBe('AC');
});

test('moves within a walk: between queues, to a local queue, with another slice and vtime', () => {
  const bytes = (w: ExtWorld): number => w.sim.allocate(48, 'write');
  const other = user(8);
  let it = 0;
  const { ops } = keeper((k, waiting) => {
    for (const p of waiting.splice(0)) k.insert(p, queue);
    if (k.call('scx_bpf_dispatch_nr_slots') === 32) return;
    k.moveToLocal(other); // nothing there: only flushes
    k.call('bpf_iter_scx_dsq_new', it, ...queue, 0, 0);
    const next = (): number => w.memory.taskOf(k.call('bpf_iter_scx_dsq_next', it));
    const [a, b, c] = [next(), next(), next()];
    k.call('scx_bpf_dsq_move_set_slice', it, 5 * ms, 0);
    k.note(`move A ${k.call('scx_bpf_dsq_move', it, k.address(a), ...local, 0, 0)}`);
    k.call('scx_bpf_dsq_move_set_vtime', it, 77, 0);
    k.note(`move B ${k.call('scx_bpf_dsq_move_vtime', it, k.address(b), ...other, 0, 0)}`);
    k.note(`move B again ${k.call('scx_bpf_dsq_move', it, k.address(b), ...local, 0, 0)}`);
    k.note(`head ${k.call('scx_bpf_dsq_move', it, k.address(c), ...local, 0x10, 0)}`);
    k.call('bpf_iter_scx_dsq_destroy', it);
  });
  const w = extWorld({
    ...oneCpu,
    hears: ['running'],
    ops: {
      ...ops,
      init: (k) => {
        create(k);
        create(k, other);
      },
    },
  });
  it = bytes(w);
  w.core.cpus.needResched[0] = 1; // it does not look until all are there
  for (let i = 0; i < 3; i++) w.add({ runNs: 30 * ms });
  w.run(0);
  w.core.cpus.needResched[0] = 0;
  w.core.resched(0);
  w.run(1);
  expect(w.log).toEqual(['move A 1', 'move B 1', 'move B again 0', 'head 1', '0 running C']);
  expect([w.memory.slice(0), w.memory.slice(1), w.memory.slice(2)]).toEqual([5 * ms, 20 * ms, 20 * ms]);
  expect(w.scx.dsqs.of[1]).toBe(w.scx.dsqs.find(8, 0));
  expect(w.scx.dsqs.inTree[1]).toBe(1);
});

test('a queue ordered by vtime gives the smallest first, and the earlier of two that are equal', () => {
  const w = extWorld({
    ...oneCpu,
    hears: ['running'],
    ops: {
      init: (k) => create(k),
      enqueue: (k, p) => k.insertVtime(p, queue, [0, 50, 30, 10, 30][p]!),
      dispatch: (k) => {
        k.moveToLocal(queue);
      },
    },
  });
  for (let i = 0; i < 5; i++) w.add({ runNs: ms, rounds: 1 });
  w.run(10 * ms);
  // A was alone when the CPU looked
  expect(w.log).toEqual(['0 running A', '0 running D', '0 running C', '0 running E', '0 running B']);
});
