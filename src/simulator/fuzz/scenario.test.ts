// Files that are no scenarios: refused with the place, whatever is wrong.

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Fault } from '../../core/errors.ts';
import type { Scenario } from '../../core/scenario.ts';
import { generate } from './generate.ts';
import { readScenario } from './scenario.ts';
import { scenarioText, sizeText } from './text.ts';

const plain: Scenario = {
  kind: 'scenario',
  version: 1,
  seed: 7,
  attacks: ['x'],
  cpus: 2,
  llcs: 1,
  threads: 1,
  lengthNs: 500_000_000,
  parameters: {},
  tasks: [
    {
      comm: 'a',
      startNs: 0,
      nice: 0,
      class: 'other',
      cpus: [],
      forked: false,
      ops: [{ fork: 1 }, { run: 5e6 }],
      times: 1,
    },
    {
      comm: 'b',
      startNs: 0,
      nice: 5,
      class: 'batch',
      cpus: [1],
      forked: true,
      ops: [{ run: 20_000 }, { sleep: 1e6 }],
      times: 'forever',
    },
  ],
  disturbances: [{ atNs: 100_000_000, affinity: 1, cpus: [0] }],
};
const [first, second] = plain.tasks;

const refusal = (change: object, text?: string): string => {
  try {
    readScenario(text ?? JSON.stringify({ ...plain, ...change }), 'the file');
  } catch (error) {
    expect(error).toBeInstanceOf(Fault);
    expect((error as Fault).code).toBe('malformed');
    expect((error as Fault).where).toBe('the file');
    return (error as Fault).message;
  }
  return 'taken';
};

it('a plain one is taken', () => {
  expect(refusal({})).toBe('taken');
});

it.each([
  ['no JSON', {}, /no JSON/, '{"kind":'],
  ['nothing', {}, /no scenario/, 'null'],
  ['a list', {}, /no scenario/, '[]'],
  ['a field more', { extra: 1 }, /extra/],
  ['another version', { version: 2 }, /version/],
  ['CPUs that do not divide', { cpus: 3, llcs: 2 }, /3 CPUs do not divide into 2 LLCs/],
  ['too many CPUs', { cpus: 64 }, /cpus/],
  [
    'a task without operations that loops',
    { tasks: [{ ...first, ops: [], times: 'forever' }], disturbances: [] },
    /task 0: loops for ever and takes no time/,
  ],
  [
    'a task that yields for ever',
    { tasks: [{ ...first, ops: [{ yield: true }], times: 'forever' }], disturbances: [] },
    /takes no time/,
  ],
  ['nobody forks it', { tasks: [{ ...first, ops: [] }, second] }, /task 1: forked, but by nobody/],
  ['forked twice', { tasks: [{ ...first, ops: [{ fork: 1 }, { fork: 1 }] }, second] }, /forked twice/],
  [
    'forks itself',
    { tasks: [{ ...first, ops: [{ fork: 0 }], forked: true }], disturbances: [] },
    /does not come after it/,
  ],
  [
    'forks what is not there',
    { tasks: [{ ...first, ops: [{ fork: 9 }] }], disturbances: [] },
    /does not come after it/,
  ],
  ['forks in a loop', { tasks: [{ ...first, times: 2 }, second] }, /forks in a loop/],
  [
    'a mask beyond the CPUs',
    { tasks: [first, { ...second, cpus: [5] }] },
    /task 1: names a CPU that is not there/,
  ],
  [
    'a disturbance of nobody',
    { disturbances: [{ atNs: 1, kill: 2 }] },
    /disturbance of task 2, which is not there/,
  ],
  ['a disturbance of no CPU', { disturbances: [{ atNs: 1, offline: 3 }] }, /CPU that is not there/],
  ['a name with a blank', { tasks: [{ ...first, comm: 'a b' }, second] }, /tasks\.0\.comm/],
  ['time that goes back', { disturbances: [{ atNs: -1, kill: 0 }] }, /disturbances\.0/],
  ['a fraction of a nanosecond', { lengthNs: 1e6 + 0.5 }, /lengthNs/],
] as const)('%s is refused with the place', (_, change: object, message, text?: string) => {
  expect(refusal(change, text)).toMatch(message);
});

it('a file cut short or changed anywhere gives a scenario or a refusal', () => {
  const whole = JSON.stringify(generate(11, { hotplug: true, maxCpus: 8, maxTasks: 8, parameters: {} }));
  const property = fc.property(
    fc.nat(whole.length - 1),
    fc.string({ minLength: 0, maxLength: 3 }),
    (at, text) => {
      expect(typeof refusal({}, whole.slice(0, at) + text)).toBe('string');
      expect(typeof refusal({}, whole.slice(0, at) + text + whole.slice(at + 1))).toBe('string');
    },
  );
  fc.assert(property, { numRuns: 300, seed: 1 });
});

it('a scenario in words', () => {
  expect(sizeText(plain)).toBe('2 tasks, 1 disturbance, 2 CPUs, 500 ms');
  expect(scenarioText(plain)).toBe(
    [
      '2 CPUs, 500 ms',
      'a (task 0): forks task 1, runs 5 ms',
      'b (task 1): runs 20 µs, sleeps 1 ms, for ever (forked, nice 5, SCHED_BATCH, on CPU 1)',
      'at 100 ms: b (task 1) may use CPU 0',
    ].join('\n'),
  );
});
