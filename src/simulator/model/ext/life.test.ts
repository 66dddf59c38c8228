// What a policy hears of a task from fork to end, and in which order. Truth: scx_fork(), scx_post_fork(), enqueue_task_scx(), dequeue_task_scx(),
// set_next_task_scx(), put_prev_task_scx(), switching_to_scx(), sched_ext_free() in kernel/sched/ext.c; the flags are what kernel/sched/core.c gives
// them, v6.18. Flags are decimal: 136 NOCLOCK|INITIAL, 1033 WAKEUP|NOCLOCK|RQ_SELECTED, 9 SLEEP|NOCLOCK, 25 with SPECIAL, 10 SAVE|NOCLOCK, 14 with MOVE.

import { expect, test } from 'vitest';
import {
  type ExtOptions,
  extWorld,
  global,
  type Kernel,
  lifeOps,
  local,
  maskOf,
  ms,
} from '../../../../test/simulator/ext-world.ts';
import { taskStruct } from '../../kernel/structs.ts';
import { setAffinity, setClass, setMigrationDisabled, setNice } from '../changes.ts';
import { classNumber, schedPolicy } from '../flags.ts';

const toGlobal: ExtOptions = { hears: lifeOps, ops: { enqueue: (k, p) => k.insert(p, global) } };
/** Tasks wait with the policy until they are dispatched by hand. */
const held: ExtOptions = { hears: lifeOps, ops: { enqueue: () => {} } };

test('fork, run, sleep, wake, end', () => {
  const w = extWorld({ ...toGlobal, shape: { cpus: 1 } });
  const a = w.add({ runNs: 3 * ms, sleepNs: 2 * ms, rounds: 2 });
  w.run(20 * ms);
  w.bury(a);
  expect(w.log).toEqual([
    '0 init_task A',
    '0 enable A',
    '0 set_weight A 100',
    // affinity to one CPU: nothing to select
    '0 runnable A 136',
    '0 enqueue A 136',
    '0 running A',
    '0 stopping A 0',
    '0 quiescent A 9',
    '0 dispatch 0 A',
    '0 runnable A 9',
    '0 enqueue A 9',
    '0 running A',
    '0 stopping A 0',
    '0 quiescent A 25',
    '0 dispatch 0 A',
    '0 disable A',
    '0 exit_task A',
  ]);
});

test('with more than one CPU select_cpu comes before runnable and enqueue', () => {
  const w = extWorld({
    hears: lifeOps,
    ops: { enqueue: (k, p) => k.insert(p, global), select_cpu: () => 1 },
  });
  w.add({ runNs: ms, sleepNs: ms, rounds: 2 });
  w.run(0);
  expect(w.take().slice(3)).toEqual([
    '0 select_cpu A 0 4',
    '0 runnable A 136',
    '0 enqueue A 136',
    '1 running A',
  ]);
  w.run(2 * ms);
  expect(w.take()).toEqual([
    '1 stopping A 0',
    '1 quiescent A 9',
    '1 dispatch 1 A',
    '1 select_cpu A 1 8',
    '1 runnable A 1033',
    '1 enqueue A 1033',
    '1 running A',
  ]);
});

test('a task with one CPU, or one that may not migrate, is not asked about', () => {
  const w = extWorld({ hears: ['select_cpu', 'enqueue'], ops: { enqueue: (k, p) => k.insert(p, global) } });
  w.add({ runNs: ms, sleepNs: ms, affinity: [1], startCpu: 1 });
  const b = w.add({ runNs: ms, sleepNs: ms });
  w.run(0);
  expect(w.take()).toEqual(['1 enqueue A 136', '0 select_cpu B 0 4', '0 enqueue B 136']);
  setMigrationDisabled(w.core, b, true);
  w.run(3 * ms);
  expect(w.log.filter((line) => /select_cpu/.test(line))).toEqual(['0 select_cpu B 0 4']);
});

test('a task that runs changes its nice value', () => {
  const w = extWorld(toGlobal);
  const a = w.add({ runNs: 50 * ms });
  w.run(ms);
  w.take();
  setNice(w.core, a, 5);
  // 335 of 1024 on the scale of cgroups; it goes on where it was, without ops.enqueue
  expect(w.take()).toEqual([
    '0 stopping A 0',
    '0 quiescent A 10',
    '0 set_weight A 33',
    '0 runnable A 10',
    '0 running A',
  ]);
  expect(w.running()).toBe('A.');
});

test('a task that the policy holds changes its nice value', () => {
  const w = extWorld(held);
  const a = w.add({ runNs: ms });
  w.run(ms);
  w.take();
  setNice(w.core, a, -5);
  expect(w.take()).toEqual([
    '0 dequeue A 10',
    '0 quiescent A 10',
    '0 set_weight A 305',
    '0 runnable A 10',
    '0 enqueue A 10',
  ]);
});

