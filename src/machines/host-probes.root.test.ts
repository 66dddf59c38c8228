// Delays by the standing watch: however many ask, one is loaded at a time.

import { expect, it } from 'vitest';
import { root } from '../../test/services/fixed-world.ts';
import { Fault } from '../core/errors.ts';
import { hostProbes } from './host-probes.ts';

it('watches one after the other', async () => {
  let [now, most] = [0, 0];
  const runner = async (): Promise<never> => {
    most = Math.max(most, ++now);
    await new Promise((resolve) => setTimeout(resolve, 5));
    now--;
    throw new Fault('unavailable', 'no runner');
  };
  const probes = hostProbes({ runner, probes: `${root}probes` }, () => true);
  const ask = () => probes('machine', 100, new AbortController().signal);
  expect(await Promise.all([ask(), ask(), ask()])).toEqual(['no runner', 'no runner', 'no runner']);
  expect(most).toBe(1);
});
