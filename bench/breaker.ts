// npm run bench -- breaker [--runs 1000] [--only WORDS] [--switchbacks 300]: the circuit breaker's sequential test on made-up streams, beside a plain threshold, a textbook CUSUM, an e-detector and what no test
// can beat; then the switchback's intervals. Pure simulation: no machine, the same numbers every time.

import { parseArgs } from 'node:util';
import type { Kpi } from '../src/judge/breaker.ts';
import { type Noise, noises, tail, throughput } from '../test/judge/streams.ts';
import {
  bestPossible,
  blockDetector,
  type Detector,
  plainThreshold,
  textbookCusum,
} from './breaker/peers.ts';
import { breaker, type Cell, lagNs, longWatch, type Tally, tally } from './breaker/runs.ts';
import { benchSwitchback } from './breaker/switchback.ts';
import { row } from './lib.ts';

const detectors: Readonly<Record<string, Detector>> = {
  breaker,
  threshold: plainThreshold,
  'CUSUM k .5 h 5': textbookCusum,
  'block e-detector': blockDetector,
};
const decideWithinNs = 2e9;

export async function benchBreaker(words: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...words],
    options: { runs: { type: 'string' }, only: { type: 'string' }, switchbacks: { type: 'string' } },
  });
  const runs = Number(values.runs ?? 1000);
  let [inReach, held] = [0, 0];
  for (const [kpi, factor, what] of [
    [throughput, 0.7, 'throughput every 100 ms, 30 % lost'],
    [tail, 2, 'p99 every 250 ms, doubled'],
  ] as const) {
    head(what, runs);
    for (const noise of noises) {
      if (values.only !== undefined && !noise.name.includes(values.only)) continue;
      const best = bestPossible(kpi, noise, decideWithinNs - lagNs);
      const all = Object.values(detectors).map((detector) => tally({ kpi, noise, factor }, detector, runs));
      const holds = line(noise, best, all);
      if (best === null || best >= 0.995) inReach++;
      if ((best === null || best >= 0.995) && holds) held++;
    }
  }
  row('noises within reach of any test: both limits held', 'all', `${held} of ${inReach}`, held === inReach);
  if (values.only === undefined) watches();
  benchSwitchback(Number(values.switchbacks ?? 300));
}

const columns = [11, 8, 8, 10, 8, 8, 8] as const;

function head(what: string, runs: number): void {
  process.stdout.write(
    `\n${what}; ${runs} runs with a change and ${runs} of 60 s without; percent of runs decided within 2 s of the change (a third second is for restoring), and of false trips\n`,
  );
  const names = Object.keys(detectors).map((name) => `${name}: seen false`.padStart(32));
  process.stdout.write(
    `${'noise'.padEnd(50)}${cells(['possible', 'seen', 'false', '/h first', 'p50 s', 'p99 s', 'no-go'])}${names.slice(1).join('')}\n`,
  );
}

/** The breaker's row; whether it sees 99 in 100 and is wrong at most once in 100. */
function line(noise: Noise, best: number | null, all: readonly Tally[]): boolean {
  const [ours, ...peers] = all as [Tally, ...Tally[]];
  const percent = (part: number, { runs }: Tally): string => ((100 * part) / runs).toFixed(1);
  const delay = (share: number): string => {
    const at = ours.delays[Math.ceil(share * ours.delays.length) - 1];
    return at === undefined ? '-' : (at / 1e9).toFixed(2);
  };
  const holds = ours.seen >= 0.99 * ours.runs && ours.falsely <= 0.01 * ours.runs;
  const shown = [
    best === null ? '-' : (100 * best).toFixed(1),
    percent(ours.seen, ours),
    percent(ours.falsely, ours),
    ((60 * ours.falsely) / ours.runs).toFixed(2),
    delay(0.5),
    delay(0.99),
    percent(ours.noGo / 2, ours),
  ];
  const others = peers.map((peer) =>
    `${percent(peer.seen, peer)} ${percent(peer.falsely, peer).padStart(6)}`.padStart(32),
  );
  process.stdout.write(
    `${noise.name.padEnd(50)}${cells(shown)}${others.join('')} ${holds ? 'ok' : 'MISSED'}\n`,
  );
  return holds;
}

function cells(texts: readonly string[]): string {
  return texts.map((text, i) => text.padStart(columns[i]!)).join('');
}

/** What a watch of an hour costs, with three KPIs, while the level ebbs by 30 % in half a day. */
function watches(): void {
  const third: Kpi = { name: 'rate', better: 'higher', unit: '1/s', intervalNs: 1e9 };
  const noise: Noise = { name: '', sigma: 0.1, rho: 0.6 };
  const count = 100;
  let falsely = 0;
  for (let seed = 0; seed < count; seed++)
    if (longWatch([throughput, tail, third], noise, 1, seed)) falsely++;
  row(
    `${count} watches of an hour, 3 KPIs, AR(1) 0.6 10 %, ebb`,
    '≤ 6 × 0.4 %',
    `${falsely} false`,
    falsely <= 5,
  );
  const cell: Cell = { kpi: throughput, noise, factor: 0.7 };
  const words = tally(cell, breaker, 200);
  row('  the same noise, one KPI, a minute', '', `${words.falsely} false of ${words.runs}`, undefined);
}
