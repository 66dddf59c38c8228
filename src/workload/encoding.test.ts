import { expect, test } from 'vitest';
import { Fault } from '../core/errors.ts';
import {
  type Expansion,
  type ExpansionTask,
  endless,
  type Op,
  type OpName,
  opCodes,
} from '../core/workload.ts';
import { decode, encode } from './encoding.ts';

const op = (name: OpName, a = 0, b: number | bigint = 0): Op => ({ code: opCodes[name], a, b: BigInt(b) });

function task(ops: Op[], more: Partial<ExpansionTask> = {}): ExpansionTask {
  return {
    ...{ comm: 'a', round: 0, background: false, forked: false, startNs: 0, nice: 0, schedClass: 'other' },
    ...{ cgroup: -1, group: 0, cpus: 0n, ops },
    ...more,
  };
}

function expansion(tasks: ExpansionTask[], more: Partial<Expansion> = {}): Expansion {
  return {
    ...{ semaphores: 2, locks: 1, pipes: 1, rounds: 2, warmupRounds: 0, cgroups: [], tasks },
    series: [{ name: 's', deadlineNs: 9, capacity: 0 }],
    ...more,
  };
}

const one = (...ops: Op[]) => expansion([task(ops)]);
const child = task([], { forked: true });
const firstTask = 48 + 64;

test('the extremes survive', () => {
  const whole = expansion(
    [
      task([op('NICE', 0, -20), op('CPUS', 0, 2n ** 64n - 1n), op('RUN', 0, Number.MAX_SAFE_INTEGER)], {
        ...{
          cpus: 2n ** 256n - 1n,
          nice: -20,
          schedClass: 'fifo',
          cgroup: 0,
          comm: 'a23456789012345',
          group: 7,
        },
        ...{ startNs: Number.MAX_SAFE_INTEGER, background: true, round: 1 },
      }),
      task([op('FORK', 2), op('LAP', 0, 1), op('REPEAT', 2, 1), op('JOIN', 2)]),
      child,
    ],
    {
      series: [{ name: 's', deadlineNs: 1, capacity: 3 }],
      cgroups: [{ name: 'c', weight: 10_000, maxNs: 5 }],
    },
  );
  expect(decode(encode(whole))).toEqual(whole);
});

/** What breaks the contract, the offset that is named, a piece of the message. */
const broken: [string, Expansion, number, string][] = [
  ['no rounds', expansion([], { rounds: 0 }), 8, 'no rounds'],
  ['only warm-up', expansion([], { warmupRounds: 2 }), 8, '2 warm-up rounds of 2'],
  ['too many locks', expansion([], { locks: 1025 }), 20, '1025 locks; the limit is 1024'],
  ['an empty name', expansion([], { series: [{ name: '', deadlineNs: 0, capacity: 0 }] }), 48, 'name'],
  [
    'a capacity',
    expansion([], { series: [{ name: 's', deadlineNs: 0, capacity: 1 }] }),
    48,
    'its samples are 0',
  ],
  ['a weight', expansion([], { cgroups: [{ name: 'c', weight: 0, maxNs: 0 }] }), firstTask, 'weight 0'],
  ['a comm', expansion([task([], { comm: 'a b' })]), firstTask, 'a name'],
  ['a round', expansion([task([], { round: 2 })]), firstTask, 'round 2 of 2'],
  ['a nice', expansion([task([], { nice: 20 })]), firstTask, 'nice 20'],
  ['a cgroup', expansion([task([], { cgroup: 0 })]), firstTask, 'cgroup 0 of 0'],
  [
    'a forked task with a start',
    expansion([task([op('FORK', 1)]), { ...child, startNs: 1 }]),
    firstTask + 128,
    'startNs',
  ],
  ['an orphan', expansion([child]), firstTask, 'nobody forks'],
  [
    'two forks',
    expansion([task([op('FORK', 1), op('FORK', 1)]), child]),
    firstTask + 272,
    'forked more than once',
  ],
  [
    'a fork in a loop',
    expansion([task([op('FORK', 1), op('REPEAT', 1, 1)]), child]),
    firstTask + 256,
    'forked more than once',
  ],
  [
    'a fork of a started task',
    expansion([task([op('FORK', 1)]), task([])]),
    firstTask + 256,
    'without the flag',
  ],
  ['a join of oneself', one(op('JOIN', 0)), firstTask + 128, 'itself'],
  [
    'a join across rounds',
    expansion([task([op('JOIN', 1)]), task([], { round: 1 })]),
    firstTask + 256,
    'another round',
  ],
  ['no such task', one(op('JOIN', 1)), firstTask + 128, 'task 1 of 1'],
  ['no such semaphore', one(op('YIELD'), op('WAIT', 2)), firstTask + 144, 'semaphore 2 of 2'],
  ['no such lock', one(op('UNLOCK', 1)), firstTask + 128, 'lock 1 of 1'],
  ['no such pipe', one(op('READ', 1, 1)), firstTask + 128, 'pipe 1 of 1'],
  ['no such series', one(op('SINCE', 1)), firstTask + 128, 'series 1 of 1'],
  ['a lap of no semaphore', one(op('LAP', 0, 2)), firstTask + 128, 'semaphore 2 of 2'],
  ['no units', one(op('SIGNAL', 0, 0)), firstTask + 128, 'b is 0'],
  ['a large transfer', one(op('WRITE', 0, 1_048_577)), firstTask + 128, '1048577'],
  ['an unused a', one(op('RUN', 1, 5)), firstTask + 128, 'a must be 0'],
  ['an unused b', one(op('YIELD', 0, 5)), firstTask + 128, 'b must be 0'],
  ['time beyond 2^53', one(op('SLEEP', 0, 2n ** 53n)), firstTask + 128, 'b is 9007199254740992'],
  ['a repetition of nothing', one(op('REPEAT', 1, 0)), firstTask + 128, 'b is 0'],
  ['a repetition from before the start', one(op('YIELD'), op('REPEAT', 1, 2)), firstTask + 144, 'b is 2'],
  ['no repetitions', one(op('YIELD'), op('REPEAT', 0, 1)), firstTask + 144, '0 repetitions'],
  ['endless in the foreground', one(op('YIELD'), op('REPEAT', endless, 1)), firstTask + 144, 'endless'],
  [
    'bodies that overlap',
    one(op('YIELD'), op('YIELD'), op('REPEAT', 1, 2), op('REPEAT', 1, 2)),
    firstTask + 128 + 48,
    'overlap',
  ],
  ['own nice', one(op('NICE', 0, 20)), firstTask + 128, 'b is 20'],
  ['no CPUs', one(op('CPUS', 0, 0)), firstTask + 128, 'b is 0'],
  ['an unknown code', one({ ...op('YIELD'), code: 18 as Op['code'] }), firstTask + 128, 'code 18'],
];

test.each(broken)('%s is malformed, with its offset', (_, value, offset, message) => {
  try {
    decode(encode(value));
  } catch (fault) {
    expect(fault).toBeInstanceOf(Fault);
    expect((fault as Fault).code).toBe('malformed');
    expect((fault as Fault).where).toBe(`offset ${offset}`);
    expect((fault as Fault).message).toContain(message);
    return;
  }
  expect.unreachable('it was accepted');
});
