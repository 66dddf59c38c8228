// The table of the corpus: who was rejected by which gate, with the right reason or not, what was missed, what was rejected though sound, and how long it took.

import { type GateName, gates, type Origin } from '../../test/gauntlet/corpus.ts';
import { median, row } from '../lib.ts';
import type { GateRun } from './gates.ts';
import { harmOf, harmText } from './harm.ts';

export function printTable(runs: readonly GateRun[]): void {
  const faulty = runs.filter(({ label }) => label.faulty);
  const sound = runs.filter(({ label }) => !label.faulty);
  for (const run of faulty) print(run);
  for (const run of sound) if (run.rejectedBy !== null) print(run);
  process.stdout.write('\n');
  printUnnoticed(faulty, runs);
  const byOrigin = (list: readonly GateRun[]): string =>
    (['library', 'stranger', 'mutant', 'ours'] as const)
      .map((origin: Origin) => [origin, list.filter(({ label }) => label.origin === origin).length] as const)
      .filter(([, n]) => n > 0)
      .map(([origin, n]) => `${n} ${origin}`)
      .join(', ');
  row('faulty policies', '≥ 60', `${faulty.length}: ${byOrigin(faulty)}`, faulty.length >= 60);
  row('sound policies', '≥ 30', `${sound.length}: ${byOrigin(sound)}`, sound.length >= 30);
  const rejected = faulty.filter(({ rejectedBy }) => rejectedBy !== null);
  row('faulty ones rejected', 'all', share(rejected, faulty), rejected.length === faulty.length);
  const early = faulty.filter((run) => isEarlyEnough(run));
  row('  by the earliest gate that can', 'all', share(early, faulty), early.length === faulty.length);
  const judged = rejected.filter(({ right }) => right !== null);
  const right = judged.filter((run) => run.right);
  row('  with the right reason', '≥ 95 %', share(right, judged), right.length >= 0.95 * judged.length);
  const wrongly = sound.filter(({ rejectedBy }) => rejectedBy !== null);
  row('sound ones rejected', 'none', share(wrongly, sound), wrongly.length === 0);
  for (const gate of gates) {
    const own = faulty.filter(({ label }) => label.gate === gate);
    const times = runs.flatMap(({ ms }) => ms[gate] ?? []);
    const time = times.length === 0 ? '' : `; median ${median(times).toFixed(1)} ms`;
    const text = `${share(
      own.filter((run) => isEarlyEnough(run)),
      own,
    )} of those that it could know${time}`;
    row(`gate ${gate}`, '', text, undefined);
  }
}

function printUnnoticed(faulty: readonly GateRun[], runs: readonly GateRun[]): void {
  const all = runs.map(({ label }) => label);
  const isUnnoticed = ({ label }: GateRun): boolean =>
    Object.values(label.kernels).every(({ answer }) => answer === 'never noticed');
  process.stdout.write('faulty, and no kernel noticed; what shows the harm:\n');
  for (const { label } of faulty.filter(isUnnoticed)) {
    const harm = harmOf(label, all);
    const text = harm === undefined ? 'nothing that these loads measure' : harmText(harm);
    process.stdout.write(`  ${label.name.padEnd(24)} ${(label.class ?? '').padEnd(18)} ${text}\n`);
  }
  process.stdout.write('\n');
}

function isEarlyEnough({ rejectedBy, label }: GateRun): boolean {
  return rejectedBy !== null && label.gate !== null && order(rejectedBy) <= order(label.gate);
}

const order = (gate: GateName): number => gates.indexOf(gate);

function share(part: readonly unknown[], whole: readonly unknown[]): string {
  return `${part.length} of ${whole.length}`;
}

function print(run: GateRun): void {
  const { label, rejectedBy, reasons, right } = run;
  const marks = [
    label.faulty && !isEarlyEnough(run) ? (rejectedBy === null ? 'MISSED' : 'LATE') : '',
    right === false ? 'WRONG REASON' : '',
    label.faulty ? '' : 'REJECTED THOUGH SOUND',
  ].filter((mark) => mark !== '');
  process.stdout.write(
    `${label.name.padEnd(26)} ${(label.class ?? 'sound').padEnd(18)} ${(label.gate ?? '').padEnd(10)} ${(rejectedBy ?? '-').padEnd(10)} ${reasons.join(', ').slice(0, 70).padEnd(40)} ${marks.join(', ')}\n`,
  );
}
