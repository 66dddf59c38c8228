// Small C programs for guests, statically linked with the compiler of the cache (test/runner/Makefile, target guests).

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openCache } from '../../src/linux/cache.ts';
import { mustRun } from '../../src/linux/process.ts';
import { tools } from '../../src/linux/tools.ts';
import { root } from './paths.ts';

export interface GuestPrograms {
  /** forks, memory, disk, hang, escape, crash, trigger … */
  readonly misbehave: string;
  /** A controller that is frozen or killed while `runner hold` keeps a policy attached. */
  readonly holdTest: string;
  /** Plays systemd for `runner keep`. */
  readonly keepTest: string;
  remove(): void;
}

export async function guestPrograms(): Promise<GuestPrograms> {
  const compiler = await tools(openCache(), 'compiler');
  const directory = mkdtempSync(join(tmpdir(), 'schedcp-guests-'));
  await mustRun(
    compiler.program('make'),
    [
      ...['-s', '-C', `${root}/test/runner`, 'guests', `OUT=${directory}`],
      `CC=${compiler.program('gcc')} --sysroot=${compiler.root}`,
    ],
    { env: compiler.env, limitMs: 120_000 },
  );
  return {
    misbehave: join(directory, 'misbehave'),
    holdTest: join(directory, 'hold-test'),
    keepTest: join(directory, 'keep-test'),
    remove: () => rmSync(directory, { recursive: true }),
  };
}
