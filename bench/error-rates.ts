// Error rates of the whole path: byte-different but equal copies of one policy as arms, one of them in the default's place. A pool of
// real runs is recorded, comparisons are resampled from it, and live comparisons confirm that the pool tells the truth.

import { readFileSync } from 'node:fs';
import { canonicalJson } from '../src/core/canonical.ts';
import type { Machine } from '../src/core/machine.ts';
import type { Arm, Experiment, WorkloadRef } from '../src/core/records.ts';
import { judge } from '../src/judge/judge.ts';
import { createPlan, nextBlocks } from '../src/judge/plan.ts';
import type { Goal, Observation, Plan } from '../src/judge/types.ts';
import { createRandom, derive } from '../src/lib/random.ts';
import { openWorld } from '../src/main.ts';
import type { ReadyMachine, World } from '../src/services/world.ts';
import { compareArms } from '../src/stages/compare.ts';
import {
  type Contestant,
  experimentOf,
  inOrder,
  type Lab,
  runRecorded,
  type Trial,
} from '../src/stages/trials.ts';
import { encode } from '../src/workload/encoding.ts';
import { expand } from '../src/workload/expand.ts';
import { readWorkload } from '../src/workload/read.ts';
import { row } from './lib.ts';

const copies = 10;
const cpus = 4;
const goal: Goal = { metric: 'makespanNs', direction: 'lower', unit: 'ns' };

/** A short batch, so that a few thousand runs are affordable: 12 tasks of about 8 ms, three rounds. */
const batch = (scale: number) =>
  readWorkload({
    kind: 'declared',
    name: 'short-batch',
    description: 'A short batch for the error rates.',
    goal: { metric: 'makespanNs', direction: 'lower' },
    rounds: 4,
    warmupRounds: 1,
    groups: [
      { name: 'job', count: 12, phases: [{ run: { about: Math.round(8_000_000 * scale), spread: 0.3 } }] },
    ],
  });

/** Appending bytes behind the last section changes the object's digest and nothing else. */
async function equalCopies(world: World): Promise<Contestant[]> {
  const object = readFileSync(new URL('../policies/vtime/vtime.bpf.o', import.meta.url));
  return Promise.all(
    Array.from({ length: copies + 1 }, async (_, index): Promise<Contestant> => {
      const digest = await world.store.blobs.put(Buffer.concat([object, Buffer.alloc(index)]));
      const name = index === 0 ? 'base' : `copy-${index}`;
      const arm: Arm = {
        id: name,
        name,
        kind: index === 0 ? 'default' : 'policy',
        policy: { name, object: digest, parameters: {} },
      };
      const candidate = await world.store.records.put({
        kind: 'candidate',
        version: 1,
        from: [],
        arm,
        how: 'given',
        why: 'an equal copy',
      });
      return { arm, candidate };
    }),
  );
}

async function workloadOf(world: World, scale: number, seed: number): Promise<WorkloadRef> {
  const file = batch(scale);
  return {
    kind: 'declared',
    name: file.name,
    file: await world.store.blobs.put(Buffer.from(canonicalJson(file))),
    expansion: await world.store.blobs.put(encode(expand(file, { seed, cpus }))),
  };
}

function trialOn(world: World, ready: ReadyMachine): Trial {
  return {
    name: 'short-batch',
    reference: ready.reference('deterministic', 'restored'),
    topology: { cpus, memoryMiB: ready.memoryFor(undefined) },
    limitMs: 20_000,
    parallel: ready.machine.parallel,
    workload: (seed) => workloadOf(world, 1, seed),
    armFor: async (arm) => arm,
  };
}

/** The machine with an honest 5 % planted under one arm: its tasks have 5 % less to do. */
function planted(machine: Machine, world: World, armId: string): Machine {
  const lighter = async (experiment: Experiment): Promise<Experiment> =>
    experiment.arm.id === armId
      ? { ...experiment, workload: await workloadOf(world, 0.95, experiment.seed) }
      : experiment;
  return { ...machine, run: async (experiment, signal) => machine.run(await lighter(experiment), signal) };
}

/** values[block][copy]. */
async function recordPool(
  lab: Lab,
  trial: Trial,
  contestants: readonly Contestant[],
  blocks: number,
): Promise<number[][]> {
  const jobs = Array.from({ length: blocks }, (_, block) =>
    contestants.map((contestant) => ({ block, contestant })),
  ).flat();
  const values = await inOrder(jobs, trial.parallel, async ({ block, contestant }) => {
    const { outcome } = await runRecorded(
      lab,
      await experimentOf(trial, contestant, derive(7, 'pool', block)),
    );
    return outcome.metrics[goal.metric] ?? Number.NaN;
  });
  return Array.from({ length: blocks }, (_, block) =>
    values.slice(block * contestants.length, (block + 1) * contestants.length),
  );
}

