// npm run bench -- fidelity [--costs tcg] [--only NAME] [--all]: how near the simulator comes to what the micro-VM measured (bench/truth): the same
// experiments, simulated, with the very objects that ran there. No workload of the standard set was fitted (bench/operations.ts), nor two policies. The first half is every other workload by name.

import { parseArgs } from 'node:util';
import type { Experiment } from '../src/core/records.ts';
import { openWorld } from '../src/main.ts';
import { encode } from '../src/workload/encoding.ts';
import { expand } from '../src/workload/expand.ts';
import { hints } from '../src/workload/hints.ts';
import { parseWorkload } from '../src/workload/read.ts';
import { median, row } from './lib.ts';
import { readTruths, type Truth } from './truth/files.ts';
import { useObjects } from './truth/objects.ts';
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
  const errors = levels(truths, simulated, names);
  for (const part of parts) {
    summary(
      part,
      pairs.filter((pair) => pair.part === part),
    );
    levelSummary(
      part,
      errors.filter((error) => error.part === part),
    );
  }
  const rest = pairs.filter((pair) => pair.part !== parts[0]);
  summary('all that was held out', rest);
  againstItself(truths);
  defaultArm(errors.filter(({ part }) => part === 'default'));
}

const parts = ['first half', 'held-out workloads', 'held-out policies'] as const;
type Part = (typeof parts)[number];

function partOf(armId: string, isFirstHalf: boolean): Part {
  if (heldOutPolicies.some((name) => armId.startsWith(`policy:${name}`))) return 'held-out policies';
  return isFirstHalf ? 'first half' : 'held-out workloads';
}

interface Compared {
  readonly workload: string;
  readonly cpus: number;
  readonly armId: string;
  readonly part: Part;
  readonly real: TruthEffect;
  readonly model: TruthEffect | undefined;
  /** The real effect is clear of zero, and the model's points the other way or is none. */
  readonly misses: boolean;
}

function pairsOf(real: Truth, model: Truth, isFirstHalf: boolean): Compared[] {
  const models = truthEffects(model);
  return truthEffects(real).map((effect) => {
    const own = models.find(({ armId }) => armId === effect.armId);
    const sameSign = own !== undefined && Math.sign(own.median) === Math.sign(effect.median);
    return {
      workload: effect.workload,
      cpus: effect.cpus,
      armId: effect.armId,
      part: partOf(effect.armId, isFirstHalf),
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
  const rho = rankCorrelation(clear);
  row(`rank correlation of those effects, ${what}`, '>= 0.85', rho.toFixed(3), rho >= 0.85);
  const all = rankCorrelation(pairs);
  row(`  of all ${pairs.length}, noise among them`, '', all.toFixed(3), undefined);
}

function rankCorrelation(pairs: readonly Compared[]): number {
  const both = pairs.filter(({ model }) => model !== undefined);
  return spearman(
    both.map(({ real }) => real.median),
    both.map(({ model }) => model!.median),
  );
}

/** What no model can do better than: the effects that the micro-VM itself finds with some seeds against those with the others. */
function againstItself(truths: readonly Truth[]): void {
  const withSeeds = (parity: number): Map<string, number> => {
    const some = truths.map((truth) => ({
      ...truth,
      cells: Object.fromEntries(
        Object.entries(truth.cells).map(([armId, runs]) => [
          armId,
          Object.fromEntries(Object.entries(runs).filter(([seed]) => Number(seed) % 2 === parity)),
        ]),
      ),
    }));
    return new Map(
      some
        .flatMap(truthEffects)
        .map(({ workload, cpus, armId, median: middle }) => [`${workload} ${cpus} ${armId}`, middle]),
    );
  };
  const [odd, even] = [withSeeds(1), withSeeds(0)];
  const names = [...odd.keys()].filter((name) => even.has(name));
  const rho = spearman(
    names.map((name) => odd.get(name)!),
    names.map((name) => even.get(name)!),
  );
  row(
    'rank correlation, the micro-VM against itself',
    '-',
    `${rho.toFixed(3)} of ${names.length} (odd seeds against even)`,
    undefined,
  );
}

interface LevelError {
  readonly workload: string;
  readonly cpus: number;
  readonly armId: string;
  readonly part: Part | 'default';
  readonly metric: string;
  /** Median over the seeds of model / real, less one. */
  readonly error: number;
}

/** Of the goal's metric itself, arm by arm: how far off the model is. */
function levels(truths: readonly Truth[], models: readonly Truth[], names: readonly string[]): LevelError[] {
  return truths.flatMap((truth, i) =>
    Object.entries(truth.cells).flatMap(([armId, runs]) => {
      const { metric } = truth.goal;
      const ratios = Object.entries(runs).flatMap(([seed, run]) => {
        const [real, model] = [run.metrics[metric], models[i]!.cells[armId]?.[seed]?.metrics[metric]];
        return real === undefined || model === undefined ? [] : [model / real];
      });
      if (ratios.length === 0) return [];
      const part = armId === 'default' ? armId : partOf(armId, names.indexOf(truth.workload.name) % 2 === 0);
      const { cpus } = truth.topology;
      return [{ workload: truth.workload.name, cpus, armId, part, metric, error: median(ratios) - 1 }];
    }),
  );
}

const size = ({ error }: LevelError): number => Math.abs(error);
const errorText = ({ workload, cpus, armId, error }: LevelError): string =>
  `${workload} ${cpus} ${armId} ${(100 * error).toFixed(1)} %`;

function levelSummary(what: string, all: readonly LevelError[]): void {
  const makespans = all.filter(({ metric }) => metric === 'makespanNs').sort((a, b) => size(b) - size(a));
  const others = all.filter(({ metric }) => metric !== 'makespanNs').sort((a, b) => size(b) - size(a));
  for (const [name, errors] of [
    ['makespan', makespans],
    ['other goal metrics', others],
  ] as const) {
    if (errors.length === 0) continue;
    const near = errors.filter((error) => size(error) <= 0.1).length;
    const middle = (100 * median(errors.map(size))).toFixed(1);
    row(
      `${name} within 10 %, ${what}`,
      name === 'makespan' ? 'all' : '-',
      `${near} of ${errors.length}, median ${middle} %, worst ${errorText(errors[0]!)}`,
      name === 'makespan' ? near === errors.length : undefined,
    );
    if (name === 'makespan')
      for (const error of errors) if (size(error) > 0.1) process.stdout.write(`    ${errorText(error)}\n`);
  }
}

/** The default scheduler's own error, without which "better than the default" means nothing. */
function defaultArm(errors: readonly LevelError[]): void {
  process.stdout.write('the default arm alone, error of the goal metric:\n');
  for (const error of errors)
    process.stdout.write(
      `  ${error.workload.padEnd(17)} ${error.cpus} ${error.metric.padEnd(24)} ${(100 * error.error).toFixed(1).padStart(7)} %\n`,
    );
  levelSummary('default arm', errors);
}

/** The same cells, simulated. */
async function simulateAll(truths: readonly Truth[], costs: 'tcg'): Promise<Truth[]> {
  const world = openWorld();
  const arms = truths.flatMap((truth) => Object.values(truth.arms));
  for (const line of await useObjects(arms, world)) process.stdout.write(`  ${line}\n`);
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
