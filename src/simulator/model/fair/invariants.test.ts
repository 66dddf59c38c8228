// Whatever tasks, groups and quotas do: after every event each queue's sums are those of what is in it, counted anew.

import fc from 'fast-check';
import { describe, it } from 'vitest';
import { type FairWorld, fairWorld } from '../../../../test/simulator/fair-world.ts';
import type { Life } from '../../../../test/simulator/little-player.ts';
import { setNice } from '../changes.ts';
import { schedPolicy } from '../flags.ts';
import type { GroupSpec } from './fair-class.ts';

const ms = 1_000_000;

/** Cheaper than expect() a million times. */
function same(what: string, value: number, counted: number): void {
  if (value !== counted) throw new Error(`${what} is ${value}, counted ${counted}`);
}

/** Entities in the tree of a queue. */
function inTree({ fair }: FairWorld, queue: number): number[] {
  const { left, right } = fair.entities;
  const found: number[] = [];
  const visit = (entity: number): void => {
    if (entity < 0) return;
    visit(left[entity]!);
    found.push(entity);
    visit(right[entity]!);
  };
  visit(fair.queues.root[queue]!);
  return found;
}

function checkQueue(world: FairWorld, queue: number): void {
  const { entities: e, queues: q } = world.fair;
  const { capacity } = world.core.tasks;
  const tree = inTree(world, queue);
  let [weights, weighted] = [0, 0];
  for (const entity of tree) {
    same('onRq of what is queued', e.onRq[entity]!, 1);
    same('the queue of what is queued', e.queue[entity]!, queue);
    weights += e.weight[entity]!;
    weighted += e.weight[entity]! * (e.vruntime[entity]! - q.minVruntime[queue]!);
  }
  same('the sum of weights', q.weights[queue]!, weights);
  same('the weighted sum', q.weighted[queue]!, weighted);
  const curr = q.curr[queue]!;
  const on = curr >= 0 && e.onRq[curr] === 1 ? [...tree, curr] : tree;
  same('queued', q.queued[queue]!, on.length);
  same(
    'load',
    q.load[queue]!,
    on.reduce((sum, entity) => sum + e.weight[entity]!, 0),
  );
  let [tasks, runnable] = [0, 0];
  for (const entity of on) {
    const own = entity - capacity + q.cpus;
    tasks += entity < capacity ? 1 : q.hQueued[own]!;
    runnable += entity < capacity ? 1 - e.delayed[entity]! : q.hRunnable[own]!;
  }
  same('tasks', q.hQueued[queue]!, tasks);
  same('runnable tasks', q.hRunnable[queue]!, runnable);
}

function check(world: FairWorld): void {
  const { core, fair } = world;
  for (let queue = 0; queue < fair.queues.count; queue++) checkQueue(world, queue);
  for (let cpu = 0; cpu < core.cpus.count; cpu++)
    same('tasks of a CPU', core.cpus.nrRunning[cpu]!, fair.queues.hQueued[cpu]! + fair.queues.hidden[cpu]!);
}

const cpus = 4;
const lives = fc.array(
  fc.record({
    runNs: fc.integer({ min: 1000, max: 9 * ms }),
    sleepNs: fc.oneof(fc.constant(0), fc.integer({ min: 1000, max: 9 * ms })),
    startNs: fc.integer({ min: 0, max: 20 * ms }),
    nice: fc.integer({ min: -20, max: 19 }),
    policy: fc.constantFrom(schedPolicy.normal, schedPolicy.normal, schedPolicy.batch, schedPolicy.idle),
    yields: fc.boolean(),
    rounds: fc.integer({ min: 2, max: 40 }),
    cgroup: fc.integer({ min: -1, max: 2 }),
    affinity: fc.subarray([0, 1, 2, 3], { minLength: 1 }),
  }),
  { minLength: 1, maxLength: 12 },
);
const groups: fc.Arbitrary<GroupSpec[]> = fc
  .record({
    weights: fc.tuple(...[0, 1, 2].map(() => fc.integer({ min: 1, max: 10_000 }))),
    parents: fc.tuple(fc.constant(-1), fc.integer({ min: -1, max: 0 }), fc.integer({ min: -1, max: 1 })),
    quotas: fc.tuple(...[0, 1, 2].map(() => fc.constantFrom(0, 0, 5 * ms, 30 * ms))),
  })
  .map(({ weights, parents, quotas }) =>
    weights.map((weight, i) => ({ weight, parent: parents[i]!, quotaNs: quotas[i]! })),
  );

describe('queues of the fair class', () => {
  it('are what is in them', () => {
    fc.assert(
      fc.property(lives, groups, fc.array(fc.integer({ min: -20, max: 19 })), (all, specs, nices) => {
        const world = fairWorld({ cpus, llcs: 2 }, all as Life[], {}, specs);
        const { core, player, fair } = world;
        const slot = core.firstFreeSlot + 1;
        player.onSlot = (rung) => {
          if (rung !== slot) fair.bandwidth.timer();
          else for (const [i, nice] of nices.entries()) setNice(core, i % core.tasks.count, nice);
        };
        core.wheel.set(slot, 33 * ms);
        core.afterEvent = () => check(world);
        core.run(150 * ms);
      }),
      { numRuns: 150, seed: 7 },
    );
  });
});
