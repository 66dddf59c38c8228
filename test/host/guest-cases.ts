// Cases that run in a guest whose machine is then their host (main.ts), each as a test of its own.

import { beforeAll, describe, expect, it } from 'vitest';
import { type GuestHostWish, inGuestHost, linesOf, toldCases } from '../support/guest-host.ts';
import type { Told } from './small-vitest.ts';

/** Boots a guest, runs the cases that the filter names, and makes a test of each. */
export function guestCases(
  what: string,
  filter: string,
  names: readonly string[],
  { files = [], ...wish }: Omit<GuestHostWish, 'kernel'> & { readonly files?: readonly string[] },
): void {
  describe(what, () => {
    let told: Told[] = [];
    beforeAll(async () => {
      const { seconds } = wish;
      const end = await inGuestHost(
        { ...wish, seconds: seconds + 30 },
        ({ suites, runner }) => [suites, runner, filter, String(seconds)],
        files,
      );
      told = toldCases(end.stdout);
      console.info(linesOf(told));
      if (end.trouble !== undefined)
        throw new Error(
          `the guest did not come to its end: ${end.trouble} ${end.stderr.slice(-300)} ${end.stdout.slice(-1000)}`,
        );
    }, 1_500_000);

    it.each(names)('%s', (name) => {
      const one = told.find((each) => each.name === name);
      expect(one, 'it has run').toBeDefined();
      expect(one?.error).toBeUndefined();
    });
    it('there are no others', () => {
      expect(told.map(({ name }) => name).sort()).toEqual([...names].sort());
    });
  });
}
