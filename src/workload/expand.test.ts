import { describe, expect, test } from 'vitest';
import type { Expansion, WorkloadFile } from '../core/workload.ts';
import { expand } from './expand.ts';
import { opText } from './view.ts';

type Groups = WorkloadFile['groups'];

function expanded(groups: Groups, more: Partial<WorkloadFile> = {}, seed = 1, cpus = 4): Expansion {
  const file: WorkloadFile = {
    ...{
      kind: 'declared',
      name: 'w',
      description: 'A test.',
      jitter: { work: 0, start: 0 },
      starts: { within: 0 },
    },
    goal: { metric: 'makespanNs', direction: 'lower' },
    groups,
    ...more,
  };
  return expand(file, { seed, cpus });
}

function opsOf(
  phases: Groups[number]['phases'],
  group: Partial<Groups[number]> = {},
  more: Partial<WorkloadFile> = {},
) {
  const { tasks } = expanded([{ name: 't', phases, ...group }], more);
  return tasks.map((task) => task.ops.map(opText).join('; '));
}

describe('phases become operations', () => {
  test('a loop that repeats itself is REPEAT, one that varies is unrolled', () => {
    expect(opsOf([{ loop: 3, phases: [{ run: 5 }, { loop: 2, phases: [{ yield: true }] }] }])).toEqual([
      'run 5ns; yield; repeat 1× (back 1); repeat 2× (back 3)',
    ]);
    expect(opsOf([{ loop: 2, phases: [{ run: 5 }, { timer: '1us' }] }])).toEqual([
      'run 5ns; until 0; run 5ns; until 1us',
    ]);
    expect(opsOf([{ loop: 1, phases: [{ run: 5 }] }])).toEqual(['run 5ns']);
    expect(opsOf([{ loop: 'forever', phases: [{ run: 5 }] }], { background: true })).toEqual([
      'run 5ns; repeat for ever (back 1)',
    ]);
  });

  test('SINCE measures from the last intended time', () => {
    const series = { series: { s: {} } };
    expect(opsOf([{ since: 's' }, { until: 90 }, { since: 's' }], { start: 40 }, series)).toEqual([
      'since 40ns → 0; until 90ns; since 90ns → 0',
    ]);
    const timer = [{ loop: 2, phases: [{ timer: 100 }, { since: 's' }] }];
    expect(opsOf(timer, { start: 40 }, series)).toEqual([
      'until 40ns; since 40ns → 0; until 140ns; since 140ns → 0',
    ]);
  });

  test('several units, several objects, several tasks', () => {
    const phases = [
      { signal: 'x#*2', units: 3 },
      { wait: 'x#*2', times: 3 },
    ];
    expect(opsOf(phases, { count: 2 }, { starts: { order: 'file', within: 0 } })).toEqual([
      'signal s0 ×3; signal s1 ×3; wait s0; repeat 2× (back 1); wait s1; repeat 2× (back 1)',
      'signal s2 ×3; signal s3 ×3; wait s2; repeat 2× (back 1); wait s3; repeat 2× (back 1)',
    ]);
  });

  test('arrivals go round the tasks of a group, each at its own time', () => {
    const { tasks } = expanded(
      [{ name: 't', count: 2, phases: [{ each: 'a', phases: [{ until: 'arrival' }, { signal: 'x@' }] }] }],
      { arrivals: { a: { poisson: '1/ms', count: 5 } }, starts: { order: 'file', within: 0 } },
    );
    expect(tasks.map((task) => task.ops.length)).toEqual([6, 4]);
    const times = (task: number) => tasks[task]!.ops.flatMap((op) => (op.code === 3 ? [Number(op.b)] : []));
    const [a, b] = [times(0), times(1)];
    const merged = [a[0]!, b[0]!, a[1]!, b[1]!, a[2]!];
    expect(merged).toEqual([...merged].sort((x, y) => x - y));
    expect(merged.at(-1)).toBeLessThan(5e6);
  });

  test('own affinity by the topology', () => {
    expect(opsOf([{ cpus: 'one' }, { cpus: 'half' }, { cpus: 'all' }, { cpus: [1, 3] }])).toEqual([
      'cpus 0x1; cpus 0x3; cpus 0xf; cpus 0xa',
    ]);
  });
});

