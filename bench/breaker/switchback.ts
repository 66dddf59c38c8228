// The switchback's interval and its decisions by simulation: whether it covers the truth under noise that remembers and levels that drift, and how often each answer comes.

import { planSwitchback } from '../../src/judge/switchback.ts';
import { runSwitchback, services } from '../../test/judge/switchbacks.ts';
import { row } from '../lib.ts';

const effects = [0, -0.05, -0.1];
const least = 0.94;

export function benchSwitchback(runs: number): void {
  process.stdout.write(
    `\nswitchback: blocks of 5 s with 1 s of washout, at most 36 pairs; no harm is a loss below 5 %; ${runs} runs each\n` +
      `${'service'.padEnd(52)}${'effect'.padStart(8)}${'covered %'.padStart(11)}${'go %'.padStart(8)}${'no-go %'.padStart(9)}${'pairs'.padStart(7)}${'width %'.padStart(9)}\n`,
  );
  let [worst, falseGo, missedHarm] = [1, 0, 0];
  for (const service of services)
    for (const effect of effects) {
      let [covered, go, noGo, blocks, width] = [0, 0, 0, 0, 0];
      for (let seed = 0; seed < runs; seed++) {
        const run = runSwitchback(planOf(seed), service, effect, seed);
        const { low, high } = run.judgement.effect!;
        if (low <= effect && effect <= high) covered++;
        if (run.judgement.decision === 'go') go++;
        if (run.judgement.decision === 'no-go') noGo++;
        blocks += run.blocks;
        width += high - low;
      }
      worst = Math.min(worst, covered / runs);
      if (effect === -0.05) falseGo = Math.max(falseGo, go / runs);
      if (effect === -0.1) missedHarm = Math.max(missedHarm, go / runs);
      const cells = [100 * covered, 100 * go, 100 * noGo, blocks / 2, 100 * width].map((x) =>
        (x / runs).toFixed(1),
      );
      process.stdout.write(
        `${service.name.padEnd(52)}${`${100 * effect} %`.padStart(8)}${[11, 8, 9, 7, 9].map((w, i) => cells[i]!.padStart(w)).join('')}\n`,
      );
    }
  row(
    'the 95 % interval covers the truth',
    '≥ 94 % everywhere',
    `worst ${(100 * worst).toFixed(1)} %`,
    worst >= least,
  );
  row(
    'go at exactly the harm that is too much',
    '≤ 2.5 %',
    `worst ${(100 * falseGo).toFixed(1)} %`,
    falseGo <= 0.035,
  );
  row('go at twice that harm', '0 %', `worst ${(100 * missedHarm).toFixed(1)} %`, missedHarm === 0);
}

function planOf(seed: number) {
  const goal = { metric: 'throughput', direction: 'higher', unit: '1/s' } as const;
  return planSwitchback({
    seed,
    goal,
    step: 0,
    steps: 1,
    question: 'no-harm',
    blockNs: 5e9,
    washoutNs: 1e9,
    mostPairs: 36,
  });
}
