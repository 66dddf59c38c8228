// Scopes and lists of CPUs: one spelling each, and what lies within what.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cpuListText, parseCpuList } from './cpu-list.ts';
import { type Scope, scopeOf, scopeSchema, scopeText, widening } from './scope.ts';

describe('lists of CPUs', () => {
  it('written and read again are the same set', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(300), { minLength: 1 }), (cpus) => {
        const text = cpuListText(cpus);
        expect(parseCpuList(text)).toEqual([...cpus].sort((a, b) => a - b));
        expect(cpuListText(parseCpuList(text)!)).toBe(text);
      }),
      { seed: 1 },
    );
  });

  it.each([
    ['0', [0]],
    ['0-3,8', [0, 1, 2, 3, 8]],
    ['8,0-1,1-2', [0, 1, 2, 8]],
    ['', undefined],
    ['3-1', undefined],
    ['0-9999', undefined],
    ['1,', undefined],
    ['-1', undefined],
    ['0-3:1/2', undefined],
  ])('%j', (text, expected) => {
    expect(parseCpuList(text)).toEqual(expected);
  });
});

const whole = (cpus: string | null = null): Scope => ({ part: 'whole', cpus });
const cgroups = (paths: string[], cpus: string | null = null): Scope => ({ part: 'cgroups', paths, cpus });
const processes = (pids: number[], cpus: string | null = null): Scope => ({ part: 'processes', pids, cpus });

it.each<[string, Scope, Scope, boolean]>([
  ['the same', whole(), whole(), true],
  ['a cgroup of the whole', cgroups(['/a']), whole(), true],
  ['processes of the whole', processes([5]), whole(), true],
  ['the whole of a cgroup', whole(), cgroups(['/a']), false],
  ['below', cgroups(['/a/b/c']), cgroups(['/a', '/z']), true],
  ['above', cgroups(['/a']), cgroups(['/a/b']), false],
  ['beside, with the same beginning', cgroups(['/ab']), cgroups(['/a']), false],
  ['one of two is not', cgroups(['/a/b', '/c']), cgroups(['/a']), false],
  ['processes of a cgroup: nobody can tell', processes([5]), cgroups(['/a']), false],
  ['a cgroup of processes', cgroups(['/a']), processes([5]), false],
  ['fewer processes', processes([5]), processes([4, 5]), true],
  ['another process', processes([5, 6]), processes([4, 5]), false],
  ['fewer CPUs', whole('1-2'), whole('0-3'), true],
  ['all CPUs of some', whole(), whole('0-3'), false],
  ['some CPUs of all', whole('0-3'), whole(), true],
  ['another CPU', whole('3-4'), whole('0-3'), false],
])('%s', (_, asked, granted, fits) => {
  expect(widening(asked, granted) === undefined).toBe(fits);
});

it.each<unknown>([
  cgroups([]),
  cgroups(['a']),
  cgroups(['/']),
  cgroups(['/a/']),
  cgroups(['/a/../b']),
  cgroups(['/a/./b']),
  cgroups(['//a']),
  cgroups(['/b', '/a']),
  cgroups(['/a', '/a']),
  processes([]),
  processes([2, 1]),
  processes([0]),
  whole('1,0'),
  whole('0,1'),
  whole(''),
  { part: 'whole' },
  { part: 'half', cpus: null },
])('%j is no scope', (scope) => {
  expect(scopeSchema.safeParse(scope).success).toBe(false);
});

it('names may have dots', () => {
  expect(scopeSchema.safeParse(cgroups(['/..a/b..', '/a.slice/x.service'])).success).toBe(true);
});

it('has one spelling, and words', () => {
  expect(scopeOf({ part: 'cgroups', paths: ['/b', '/a', '/b'] }, '0-3')).toEqual(
    cgroups(['/a', '/b'], '0-3'),
  );
  expect(scopeOf({ part: 'processes', pids: [10, 9, 10] })).toEqual(processes([9, 10]));
  expect(() => scopeOf({ part: 'cgroups', paths: ['/a/../b'] })).toThrow();
  expect(scopeText(cgroups(['/a'], '0-3'))).toBe('cgroup /a on CPUs 0-3');
  expect(scopeText(processes([9, 10]))).toBe('processes 9, 10');
  expect(scopeText(processes([1, 2, 3, 4, 5, 6, 7, 8, 9]))).toBe('9 processes');
  expect(scopeText(whole())).toBe('the whole machine');
});
