// The whole gauntlet, as a user starts it, on every policy of the library: how long it takes on one kernel and on three, and what it says. Options: --policies A,B, --kernels 6.16,6.18,7.3.
// The first run of each kernel saves its guests, and is not counted.

import { join } from 'node:path';
import { openPolicies } from '../src/knowledge/policies.ts';
import { root } from '../test/support/paths.ts';
import { median, row, schedcp } from './lib.ts';

interface Ran {
  readonly seconds: number;
  readonly decision: string;
  readonly why: string;
}

export async function benchGauntlet(options: readonly string[]): Promise<void> {
  const value = (name: string): string | undefined => {
    const at = options.indexOf(name);
    return at < 0 ? undefined : options[at + 1];
  };
  const library = (await openPolicies(join(root, 'policies')).list()).map(({ card }) => card.name);
  const policies = value('--policies')?.split(',') ?? library;
  const kernels = (value('--kernels') ?? '6.16,6.18,7.3').split(',');
  await verify(policies[0]!, kernels);
  const one: number[] = [];
  const all: number[] = [];
  let accepted = 0;
  for (const policy of policies) {
    const alone = await verify(policy, [kernels.at(-1)!]);
    const together = await verify(policy, kernels);
    one.push(alone.seconds);
    all.push(together.seconds);
    if (together.decision === 'accepted') accepted++;
    const { decision, why } = together;
    row(
      `${policy}: ${decision}, ${why}`,
      '',
      `${alone.seconds.toFixed(1)} s, ${together.seconds.toFixed(1)} s`,
      undefined,
    );
  }
  const told = (seconds: readonly number[]): string =>
    `${median(seconds).toFixed(1)} [${Math.min(...seconds).toFixed(1)}, ${Math.max(...seconds).toFixed(1)}] s`;
  row('one kernel, median and range', '≤ 20 s', told(one), Math.max(...one) <= 20);
  row(`${kernels.length} kernels, median and range`, '≤ 60 s', told(all), Math.max(...all) <= 60);
  row(
    'policies of the library that are accepted',
    'all',
    `${accepted} of ${policies.length}`,
    accepted === policies.length,
  );
}

async function verify(policy: string, kernels: readonly string[]): Promise<Ran> {
  const args = ['verify', policy, '--kernel', kernels.join(',')];
  const { value, seconds } = await schedcp<Pick<Ran, 'decision' | 'why'>>(args);
  return { ...value, seconds };
}
