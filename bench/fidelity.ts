// npm run bench -- fidelity [--costs tcg] [--only NAME] [--all]: how near the simulator comes to what the micro-VM measured (bench/truth): the same
// experiments, simulated. The costs were fitted on every other workload and without two policies; what is asked of the model is asked of the rest.

import { parseArgs } from 'node:util';
import type { Experiment } from '../src/core/records.ts';
import { openWorld } from '../src/main.ts';
import { encode } from '../src/workload/encoding.ts';
import { expand } from '../src/workload/expand.ts';
import { hints } from '../src/workload/hints.ts';
import { parseWorkload } from '../src/workload/read.ts';
import { row } from './lib.ts';
import { readTruths, type Truth } from './truth/files.ts';
import { isClear, type TruthEffect, truthEffects } from './truth/summary.ts';

/** Left out of fitting. */
const heldOutPolicies = ['llc', 'layers'];

export async function benchFidelity(options: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...options],
    options: {
      costs: { type: 'string', default: 'tcg' },
      only: { type: 'string', default: '' },
      all: { type: 'boolean', default: false },
    },
  });
  const truths = readTruths('6.18').filter(({ workload, topology }) =>
    `${workload.name}.${topology.cpus}cpu`.includes(values.only),
  );
  const names = [...new Set(truths.map(({ workload }) => workload.name))].sort();
  const simulated = await simulateAll(truths, values.costs as 'tcg');
  const pairs = truths.flatMap((truth, i) =>
    pairsOf(truth, simulated[i]!, names.indexOf(truth.workload.name) % 2 === 0),
  );
  for (const pair of pairs) if (values.all || pair.misses) process.stdout.write(`${pairText(pair)}\n`);
  summary(
    'fitted workloads and policies',
    pairs.filter((pair) => pair.isFitted),
  );
  summary(
    'held out',
    pairs.filter((pair) => !pair.isFitted),
  );
  levels(truths, simulated);
}

interface Compared {
  readonly workload: string;
  readonly cpus: number;
  readonly armId: string;
  readonly isFitted: boolean;
  readonly real: TruthEffect;
  readonly model: TruthEffect | undefined;
  /** The real effect is clear of zero, and the model's points the other way or is none. */
  readonly misses: boolean;
}

function pairsOf(real: Truth, model: Truth, isFittedWorkload: boolean): Compared[] {
  const models = truthEffects(model);
  return truthEffects(real).map((effect) => {
    const own = models.find(({ armId }) => armId === effect.armId);
    const isHeldOut = heldOutPolicies.some((name) => effect.armId.startsWith(`policy:${name}`));
    const sameSign = own !== undefined && Math.sign(own.median) === Math.sign(effect.median);
    return {
      workload: effect.workload,
      cpus: effect.cpus,
      armId: effect.armId,
      isFitted: isFittedWorkload && !isHeldOut,
      real: effect,
      model: own,
      misses: isClear(effect) && !sameSign,
    };
  });
}

function pairText({ workload, cpus, armId, real, model, misses }: Compared): string {
  const percent = (value: number | undefined): string =>
    value === undefined ? 'none' : `${(100 * value).toFixed(1)} %`;
  const interval = `[${percent(real.low)}, ${percent(real.high)}]`;
  return `  ${workload.padEnd(17)} ${cpus} ${armId.padEnd(34)} real ${percent(real.median).padStart(9)} ${interval.padEnd(22)} model ${percent(model?.median).padStart(9)} ${misses ? 'MISS' : ''}`;
}

function summary(what: string, pairs: readonly Compared[]): void {
  const clear = pairs.filter(({ real }) => isClear(real));
  const right = clear.filter(({ misses }) => !misses);
  const agreement = right.length / Math.max(1, clear.length);
  row(
    `sign of the effect agrees, ${what}`,
    '>= 90 %',
    `${(100 * agreement).toFixed(1)} % of ${clear.length} clear of zero`,
    agreement >= 0.9,
  );
  const both = pairs.filter(({ model }) => model !== undefined);
  const rho = spearman(
    both.map(({ real }) => real.median),
    both.map(({ model }) => model!.median),
  );
  row(`rank correlation of effects, ${what}`, '>= 0.85', rho.toFixed(3), rho >= 0.85);
}

