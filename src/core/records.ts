// The paper trail: frozen JSON records, each naming the digests of those it came from. A record says what was asked for or what
// happened; only a Verdict judges.

import { z } from 'zod';
import { type Deployment, deploymentSchema, type Lesson, lessonSchema } from './deployment.ts';
import { digestSchema } from './digest.ts';
import { exitSchema, policySchema } from './policy.ts';
import { type Profile, profileSchema } from './profile.ts';

/** Settings of the default scheduler. An empty object is the default itself. */
export const settingsSchema = z
  .object({
    baseSliceNs: z.number().int().min(100_000).max(100_000_000).describe('sched debugfs base_slice_ns'),
    nice: z.number().int().min(-20).max(19).describe('added to every task of the workload'),
    sched: z.enum(['batch', 'idle']).describe('sched class of every task of the workload'),
    cpuWeight: z.number().int().min(1).max(10_000).describe('cpu.weight of the workload’s cgroup'),
    features: z
      .array(z.string().regex(/^[A-Z_]{3,40}$/, { error: 'has only A-Z and "_", 3 to 40 of them' }))
      .max(16)
      .describe('sched debugfs features, such as NO_RUN_TO_PARITY'),
  })
  .partial();

export const armSchema = z.object({
  id: z.string(),
  name: z.string(),
  kind: z.enum(['default', 'settings', 'policy']),
  settings: settingsSchema.optional(),
  policy: policySchema.optional(),
});

export const candidateSchema = z.object({
  kind: z.literal('candidate'),
  version: z.literal(1),
  from: z.array(digestSchema),
  arm: armSchema,
  how: z.enum(['default', 'setting', 'library', 'reconfigured', 'revised', 'generated', 'given']),
  why: z.string(),
});

export const workloadSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('declared'),
    name: z.string(),
    /** Digest of the workload file's canonical JSON; it is kept beside the records. */
    file: digestSchema,
    /** Digest of the expansion for this seed and topology: the identity of what ran. */
    expansion: digestSchema,
  }),
  z.object({
    kind: z.literal('recorded'),
    name: z.string(),
    /** Digest of the recording (.trace); it is kept beside the records. */
    trace: digestSchema,
    /** Digest of what it means for this seed. */
    expansion: digestSchema,
  }),
  z.object({
    kind: z.literal('command'),
    name: z.string(),
    argv: z.array(z.string()).min(1),
    cwd: z.string(),
    env: z.record(z.string(), z.string()),
    with: z.array(z.string()),
    /** Digest of the initramfs that carried executable, libraries and files. */
    payload: digestSchema,
    runs: z.number().int().min(1),
    /** Name → regular expression whose first group is a number in the output. */
    patterns: z.record(z.string(), z.string()),
  }),
]);

export const machineSchema = z.object({
  name: z.enum(['micro-vm', 'simulator', 'host']),
  mode: z.enum(['deterministic', 'fast', 'kvm', 'simulated', 'native']),
  /** Restored from a saved guest, or booted for this run. */
  start: z.enum(['restored', 'cold']),
  kernel: z.object({ release: z.string(), image: digestSchema }),
  emulator: z.string(),
  runner: digestSchema,
});

export const topologySchema = z.object({
  cpus: z.number().int().min(1).max(256),
  /** 0 where the machine has none: the simulator. */
  memoryMiB: z.number().int().min(0),
  /** What only the simulator can vary; absent: one node, one LLC a node as in a micro-VM, one thread a core. */
  nodes: z.number().int().min(1).optional(),
  llcs: z.number().int().min(1).optional(),
  threads: z.number().int().min(1).optional(),
  capacities: z.array(z.number().int().min(1).max(1024)).optional(),
});

export const experimentSchema = z.object({
  kind: z.literal('experiment'),
  version: z.literal(1),
  from: z.array(digestSchema),
  arm: armSchema,
  /** Null: load, attach, check and detach only. */
  workload: workloadSchema.nullable(),
  topology: topologySchema,
  machine: machineSchema,
  seed: z.number().int().min(0),
  /** Differences that must not matter, drawn from the seed and the arm. */
  nuisance: z.object({ startOffsetNs: z.number().int().min(0), pidOffset: z.number().int().min(0) }),
  limitMs: z.number().int().min(1),
  /** Most that the policy may let a runnable task wait before the kernel throws it out; absent: 5000, or what it asks for itself if that is less. */
  watchdogMs: z.number().int().min(100).max(5000).optional(),
});

