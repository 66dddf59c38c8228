// What a workload is, as a record: the shape of its load in numbers, what it seems to want, its class, and a vector by which it is found again.

import { z } from 'zod';
import { digestSchema } from './digest.ts';

export const classNames = [
  'cpu-bound',
  'io-bound',
  'memory-bound',
  'latency-critical',
  'batch',
  'mixed',
  'idle',
] as const;
export type ClassName = (typeof classNames)[number];

const share = z.number().min(0).max(1);
const ns = z.number().min(0);
/** Of a distribution of durations. */
const quantiles = z.object({ p50: ns, p90: ns, p99: ns, mean: ns }).partial();

/** Every part is absent when it was not measured. Shares of `time` are of the time that its tasks lived, in all. */
export const shapeSchema = z
  .object({
    cpus: z.number().int().describe('CPUs that it could use'),
    tasks: z.number().int().describe('tasks seen'),
    cpuNs: ns.describe('CPU time of its tasks'),
    utilisation: z.number().min(0).describe('CPU time / (observed time × CPUs)'),
    systemShare: share.describe('of its CPU time, in the kernel'),
    time: z
      .object({
        cpu: share,
        delay: share,
        sleep: share,
        futex: share,
        pipe: share,
        socket: share,
        poll: share,
        disk: share,
        child: share,
        fault: share,
        other: share,
      })
      .partial()
      .describe('what its tasks did with their time; delay: runnable without a CPU'),
    waits: z
      .object({
        sleep: share,
        futex: share,
        pipe: share,
        socket: share,
        poll: share,
        disk: share,
        child: share,
        fault: share,
        other: share,
      })
      .partial()
      .describe('what its waits are for, by their number'),
    parallelism: z
      .object({ mean: z.number(), p50: z.number(), p95: z.number(), max: z.number() })
      .describe('tasks on CPUs at once'),
    overTime: z
      .array(z.number().min(0))
      .max(64)
      .describe('tasks on CPUs at once, the mean of each 64th of the elapsed time'),
    queued: z.object({ mean: z.number(), p95: z.number() }).describe('tasks runnable without a CPU'),
    runNs: quantiles.describe('CPU bursts: from ready to waiting'),
    sleepNs: quantiles.describe('waits'),
    delayNs: quantiles.describe('from ready to running'),
    burstsPerS: z.number().min(0).describe('per second and task that runs at all'),
    switchesPerS: z.number().min(0).describe('per second of observed time'),
    involuntaryShare: share.describe('of its switches'),
    migrationsPerS: z.number().min(0),
    forksPerS: z.number().min(0),
    faultsPerS: z.number().min(0),
    wakes: z
      .object({ task: share, timer: share, interrupt: share, fork: share })
      .partial()
      .describe('who makes its tasks runnable'),
    wakeGraph: z
      .object({ pairs: z.number().int(), fanOut: z.number(), mutualShare: share })
      .describe(
        'pairs of wakers and wakees; the most that one wakes; share of wakes between two that wake each other',
      ),
    ownWakes: share.describe('of its wakeups, those by its own tasks'),
    longTail: z
      .object({ topShare: share, lastShare: share })
      .partial()
      .describe(
        'CPU time in the longest tenth of tasks; the last part of the elapsed time in which at most one task is at work, as a share of it',
      ),
    criticalPath: z
      .object({ ns, share, tasks: z.number().int() })
      .describe('the longest chain of work and wakeups, its share of the elapsed time, and tasks on it'),
    period: z.object({ ns, strength: share }).describe('of the most regular wakeups'),
    churn: share.describe('tasks that were born and ended, of all'),
    blockIo: z.object({ opsPerS: z.number(), bytesPerS: z.number() }),
    maxRssKiB: z.number().describe('the most memory that was resident'),
    pmu: z.object({ instructionsPerCycle: z.number(), missesPerKiloInstruction: z.number() }),
  })
  .partial();
export type Shape = z.infer<typeof shapeSchema>;

export const goalKinds = ['makespan', 'tail-latency', 'throughput', 'deadlines', 'energy'] as const;

export const profileSchema = z.object({
  kind: z.literal('profile'),
  version: z.literal(1),
  from: z.array(digestSchema).describe('a trace'),
  subject: z.object({
    what: z.enum(['command', 'process', 'cgroup', 'machine', 'workload', 'trace']),
    name: z.string(),
  }),
  machine: z.object({
    name: z.enum(['host', 'micro-vm', 'simulator', 'elsewhere']),
    kernel: z.string(),
    cpus: z.number().int(),
  }),
  by: z.enum(['probes', 'recording', 'procfs']),
  observedNs: ns,
  shape: shapeSchema,
  class: z.object({
    name: z.enum([...classNames, 'unsure']),
    confidence: share,
    /** Of each class, all together 1. */
    scores: z.record(z.enum(classNames), share),
    why: z.array(z.string()),
    /** What would settle it, when unsure. */
    look: z.array(z.string()),
  }),
  goal: z.object({
    name: z.enum(goalKinds),
    metric: z.string(),
    direction: z.enum(['lower', 'higher']),
    confidence: share,
    reasons: z.array(z.string()),
  }),
  /** Unit length; the cosine of two is their likeness. */
  fingerprint: z.object({ version: z.int(), values: z.array(z.number()) }),
  /** Tasks of one comm together, by CPU time. Comms are data: any bytes, escaped. */
  groups: z.array(
    z.object({
      comm: z.string(),
      tasks: z.number().int(),
      cpuShare: share,
      delayShare: share.optional(),
      runNsP50: ns.optional(),
      delayNsP99: ns.optional(),
      wakesPerS: z.number().optional(),
      waitsFor: z.string().optional(),
      wokenBy: z.string().optional(),
    }),
  ),
  /** Blob: the Counters that all this was made of, as canonical JSON; what the larger tiers are read from. */
  counters: digestSchema,
  events: z
    .object({
      seen: z.number().int(),
      lost: z.number().int(),
      sampled: share.optional(),
      switchesSeen: share.optional(),
    })
    .optional(),
  missing: z.array(z.string()),
});
export type Profile = z.infer<typeof profileSchema>;
