// Recordings made by hand, told apart as a reader of the kernel would tell them apart.

import { describe, expect, it } from 'vitest';
import { diffCalls, timeOf } from './call-diff.ts';
import { divergenceText, heardMeanwhile } from './call-diff-text.ts';
import { type Level, sequencesOf } from './call-sequences.ts';
import type { Call } from './calls.ts';

const call = (ns: number, cpu: number, what: string, rest: Partial<Call> = {}): Call => ({
  ns,
  cpu,
  what,
  task: null,
  other: null,
  args: [],
  result: null,
  ...rest,
});
const comms = ['zero', 'one'];
const local = '9223372036854775810';
/** A task is woken on CPU 0 and runs on `cpu`: what a policy with a shared queue makes of it. */
const wake = (task: number, ns: number, cpu = 0, vtime = 100): Call[] => [
  call(ns, 0, 'ops.select_cpu', { task, args: [0, 8], result: cpu }),
  call(ns + 1, 0, 'scx_bpf_select_cpu_dfl', { task, args: [0, 8, 0], result: cpu }),
  call(ns + 2, 0, 'ops.enqueue', { task, args: [1033] }),
  call(ns + 3, 0, 'scx_bpf_dsq_insert_vtime', { task, args: [0, 5000, vtime, 1033] }),
  call(ns + 4, 0, 'scx_bpf_pick_idle_cpu', { args: [0], result: cpu }),
  call(ns + 5, 0, 'sched_wakeup', { task, args: [cpu] }),
];
const on = (task: number, ns: number, cpu = 0): Call[] => [
  call(ns, cpu, 'ops.dispatch', { args: [cpu] }),
  call(ns + 1, cpu, 'scx_bpf_dsq_move_to_local', { args: [0], result: 1 }),
  call(ns + 2, cpu, 'ops.running', { task }),
  call(ns + 3, cpu, 'sched_switch', { task: `swapper/${cpu}`, other: task, args: [0, 0] }),
];
const off = (
  task: number,
  ns: number,
  cpu = 0,
  next: Call['other'] = `swapper/${cpu}`,
  state = 1,
): Call[] => [
  call(ns, cpu, 'ops.stopping', { task, args: [state === 0 ? 1 : 0] }),
  call(ns + 1, cpu, 'sched_switch', { task, other: next, args: [state, 0] }),
];
const life = (task: number, ns: number, cpu = 0, vtime = 100): Call[] => [
  ...wake(task, ns, cpu, vtime),
  ...on(task, ns + 10, cpu),
  ...off(task, ns + 50, cpu),
];
const words = (calls: readonly Call[], task: number, level: Level = 'order') =>
  (sequencesOf(calls, level).get(task) ?? []).map(({ word }) => word);

describe('the sequence of a task', () => {
  it('has what names the task and what its callbacks call; not what CPUs and other tasks do', () => {
    expect(words([...wake(0, 0), call(8, 0, 'ops.tick', { task: 0 }), ...on(0, 10)], 0)).toEqual([
      'ops.select_cpu wake_flags=0x8 = a CPU',
      'scx_bpf_select_cpu_dfl wake_flags=0x8 is_idle=0 = a CPU',
      'ops.enqueue enq_flags=0x409',
      'scx_bpf_dsq_insert_vtime dsq_id=0x0 enq_flags=0x409',
      'scx_bpf_pick_idle_cpu flags=0x0 = a CPU',
      'sched_wakeup',
      'ops.running',
      'on',
    ]);
  });

  it('gives a kfunc that names no task to the callback on the same CPU, whatever other CPUs do between', () => {
    const calls = [
      call(0, 0, 'ops.enqueue', { task: 0, args: [1] }),
      call(1, 1, 'ops.enqueue', { task: 1, args: [2] }),
      call(2, 0, 'scx_bpf_kick_cpu', { args: [3, 1] }),
      call(3, 1, 'scx_bpf_pick_idle_cpu', { args: [0], result: -16 }),
    ];
    expect(words(calls, 0)).toEqual(['ops.enqueue enq_flags=0x1', 'scx_bpf_kick_cpu flags=0x1']);
    expect(words(calls, 1)).toEqual(['ops.enqueue enq_flags=0x2', 'scx_bpf_pick_idle_cpu flags=0x0 = none']);
  });

  it('has CPUs and numbers where they are asked for, and never the CPU of a queue before', () => {
    const insert = call(0, 2, 'scx_bpf_dsq_insert', { task: 0, args: ['13835058055282163715', 7, 0] });
    expect(words([insert], 0)).toEqual(['scx_bpf_dsq_insert dsq_id=LOCAL_ON enq_flags=0x0']);
    expect(words([insert], 0, 'cpus')).toEqual(['scx_bpf_dsq_insert dsq_id=LOCAL_ON|3 enq_flags=0x0']);
    expect(words([insert], 0, 'numbers')).toEqual([
      'scx_bpf_dsq_insert dsq_id=LOCAL_ON|3 slice=7 enq_flags=0x0',
    ]);
    expect(words(on(0, 0, 3), 0, 'cpus')).toEqual(['ops.running', 'on cpu3']);
  });

  it('leaves out interruptions by the machine’s own tasks, and nothing that the policy has decided', () => {
    const interrupted = [...on(0, 0), ...off(0, 10, 0, 'kworker/0:1', 0), ...on(0, 20), ...off(0, 30)];
    expect(words(interrupted, 0)).toEqual(['ops.running', 'on', 'ops.stopping runnable=0', 'off blocked']);
    const byAnother = [...on(0, 0), ...off(0, 10, 0, 1, 0), ...on(0, 20), ...off(0, 30)];
    expect(words(byAnother, 0)).toHaveLength(8);
    const enqueued = [
      ...on(0, 0),
      call(9, 0, 'ops.enqueue', { task: 0, args: [0] }),
      ...off(0, 10, 0, 'kworker/0:1', 0),
      ...on(0, 20),
    ];
    expect(words(enqueued, 0)).toHaveLength(7);
  });
});

