// Grace periods by hand, after kernel/rcu/tree.c: who must have ticked how often, and whose callbacks may be called then.

import { describe, expect, it } from 'vitest';
import { Rcu } from './rcu.ts';

/** A tick of a CPU on which something runs; true: rcu_preempt is woken. */
function tick(rcu: Rcu, cpu: number): boolean {
  rcu.quiescent(cpu);
  return rcu.pending(cpu) && rcu.core(cpu);
}

/** rcu_preempt runs on the CPU, and leaves it again. */
function begin(rcu: Rcu, cpu: number): boolean {
  const begun = rcu.begin(cpu);
  rcu.quiescent(cpu);
  return begun;
}

/** Two CPUs; CPU 0 has one callback, whose grace period CPU 0 has begun. */
function begun(): Rcu {
  const rcu = new Rcu(2);
  rcu.call(0, 1, 0);
  expect(tick(rcu, 0)).toBe(true);
  expect(begin(rcu, 0)).toBe(true);
  return rcu;
}

describe('a grace period', () => {
  it('is not wanted by a tick without callbacks', () => {
    const rcu = new Rcu(2);
    expect(tick(rcu, 0)).toBe(false);
    expect(rcu.begin(0)).toBe(false);
  });

  it('ends with the second tick of a CPU that did not begin it, and the first of the one that did', () => {
    const rcu = begun();
    expect(tick(rcu, 0)).toBe(false); // CPU 0 has switched since, and says so
    expect(rcu.isOver).toBe(false);
    expect(tick(rcu, 1)).toBe(false); // CPU 1 learns of it
    expect(rcu.isOver).toBe(false);
    expect(tick(rcu, 1)).toBe(true);
    expect(rcu.isOver).toBe(true);
  });

  it('does not wait for the ticks of CPUs that are idle when rcu_preempt looks', () => {
    const rcu = begun();
    rcu.force((cpu) => cpu === 1);
    expect(rcu.isOver).toBe(false);
    expect(tick(rcu, 0)).toBe(true);
  });
});

describe('callbacks', () => {
  it('are called when the CPU has heard of the end, no earlier', () => {
    const rcu = begun();
    for (const cpu of [0, 1, 1]) tick(rcu, cpu);
    expect(rcu.hasReady(0)).toBe(false);
    rcu.end(1);
    expect(rcu.hasReady(0)).toBe(false);
    tick(rcu, 0);
    expect(rcu.callBatch(0, false)).toBe(1);
    expect(rcu.needsCpu(0)).toBe(false);
  });

  it('that come within a grace period wait for the whole of the next', () => {
    const rcu = begun();
    rcu.call(1, 1, 0);
    for (const cpu of [0, 1, 1]) tick(rcu, cpu);
    rcu.end(0);
    tick(rcu, 1);
    expect(rcu.hasReady(1)).toBe(false);
    expect(begin(rcu, 0)).toBe(true);
    for (const cpu of [1, 0, 1]) tick(rcu, cpu);
    expect(rcu.isOver).toBe(true);
    rcu.end(1);
    expect(rcu.hasReady(1)).toBe(true);
  });

  it('are called ten at a time where anything runs, and all where nothing does', () => {
    const called = (isIdle: boolean): number => {
      const rcu = new Rcu(1);
      rcu.call(0, 25, 0);
      tick(rcu, 0);
      begin(rcu, 0);
      tick(rcu, 0);
      rcu.end(0);
      return rcu.callBatch(0, isIdle);
    };
    expect(called(false)).toBe(10);
    expect(called(true)).toBe(25);
  });

  it('hand on others, which wait for a grace period of their own', () => {
    const rcu = new Rcu(1);
    rcu.call(0, 3, 1);
    const period = (): number => {
      tick(rcu, 0);
      expect(begin(rcu, 0)).toBe(true);
      expect(tick(rcu, 0)).toBe(true);
      rcu.end(0);
      return rcu.callBatch(0, false);
    };
    expect(period()).toBe(3);
    expect(rcu.needsCpu(0)).toBe(true);
    expect(period()).toBe(3);
    expect(rcu.needsCpu(0)).toBe(false);
  });
});
