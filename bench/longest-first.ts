// Longest job first on the long-tail batch, 4 CPUs: with hints and without, each through the standard call.

import { effectText, row, schedcp, type Tuned } from './lib.ts';

export async function benchLongestFirst(): Promise<void> {
  for (const [what, policy] of [
    ['longest first, told the lengths', 'length+hints'],
    ['longest first, lengths learned over rounds', 'length'],
  ] as const) {
    const args = [
      'tune',
      '--machine',
      'micro-vm',
      '--workload',
      'long-tail',
      '--policies',
      policy,
      '--settings',
      'none',
    ];
    const { value } = await schedcp<Tuned>(args);
    const { verdict } = value;
    const good =
      verdict.decision === 'accepted' &&
      (verdict.effect?.relative ?? 0) <= -0.2 &&
      (verdict.effect?.high ?? 0) < 0;
    row(what, 'accepted, ≥ 20 % lower', `${verdict.decision} ${effectText(value)}`, good);
    const [first] = value.records;
    const replay = await schedcp<{ same: boolean }>(['replay', first?.digest ?? '']);
    row(
      '  its verdict replays from its records',
      'same',
      replay.value.same ? 'same' : 'different',
      replay.value.same,
    );
  }
}
