// Worlds in which a comparison has been made, for tests of the services.

import type { Arm } from '../../src/core/records.ts';
import { type Fixed, type FixedOptions, fixedWorld } from './fixed-world.ts';

export const fast = (arm: Arm): number =>
  arm.name.startsWith('fifo') ? 0.8 : arm.kind === 'settings' ? 1.05 : 1;
export const few = { workload: 'long-tail', policies: ['fifo', 'vtime'], settings: ['batch'], harm: false };
export const accepted = async (options: FixedOptions = {}, input: object = {}) => {
  const fixed = fixedWorld({ factor: fast, ...options });
  return { fixed, ...(await fixed.call('tune', { ...few, harm: true, ...input })) };
};

/** A world with a verdict in it. */
export const told = async (
  options: FixedOptions = {},
): Promise<{ fixed: Fixed; verdict: string; outcomes: string[] }> => {
  const { fixed, output } = await accepted({ factor: fast, ...options }, { harm: false });
  const [verdict, ...outcomes] = output.records.map((item: { digest: string }) => item.digest);
  return { fixed, verdict, outcomes };
};