describe('tasks', () => {
  test('frame: comm, class, nice, cgroup, affinity', () => {
    const { tasks, cgroups } = expanded(
      [
        {
          ...{ name: 'a', count: 11, nice: 5, class: 'batch', cgroup: 'z', cpus: 'each', comm: 'w{i}' },
          phases: [{ run: 1 }],
        },
      ],
      { cgroups: { z: { weight: 7 }, b: { limit: '1ms' } }, starts: { order: 'file', within: 0 } },
    );
    expect(cgroups).toEqual([
      { name: 'b', weight: 100, maxNs: 1_000_000 },
      { name: 'z', weight: 7, maxNs: 0 },
    ]);
    expect(tasks[5]).toMatchObject({ comm: 'w05', nice: 5, schedClass: 'batch', cgroup: 1, cpus: 2n });
  });

  test('counts by CPU', () => {
    const groups: Groups = [{ name: 'a', count: { perCpu: 1.5, plus: 2 }, phases: [{ run: 1 }] }];
    expect(expanded(groups, {}, 1, 3).tasks).toHaveLength(5 + 2);
  });

  test('every round has its own semaphores, locks and pipes', () => {
    const phases = [{ signal: 's' }, { lock: 'l' }, { unlock: 'l' }, { write: 'p', bytes: 1 }];
    const { semaphores, locks, pipes, tasks } = expanded([{ name: 'a', phases }], { rounds: 3 });
    expect({ semaphores, locks, pipes }).toEqual({ semaphores: 3, locks: 3, pipes: 3 });
    expect(tasks.map((task) => task.ops[0]!.a)).toEqual([0, 1, 2]);
  });

  test('a size belongs to the task: the same in all rounds, but for the jitter', () => {
    const groups: Groups = [{ name: 'a', count: 5, phases: [{ run: { from: 1000, to: 9000 } }] }];
    const sizes = (jitter: number) => {
      const { tasks } = expanded(groups, { rounds: 2, jitter: { work: jitter } });
      const round = (n: number) =>
        tasks
          .filter((task) => task.round === n)
          .sort((a, b) => (a.comm < b.comm ? -1 : 1))
          .map((task) => Number(task.ops[0]!.b));
      return [round(0), round(1)] as const;
    };
    const [first, second] = sizes(0);
    expect(first).toEqual(second);
    expect(new Set(first).size).toBe(5);
    const [loose, looser] = sizes(0.1);
    expect(loose).not.toEqual(looser);
    for (const [i, size] of loose.entries()) expect(Math.abs(size / first[i]! - 1)).toBeLessThan(0.11);
  });

  test('forked children follow their parents, joined by number', () => {
    const { tasks } = expanded([
      { name: 'p', count: 2, phases: [{ loop: 2, phases: [{ fork: 'c' }] }, { join: 'c' }] },
      { name: 'c', phases: [{ run: 1 }] },
    ]);
    expect(tasks.map((task) => task.forked)).toEqual([false, false, true, true, true, true]);
    const forks = tasks.slice(0, 2).map((task) => task.ops.map(opText).join('; '));
    expect(forks.sort()).toEqual([
      'fork t2; fork t3; join t2; join t3',
      'fork t4; fork t5; join t4; join t5',
    ]);
  });
});

describe('starts', () => {
  const many: Groups = [
    { name: 'a', count: 18, phases: [{ run: 1 }] },
    { name: 'b', count: 2, place: [0.9, 1], phases: [{ run: 1 }] },
  ];

  test('in order of file, or shuffled, with a place kept', () => {
    const order = (seed: number, kind: 'file' | 'shuffled') =>
      expanded(many, { starts: { order: kind, within: '1ms' } }, seed).tasks.map((task) => task.comm);
    expect(order(1, 'file').slice(0, 3)).toEqual(['a-00', 'a-01', 'a-02']);
    expect(order(1, 'shuffled')).not.toEqual(order(2, 'shuffled'));
    expect(order(1, 'shuffled').slice(0, 18).sort()).toEqual(order(1, 'file').slice(0, 18));
    for (const seed of [1, 2, 3]) expect(order(seed, 'shuffled').slice(18).sort()).toEqual(['b-0', 'b-1']);
  });

  test('within a span, in bursts, at Poisson times', () => {
    const starts = (kind: WorkloadFile['starts']) =>
      expanded(many, { starts: kind ?? {}, jitter: { start: '10us' } }).tasks.map((task) => task.startNs);
    expect(starts({ within: '2ms' }).map((ns) => Math.floor(ns / 100_000))).toEqual([...Array(20).keys()]);
    expect(starts({ bursts: { size: 5, every: '1ms' } }).map((ns) => Math.floor(ns / 10_000))).toEqual(
      [0, 100, 200, 300].flatMap((ns) => new Array(5).fill(ns)),
    );
    const poisson = starts({ poisson: '1/ms' });
    expect(Math.max(...poisson)).toBeLessThan(20e6);
    expect(Math.max(...poisson)).toBeGreaterThan(10e6);
  });
});