it('a wake-up of a task that has not left its CPU is none', () => {
  const awake = [
    ...wake(0, 0),
    ...on(0, 10),
    call(20, 0, 'sched_wakeup', { task: 0, args: [0] }),
    ...off(0, 30),
  ];
  const asleep = [...awake, call(40, 0, 'sched_wakeup', { task: 0, args: [0] })];
  expect(words(awake, 0).filter((word) => word === 'sched_wakeup')).toHaveLength(1);
  expect(words(asleep, 0).filter((word) => word === 'sched_wakeup')).toHaveLength(2);
});

describe('two recordings', () => {
  it('agree when only times, CPUs and the interleaving of tasks differ', () => {
    const a = [...life(0, 0), ...life(1, 100)];
    const b = [...life(0, 1000, 1), ...life(1, 2000, 1, 200)];
    const order = diffCalls(a, b, 'order');
    expect(order).toMatchObject({ divergences: [], order: undefined, agreement: 1 });
    expect(diffCalls(a, b, 'cpus').divergences.length).toBeGreaterThan(0);
    const sameCpu = [...life(0, 1000), ...life(1, 2000, 0, 200)];
    expect(diffCalls(a, sameCpu, 'cpus').divergences).toEqual([]);
    const numbers = diffCalls(a, sameCpu, 'numbers').divergences;
    expect(numbers).toHaveLength(1);
    expect(numbers[0]).toMatchObject({ task: 1, at: [3, 3] }); // the insert: its vtime
  });

  it('differ in the order of switches when no task’s own sequence differs', () => {
    const [a, b] = [
      [...on(0, 0), ...on(1, 10)],
      [...on(1, 0), ...on(0, 10)],
    ];
    expect(diffCalls(a, b, 'order')).toMatchObject({ divergences: [], order: { at: 0, tasks: [0, 1] } });
  });

  it('what one lacks: found where it is, and both go on alike after it', () => {
    const a = [...life(0, 0), ...life(0, 100), ...life(0, 200)];
    const b = a.filter(({ what, ns }) => !(what === 'scx_bpf_pick_idle_cpu' && ns > 100 && ns < 200));
    const { divergences, agreement } = diffCalls(a, b, 'order');
    expect(divergences).toHaveLength(1);
    expect(divergences[0]).toMatchObject({ task: 0, at: [14, 14], steps: [[{ call: { ns: 104 } }], []] });
    expect(agreement).toBeCloseTo(29 / 30);
    expect(diffCalls(b, a, 'order').divergences).toMatchObject([{ at: [14, 14], steps: [[], [{}]] }]);
  });

  it('the earliest divergence comes first, whatever the number of its task', () => {
    const a = [...life(0, 100), ...life(1, 0)];
    const without = a.filter(({ what }) => what !== 'ops.enqueue');
    expect(diffCalls(a, without, 'order').divergences.map(({ task }) => task)).toEqual([1, 0]);
    expect(diffCalls(a, without, 'order').divergences.map(timeOf)).toEqual([2, 102]);
  });

  it('the same difference in many places is one pattern, the most frequent first', () => {
    const a = [...life(0, 0), ...life(1, 100), ...life(1, 200)];
    const b = a
      .filter(({ what }) => what !== 'scx_bpf_pick_idle_cpu')
      .filter(({ what, ns }) => !(what === 'ops.stopping' && ns < 100));
    const { patterns } = diffCalls(a, b, 'order');
    expect(patterns.map(({ says, count, tasks }) => [says, count, tasks])).toEqual([
      [['scx_bpf_pick_idle_cpu flags=0x0 = a CPU', ''], 3, 2],
      [['ops.stopping runnable=0', ''], 1, 1],
    ]);
  });

  it('what comes after the end of an incomplete recording is no divergence', () => {
    const b = [...life(0, 0), ...life(0, 100)];
    const a = b.slice(0, 12);
    expect(diffCalls(a, b, 'order').divergences).toHaveLength(1);
    expect(diffCalls(a, b, 'order', [true, false]).divergences).toEqual([]);
    const early = a.filter(({ what }) => what !== 'ops.enqueue');
    expect(diffCalls(early, b, 'order', [true, false]).divergences).toMatchObject([{ at: [2, 2] }]);
  });

  it('sequences with nothing in common are one divergence from the start', () => {
    const many = (what: string) => Array.from({ length: 200 }, (_, i) => call(i, 0, what, { task: 0 }));
    const { divergences, agreement } = diffCalls(many('ops.running'), many('ops.enable'), 'order');
    expect(divergences).toHaveLength(1);
    expect(divergences[0]?.steps.map((side) => side.length)).toEqual([200, 200]);
    expect(agreement).toBe(0);
  });
});