test('a task that waits in a queue has left custody: nothing to dequeue', () => {
  const w = extWorld({ ...toGlobal, shape: { cpus: 1 } });
  w.add({ runNs: 50 * ms });
  const b = w.add({ runNs: ms });
  w.run(ms);
  w.take();
  setNice(w.core, b, 1);
  expect(w.take()).toEqual(['0 quiescent B 10', '0 set_weight B 80', '0 runnable B 10', '0 enqueue B 10']);
});

test('the nice value that a task has already: nothing happens (set_user_nice)', () => {
  const w = extWorld(toGlobal);
  const a = w.add({ runNs: 50 * ms, nice: 5 });
  w.run(ms);
  w.take();
  setNice(w.core, a, 5);
  expect(w.take()).toEqual([]);
});

test('a task that sleeps changes its nice value', () => {
  const w = extWorld(toGlobal);
  const a = w.add({ runNs: ms, sleepNs: 50 * ms });
  w.run(5 * ms);
  w.take();
  setNice(w.core, a, 19);
  expect(w.take()).toEqual(['0 set_weight A 1']);
});

test('affinity: a task in custody whose CPU it may not use any more moves', () => {
  const w = extWorld(held);
  const a = w.add({ runNs: ms });
  w.run(ms);
  w.take();
  setAffinity(w.core, a, maskOf(1));
  expect(w.take()).toEqual([
    '0 dequeue A 10',
    '0 quiescent A 10',
    '0 set_cpumask A',
    '0 runnable A 10',
    '0 enqueue A 10',
    // migration_cpu_stop or affine_move_task: neither quiescent nor runnable, it is on its way
    '0 dequeue A 8',
    '0 enqueue A 64',
  ]);
  expect(w.core.tasks.cpu[a]).toBe(1);
});

test('affinity of a task that runs: told, and it goes on where it may', () => {
  const w = extWorld(toGlobal);
  const a = w.add({ runNs: 50 * ms });
  w.run(ms);
  w.take();
  setAffinity(w.core, a, maskOf(0));
  expect(w.take()).toEqual([
    '0 stopping A 0',
    '0 quiescent A 10',
    '0 set_cpumask A',
    '0 runnable A 10',
    '0 running A',
  ]);
});

test('a task that may not migrate and leaves its CPU: its mask is that CPU, until it may again', () => {
  const { cpusPtr } = taskStruct.offsets;
  const { hears = [] } = toGlobal;
  const w = extWorld({
    shape: { cpus: 2 },
    hears: hears.filter((op) => !['dispatch', 'tick', 'set_cpumask'].includes(op)),
    ops: {
      enqueue: (k, p) => k.insert(p, local),
      set_cpumask: (k, p) =>
        k.note(`mask of ${w.name(p)}: ${k.word(k.low(1))} ${k.word(k.word(k.address(p) + cpusPtr))}`),
    },
  });
  const a = w.add({ runNs: 50 * ms, affinity: [0, 1] });
  const b = w.add({ runNs: ms, sleepNs: 100 * ms, startNs: 7 * ms, startCpu: 1, affinity: [1] });
  for (const startNs of [2 * ms, 4 * ms])
    w.add({
      runNs: ms,
      rounds: 1,
      startNs,
      affinity: [0],
      schedClass: classNumber.rt,
      policy: schedPolicy.fifo,
    });
  w.run(ms);
  w.take();
  setMigrationDisabled(w.core, a, true);
  expect(w.take()).toEqual([]);
  w.run(3 * ms);
  // it is preempted: another one runs already, and ops.enqueue is skipped
  const out = ['0 stopping A 1', '0 quiescent A 10', 'mask of A: 1 1', '0 runnable A 10'];
  const isOfA = (line: string): boolean => /[ :]A|of A/.test(line);
  expect(w.take().filter(isOfA)).toEqual([...out, '0 running A']);
  w.run(5 * ms);
  expect(w.take().filter(isOfA)).toEqual(['0 stopping A 1', '0 running A']);
  setMigrationDisabled(w.core, a, false);
  expect(w.take()).toEqual([
    '0 stopping A 0',
    '0 quiescent A 10',
    'mask of A: 3 3',
    '0 runnable A 10',
    '0 running A',
  ]);
  w.run(7 * ms);
  w.take();
  setMigrationDisabled(w.core, b, true);
  w.run(8 * ms);
  // one that sleeps has left its queue
  expect(w.take()).toEqual(['1 stopping B 0', '1 quiescent B 9', 'mask of B: 2 2']);
});

test('to real time and back', () => {
  const w = extWorld(toGlobal);
  const a = w.add({ runNs: 50 * ms });
  w.run(ms);
  w.take();
  setClass(w.core, a, classNumber.rt);
  expect(w.take()).toEqual(['0 stopping A 0', '0 quiescent A 14', '0 disable A']);
  setAffinity(w.core, a, maskOf(0));
  expect(w.take()).toEqual([]);
  setClass(w.core, a, classNumber.ext);
  // nobody told it of the mask that was set meanwhile
  expect(w.take()).toEqual([
    '0 enable A',
    '0 set_weight A 100',
    '0 set_cpumask A',
    '0 runnable A 14',
    '0 running A',
  ]);
  expect(w.memory.get(a, taskStruct.offsets.nrCpusAllowed)).toBe(1);
});

