// Where others use the same processors, time goes by in which nothing here runs: /proc/stat calls it stolen. A test that holds the kernel's accounts against clocks waits for a moment without.

import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach } from 'vitest';

/** Ticks of all CPUs: stolen, and altogether (proc(5)). */
function ticks(): { readonly stolen: number; readonly all: number } {
  const numbers = readFileSync('/proc/stat', 'latin1').split('\n', 1)[0]!.split(/ +/).slice(1, 9).map(Number);
  return { stolen: numbers[7] ?? 0, all: numbers.reduce((sum, one) => sum + one, 0) };
}

/** Five seconds at most. */
beforeEach(async () => {
  for (let round = 0; round < 12; round++) {
    const before = ticks();
    await sleep(400);
    const after = ticks();
    if (after.stolen - before.stolen <= 0.02 * (after.all - before.all)) return;
  }
}, 30_000);