/** An expected "no", in words an agent can act on. */
export const findingSchema = z.object({
  code: z.enum([
    'load-rejected',
    'verification-budget-exceeded',
    'kernel-broken',
    'attach-refused',
    'ejected',
    'stalled',
    'command-failed',
    'command-not-found',
    'timeout',
    'out-of-memory',
    'disk-full',
    'too-many-processes',
    'guest-failed',
    'not-present',
    'runner-refused',
    'bad-program',
    'unsupported',
    'host-without-sched-ext',
    'foreign-scheduler',
  ]),
  message: z.string(),
  detail: z.string().optional(),
  next: z.string().optional(),
});

export const outcomeSchema = z.object({
  kind: z.literal('outcome'),
  version: z.literal(1),
  from: z.array(digestSchema),
  /** Only the metrics of a completed outcome are data. */
  status: z.enum(['completed', 'failed']),
  finding: findingSchema.nullable(),
  metrics: z.record(z.string(), z.number()),
  exit: exitSchema.nullable(),
  presence: z.array(
    z.object({
      when: z.string(),
      state: z.string(),
      ops: z.string(),
      enableSeq: z.number(),
      nrRejected: z.number(),
    }),
  ),
  kernelEvents: z.record(z.string(), z.number()),
  /** Per task: when it ran, since the start of its round. */
  timeline: z.array(
    z.object({
      task: z.string(),
      round: z.number(),
      startNs: z.number(),
      endNs: z.number(),
      cpuNs: z.number(),
      delayNs: z.number(),
    }),
  ),
  output: z.object({ stdout: z.string(), stderr: z.string() }).nullable(),
  /** What this machine cannot represent, and what was left out. */
  notes: z.array(z.string()),
});

/**
 * What the simulator said of many candidates, before the best of them went to a real kernel. It repeats exactly: everything follows from
 * the arms and the seeds.
 */
export const screeningSchema = z.object({
  kind: z.literal('screening'),
  version: z.literal(1),
  from: z.array(digestSchema),
  /** `file`: a workload file's canonical JSON, or a recording. */
  workload: z.object({ name: z.string(), file: digestSchema }),
  goal: z.object({ metric: z.string(), direction: z.enum(['lower', 'higher']), unit: z.string() }),
  machine: machineSchema,
  topology: topologySchema,
  limitMs: z.number().int().min(1),
  seeds: z.array(z.number().int().min(0)),
  /** The best first, the default scheduler among them. */
  arms: z.array(
    z.object({
      arm: armSchema,
      /** Told the lengths of tasks, which follow from the seed. */
      hinted: z.boolean(),
      /** One for each of the first seeds; null where the run failed. */
      values: z.array(z.number().nullable()),
      why: z.string().optional(),
    }),
  ),
  /** Arms that went on, the best first. */
  chosen: z.array(z.string()),
});

export const verdictSchema = z.object({
  kind: z.literal('verdict'),
  version: z.literal(1),
  from: z.array(digestSchema),
  /** The plan and every observation: what `replay` judges again. */
  plan: z.unknown(),
  observations: z.array(z.unknown()),
  /** Observation index → outcome digest. */
  outcomes: z.array(digestSchema),
  others: z.array(z.unknown()),
  candidates: z.record(z.string(), digestSchema),
  judgement: z.unknown(),
});

/** Where the audit had come to: kept among the records, so that lines cut from its end are missed. */
export const anchorSchema = z.object({
  kind: z.literal('anchor'),
  version: z.literal(1),
  from: z.array(digestSchema),
  /** Number and hash of a line of the audit. */
  seq: z.number().int().min(0),
  hash: digestSchema,
});

export type Policy = z.infer<typeof policySchema>;
export type Settings = z.infer<typeof settingsSchema>;
export type Arm = z.infer<typeof armSchema>;
export type Candidate = z.infer<typeof candidateSchema>;
export type WorkloadRef = z.infer<typeof workloadSchema>;
export type TopologyRef = z.infer<typeof topologySchema>;
export type MachineRef = z.infer<typeof machineSchema>;
export type Experiment = z.infer<typeof experimentSchema>;
export type Outcome = z.infer<typeof outcomeSchema>;
export type Finding = z.infer<typeof findingSchema>;
export type Verdict = z.infer<typeof verdictSchema>;
export type Screening = z.infer<typeof screeningSchema>;
export type Anchor = z.infer<typeof anchorSchema>;
export type RecordOf =
  | Anchor
  | Candidate
  | Deployment
  | Experiment
  | Lesson
  | Outcome
  | Profile
  | Screening
  | Verdict;

export const recordSchema = z.discriminatedUnion('kind', [
  anchorSchema,
  candidateSchema,
  deploymentSchema,
  experimentSchema,
  lessonSchema,
  outcomeSchema,
  profileSchema,
  screeningSchema,
  verdictSchema,
]);
