// What the atomic observations of a machine answer, as schemas: CPUs, queues, switches, pressure, block devices, frequency, sched_ext, capabilities.
// Times are ns, shares of 1; absent means not measured, never zero. Names are data: printable, other bytes as \xNN.

import { z } from 'zod';

const count = z.number().min(0);
const share = z.number().min(0);
/** What could not be seen, and why, in words. */
const notes = z.array(z.string());
/** Rows that follow the page. */
const left = z.number().int().min(0).describe('rows left out after this page');

export const cpusSchema = z.object({
  count: z.number().int().describe('CPUs that are online'),
  online: z.string().describe('as a list, 0-3,8'),
  offline: z.string(),
  packages: z.number().int().optional(),
  nodes: z.number().int().optional(),
  llcs: z.number().int().optional().describe('last-level caches'),
  cores: z.number().int().optional(),
  threadsPerCore: z.number().optional(),
  llcKiB: z.number().optional().describe('size of the first one'),
  frequencyDriver: z.string().optional(),
  idleDriver: z.string().optional(),
  observedNs: count,
  utilisation: share.optional().describe('of all CPUs together'),
  cpus: z.array(
    z.object({
      cpu: z.number().int(),
      node: z.number().int().optional(),
      llc: z.number().int().optional(),
      core: z.number().int().optional(),
      busy: share.optional(),
      user: share.optional(),
      system: share.optional(),
      interrupts: share.optional(),
      iowait: share.optional(),
      steal: share.optional(),
    }),
  ),
  left,
  notes,
});
export type Cpus = z.infer<typeof cpusSchema>;

export const taskKinds = [
  'kernel thread',
  'deadline',
  'real-time',
  'normal',
  'sched_ext',
  'batch or idle',
  'uninterruptible',
] as const;
export type TaskKind = (typeof taskKinds)[number];

export const queuesSchema = z.object({
  observedNs: count,
  samples: z.number().int(),
  threads: z.number().int().describe('threads on the machine, at the last sample'),
  runnable: z
    .object({ mean: count, max: count })
    .describe('threads that ran or waited for a CPU, this program left out'),
  kinds: z.array(z.object({ kind: z.enum(taskKinds), mean: count, max: count })),
  cpus: z.array(z.object({ cpu: z.number().int(), mean: count, max: count })),
  left,
  notes,
});
export type Queues = z.infer<typeof queuesSchema>;

export const switchesSchema = z.object({
  observedNs: count,
  machine: z.object({
    switchesPerS: count,
    interruptsPerS: count,
    softirqsPerS: count,
    forksPerS: count,
    migrationsPerS: count.optional(),
  }),
  processes: z.array(
    z.object({
      pid: z.number().int(),
      comm: z.string(),
      threads: z.number().int(),
      voluntaryPerS: count.optional(),
      involuntaryPerS: count.optional(),
      runsPerS: count.describe('times that its threads got a CPU'),
      migrationsPerS: count.optional(),
    }),
  ),
  left,
  notes,
});
export type Switches = z.infer<typeof switchesSchema>;

const stall = z.object({ avg10: share, avg60: share, avg300: share, totalNs: count });

export const pressureSchema = z.object({
  of: z.string().describe('machine, or the path of a cgroup'),
  on: z.boolean(),
  why: z.string().optional().describe('when it is off'),
  resources: z.array(
    z.object({
      resource: z.enum(['cpu', 'io', 'memory', 'irq']),
      some: stall.optional().describe('share of time in which at least one task stalled on it'),
      full: stall.optional().describe('share of time in which all tasks did'),
    }),
  ),
  notes,
});
export type Pressure = z.infer<typeof pressureSchema>;

export const blockSchema = z.object({
  observedNs: count,
  devices: z.array(
    z.object({
      device: z.string(),
      readsPerS: count,
      writesPerS: count,
      readBytesPerS: count,
      writtenBytesPerS: count,
      readNs: count.optional().describe('mean, from request to completion'),
      writeNs: count.optional(),
      discardsPerS: count.optional(),
      flushesPerS: count.optional(),
      flushNs: count.optional(),
      inFlight: count,
      queue: count.optional().describe('mean of requests in flight'),
      busy: share.optional().describe('share of time with a request in flight'),
    }),
  ),
  left,
  notes,
});
export type Block = z.infer<typeof blockSchema>;

export const frequencySchema = z.object({
  observedNs: count,
  driver: z.string().optional(),
  idleDriver: z.string().optional(),
  idleGovernor: z.string().optional(),
  cpus: z.array(
    z.object({
      cpu: z.number().int(),
      kHz: count.optional(),
      minKHz: count.optional(),
      maxKHz: count.optional(),
      governor: z.string().optional(),
      idle: z
        .array(z.object({ state: z.string(), share, entriesPerS: count }))
        .optional()
        .describe('idle states: share of the interval, entries'),
    }),
  ),
  left,
  notes,
});
export type Frequency = z.infer<typeof frequencySchema>;

export const schedExtSchema = z.object({
  supported: z.boolean(),
  state: z.string().optional().describe('disabled, enabling, enabled, disabling'),
  ops: z.string().optional().describe('name of the policy that is attached'),
  switchAll: z.boolean().optional(),
  enableSeq: count.optional().describe('policies attached since boot'),
  rejected: count.optional().describe('tasks that a policy refused (nr_rejected)'),
  hotplugSeq: count.optional(),
  events: z.record(z.string(), count).optional(),
  notes,
});
export type SchedExt = z.infer<typeof schedExtSchema>;

export const capabilitiesSchema = z.object({
  kernel: z.string(),
  architecture: z.string(),
  root: z.boolean(),
  capabilities: z.array(z.string()).describe('effective ones that matter here'),
  container: z.string().optional().describe('why this looks like one'),
  checks: z.array(
    z.object({
      what: z.string(),
      ok: z.union([z.boolean(), z.literal('partly')]),
      detail: z.string(),
      next: z.string().optional(),
    }),
  ),
});
export type Capabilities = z.infer<typeof capabilitiesSchema>;
