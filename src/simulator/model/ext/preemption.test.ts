// Who makes a task leave its CPU: its slice, kicks, urgent tasks, itself, higher classes. Truth: task_tick_scx(), update_curr_scx(), local_dsq_post_enq(),
// kick_one_cpu(), kick_one_cpu_if_idle(), can_skip_idle_kick(), yield_task_scx(), switch_class(), balance_one(), scx_bpf_reenqueue_local() in
// kernel/sched/ext.c; prev_balance() in core.c; v6.18.15.

import { describe, expect, test } from 'vitest';
import {
  type ExtOptions,
  type ExtWorld,
  enqHigh,
  extWorld,
  global,
  type Kernel,
  kick,
  local,
  localOn,
  maskOf,
  ms,
} from '../../../../test/simulator/ext-world.ts';
import { cpuReleaseArgs, taskStruct } from '../../kernel/structs.ts';
import { setAffinity } from '../changes.ts';
import { classNumber, schedPolicy } from '../flags.ts';

const oneCpu = { shape: { cpus: 1 } };
const inGlobal: ExtOptions = { hears: ['running'], ops: { enqueue: (k, p) => k.insert(p, global) } };
const rt = { policy: schedPolicy.fifo, schedClass: classNumber.rt };

test('a slice ends at the first tick that finds it used up', () => {
  const w = extWorld({
    ...oneCpu,
    hears: ['tick', 'stopping', 'running'],
    ops: { enqueue: (k, p) => k.insert(p, global, 5 * ms) },
  });
  w.add({ runNs: 100 * ms, startNs: ms });
  w.add({ runNs: 100 * ms, startNs: ms });
  w.run(8 * ms); // ticks at 4 and 8 ms, when 3 and 7 ms of 5 are used
  expect(w.log).toEqual(['0 running A', '0 tick A', '0 tick A', '0 stopping A 1', '0 running B']);
});

test('ops.tick may end a slice', () => {
  const w = extWorld({
    ...oneCpu,
    ...inGlobal,
    ops: { ...inGlobal.ops, tick: (_k, p) => w.memory.setSlice(p, 0) },
  });
  w.add({ runNs: 100 * ms });
  w.add({ runNs: 100 * ms });
  w.run(5 * ms);
  expect(w.log).toEqual(['0 running A', '0 running B']);
});

describe('kicks', () => {
  const kicked = (flags: number, of = 0): string[] => {
    const w = extWorld({ ...inGlobal, hears: ['running', 'stopping', 'dispatch'] });
    w.add({ runNs: 100 * ms, affinity: [0] });
    w.add({ runNs: 100 * ms, affinity: [0], startNs: 1 });
    w.run(ms);
    w.take();
    w.kick(of, flags);
    w.core.afterwards!.flush();
    w.run(2 * ms);
    return w.take();
  };
  test('a plain one makes the CPU look, and who has slice left goes on', () => {
    expect(kicked(0)).toEqual([]);
  });
  test('SCX_KICK_PREEMPT takes the slice', () => {
    expect(kicked(kick.preempt)).toEqual(['0 stopping A 1', '0 running B']);
  });
  test('SCX_KICK_IDLE leaves a busy CPU alone', () => {
    expect(kicked(kick.idle)).toEqual([]);
  });
  test('an idle CPU looks for work, whatever the flags', () => {
    for (const flags of [0, kick.idle, kick.preempt]) expect(kicked(flags, 1)).toEqual(['1 dispatch 1 -']);
    const w = extWorld({ hears: ['dispatch'], ops: { enqueue: (k, p) => k.insert(p, local) } });
    for (const flags of [0, kick.idle, kick.preempt]) w.kick(1, flags);
    w.core.afterwards!.flush();
    w.run(1);
    expect(w.log).toEqual(['1 dispatch 1 -']); // once: it has heard of it
  });
  test('a CPU that a higher class has is not disturbed', () => {
    const w = extWorld({ ...inGlobal, hears: ['dispatch'] });
    w.add({ runNs: 100 * ms, affinity: [0], ...rt });
    w.run(ms);
    w.kick(0, kick.preempt);
    w.core.afterwards!.flush();
    expect(w.core.cpus.needResched[0]).toBe(0);
  });
  test('while bypassing nobody is kicked', () => {
    const w = extWorld({ hears: ['dispatch'] });
    w.scx.bypassing = true;
    w.kick(1);
    expect(w.core.hasDeferred).toBe(false);
  });
});

