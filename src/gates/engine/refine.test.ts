// What each way of a branch tells of the compared value, wherever it is held.

import { describe, expect, test } from 'vitest';
import { emptyState, type State } from './frame.ts';
import { type Comparison, refine } from './refine.ts';
import { flag, type Value, Values } from './values.ts';

const values = new Values();
const zero = values.constant(0n);
const compare = (left: Value, condition: Comparison['condition'], right: bigint): Comparison => ({
  left,
  right: values.constant(BigInt.asUintN(64, right)),
  condition,
  width: 32,
});
const holding = (...held: Value[]): State => {
  const state = emptyState(0);
  held.forEach((value, i) => {
    state[6 + i] = value;
  });
  return state;
};
const flagsAt = (state: State, register: number): number => state[register]!.atoms![0]!.flags;

describe('a CPU number', () => {
  const cpu = values.made('kfunc', 'scx_bpf_pick_idle_cpu', 0n, 0, 4);
  test.each([
    ['slt', 0n, false],
    ['sge', 0n, true],
    ['sgt', -1n, true],
    ['lt', 64n, true],
    ['ne', -16n, true],
  ] as const)('%s %i: not negative where it is %s', (condition, right, way) => {
    for (const taken of [true, false]) {
      const state = holding(cpu, cpu);
      expect(refine(values, state, compare(cpu, condition, right), taken)).toBe(true);
      const expected = taken === way ? flag.nonNegative | flag.tested : flag.tested;
      expect([flagsAt(state, 6), flagsAt(state, 7)]).toEqual([expected, expected]);
    }
  });

  test('may be used by the task where bpf_cpumask_test_cpu() said yes, behind a mask, too', () => {
    const mask = values.made('field', 'task_struct.cpus_ptr', 0n, -1, -1, [values.made('arg', 'p')]);
    const answer = values.made('kfunc', 'bpf_cpumask_test_cpu', 0n, 0, 9, [cpu, mask]);
    const bit = values.made('bits', 'x', 1n, -1, -1, [answer]);
    const yes = holding(cpu);
    refine(values, yes, compare(bit, 'ne', 0n), true);
    expect(flagsAt(yes, 6) & flag.allowed).toBe(flag.allowed);
    const no = holding(cpu);
    refine(values, no, compare(bit, 'ne', 0n), false);
    expect(flagsAt(no, 6) & flag.allowed).toBe(0);
  });

  test('is no more allowed for being online', () => {
    const online = values.made('kfunc', 'scx_bpf_get_online_cpumask', 0n, 0, 1);
    const answer = values.made('kfunc', 'bpf_cpumask_test_cpu', 0n, 0, 10, [cpu, online]);
    const state = holding(cpu);
    refine(values, state, compare(answer, 'ne', 0n), true);
    expect(flagsAt(state, 6) & flag.allowed).toBe(0);
  });
});

test('constants that do not fit are gone; a way that none fits is none', () => {
  const either = values.join(zero, values.constant(7n));
  const state = holding(either);
  expect(refine(values, state, compare(either, 'eq', 7n), true)).toBe(true);
  expect(state[6]).toBe(values.constant(7n));
  expect(refine(values, holding(zero), compare(zero, 'eq', 7n), true)).toBe(false);
  expect(refine(values, holding(zero), compare(zero, 'eq', 7n), false)).toBe(true);
});

test('a pointer counts as asked about on both ways', () => {
  const pointer = values.made('helper', 'bpf_map_lookup_elem', 0n, 0, 20);
  for (const taken of [true, false]) {
    const state = holding(pointer);
    refine(values, state, compare(pointer, 'eq', 0n), taken);
    expect(flagsAt(state, 6) & flag.tested).toBe(flag.tested);
  }
});
