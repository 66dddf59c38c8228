// Sets of atoms: what joins keep and give up.

import { expect, test } from 'vitest';
import { anyOrigin, anything, constantsOf, flag, type Value, Values } from './values.ts';

const values = new Values();
const flagsOf = ({ atoms }: Value): number | undefined => (atoms?.length === 1 ? atoms[0]!.flags : undefined);

test('equal values are one', () => {
  expect(values.constant(5n)).toBe(values.constant(5n));
  expect(values.immediate(-1)).toBe(values.constant(0xffffffffffffffffn));
  const [one, two] = [values.constant(1n), values.constant(2n)];
  expect(values.join(one, two)).toBe(values.join(two, one));
  expect(values.join(one, one)).toBe(one);
});

test('a join knows what both know, and what either has asked', () => {
  const cpu = values.made('kfunc', 'scx_bpf_pick_idle_cpu', 0n, 0, 8);
  const checked = values.withFlags(cpu, flag.nonNegative | flag.allowed | flag.tested);
  const asked = values.withFlags(cpu, flag.nonNegative);
  expect(flagsOf(values.join(checked, asked))).toBe(flag.nonNegative | flag.tested);
  expect(flagsOf(values.join(checked, cpu))).toBe(flag.tested);
});

test('more than sixteen possibilities are anything', () => {
  let set: Value = values.constant(0n);
  for (let i = 1n; i < 16n; i++) set = values.join(set, values.constant(i));
  expect(constantsOf(set)?.values).toHaveLength(16);
  expect(values.join(set, values.constant(16n))).toBe(anything);
  expect(values.join(anything, values.constant(1n))).toBe(anything);
});

test('constants of small masks and remainders are all that fit; parameters are their defaults, and not exact', () => {
  const cpu = values.made('arg', 'cpu');
  const sorted = (value: Value) => constantsOf(value)?.values.sort((a, b) => (a < b ? -1 : 1));
  expect(sorted(values.made('bits', 'cpu', 3n, -1, -1, [cpu]))).toEqual([0n, 1n, 2n, 3n]);
  expect(sorted(values.made('mod', 'cpu', 3n, -1, -1, [cpu]))).toEqual([0n, 1n, 2n]);
  expect(constantsOf(values.made('bits', 'cpu', 6n, -1, -1, [cpu]))).toBeUndefined();
  expect(constantsOf(values.made('parameter', 'slice_ns', 7n))).toEqual({ values: [7n], exact: false });
  expect(constantsOf(anything)).toBeUndefined();
});

test('what it was made of is found', () => {
  const task = values.made('arg', 'p');
  const field = values.made('field', 'task_struct.pid', 0n, -1, -1, [task]);
  const sum = values.calculated('add', 0, 16, field, values.constant(1n));
  expect(anyOrigin(sum, ({ name }) => name === 'p')).toBe(true);
  expect(anyOrigin(sum, ({ name }) => name === 'p', 1)).toBe(false);
});
