// The cost profiles: `free` for tests of order; `tcg` as measured on the micro-VM's instruction clock; `hardware` with the ends of its ranges; `recorded` for replays. Where each
// number comes from stands in docs/semantics.md, which a test holds against this file.

import { type Costs, free } from './costs.ts';

/** Measured: bench/operations.ts. Nanoseconds of the instruction clock while the CPU has its turn. */
const tcg: Costs = {
  name: 'tcg',
  switchNs: 4000,
  wakeNs: 1200,
  fairSleepNs: 4900,
  ipiNs: 2000,
  idleExitNs: 2500,
  timerNs: 3000,
  tickNs: 8000,
  migrateNs: [0, 0, 0, 0],
  callbackNs: 730,
  instructionNs: 1.5,
  kfuncNs: 370,
  syscallNs: 1600,
  byteNs: 2.5,
  forkNs: 680_000,
  exitNs: 490_000,
  extTaskNs: 42_000,
  readNs: 165_000,
  smtShare: 1,
  lookNs: 100_000,
  isSerial: true,
};

const hardware: Costs = {
  name: 'hardware',
  switchNs: 1500,
  wakeNs: 800,
  fairSleepNs: 300,
  ipiNs: 1000,
  idleExitNs: 2000,
  timerNs: 1000,
  tickNs: 1500,
  migrateNs: [200, 1500, 5000, 15_000],
  callbackNs: 60,
  instructionNs: 0.4,
  kfuncNs: 20,
  syscallNs: 200,
  byteNs: 0.15,
  forkNs: 60_000,
  exitNs: 20_000,
  extTaskNs: 1000,
  readNs: 0,
  smtShare: 0.62,
  lookNs: 100_000,
  isSerial: false,
};

const hardwareLow: Costs = {
  name: 'hardware-low',
  switchNs: 800,
  wakeNs: 300,
  fairSleepNs: 100,
  ipiNs: 400,
  idleExitNs: 1000,
  timerNs: 400,
  tickNs: 500,
  migrateNs: [0, 500, 1500, 3000],
  callbackNs: 20,
  instructionNs: 0.2,
  kfuncNs: 5,
  syscallNs: 70,
  byteNs: 0.05,
  forkNs: 30_000,
  exitNs: 10_000,
  extTaskNs: 300,
  readNs: 0,
  smtShare: 0.75,
  lookNs: 100_000,
  isSerial: false,
};

const hardwareHigh: Costs = {
  name: 'hardware-high',
  switchNs: 4000,
  wakeNs: 2000,
  fairSleepNs: 800,
  ipiNs: 2000,
  idleExitNs: 50_000,
  timerNs: 3000,
  tickNs: 5000,
  migrateNs: [500, 5000, 20_000, 60_000],
  callbackNs: 200,
  instructionNs: 1,
  kfuncNs: 80,
  syscallNs: 700,
  byteNs: 0.4,
  forkNs: 200_000,
  exitNs: 80_000,
  extTaskNs: 5000,
  readNs: 0,
  smtShare: 0.5,
  lookNs: 100_000,
  isSerial: false,
};

/**
 * CPU time in a recording holds what the kernel did on its tasks' way: switches, wake-ups, system calls, forks, ticks, cold caches. What it cannot hold stays: the
 * way to an idle CPU, and what a policy does.
 */
const recorded: Costs = {
  ...free,
  name: 'recorded',
  ipiNs: hardware.ipiNs,
  idleExitNs: hardware.idleExitNs,
  callbackNs: hardware.callbackNs,
  instructionNs: hardware.instructionNs,
  kfuncNs: hardware.kfuncNs,
  lookNs: 3.6e12,
};

/** What the recording itself says of its machine goes before what is usual. */
export function costsOfRecording(idleWakesNs: readonly number[], lookNs: number | undefined): Costs {
  return {
    ...recorded,
    ...(idleWakesNs.length > 0 && { idleExitsNs: idleWakesNs.map((ns) => Math.max(0, ns - recorded.ipiNs)) }),
    ...(lookNs !== undefined && { lookNs: Math.min(recorded.lookNs, lookNs) }),
  };
}

export const costProfiles = {
  free,
  tcg,
  recorded,
  hardware,
  'hardware-low': hardwareLow,
  'hardware-high': hardwareHigh,
} as const satisfies Record<string, Costs>;
export type CostProfile = keyof typeof costProfiles;
