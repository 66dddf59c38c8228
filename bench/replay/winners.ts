// What would have happened under each policy of the library, from the recordings alone; then the best one on the real command, in the micro-VM, beside the default
// scheduler: confirmed, refuted, or not to be told apart.

import { readdirSync, readFileSync } from 'node:fs';
import { median } from '../../src/lib/stats.ts';
import { expandRecording } from '../../src/traces/replay.ts';
import { root } from '../../test/support/paths.ts';
import { effectText, row, schedcp, type Tuned } from '../lib.ts';
import { costsOf, replayed } from './measure.ts';
import type { RealProgram } from './programs.ts';
import { type Compared, recordedAt } from './tables.ts';

const seeds = [1, 2, 3, 4, 5];
/** A change of less is none. */
const margin = 0.02;

export interface Count {
  confirmed: number;
  refuted: number;
  open: number;
}

/** `isGuest`: the real command is run too. */
export async function confirmWinners(
  programs: readonly RealProgram[],
  compared: readonly Compared[],
  isGuest: boolean,
): Promise<void> {
  const count: Count = { confirmed: 0, refuted: 0, open: 0 };
  for (const one of compared) {
    const [winner, ...rest] = ranking(one);
    const text = [winner!, ...rest].map(({ name, change }) => `${name} ${percent(change)}`).join(', ');
    row(`${one.name}: makespan on the replay`, '', text, undefined);
    if (!isGuest) continue;
    const program = programs.find(({ name }) => name === one.name)!;
    const { answer, said } = await confirm(program, winner!);
    count[answer]++;
    row(
      `${one.name}: ${winner!.name} on the real command`,
      percent(winner!.change),
      `${said}: ${answer}`,
      undefined,
    );
  }
  const { confirmed, refuted, open } = count;
  if (isGuest)
    row('winners', '', `${confirmed} confirmed, ${refuted} refuted, ${open} not settled`, undefined);
}

interface Ranked {
  readonly name: string;
  /** Of the makespan against the default scheduler. */
  readonly change: number;
}

function ranking({ recordings }: Compared): Ranked[] {
  const names = readdirSync(`${root}/policies`, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== 'include')
    .map(({ name }) => name);
  const replays = seeds.map((seed, i) => {
    const recording = recordings[i % recordings.length]!;
    return { expansion: expandRecording(recording, { seed }), costs: costsOf(recording), seed };
  });
  const spans = (object?: Uint8Array): number[] =>
    replays.flatMap(
      ({ expansion, costs, seed }) =>
        replayed(expansion, recordedAt, { seed, costs, ...(object && { object }) })?.makespanNs ?? [],
    );
  const base = spans();
  const ranked = names.flatMap((name) => {
    const own = spans(readFileSync(`${root}/policies/${name}/${name}.bpf.o`));
    if (own.length < base.length) return [];
    return [{ name, change: median(own.map((ns, i) => ns / base[i]! - 1)) }];
  });
  return ranked.sort((a, b) => a.change - b.change);
}

/** Where the replay shows a gain, the real command must gain; where it shows none, it must not gain by the margin. Refuted: it clearly does otherwise. */
async function confirm(
  { argv, with: needs, env, cwd }: RealProgram,
  { name, change }: Ranked,
): Promise<{ answer: keyof Count; said: string }> {
  const { value } = await schedcp<Tuned>([
    ...['tune', '--settings', 'none', '--no-harm', '--cpus', String(recordedAt), '--policies', name],
    ...['--blocks', '12', '--cwd', cwd, ...needs.flatMap((path) => ['--with', path])],
    ...Object.entries(env).flatMap(([key, text]) => ['--env', `${key}=${text}`]),
    ...['--', ...argv],
  ]);
  const { effect, decision } = value.verdict;
  const said = `${effectText(value)} ${decision}`;
  if (effect === null) return { answer: 'open', said };
  const isGain = change <= -margin;
  if (isGain ? effect.high < 0 : effect.low > -margin) return { answer: 'confirmed', said };
  if (isGain ? effect.low > -margin : effect.high < -margin) return { answer: 'refuted', said };
  return { answer: 'open', said };
}

const percent = (value: number): string => `${value > 0 ? '+' : ''}${(100 * value).toFixed(1)} %`;