describe('SCX_ENQ_PREEMPT', () => {
  const urgent = (how: (k: Kernel, p: number) => void): ExtOptions => ({
    hears: ['running', 'stopping'],
    ops: {
      select_cpu: (_k, _p, prev) => prev,
      enqueue: (k, p) => (p === 2 ? how(k, p) : k.insert(p, local)),
    },
  });
  test('on the CPU where the task is enqueued: it goes first, and what runs loses its slice', () => {
    const w = extWorld({
      ...oneCpu,
      ...urgent((k, p) => k.insert(p, local, 20 * ms, 0, enqHigh.preempt)),
    });
    w.add({ runNs: 100 * ms });
    w.add({ runNs: 100 * ms });
    w.add({ runNs: ms, rounds: 1, startNs: ms });
    w.run(3 * ms);
    expect(w.log).toEqual(['0 running A', '0 stopping A 1', '0 running C', '0 stopping C 0', '0 running B']);
  });
  test('on another CPU it is lost on the way: the task waits behind what was there', () => {
    const w = extWorld(urgent((k, p) => k.insert(p, localOn(1), 20 * ms, 0, enqHigh.preempt)));
    w.add({ runNs: 100 * ms, startCpu: 1, affinity: [1] });
    w.add({ runNs: 100 * ms, startCpu: 1, affinity: [1] });
    w.add({ runNs: ms, rounds: 1, startNs: ms });
    w.run(3 * ms);
    expect(w.running()).toBe('.A');
    expect([w.scx.dsqs.head[1], w.scx.dsqs.tail[1]]).toEqual([1, 2]);
    expect(w.memory.slice(0)).toBeGreaterThan(0);
  });
  test('from ops.dispatch to the CPU that looks for work: nobody loses a slice', () => {
    const w = extWorld({
      ...oneCpu,
      hears: ['running'],
      ops: {
        enqueue: (k, p) => (p === 0 ? k.insert(p, local) : undefined),
        dispatch: (k, _cpu, prev) => {
          if (prev !== 0) return;
          w.memory.setSlice(0, 5 * ms);
          k.insert(1, local, 20 * ms, 0, enqHigh.preempt);
        },
      },
    });
    w.add({ runNs: 100 * ms });
    w.add({ runNs: 100 * ms, startNs: ms });
    w.run(27 * ms);
    expect(w.log).toEqual(['0 running A']); // it was given 5 ms more at 20 ms
    w.run(28 * ms);
    expect(w.log).toEqual(['0 running A', '0 running B']);
  });
});

describe('sched_yield', () => {
  test('without ops.yield the slice is over', () => {
    const w = extWorld({ ...oneCpu, ...inGlobal, hears: ['stopping', 'running'] });
    w.add({ runNs: ms, yields: true });
    w.add({ runNs: 100 * ms, startNs: 1 });
    w.run(2 * ms);
    expect(w.log).toEqual(['0 running A', '0 stopping A 1', '0 running B']);
  });
  test('with it the policy decides, and what it gives is nobody’s concern', () => {
    const w = extWorld({
      ...oneCpu,
      hears: ['yield', 'running'],
      ops: { ...inGlobal.ops, yield: () => 1 },
    });
    w.add({ runNs: ms, yields: true });
    w.add({ runNs: 100 * ms, startNs: 1 });
    w.run(2 * ms + 1);
    expect(w.log).toEqual(['0 running A', '0 yield A -', '0 yield A -']);
  });
});