function planFor(contestants: readonly Contestant[], seed: number): Plan {
  const arms = contestants.map(({ arm }) => ({ id: arm.id, name: arm.name, kind: arm.kind }));
  return createPlan({ seed, goal, arms, profile: 'deterministic' });
}

/** One comparison from the pool: each block is a recorded one, its copies shuffled among the arms. Returns the accepted arm. */
function resampled(
  plan: Plan,
  pool: readonly number[][],
  seed: number,
  gains: Readonly<Record<string, number>>,
): string | null {
  const observations: Observation[] = [];
  for (;;) {
    const next = nextBlocks(plan, observations);
    if (next.kind === 'stop') return judge({ plan, observations }).chosen;
    for (const block of next.blocks) {
      const random = createRandom(derive(seed, 'block', block.block));
      const values = random.shuffle([...(pool[random.below(pool.length)] ?? [])]);
      const places = plan.arms.map((arm) => arm.id);
      for (const [order, armId] of block.order.entries()) {
        const value = (values[places.indexOf(armId)] ?? 0) * (1 + (gains[armId] ?? 0));
        observations.push({
          armId,
          block: block.block,
          phase: next.phase,
          seed: block.seed,
          order,
          value,
          valid: true,
        });
      }
    }
  }
}

export async function benchErrorRates(options: { blocks?: number; live?: number } = {}): Promise<void> {
  const { blocks = 40, live = 20 } = options;
  const world = openWorld();
  const signal = new AbortController().signal;
  const ready = await world.openMachine({}, { progress: () => {}, signal });
  const contestants = await equalCopies(world);
  const trial = trialOn(world, ready);
  const lab: Lab = { machine: ready.machine, records: world.store.records, signal };
  const pool = await recordPool(lab, trial, contestants, blocks);
  const tunes = 1000;
  let [accepted, found] = [0, 0];
  for (let tune = 0; tune < tunes; tune++) {
    if (resampled(planFor(contestants, tune), pool, tune, {}) !== null) accepted++;
    if (resampled(planFor(contestants, tune), pool, tune, { 'copy-3': -0.05 }) === 'copy-3') found++;
  }
  row(
    `${copies} equal copies, ${tunes} resampled from ${blocks} × ${copies + 1} runs`,
    'nothing accepted ≥ 95 %',
    `${(100 - (100 * accepted) / tunes).toFixed(1)} %`,
    accepted <= 0.05 * tunes,
  );
  row(
    'a planted 5 % among them, resampled',
    'found ≥ 90 %',
    `${((100 * found) / tunes).toFixed(1)} %`,
    found >= 0.9 * tunes,
  );
  row('  spread between equal copies in one block (pool)', '', poolSpread(pool), undefined);

  let [falseLive, foundLive] = [0, 0];
  const half = Math.floor(live / 2);
  const progress = (): void => {};
  for (let index = 0; index < half; index++) {
    const plan = planFor(contestants, 10_000 + index);
    const nothing = await compareArms({ lab, plan, trial, contestants, others: [], progress });
    if (nothing.judgement.chosen !== null) falseLive++;
    const machine = planted(ready.machine, world, 'copy-3');
    const something = await compareArms({
      lab: { ...lab, machine },
      plan,
      trial,
      contestants,
      others: [],
      progress,
    });
    if (something.judgement.chosen === 'copy-3') foundLive++;
  }
  row(
    `live: ${half} comparisons of equal copies`,
    'nothing accepted',
    `${half - falseLive} of ${half}`,
    falseLive === 0,
  );
  row(
    `live: ${half} comparisons with 5 % less work under one`,
    'found ≥ 9 of 10',
    `${foundLive} of ${half}`,
    foundLive >= 0.9 * half,
  );
}

function poolSpread(pool: readonly number[][]): string {
  const ratios = pool.flatMap((values) => {
    const middle = [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 1;
    return values.map((value) => Math.abs(value / middle - 1));
  });
  ratios.sort((a, b) => a - b);
  const at = (share: number): string =>
    `${(100 * (ratios[Math.floor(share * (ratios.length - 1))] ?? 0)).toFixed(2)} %`;
  return `|deviation| median ${at(0.5)}, p90 ${at(0.9)}, max ${at(1)}`;
}
