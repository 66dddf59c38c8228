// npm run bench -- operations [--record] [--fit]: what single operations cost on one CPU, in the micro-VM (bench/truth/operations.json) and simulated.
// From these, and from no workload of the standard set, come the constants of the tcg profile; --fit searches for better ones, --record measures anew.

import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { canonicalJson } from '../src/core/canonical.ts';
import type { Arm, Experiment } from '../src/core/records.ts';
import { openWorld } from '../src/main.ts';
import { defaultEntrant, policyEntrants } from '../src/services/arms.ts';
import type { Costs } from '../src/simulator/model/costs.ts';
import { costProfiles, Simulator } from '../src/simulator/simulate.ts';
import { encode } from '../src/workload/encoding.ts';
import { expand } from '../src/workload/expand.ts';
import { parseWorkload } from '../src/workload/read.ts';
import { row } from './lib.ts';
import { truthRoot } from './truth/files.ts';
import { keepObjects, useObjects } from './truth/objects.ts';

const file = `${truthRoot}/operations.json`;
const policies = ['fifo', 'vtime', 'deadline'];
/** Parts by which a constant is changed in the search. */
const steps = [0.5, 0.2, 0.1, 0.05];

interface Operation {
  readonly name: string;
  /** How often it happens in the workload. */
  readonly times: number;
  readonly groups: readonly unknown[];
}

const group = (name: string, count: number, phases: readonly unknown[]) => ({ name, count, phases });
const loop = (times: number, phases: readonly unknown[]) => ({ loop: times, phases });
const [run, yields] = [{ run: '20us' }, { yield: true }];
const pingPong = (first: readonly unknown[], second: readonly unknown[]): readonly unknown[] => [
  group('ping', 1, [loop(500, first)]),
  group('pong', 1, [loop(500, second)]),
];
const pipe = (bytes: number): readonly unknown[] =>
  pingPong(
    [run, { write: 'there', bytes }, { read: 'back', bytes }],
    [{ read: 'there', bytes }, run, { write: 'back', bytes }],
  );

const operations: readonly Operation[] = [
  { name: 'a RUN of 20 µs', times: 1000, groups: [group('a', 1, [loop(1000, [run])])] },
  { name: 'RUN, yield alone', times: 1000, groups: [group('a', 1, [loop(1000, [run, yields])])] },
  { name: 'RUN, yield to another', times: 1000, groups: [group('a', 2, [loop(500, [run, yields])])] },
  { name: 'RUN, sleep 100 µs', times: 200, groups: [group('a', 1, [loop(200, [run, { sleep: '100us' }])])] },
  {
    name: 'RUN, wake, wait (futex)',
    times: 1000,
    groups: pingPong([run, { signal: 'a' }, { wait: 'b' }], [{ wait: 'a' }, run, { signal: 'b' }]),
  },
  { name: 'RUN, write, read 64 bytes', times: 1000, groups: pipe(64) },
  { name: 'RUN, write, read 4 KiB', times: 1000, groups: pipe(4096) },
  { name: 'RUN, write, read 16 KiB', times: 1000, groups: pipe(16_384) },
  {
    name: 'fork, RUN of 100 µs, exit, join',
    times: 50,
    groups: [
      group('a', 1, [loop(50, [run, { fork: 'c' }, { join: 'c' }])]),
      { name: 'c', phases: [{ run: '100us' }] },
    ],
  },
  { name: 'RUN of 1 ms, exit', times: 40, groups: [group('a', 40, [{ run: '1ms' }])] },
];

const textOf = ({ groups }: Operation): string =>
  JSON.stringify({
    ...{ kind: 'declared', name: 'operation', description: 'One operation again and again.', groups },
    ...{ goal: { metric: 'makespanNs', direction: 'lower' }, rounds: 2, warmupRounds: 1 },
  });
const expansionOf = (operation: Operation) =>
  expand(parseWorkload(textOf(operation), 'operation'), { seed: 1, cpus: 1 });

/** ns per operation, by arm and operation. */
type Measured = Record<string, Record<string, number>>;

/** The file: what was measured, and the arms with the objects that ran. */
interface Recorded {
  readonly arms: readonly Arm[];
  readonly measured: Measured;
}