describe('real time', () => {
  /** What ops.cpu_release is told: the reason, and who comes. */
  const released = ({ sim }: ExtWorld, k: Kernel): string => {
    const { reason, task } = cpuReleaseArgs.offsets;
    const args = k.low(1);
    const comm = sim.i32[(args + task) >>> 2]! + taskStruct.offsets.comm;
    const letters = sim.u8.subarray(comm, sim.u8.indexOf(0, comm));
    return `release ${sim.i32[(args + reason) >>> 2]} ${String.fromCharCode(...letters)}`;
  };

  test('takes the CPU: the task stops, waits at the head, the policy hears of it; and again when it gets the CPU back', () => {
    const w = extWorld({
      ...oneCpu,
      hears: ['running', 'stopping', 'enqueue', 'cpu_acquire', 'dispatch'],
      ops: { enqueue: (k, p) => k.insert(p, local), cpu_release: (k) => k.note(released(w, k)) },
    });
    w.add({ runNs: 100 * ms });
    w.add({ runNs: 100 * ms });
    w.add({ runNs: 2 * ms, rounds: 1, startNs: ms, ...rt });
    w.run(2 * ms);
    expect(w.take().slice(-2)).toEqual(['0 stopping A 1', 'release 0 C']);
    expect(w.scx.dsqs.head[0]).toBe(0);
    w.run(4 * ms);
    expect(w.take()).toEqual(['0 cpu_acquire 0', '0 running A']);
    expect(w.memory.slice(0)).toBe(18 * ms);
  });

  test('is told once however often it comes, and cpu_acquire alone suffices', () => {
    const w = extWorld({
      ...oneCpu,
      hears: ['cpu_acquire', 'running'],
      ops: { enqueue: (k, p) => k.insert(p, local) },
    });
    w.add({ runNs: 100 * ms });
    w.add({ runNs: 2 * ms, rounds: 1, startNs: ms, ...rt });
    w.add({ runNs: 2 * ms, rounds: 1, startNs: 2 * ms, ...rt });
    w.run(10 * ms);
    expect(w.log).toEqual(['0 running A', '0 cpu_acquire 0', '0 running A']);
  });

  test('the policy is asked for tasks before it takes an idle CPU, and what came waits', () => {
    const w = extWorld({
      ...oneCpu,
      hears: ['dispatch', 'running'],
      ops: {
        enqueue: () => {},
        dispatch: (k) => (w.core.tasks.count > 1 ? k.insert(0, local) : undefined),
      },
    });
    w.add({ runNs: 100 * ms });
    w.run(0);
    w.add({ runNs: 2 * ms, rounds: 1, startNs: ms, ...rt });
    w.run(ms);
    expect(w.log).toEqual(['0 dispatch 0 -', '0 dispatch 0 -']);
    expect(w.running()).toBe('B');
    expect(w.scx.dsqs.of[0]).toBe(0);
    w.run(4 * ms);
    expect(w.take().slice(-1)).toEqual(['0 running A']);
  });

  test('from real time to real time the policy is not asked', () => {
    const w = extWorld({ ...oneCpu, hears: ['dispatch'] });
    w.add({ runNs: ms, rounds: 1, ...rt });
    w.add({ runNs: ms, rounds: 1, ...rt });
    w.run(3 * ms);
    // when A takes the idle CPU, and when B leaves it
    expect(w.log).toEqual(['0 dispatch 0 -', '0 dispatch 0 -']);
  });

  test('what waits there may be given back to the policy', () => {
    const w = extWorld({
      hears: ['running'],
      ops: {
        select_cpu: (_k, _p, prev) => prev,
        enqueue: (k, p) => {
          k.note(`enqueue ${w.name(p)} ${k.low(1)} ${k.high(1)}`);
          k.insert(p, k.high(1) === enqHigh.reenq ? global : local);
        },
        cpu_release: (k) => k.note(`again ${k.call('scx_bpf_reenqueue_local')}`),
      },
    });
    for (let i = 0; i < 3; i++) w.add({ runNs: 100 * ms });
    w.run(0);
    w.take();
    w.add({ runNs: 50 * ms, rounds: 1, startNs: ms, affinity: [0], ...rt });
    w.run(ms);
    expect(w.take()).toEqual([
      `enqueue A 0 ${enqHigh.reenq}`,
      `enqueue B 0 ${enqHigh.reenq}`,
      `enqueue C 0 ${enqHigh.reenq}`,
      'again 3',
    ]);
    w.kick(1);
    w.core.afterwards!.flush();
    w.run(2 * ms);
    expect(w.take()).toEqual(['1 running A']);
  });

  test('but not what the stopper is about to move: it is no longer the policy’s to place (migration_pending)', () => {
    const w = extWorld({
      hears: ['running'],
      ops: {
        select_cpu: (_k, _p, prev) => prev,
        enqueue: (k, p) => {
          k.note(`enqueue ${w.name(p)} ${k.low(1)} ${k.high(1)}`);
          k.insert(p, local);
        },
        cpu_release: (k) => k.note(`again ${k.call('scx_bpf_reenqueue_local')}`),
      },
    });
    const a = w.add({ runNs: 100 * ms });
    w.add({ runNs: 100 * ms });
    w.run(ms);
    setAffinity(w.core, a, maskOf(1));
    w.take();
    w.run(2 * ms);
    const enqueueMigrated = 0x40;
    expect(w.take()).toEqual([
      `enqueue B 0 ${enqHigh.reenq}`,
      'again 1',
      `enqueue A ${enqueueMigrated} 0`,
      '0 running B',
      '1 running A',
    ]);
  });

  test('the stopper is a higher class too', () => {
    const w = extWorld({
      hears: ['running', 'stopping'],
      ops: { enqueue: (k, p) => k.insert(p, local), cpu_release: (k) => k.note(released(w, k)) },
    });
    const a = w.add({ runNs: 100 * ms });
    w.run(ms);
    w.take();
    setAffinity(w.core, a, maskOf(1));
    w.run(2 * ms);
    expect(w.take().filter((line) => line.startsWith('release'))).toEqual(['release 2 migration/0']);
    expect(w.running()).toBe('.A');
  });
});

