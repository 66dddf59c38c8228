// The atomic observations: each answers one question about this machine, quickly and in few words, for a person or for an agent that calls tools.

import { cpus, frequency, queues } from './observations/cpus.ts';
import { block, capabilities, schedExt, workloadFile } from './observations/surroundings.ts';
import { cgroup, process, processes } from './observations/tasks.ts';
import { delays, pressure, switches } from './observations/waiting.ts';

/** Where they stand in the help. */
export const observationsHeading = 'Look at this machine';

export const observations = [
  capabilities,
  cpus,
  queues,
  delays,
  switches,
  pressure,
  processes,
  process,
  cgroup,
  workloadFile,
  block,
  frequency,
  schedExt,
] as const;