/** Of the goal's metric itself, arm by arm: how far off the model is. */
function levels(truths: readonly Truth[], models: readonly Truth[]): void {
  const errors: { workload: string; cpus: number; arm: string; error: number }[] = [];
  truths.forEach((truth, i) => {
    for (const [arm, runs] of Object.entries(truth.cells)) {
      const ratios = Object.entries(runs).flatMap(([seed, run]) => {
        const [a, b] = [
          run.metrics[truth.goal.metric],
          models[i]!.cells[arm]?.[seed]?.metrics[truth.goal.metric],
        ];
        return a === undefined || b === undefined ? [] : [b / a - 1];
      });
      if (ratios.length === 0) continue;
      ratios.sort((a, b) => a - b);
      const middle = ratios[ratios.length >> 1]!;
      errors.push({ workload: truth.workload.name, cpus: truth.topology.cpus, arm, error: middle });
    }
  });
  process.stdout.write('error of the goal metric itself, default arm and worst policy:\n');
  for (const { workload, topology, goal } of truths) {
    const own = errors.filter((e) => e.workload === workload.name && e.cpus === topology.cpus);
    const base = own.find((e) => e.arm === 'default');
    const worst = own
      .filter((e) => e.arm !== 'default')
      .sort((a, b) => Math.abs(b.error) - Math.abs(a.error))[0];
    process.stdout.write(
      `  ${workload.name.padEnd(17)} ${topology.cpus} ${goal.metric.padEnd(24)} default ${((base?.error ?? Number.NaN) * 100).toFixed(1).padStart(7)} %   worst ${worst?.arm.padEnd(30)} ${((worst?.error ?? Number.NaN) * 100).toFixed(1).padStart(7)} %\n`,
    );
  }
  const policies = errors.filter((e) => e.arm.startsWith('policy:') || e.arm === 'default');
  const near = policies.filter((e) => Math.abs(e.error) <= 0.1).length;
  row('goal metric within 10 %', 'all', `${near} of ${policies.length}`, near === policies.length);
}

/** The same cells, simulated. */
async function simulateAll(truths: readonly Truth[], costs: 'tcg'): Promise<Truth[]> {
  const world = openWorld();
  const call = { progress: () => {}, signal: new AbortController().signal };
  const ready = await world.openMachine({ machine: 'simulator', costs }, call);
  const machine = ready.reference('simulated', 'cold');
  const done: Truth[] = [];
  for (const truth of truths) {
    const standard = await world.workloads.get(truth.workload.name);
    if (standard.kind !== 'declared') continue;
    const file = parseWorkload(standard.text, standard.name);
    const cells: Truth['cells'] = {};
    for (const [id, runs] of Object.entries(truth.cells)) {
      const arm = truth.arms[id]!;
      const own: Truth['cells'][string] = {};
      for (const [seedText, cell] of Object.entries(runs)) {
        const seed = Number(seedText);
        const expansion = expand(file, { seed, cpus: truth.topology.cpus });
        const told = id.includes('+hints')
          ? Object.fromEntries(
              hints(expansion).map(({ comm, lengthNs, rank, dependents }) => [
                comm,
                { lengthNs, rank, dependents },
              ]),
            )
          : undefined;
        const experiment: Experiment = {
          kind: 'experiment',
          version: 1,
          from: [],
          arm:
            told === undefined || arm.policy === undefined
              ? arm
              : { ...arm, policy: { ...arm.policy, hints: told } },
          workload: {
            kind: 'declared',
            name: file.name,
            file: truth.workload.file,
            expansion: await world.store.blobs.put(encode(expansion)),
          },
          topology: { cpus: truth.topology.cpus, memoryMiB: 0 },
          machine,
          seed,
          nuisance: cell.nuisance,
          limitMs: truth.limitMs,
        };
        const outcome = await ready.machine.run(experiment);
        const { finding, metrics, kernelEvents } = outcome;
        own[seedText] = {
          ...cell,
          metrics,
          events: kernelEvents,
          finding:
            finding === null
              ? null
              : { code: finding.code, message: `${finding.message} ${finding.detail ?? ''}` },
        };
        if (finding !== null)
          process.stdout.write(
            `  ${truth.workload.name} ${id} seed ${seed}: ${finding.code} ${finding.message}\n`,
          );
      }
      cells[id] = own;
    }
    done.push({ ...truth, cells });
  }
  return done;
}

/** Rank correlation; ties share their mean rank. */
function spearman(x: readonly number[], y: readonly number[]): number {
  const [a, b] = [ranks(x), ranks(y)];
  const mean = (a.length + 1) / 2;
  let [top, left, right] = [0, 0, 0];
  a.forEach((rank, i) => {
    const [dx, dy] = [rank - mean, b[i]! - mean];
    top += dx * dy;
    left += dx * dx;
    right += dy * dy;
  });
  return top / Math.sqrt(left * right);
}

function ranks(values: readonly number[]): number[] {
  const sorted = [...values].sort((a, b) => a - b);
  return values.map((value) => (sorted.indexOf(value) + sorted.lastIndexOf(value)) / 2 + 1);
}
