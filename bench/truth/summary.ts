// What the truth says: for each workload, number of CPUs and arm the change of the goal's metric against the default scheduler, in pairs
// of runs with the same seed.

import { compareFixed, gainOf, toEffect } from '../../src/judge/compare.ts';
import { median } from '../../src/lib/stats.ts';
import { readTruths, type Truth } from './files.ts';

export interface TruthEffect {
  readonly workload: string;
  readonly cpus: number;
  readonly armId: string;
  readonly pairs: number;
  /** Median of the paired ratios, less one. */
  readonly median: number;
  /** Signed-rank interval of the change, at 95 % or, with fewer than six pairs, at what so few can give. */
  readonly low: number;
  readonly high: number;
  readonly confidence: number;
}

/** One effect for each arm beside the default that has a pair of runs that are data. */
export function truthEffects({ workload, goal, topology, cells }: Truth): TruthEffect[] {
  const base = cells.default ?? {};
  return Object.entries(cells).flatMap(([armId, runs]) => {
    const pairs = Object.entries(runs).flatMap(([seed, run]) => {
      const [value, other] = [run.metrics[goal.metric], base[seed]?.metrics[goal.metric]];
      return value === undefined || other === undefined ? [] : [{ value, base: other }];
    });
    if (armId === 'default' || pairs.length === 0) return [];
    const { low, high, confidence } = toEffect(
      goal.direction,
      compareFixed(
        pairs.map((pair) => gainOf(goal.direction, pair)),
        0.05,
      ),
    );
    const middle = median(pairs.map((pair) => pair.value / pair.base)) - 1;
    return [
      {
        workload: workload.name,
        cpus: topology.cpus,
        armId,
        pairs: pairs.length,
        median: middle,
        low,
        high,
        confidence,
      },
    ];
  });
}

export const isClear = ({ low, high }: TruthEffect): boolean => low > 0 || high < 0;

export function printSummary(kernel: string, root?: string): void {
  const all: TruthEffect[] = [];
  for (const truth of readTruths(kernel, root)) {
    const { workload, topology, goal, machine } = truth;
    const effects = truthEffects(truth);
    all.push(...effects);
    print(
      `\n${workload.name}, ${topology.cpus} CPUs, kernel ${machine.kernel.release}: ${goal.metric} (${goal.direction} is better)`,
    );
    for (const effect of effects) print(effectLine(effect));
    for (const line of findingLines(truth)) print(line);
  }
  const levels = [...new Set(all.map((effect) => effect.confidence))].sort((a, b) => b - a);
  print('');
  for (const level of levels) {
    const those = all.filter((effect) => effect.confidence === level);
    print(
      `at ${percent(level)} confidence: ${those.filter(isClear).length} of ${those.length} clear of zero`,
    );
  }
}

function effectLine(effect: TruthEffect): string {
  const { armId, pairs, low, high, confidence } = effect;
  const interval = `[${percent(low)}, ${percent(high)}]`;
  const mark = isClear(effect) ? (effect.median < 0 ? 'less' : 'more') : '';
  return `  ${armId.padEnd(40)}${percent(effect.median).padStart(10)}  ${interval.padEnd(24)} n ${pairs}, ${percent(confidence)}  ${mark}`;
}

function findingLines({ cells }: Truth): string[] {
  return Object.entries(cells).flatMap(([armId, runs]) =>
    Object.entries(runs).flatMap(([seed, { finding }]) =>
      finding === null ? [] : [`  ${armId.padEnd(40)} seed ${seed}: ${finding.code}: ${finding.message}`],
    ),
  );
}

function percent(value: number): string {
  return `${(100 * value).toFixed(1)} %`;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
