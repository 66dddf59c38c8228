// What the atomic observations of processes, cgroups and files answer, as schemas. Times are ns, shares of 1 (of one CPU, where CPU time is meant); absent
// means not measured, never zero. Names, commands and texts are data of whoever runs here, never instructions: printable, other bytes as \xNN.

import { z } from 'zod';

const count = z.number().min(0);
const share = z.number().min(0);
const pid = z.number().int();
const notes = z.array(z.string());
const left = z.number().int().min(0).describe('rows left out after this page');

/** The kernel's names, as sched(7) writes them. */
export const schedClassNames: readonly (string | undefined)[] = [
  'other',
  'fifo',
  'rr',
  'batch',
  undefined,
  'idle',
  'deadline',
  'ext',
];

const distribution = z.object({
  count,
  meanNs: count.optional().describe('of a histogram: as its buckets tell it'),
  p50Ns: count.optional(),
  p90Ns: count.optional(),
  p99Ns: count.optional(),
  histogram: z
    .array(z.object({ fromNs: count, count }))
    .optional()
    .describe('[fromNs, 2 × fromNs); empty ones left out'),
});

export const delaysSchema = z.object({
  of: z.string(),
  by: z.enum(['probes', 'schedstat']),
  observedNs: count,
  threads: z.number().int().describe('threads that were seen'),
  ranNs: count,
  delayNs: count.describe('runnable without a CPU, all together: after wakeups and after losing the CPU'),
  runDelay: distribution.optional().describe('from ready, or from losing the CPU, to running'),
  wakeup: distribution.optional().describe('from being woken to running'),
  tasks: z.array(
    z.object({
      pid,
      tid: pid,
      comm: z.string(),
      ranNs: count,
      delayNs: count,
      runs: count.optional().describe('times that it got a CPU'),
      meanNs: count.optional(),
    }),
  ),
  left,
  missing: notes,
});
export type Delays = z.infer<typeof delaysSchema>;
export type Distribution = z.infer<typeof distribution>;

export const processesSchema = z.object({
  observedNs: count,
  processes: z.number().int(),
  threads: z.number().int(),
  rows: z.array(
    z.object({
      pid,
      tid: pid.optional(),
      ppid: pid,
      depth: z.number().int().optional().describe('in the tree'),
      comm: z.string(),
      command: z.string().optional(),
      state: z
        .string()
        .describe('R running or ready, S asleep, D uninterruptible, Z ended, T stopped, I idle'),
      cpu: share.optional().describe('CPU time over the interval, 1 = one CPU'),
      delay: share.optional().describe('runnable without a CPU, over the interval'),
      threads: z.number().int().optional(),
      rssKiB: count.optional(),
      ageS: count,
      schedClass: z.string(),
      nice: z.number().int(),
    }),
  ),
  left,
  notes,
});
export type Processes = z.infer<typeof processesSchema>;

export const processSchema = z.object({
  pid,
  startTicks: count.describe('since boot, in 1/100 s: with the pid this names it for good'),
  ppid: pid,
  comm: z.string(),
  command: z.string().optional(),
  executable: z.string().optional(),
  cwd: z.string().optional(),
  state: z.string(),
  kernelThread: z.boolean(),
  schedClass: z.string(),
  nice: z.number().int(),
  realtimePriority: z.number().int().optional(),
  affinity: z.string().optional().describe('CPUs it may use'),
  ageS: count,
  observedNs: count,
  cpu: share.optional(),
  delay: share.optional(),
  ranNs: count.optional().describe('since it began, all its threads that live'),
  delayNs: count.optional(),
  runs: count.optional(),
  userNs: count,
  systemNs: count,
  voluntary: count.optional(),
  involuntary: count.optional(),
  minorFaults: count,
  majorFaults: count,
  io: z
    .object({
      readBytes: count,
      writtenBytes: count,
      readCalls: count,
      writeCalls: count,
      diskReadBytes: count,
      diskWrittenBytes: count,
    })
    .optional(),
  memory: z
    .object({
      rssKiB: count,
      peakRssKiB: count,
      swapKiB: count,
      anonymousKiB: count,
      fileKiB: count,
      sharedKiB: count,
    })
    .partial()
    .optional(),
  maps: z
    .object({ regions: count, files: z.array(z.string()), filesLeft: count })
    .optional()
    .describe('libraries and other files that it maps'),
  cgroup: z.string().optional(),
  openFiles: z.record(z.string(), count).optional().describe('by kind'),
  threads: z.array(
    z.object({
      tid: pid,
      comm: z.string(),
      state: z.string(),
      waitsIn: z.string().optional().describe('function of the kernel'),
      schedClass: z.string(),
      nice: z.number().int(),
      lastCpu: z.number().int(),
      cpu: share.optional(),
      delay: share.optional(),
      ranNs: count.optional(),
    }),
  ),
  threadCount: z.number().int(),
  left,
  notes,
});
export type ProcessDetail = z.infer<typeof processSchema>;

export const cgroupSchema = z.object({
  path: z.string(),
  version: z.enum(['v2', 'v2 beside v1', 'v1']),
  controllers: z.array(z.string()).describe('of this group'),
  type: z.string().optional(),
  populated: z.boolean().optional(),
  frozen: z.boolean().optional(),
  processes: z.number().int(),
  threads: z.number().int(),
  cpu: z
    .object({
      usageNs: count,
      userNs: count,
      systemNs: count,
      weight: count,
      idle: z.boolean(),
      quotaNs: count,
      periodNs: count,
      periods: count,
      throttled: count,
      throttledNs: count,
      cpus: z.string(),
    })
    .partial(),
  memory: z
    .object({ currentBytes: count, peakBytes: count, maxBytes: count, highBytes: count, oomKills: count })
    .partial(),
  io: z
    .array(
      z.object({ device: z.string(), readBytes: count, writtenBytes: count, reads: count, writes: count }),
    )
    .optional(),
  pids: z.object({ current: count, max: count }).partial(),
  descendants: count.optional(),
  children: z.array(
    z.object({
      path: z.string(),
      populated: z.boolean().optional(),
      usageNs: count.optional(),
      processes: count.optional(),
      children: count,
    }),
  ),
  left,
  notes,
});
export type Cgroup = z.infer<typeof cgroupSchema>;

export const workloadFileSchema = z.object({
  path: z.string(),
  bytes: count,
  page: z.number().int(),
  pages: z.number().int(),
  note: z.string(),
  text: z.string(),
});
export type WorkloadFile = z.infer<typeof workloadFileSchema>;

/** What is looked at: one process with those that it started, a cgroup with those below it, or the machine. */
export type Subject = { readonly pid: number } | { readonly cgroup: string } | 'machine';
