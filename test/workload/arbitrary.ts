// Any valid workload file that must end: what is taken is given back, what is waited for is signalled before.
import fc from 'fast-check';
import type { Phase, WorkloadFile } from '../../src/core/workload.ts';

const ns = fc.integer({ min: 1, max: 5000 });
const duration = fc.oneof(
  ns,
  ns.map((value) => `${value}us`),
);
const amount = fc.oneof(
  duration,
  fc.record({ about: duration, spread: fc.integer({ min: 0, max: 100 }).map((n) => n / 100) }),
  fc.tuple(ns, ns).map(([from, more]) => ({ from, to: from + more, shape: 'uniform' as const })),
);

const simple = fc.oneof<fc.Arbitrary<Phase[]>[]>(
  amount.map((run) => [{ run }]),
  amount.map((sleep) => [{ sleep }]),
  duration.map((timer) => [{ timer }, { since: 'late' }]),
  fc.constant([{ timer: { poisson: '900/s' } }]),
  duration.map((until) => [{ until }]),
  fc.constant([{ yield: true as const }]),
  fc.integer({ min: -20, max: 19 }).map((nice) => [{ nice }]),
  fc.constantFrom('all' as const, 'half' as const, 'each' as const).map((cpus) => [{ cpus }]),
  fc.integer({ min: 1, max: 3 }).map((n) => [
    { signal: 'own#', units: n },
    { lap: 'lap', of: 'own#' },
    { wait: 'own#', times: n },
  ]),
  amount.map((run) => [{ lock: 'one' }, { run }, { unlock: 'one' }]),
  fc.integer({ min: 1, max: 65_536 }).map((bytes) => [
    { write: 'own#', bytes },
    { read: 'own#', bytes },
  ]),
  fc.constant([{ fork: 'child' }, { run: 5 }, { join: 'child' }]),
);

const phases: fc.Arbitrary<Phase[]> = fc.letrec<{ phases: Phase[]; loop: Phase[] }>((tie) => ({
  phases: fc
    .array(fc.oneof({ maxDepth: 3 }, simple, tie('loop')), { minLength: 1, maxLength: 3 })
    .map((lists) => lists.flat()),
  loop: fc
    .tuple(fc.integer({ min: 1, max: 3 }), tie('phases'))
    .map(([loop, inner]) => [{ loop, phases: inner }]),
})).phases;

/** Used everywhere, so that no name is without use. */
const anchor: WorkloadFile['groups'] = [
  {
    name: 'anchor',
    phases: [{ run: 1 }, { since: 'late' }, { signal: 's' }, { lap: 'lap', of: 's' }, { fork: 'child' }],
  },
  { name: 'child', phases: [{ run: { about: '20us', spread: 0.5 } }] },
  {
    name: 'hog',
    count: { perCpu: 0.01, plus: 1 },
    background: true,
    phases: [{ loop: 'forever', phases: [{ run: '20ms' }] }],
  },
];

const group = fc.record(
  {
    count: fc.integer({ min: 1, max: 5 }),
    phases,
    nice: fc.integer({ min: -20, max: 19 }),
    class: fc.constantFrom('other', 'batch', 'idle', 'fifo'),
    cgroup: fc.constant('box'),
    cpus: fc.constantFrom('all' as const, 'one' as const, 'half' as const, 0.3, [0, 1]),
    start: amount,
  },
  { requiredKeys: ['count', 'phases'] },
);

export const workloadFile: fc.Arbitrary<WorkloadFile> = fc
  .record({
    groups: fc.array(group, { minLength: 1, maxLength: 3 }),
    rounds: fc.integer({ min: 1, max: 3 }),
    order: fc.constantFrom('shuffled' as const, 'file' as const),
    kind: fc.constantFrom({}, { within: '3ms' }, { poisson: '2/ms' }, { bursts: { size: 2, every: '1ms' } }),
  })
  .map(({ groups, rounds, order, kind }) => ({
    kind: 'declared',
    name: 'any',
    description: 'Any.',
    goal: { metric: 'latencyNsP50:late', direction: 'lower' },
    rounds,
    warmupRounds: rounds - 1,
    starts: { order, ...kind },
    series: { late: { deadline: '1ms' }, lap: {} },
    cgroups: { box: { weight: 50, limit: '20ms' } },
    groups: [
      ...groups.map((entry, i) => ({ name: `g${i}`, ...entry }) as WorkloadFile['groups'][number]),
      ...anchor,
    ],
  }));