test('a task of another class is only known', () => {
  const w = extWorld(toGlobal);
  const a = w.add({ runNs: ms, rounds: 1, policy: schedPolicy.fifo, schedClass: classNumber.rt });
  w.run(5 * ms);
  w.bury(a);
  expect(w.log.filter((line) => !/dispatch/.test(line))).toEqual(['0 init_task A', '0 exit_task A']);
});

test('a new task has the default slice and waits as a new one', () => {
  const w = extWorld({
    shape: { cpus: 1 },
    ops: {
      init_task: (k, p) => k.note(`init ${flags(p)}`),
      enable: (k, p) => k.note(`enable ${flags(p)}`),
      enqueue: (k, p) => {
        k.note(`enqueue ${flags(p)} slice ${w.memory.slice(p)}`);
        k.insert(p, local, 0);
      },
      running: (k, p) => k.note(`running ${flags(p)} slice ${w.memory.slice(p)}`),
      disable: (k, p) => k.note(`disable ${flags(p)}`),
      exit_task: (k, p) => k.note(`exit ${flags(p)}`),
    },
  });
  const { scxFlags } = taskStruct.offsets;
  function flags(p: number): string {
    return w.memory.get(p, scxFlags).toString(16);
  }
  const a = w.add({ runNs: ms, sleepNs: ms, rounds: 2 });
  w.run(5 * ms);
  w.bury(a);
  // QUEUED 1, RESET_RUNNABLE_AT 4, DEQD_FOR_SLEEP 8, life in bits 8 and 9: none 0, ready 2, enabled 3
  expect(w.log).toEqual([
    'init 0',
    'enable 204',
    'enqueue 301 slice 20000000',
    'running 301 slice 20000000',
    'enqueue 309 slice 19000000',
    'running 309 slice 19000000',
    'disable 30c',
    'exit 20c',
  ]);
});

test('what a policy reads of a task: state, on_rq, on_cpu, switches', () => {
  const { state, onRq, onCpu, nvcsw, nivcsw } = taskStruct.offsets;
  const read = (p: number): string =>
    [state, onRq, onCpu, nvcsw, nivcsw].map((at) => w.memory.get(p, at).toString(16)).join(' ');
  const says = (what: string) => (k: Kernel, p: number) => {
    if (p === 0) k.note(`${what} ${read(p)}`);
  };
  const w = extWorld({
    shape: { cpus: 1 },
    ops: {
      enqueue: (k, p) => {
        says('enqueue')(k, p);
        k.insert(p, global, 4 * ms);
      },
      running: says('running'),
      stopping: says('stopping'),
      quiescent: says('quiescent'),
    },
  });
  w.add({ runNs: 6 * ms, sleepNs: 3 * ms, rounds: 2 });
  w.add({ runNs: 100 * ms });
  w.run(30 * ms);
  expect(w.log.slice(0, 8)).toEqual([
    'enqueue 0 0 0 0 0', // a fork
    'running 0 1 1 0 0',
    'stopping 0 1 0 0 0', // its slice has ended: it is off the CPU, and its switch not yet counted
    'enqueue 0 1 0 0 0',
    'running 0 1 1 0 1',
    'stopping 1 1 1 0 1', // it goes to sleep
    'quiescent 1 1 1 0 1',
    'enqueue 200 0 0 1 1', // TASK_WAKING
  ]);
  expect(w.log.at(-1)).toMatch(/^quiescent 80 /); // TASK_DEAD
});

test('what init_task asks not to have only matters to tasks of SCHED_EXT', () => {
  const disallow = (policy: number): string => {
    const w = extWorld({
      ops: {
        init_task: (k, p) => {
          w.sim.u8[k.address(p) + taskStruct.offsets.scxDisallow] = 1;
        },
      },
    });
    w.add({ runNs: ms, policy });
    return w.exit();
  };
  expect(disallow(schedPolicy.normal)).toBe('');
  expect(disallow(schedPolicy.ext)).toBe(
    '1024: ops.init_task() set task->scx.disallow for A[1000] during fork',
  );
});

test('custody ends once: with a dispatch, or with a dequeue', () => {
  const waiting: number[] = [];
  const w = extWorld({
    shape: { cpus: 1 },
    hears: ['enqueue', 'dequeue', 'running'],
    ops: {
      enqueue: (_k, p) => {
        waiting.push(p);
      },
      dispatch: (k) => {
        for (const p of waiting.splice(0)) k.insert(p, local);
      },
    },
  });
  w.add({ runNs: 5 * ms, rounds: 1 });
  const b = w.add({ runNs: 5 * ms, rounds: 1, startNs: ms });
  w.run(ms);
  expect(w.take()).toEqual(['0 enqueue A 136', '0 running A', '0 enqueue B 136']);
  setNice(w.core, b, 1);
  expect(w.take()).toEqual(['0 dequeue B 10', '0 enqueue B 10']);
  w.run(30 * ms); // B was handed over twice, and is taken once
  expect(w.take()).toEqual(['0 running B']);
  expect(w.exit()).toBe('');
});
