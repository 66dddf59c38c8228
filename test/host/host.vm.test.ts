// The host machine where it has all rights and a kernel with sched_ext: a guest's own. Runs that are killed and policies that stay (cases.ts) on two CPUs that are emulated side by side, as on a
// real machine nothing waits for anybody; then the product as its users start it, on CPUs that share an instruction clock, so that a verdict does not hang on what else this machine does.

import { beforeAll, describe, expect, it } from 'vitest';
import { type GuestHostWish, inGuestHost, productFiles, toldCases } from '../support/guest-host.ts';
import type { Told } from './small-vitest.ts';

/** Boots a guest, runs the cases that the filter names, and makes a test of each. */
function cases(
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
      console.info(
        told
          .map(({ name, ms, error }) => `${error === undefined ? 'ok' : 'NO'} ${name} (${ms} ms)`)
          .join('\n'),
      );
      if (end.trouble !== undefined)
        throw new Error(
          `the guest did not come to its end: ${end.trouble} ${end.stderr} ${end.stdout.slice(-1000)}`,
        );
    }, 900_000);

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

cases(
  'what a run changes is undone',
  '^: undo',
  [
    'undo: a run that ends well',
    'undo: a limit',
    'undo: called off; until then tasks are as nice as the workload says, not as we are',
    'undo: called off while it is stopped',
    'undo: kill -9 of who does it',
    'undo: kill -9 of who keeps him',
    'undo: kill -9 of both at once: the next start',
    'undo: kill -9 of the control plane',
    'undo: two at once: the second waits, and is refused',
    'undo: what a human sets meanwhile stays',
  ],
  { seconds: 150, mode: 'fast', cpus: 2 },
);

cases(
  'policies that stay',
  '^: hold',
  [
    'hold: attached, beaten, detached',
    'hold: who falls silent loses it',
    'hold: left, adopted, detached',
    'hold: kill -9 of the holder',
    'hold: the holder is frozen',
    'hold: SIGTERM to the holder',
    'hold: knobs move while it runs',
    'hold: the kernel ejects it',
    'hold: what the verifier refuses',
    'hold: what is none',
    'hold: another scheduler is loaded: refused, or replaced and remembered',
    'hold: only cgroups',
    'hold: only processes',
    'hold: only a cgroup, and kill -9 of the holder',
  ],
  { seconds: 150, mode: 'fast', cpus: 2 },
);

cases(
  'the product on its own host',
  '^: product',
  [
    'product: verify --machine host',
    'product: verify --machine host: what the verifier refuses',
    'product: tune --machine host',
    'product: deploy --on host: by steps, kept, and given back',
    'product: deploy --on host: undone, and remembered',
  ],
  { seconds: 400, mode: 'deterministic', cpus: 4, files: productFiles() },
);
