// A verdict of the gauntlet for people: a line a gate, and what changes against the default scheduler.

import type { Change, GateAnswer, GauntletJudgement } from '../../core/gauntlet.ts';
import { table } from '../text.ts';

const words: Readonly<Record<GateAnswer['passed'], string>> = {
  yes: 'passed',
  no: 'NO',
  unknown: 'cannot tell',
  'not-run': '-',
  'not-judged': 'measured',
};

export function gateLines({ gates }: Pick<GauntletJudgement, 'gates'>): string[] {
  const rows = gates.map(({ gate, on, passed, why }) => [
    `${gate}${on === null ? '' : ` ${on}`}`,
    words[passed],
    why,
  ]);
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map(
    ([gate, passed, why]) => `  ${gate!.padEnd(widths[0]!)}  ${passed!.padEnd(widths[1]!)}  ${why}`,
  );
}

/** Empty without changes. */
export function changeLines(changes: readonly Change[]): string[] {
  if (changes.length === 0) return [];
  const rows = changes.map(({ workload, metric, low, high, harm }) => [
    workload,
    metric,
    low === null || high === null ? 'a run failed' : `${percent(low)} to ${percent(high)}`,
    harm === 'none' ? '' : harm === 'harm' ? 'harm' : 'not settled',
  ]);
  const head = ['workload', 'metric', 'change against the default', ''];
  return ['', 'simulated (harm: a loss of more than 5 %):', table(head, rows).trimEnd()];
}

function percent(value: number): string {
  return `${value < 0 ? '−' : '+'}${Math.abs(100 * value).toFixed(1)} %`;
}

export function gauntletText(judgement: GauntletJudgement): string {
  const { decision, why, changes } = judgement;
  return `${[`${decision}: ${why}`, ...gateLines(judgement), ...changeLines(changes)].join('\n')}\n`;
}
