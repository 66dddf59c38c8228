// Tasks by pid and references to them; sections in which a program holds something. Truth: bpf_task_from_pid(), bpf_task_release() in
// kernel/bpf/helpers.c; what the verifier demands of RCU, preemption and interrupts (kernel/bpf/verifier.c), v6.18.

import { describe, expect, test } from 'vitest';
import { Finding, kfuncTest, type TestKfuncs } from '../../../test/simulator/kfunc-world.ts';
import { kfMask } from '../model/ext/ops.ts';

describe('tasks', () => {
  test('by pid, in the only pid namespace', () => {
    const k = kfuncTest();
    for (const kfunc of ['bpf_task_from_pid', 'bpf_task_from_vpid'])
      expect([1000, 1001, 1002, 0, -1].map((pid) => k.call(kfunc, pid))).toEqual([
        k.task(0),
        k.task(1),
        0,
        0,
        0,
      ]);
  });
  test('a task that has gone is found no more, and stays while it is held', () => {
    const k = kfuncTest();
    const p = k.call('bpf_task_from_pid', 1001);
    k.call('bpf_task_acquire', p);
    k.world.tasks.gone(1);
    expect(k.call('bpf_task_from_pid', 1001)).toBe(0);
    k.call('bpf_task_release', p);
    expect(k.memory.readable(p, 8)).toBe(true);
    k.call('bpf_task_release', p);
    expect(k.memory.readable(p, 8)).toBe(false);
  });
  test('what is not held cannot be released', () => {
    const k = kfuncTest();
    expect(() => k.call('bpf_task_release', k.task(0))).toThrow(Finding);
  });
  test('the idle task is always there', () => {
    const k = kfuncTest();
    const idle = k.world.ext.idleTaskOf(1);
    expect(k.call('bpf_task_acquire', idle)).toBe(idle);
    k.call('bpf_task_release', idle);
    expect(k.call('scx_bpf_task_cpu', idle)).toBe(1);
    expect(k.call('scx_bpf_task_running', idle)).toBe(1);
  });
  test('who runs where', () => {
    const k = kfuncTest();
    k.core.cpus.curr[2] = 1;
    k.core.tasks.cpu[1] = 2;
    expect(k.call('scx_bpf_cpu_curr', 2)).toBe(k.task(1));
    expect(k.call('scx_bpf_cpu_curr', 3)).toBe(k.world.ext.idleTaskOf(3));
    expect([0, 1].map((i) => k.call('scx_bpf_task_running', k.task(i)))).toEqual([0, 1]);
    expect(k.call('scx_bpf_task_cpu', k.task(1))).toBe(2);
  });
});

describe('sections', () => {
  const during = (run: (k: TestKfuncs) => void): (() => void) => {
    const k = kfuncTest();
    return () => k.within(kfMask.rest, () => run(k));
  };
  test('that are closed', () => {
    expect(
      during((k) => {
        k.call('bpf_rcu_read_lock');
        k.call('bpf_preempt_disable');
        k.call('bpf_preempt_disable');
        k.call('bpf_preempt_enable');
        k.call('bpf_preempt_enable');
        k.call('bpf_rcu_read_unlock');
      }),
    ).not.toThrow();
  });
  test.each([
    ['bpf_rcu_read_lock', 'a callback ends inside bpf_rcu_read_lock'],
    ['bpf_preempt_disable', 'a callback ends with preemption disabled'],
    ['bpf_rcu_read_unlock', 'unmatched rcu read unlock'],
    ['bpf_preempt_enable', 'unmatched attempt to enable preemption'],
  ])('%s alone', (kfunc, text) => {
    expect(during((k) => k.call(kfunc))).toThrow(text);
  });
  test('RCU does not nest', () => {
    expect(
      during((k) => {
        k.call('bpf_rcu_read_lock');
        k.call('bpf_rcu_read_lock');
      }),
    ).toThrow('nested rcu read lock');
  });
  test('interrupts come back in order', () => {
    const flags = (k: TestKfuncs): [number, number] => [k.bytes(8), k.bytes(8)];
    const saved = (k: TestKfuncs): [number, number] => {
      const both = flags(k);
      for (const at of both) k.call('bpf_local_irq_save', at);
      return both;
    };
    expect(
      during((k) => {
        const [first, second] = saved(k);
        k.call('bpf_local_irq_restore', second);
        k.call('bpf_local_irq_restore', first);
      }),
    ).not.toThrow();
    expect(during((k) => k.call('bpf_local_irq_restore', saved(k)[0]))).toThrow(
      'cannot restore irq state out of order',
    );
    expect(during((k) => k.call('bpf_local_irq_restore', k.bytes(8)))).toThrow('flags that were not saved');
    expect(during((k) => k.call('bpf_local_irq_save', saved(k)[0]))).toThrow('flags that are in use');
    expect(during((k) => saved(k))).toThrow('a callback ends with interrupts disabled');
  });
});