export async function benchOperations(options: readonly string[]): Promise<void> {
  const flags = {
    record: { type: 'boolean', default: false },
    fit: { type: 'boolean', default: false },
  } as const;
  const { values } = parseArgs({ args: [...options], options: flags });
  const world = openWorld();
  const call = { progress: () => {}, signal: new AbortController().signal };
  if (values.record) {
    const entrants = [defaultEntrant, ...(await policyEntrants(world, policies, false, call))];
    await record(
      world,
      entrants.map(({ arm }) => arm),
    );
  }
  const { arms, measured: truth } = JSON.parse(readFileSync(file, 'utf8')) as Recorded;
  for (const line of await useObjects(arms, world)) process.stdout.write(`  ${line}\n`);
  const objects = new Map<string, Uint8Array>();
  for (const { id, policy } of arms)
    if (policy !== undefined) objects.set(id, await world.store.blobs.get(policy.object));
  const simulate = simulation(objects);
  const costs = values.fit ? fitted(truth, arms, simulate) : costProfiles.tcg;
  report(truth, arms, simulate, costs);
}

async function record(world: ReturnType<typeof openWorld>, arms: readonly Arm[]): Promise<void> {
  const call = { progress: () => {}, signal: new AbortController().signal };
  const ready = await world.openMachine({ kernel: '6.18' }, call);
  const measured: Measured = {};
  for (const arm of arms) {
    measured[arm.id] = {};
    for (const operation of operations) {
      const experiment: Experiment = {
        ...{ kind: 'experiment', version: 1, from: [], arm, seed: 1, limitMs: 60_000 },
        workload: {
          ...{ kind: 'declared', name: operation.name, file: '0'.repeat(64) },
          expansion: await world.store.blobs.put(encode(expansionOf(operation))),
        },
        topology: { cpus: 1, memoryMiB: ready.memoryFor(undefined) },
        machine: ready.reference('deterministic', 'restored'),
        nuisance: { startOffsetNs: 1_234_567, pidOffset: 5 },
      };
      const { metrics } = await ready.machine.run(experiment);
      measured[arm.id]![operation.name] = metrics.makespanNs! / operation.times;
    }
  }
  await keepObjects(arms, world.store.blobs);
  writeFileSync(file, `${canonicalJson({ arms, measured })}\n`);
}

type Simulate = (arm: Arm, operation: Operation, costs: Costs) => number;

function simulation(objects: ReadonlyMap<string, Uint8Array>): Simulate {
  const simulator = new Simulator();
  return ({ id }, operation, costs) => {
    const object = objects.get(id);
    const { events } = simulator.run({
      ...{ expansion: expansionOf(operation), shape: { cpus: 1 }, costs, mode: 'fast', seed: 1 },
      ...{ startOffsetNs: 1_234_567, pidOffset: 5, limitNs: 60e9, timeoutMs: 5000 },
      ...(object === undefined ? {} : { policy: { object, maps: [] } }),
    });
    const rounds = events.filter(({ event }) => event === 'round') as unknown as { makespanNs: number }[];
    return rounds.at(-1)!.makespanNs / operation.times;
  };
}

/** Sum of the squared logarithms of model / measured: ratios count, not sizes. */
function badness(truth: Measured, arms: readonly Arm[], simulate: Simulate, costs: Costs): number {
  let sum = 0;
  for (const arm of arms)
    for (const operation of operations)
      sum += Math.log(simulate(arm, operation, costs) / truth[arm.id]![operation.name]!) ** 2;
  return sum;
}

/** Each constant in turn up and down, in smaller and smaller steps, as long as that helps. */
function fitted(truth: Measured, arms: readonly Arm[], simulate: Simulate): Costs {
  const names = Object.entries(costProfiles.tcg).flatMap(([name, value]) =>
    typeof value === 'number' && !['smtShare', 'ipiNs', 'tickNs'].includes(name) ? [name] : [],
  );
  let best: Costs = costProfiles.tcg;
  let least = badness(truth, arms, simulate, best);
  for (const step of steps)
    for (const name of names)
      for (const factor of [1 + step, 1 - step]) {
        const value = Number((best[name as 'wakeNs'] * factor).toPrecision(3));
        const tried: Costs = { ...best, [name]: value };
        const sum = badness(truth, arms, simulate, tried);
        if (sum < least) [best, least] = [tried, sum];
      }
  for (const name of names) process.stdout.write(`  ${name.padEnd(16)} ${best[name as 'wakeNs']}\n`);
  return best;
}

function report(truth: Measured, arms: readonly Arm[], simulate: Simulate, costs: Costs): void {
  for (const operation of operations) {
    const errors = arms.map((arm) => {
      const [real, model] = [truth[arm.id]![operation.name]!, simulate(arm, operation, costs)];
      return {
        text: `${arm.name} ${(real / 1000).toFixed(1)} µs ${(100 * (model / real - 1)).toFixed(1)} %`,
        error: model / real - 1,
      };
    });
    const worst = Math.max(...errors.map(({ error }) => Math.abs(error)));
    row(operation.name, 'model within 10 %', errors.map(({ text }) => text).join(', '), worst <= 0.1);
  }
}