it('as text: what agreed, where they part, what comes after; who else was there', () => {
  const a = [
    ...wake(0, 1_000_000),
    call(1_000_006, 1, 'sched_switch', { task: 'swapper/1', other: 'kworker/1:0', args: [0, 0] }),
    ...on(0, 1_000_010),
    ...off(0, 1_000_050),
  ];
  const b = [
    ...wake(0, 2_000_000).slice(0, 3),
    call(2_000_003, 0, 'scx_bpf_dsq_insert', { task: 0, args: [local, 20_000_000, 0] }),
    ...wake(0, 2_000_000).slice(5),
    ...on(0, 2_000_010),
    ...off(0, 2_000_050),
  ];
  const diff = diffCalls(a, b, 'order');
  const [first] = diff.divergences;
  expect(heardMeanwhile(diff, first!, a)).toEqual([]);
  expect(divergenceText(diff, first!, comms, ['micro-vm', 'simulator'])).toBe(
    [
      '  micro-vm                                                                  simulator',
      '       1.000000 cpu0 ops.select_cpu prev_cpu=0 wake_flags=0x8 = 0                2.000000 cpu0 ops.select_cpu prev_cpu=0 wake_flags=0x8 = 0',
      '       1.000001 cpu0 scx_bpf_select_cpu_dfl prev_cpu=0 wake_flags=0x8 is_…       2.000001 cpu0 scx_bpf_select_cpu_dfl prev_cpu=0 wake_flags=0x8 is_…',
      '       1.000002 cpu0 ops.enqueue enq_flags=0x409                                 2.000002 cpu0 ops.enqueue enq_flags=0x409',
      '>      1.000003 cpu0 scx_bpf_dsq_insert_vtime dsq_id=0x0 slice=5000 vtime…       2.000003 cpu0 scx_bpf_dsq_insert dsq_id=LOCAL slice=20000000 enq_f…',
      '>      1.000004 cpu0 scx_bpf_pick_idle_cpu flags=0x0 = 0                    -',
      '       1.000005 cpu0 sched_wakeup target_cpu=0                                   2.000005 cpu0 sched_wakeup target_cpu=0',
      '       1.000012 cpu0 ops.running                                                 2.000012 cpu0 ops.running',
      '       1.000013 cpu0 on, after swapper/0                                         2.000013 cpu0 on, after swapper/0',
      '       1.000050 cpu0 ops.stopping runnable=0                                     2.000050 cpu0 ops.stopping runnable=0',
      '       1.000051 cpu0 off, blocked, for swapper/0                                 2.000051 cpu0 off, blocked, for swapper/0',
      '',
    ].join('\n'),
  );
  const later = diffCalls(
    a,
    a.filter(({ what }) => what !== 'ops.running'),
    'order',
  );
  expect(heardMeanwhile(later, later.divergences[0]!, a)).toEqual(['kworker/1:0 on cpu1']);
  const early = diffCalls(
    a,
    a.filter(({ what }) => what !== 'ops.enqueue'),
    'order',
  );
  expect(heardMeanwhile(early, early.divergences[0]!, a)).toEqual([]); // it came later
});