describe('the player', () => {
  const hears = ['running', 'stopping', 'enqueue', 'dispatch'];
  /** B sleeps; the player, on CPU 0, wakes it. */
  const wakes = (w: ExtWorld, b: number): void => {
    w.take();
    w.core.clearTimer(b);
    w.core.tasks.left[b] = ms;
    w.core.visit(0);
    w.core.wake(b);
    w.core.leave();
  };
  const world = (ops: ExtOptions['ops']): ExtWorld => {
    const w = extWorld({ ...oneCpu, hears, ops: { select_cpu: (_k, _p, prev) => prev, ...ops } });
    w.add({ runNs: 100 * ms });
    w.add({ runNs: ms, sleepNs: 100 * ms });
    return w;
  };

  test('is a task of a higher class: what runs stops with its slice, the policy hears of it, and goes on', () => {
    const w = world({
      enqueue: (k, p) => k.insert(p, p === 0 ? local : global),
      cpu_acquire: (k) => k.note('acquire'),
      cpu_release: (k) => {
        const { reason, task } = cpuReleaseArgs.offsets;
        const args = k.low(1);
        const p = w.sim.i32[(args + task) >>> 2]!;
        expect(k.word(p + taskStruct.offsets.policy)).toBe(schedPolicy.fifo);
        expect(k.call('scx_bpf_cpu_curr', 0)).not.toBe(k.address(0));
        k.note(`release ${k.word(args + reason)}`);
      },
    });
    w.run(22 * ms - 1); // at 20 ms A's slice was over, B ran, and A has had another one since 21 ms
    const [icsw, delay] = [w.core.tasks.icsw[0]!, w.core.tasks.delay[0]!];
    wakes(w, 1);
    expect(w.take()).toEqual(['0 stopping A 1', 'release 0', '0 enqueue B 9', 'acquire', '0 running A']);
    expect(w.running()).toBe('A');
    expect(w.memory.slice(0)).toBe(19 * ms);
    expect([w.core.tasks.icsw[0]! - icsw, w.core.tasks.delay[0]! - delay]).toEqual([1, 0]);
  });

  test('is not of sched_ext: kicks pass its CPU by, and what is urgent goes before the task that made way', () => {
    const kicked = world({
      enqueue: (k, p) => {
        k.insert(p, global);
        if (p === 1) k.kick(0, kick.preempt);
      },
    });
    kicked.run(11 * ms - 1); // B was first, until 1 ms
    wakes(kicked, 1);
    expect(kicked.take()).toEqual(['0 stopping A 1', '0 enqueue B 9', '0 running A']);
    expect([kicked.running(), kicked.memory.slice(0)]).toEqual(['A', 10 * ms]);

    const urgent = world({
      enqueue: (k, p) => k.insert(p, local, 20 * ms, 0, p === 1 ? enqHigh.preempt : 0),
    });
    urgent.run(11 * ms - 1);
    wakes(urgent, 1);
    expect(urgent.take()).toEqual(['0 stopping A 1', '0 enqueue B 9', '0 running B']);
    urgent.run(urgent.core.now + ms);
    expect(urgent.take()).toEqual(['0 stopping B 0', '0 running A']);
    expect(urgent.memory.slice(0)).toBe(10 * ms);
  });

  test('comes when a slice is over: the policy is asked before it, and not after it', () => {
    const w = world({ enqueue: (k, p) => k.insert(p, global) });
    w.run(24 * ms);
    w.memory.setSlice(0, 0);
    wakes(w, 1);
    // prev_balance() keeps A, which is put back into a queue nevertheless
    expect(w.take()).toEqual([
      '0 dispatch 0 A',
      '0 stopping A 1',
      '0 enqueue A 0',
      '0 enqueue B 9',
      '0 running A',
    ]);
  });
});
