// The cost profiles: `free` for tests of order; `tcg` as fitted to the micro-VM's instruction clock; `hardware` as a range with sources. Where each
// number comes from stands in docs/semantics.md.

import { type Costs, free } from './costs.ts';

/** Fitted: see docs/semantics.md. */
const tcg: Costs = {
  name: 'tcg',
  switchNs: 4000,
  wakeNs: 2400,
  ipiNs: 2000,
  idleExitNs: 3000,
  timerNs: 3000,
  tickNs: 8000,
  migrateNs: [0, 0, 0, 0],
  callbackNs: 700,
  instructionNs: 2,
  kfuncNs: 250,
  syscallNs: 1600,
  byteNs: 2.7,
  forkNs: 680_000,
  exitNs: 490_000,
  extTaskNs: 45_000,
  smtShare: 1,
  isSerial: true,
};

const hardware: Costs = {
  name: 'hardware',
  switchNs: 1200,
  wakeNs: 600,
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
  smtShare: 0.62,
  isSerial: false,
};

export const costProfiles = { free, tcg, hardware } as const satisfies Record<string, Costs>;
export type CostProfile = keyof typeof costProfiles;
