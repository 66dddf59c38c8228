// npm run bench -- truth [--kernel 6.18] [--seeds 5] [--only NAME] [--out DIRECTORY]: what the micro-VM measures on every declared standard
// workload under the default scheduler, its standard settings and the library's policies, kept as files (truth/files.ts) beside the objects that ran (truth/objects.ts). Cells that are
// there already are not measured again. Ends with the effects against the default.

import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { recordDigest } from '../src/core/canonical.ts';
import type { Experiment, Outcome } from '../src/core/records.ts';
import { openWorld } from '../src/main.ts';
import { defaultEntrant, type Entrant, policyEntrants, settingsEntrants } from '../src/services/arms.ts';
import { namedWorkload, type Setting, trialOf } from '../src/services/trials.ts';
import type { ReadyMachine, World } from '../src/services/world.ts';
import { experimentOf, inOrder, type Trial } from '../src/stages/trials.ts';
import { type Cell, openTruth, type Truth, truthRoot, writeTruth } from './truth/files.ts';
import { keepObjects } from './truth/objects.ts';
import { printSummary } from './truth/summary.ts';

const cpuCounts = [2, 4];
/** Parameters away from their defaults, so that there are effects of parameters to compare: 4 CPUs, few seeds. */
const variants = [
  'fifo?slice_ns=4000000',
  'fifo?slice_ns=100000000',
  'vtime?slice_ns=4000000',
  'deadline?preempt=false',
  'length?shortest_first=true',
];
const variantCpus = 4;
const variantSeeds = 3;

export async function benchTruth(options: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...options],
    options: {
      kernel: { type: 'string', default: '6.18' },
      seeds: { type: 'string', default: '5' },
      only: { type: 'string', default: '' },
      out: { type: 'string', default: truthRoot },
    },
  });
  const bench = await openBench(values.kernel, Number(values.seeds));
  const arms = [...bench.standard, ...bench.varied].map(({ arm }) => arm);
  await keepObjects(arms, bench.world.store.blobs, values.out);
  for (const workload of await bench.world.workloads.list()) {
    if (workload.kind !== 'declared') continue;
    for (const cpus of cpuCounts) {
      const name = `${workload.name}.${cpus}cpu`;
      if (!name.includes(values.only)) continue;
      const ran = await measure(bench, workload.name, cpus, join(values.out, values.kernel, `${name}.json`));
      process.stderr.write(`${name}: ${ran} runs\n`);
    }
  }
  printSummary(values.kernel, values.out);
}

interface Bench {
  readonly world: World;
  readonly ready: ReadyMachine;
  readonly call: Setting['call'];
  readonly seeds: number;
  readonly standard: readonly Entrant[];
  readonly varied: readonly Entrant[];
}

async function openBench(kernel: string, seeds: number): Promise<Bench> {
  const world = openWorld();
  const call = { progress: () => {}, signal: new AbortController().signal };
  const standard = [
    defaultEntrant,
    ...settingsEntrants(undefined),
    ...(await policyEntrants(world, undefined, true, call)),
  ];
  const varied = await policyEntrants(world, variants, true, call);
  return { world, ready: await world.openMachine({ kernel }, call), call, seeds, standard, varied };
}

/** Measures what is missing in one file; the number of runs that took. */
async function measure(bench: Bench, workload: string, cpus: number, file: string): Promise<number> {
  const { world, ready, call, standard } = bench;
  const varied = cpus === variantCpus ? bench.varied : [];
  const entrants = [...standard, ...varied];
  const named = await namedWorkload(world, workload, call);
  const hinted = new Set(entrants.filter((item) => item.takesHints).map((item) => item.arm.id));
  const setting = { mode: 'deterministic', cpus, memoryMiB: undefined, limitMs: 60_000 } as const;
  const trial = await trialOf({ ...setting, world, ready, hinted, call }, named);
  const { file: fileDigest } = declared(await trial.workload(1));
  const truth = openTruth(
    file,
    {
      version: 1,
      workload: { name: workload, file: fileDigest },
      goal: { metric: named.goal.metric, direction: named.goal.direction },
      topology: trial.topology,
      machine: trial.reference,
      limitMs: trial.limitMs,
    },
    entrants.map((item) => item.arm),
  );
  let ran = 0;
  for (let seed = 1; seed <= bench.seeds; seed++) {
    const wanted = seed <= variantSeeds ? entrants : standard;
    const missing = await missingCells(truth, trial, wanted, seed);
    await inOrder(missing, trial.parallel, async ({ entrant, experiment }) => {
      const outcome = await ready.machine.run(experiment);
      const { id } = entrant.arm;
      truth.cells[id] = { ...truth.cells[id], [seed]: cellOf(experiment, outcome) };
      if (seed === 1 && standard.includes(entrant)) truth.tasks[id] = taskRows(outcome);
    });
    ran += missing.length;
    if (missing.length > 0) await writeTruth(file, truth);
  }
  return ran;
}

interface Missing {
  readonly entrant: Entrant;
  readonly experiment: Experiment;
}

async function missingCells(
  truth: Truth,
  trial: Trial,
  entrants: readonly Entrant[],
  seed: number,
): Promise<Missing[]> {
  const all = await Promise.all(
    entrants.map(async (entrant) => {
      const contestant = { arm: entrant.arm, candidate: '' };
      return { entrant, experiment: { ...(await experimentOf(trial, contestant, seed)), from: [] } };
    }),
  );
  return all.filter(
    ({ entrant, experiment }) => truth.cells[entrant.arm.id]?.[seed]?.experiment !== recordDigest(experiment),
  );
}

function cellOf(experiment: Experiment, outcome: Outcome): Cell {
  const { finding, metrics, kernelEvents } = outcome;
  return {
    experiment: recordDigest(experiment),
    expansion: declared(experiment.workload).expansion,
    nuisance: experiment.nuisance,
    metrics,
    finding: finding === null ? null : { code: finding.code, message: finding.message },
    events: Object.fromEntries(Object.entries(kernelEvents).filter(([, count]) => count !== 0)),
  };
}

function taskRows(outcome: Outcome): Truth['tasks'][string] {
  return outcome.timeline.map(({ cpuNs, delayNs, startNs, endNs }) => [cpuNs, delayNs, startNs, endNs]);
}

function declared(workload: Experiment['workload']): { file: string; expansion: string } {
  if (workload?.kind !== 'declared') throw new Error('bug: only declared workloads are measured');
  return workload;
}
