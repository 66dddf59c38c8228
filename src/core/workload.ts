// The two forms of a workload: the declarative file that people write (rt-app's vocabulary) and the expansion, flat
// integer operations per task, which is all that machines execute. Layout and limits: docs/protocol.md, section 1.
import { z } from 'zod';

const durationText = /^\d{1,13}(\.\d{1,9})?(ns|us|ms|s)$/;
const rateText = /^\d{1,9}(\.\d{1,6})?\/(s|ms)$/;
const say = (error: string) => ({ error });

/** "37ms", "1.5us" or integer nanoseconds; at most one hour. */
const durationSchema = z.union([
  z.string().regex(durationText, say('a duration is a number with ns, us, ms or s, as in "37ms"')),
  z.int().min(0).max(3.6e12),
]);
/** "500/s", "2.5/ms". */
const rateSchema = z.string().regex(rateText, say('a rate is a number per s or ms, as in "500/s"'));

const aboutSchema = z.strictObject({ about: durationSchema, spread: z.number().min(0).max(1) });
const rangeSchema = z.strictObject({
  from: durationSchema,
  to: durationSchema,
  shape: z.enum(['uniform', 'pareto']).optional(),
});
const plainAmountSchema = z.union([durationSchema, aboutSchema, rangeSchema]);
const mixSchema = z.strictObject({
  mix: z
    .array(z.strictObject({ share: z.int().min(1).max(1_000_000), amount: plainAmountSchema }))
    .min(1)
    .max(16),
});
const amountSchema = z.union([durationSchema, aboutSchema, rangeSchema, mixSchema]);

const nameText = /^[a-z][a-z0-9._-]{0,30}$/;
const nameSchema = z
  .string()
  .regex(nameText, say('a name starts with a-z and has at most 31 of a-z, 0-9, ".", "_", "-"'));
const selectorSchema = z
  .string()
  .regex(
    /^[a-z][a-z0-9._-]{0,30}(#\d{0,6}|#[/%*][1-9]\d{0,5}|@|@%[1-9]\d{0,5})?$/,
    say('expected a name, alone or with "#", "#3", "#/4", "#%4", "#*4", "@" or "@%4"'),
  );

/** All of them, one (the first), each task its own, a share of them from the first on, or a list. */
const cpusSchema = z.union([
  z.enum(['all', 'one', 'half', 'each']),
  z.number().gt(0).max(1),
  z.array(z.int().min(0).max(255)).min(1).max(256),
]);

const niceSchema = z.int().min(-20).max(19);
const timesSchema = z.int().min(1).max(1_000_000);

/** Phases by verb; the order of the union below. A phase is named by the one verb it has. */
const plainPhaseSchemas = {
  run: z.strictObject({ run: amountSchema }),
  sleep: z.strictObject({ sleep: amountSchema }),
  timer: z.strictObject({ timer: z.union([durationSchema, z.strictObject({ poisson: rateSchema })]) }),
  until: z.strictObject({ until: z.union([z.literal('arrival'), durationSchema]) }),
  wait: z.strictObject({ wait: selectorSchema, times: timesSchema.optional() }),
  signal: z.strictObject({ signal: selectorSchema, units: timesSchema.optional() }),
  lock: z.strictObject({ lock: selectorSchema }),
  unlock: z.strictObject({ unlock: selectorSchema }),
  write: z.strictObject({ write: selectorSchema, bytes: z.int().min(1).max(1_048_576) }),
  read: z.strictObject({ read: selectorSchema, bytes: z.int().min(1).max(1_048_576) }),
  fork: z.strictObject({ fork: nameSchema }),
  join: z.strictObject({ join: selectorSchema }),
  yield: z.strictObject({ yield: z.literal(true) }),
  lap: z.strictObject({ lap: nameSchema, of: selectorSchema }),
  since: z.strictObject({ since: nameSchema }),
  nice: z.strictObject({ nice: niceSchema }),
  cpus: z.strictObject({ cpus: cpusSchema }),
};

export const phaseVerbs = [...Object.keys(plainPhaseSchemas), 'loop', 'each'] as readonly string[];

export type PlainPhase = z.infer<(typeof plainPhaseSchemas)[keyof typeof plainPhaseSchemas]>;
export interface LoopPhase {
  readonly loop: number | 'forever';
  readonly phases: readonly Phase[];
}
export interface EachPhase {
  readonly each: string;
  readonly phases: readonly Phase[];
}
export type Phase = PlainPhase | LoopPhase | EachPhase;

const phasesSchema: z.ZodType<Phase[]> = z.lazy(() => z.array(phaseSchema).min(1).max(256));
const phaseSchema: z.ZodType<Phase> = z.lazy(() =>
  z.union([
    ...Object.values(plainPhaseSchemas),
    z.strictObject({
      loop: z.union([z.literal('forever'), z.int().min(1).max(1_000_000_000)]),
      phases: phasesSchema,
    }),
    z.strictObject({ each: nameSchema, phases: phasesSchema }),
  ]),
);

/** A group of equal tasks. One that is named by a `fork` phase has no count: its tasks come from the forks. */
const groupSchema = z.strictObject({
  name: nameSchema,
  count: z
    .union([
      z.int().min(1).max(4096),
      z.strictObject({ perCpu: z.number().gt(0).max(64), plus: z.int().min(0).max(4096).optional() }),
    ])
    .optional(),
  /** "{i}" is replaced by the index in the group, padded; default "<name>-{i}". */
  comm: z
    .string()
    .regex(
      /^[A-Za-z0-9._:-]*(\{i\})?[A-Za-z0-9._:-]*$/,
      say('a comm has only A-Z a-z 0-9 . _ : - and one "{i}"'),
    )
    .min(1)
    .optional(),
  /** Own start, from the start of the round; absent: a place in the common arrival order (`starts`). */
  start: amountSchema.optional(),
  /** Where in the arrival order the tasks of this group come, as shares of its length: [0.9, 1] is "among the last". */
  place: z.tuple([z.number().min(0).max(1), z.number().min(0).max(1)]).optional(),
  nice: niceSchema.optional(),
  class: z.enum(['other', 'batch', 'idle', 'fifo']).optional(),
  cgroup: nameSchema.optional(),
  cpus: cpusSchema.optional(),
  /** Killed when the round's other tasks have ended. */
  background: z.boolean().optional(),
  phases: phasesSchema,
});

export const workloadFileSchema = z.strictObject({
  kind: z.literal('declared'),
  name: nameSchema,
  description: z.string().min(1).max(2000),
  goal: z.strictObject({ metric: z.string().max(64), direction: z.enum(['lower', 'higher']) }),
  /** Default 1; samples and metrics only from `warmupRounds` (default 0) on. */
  rounds: z.int().min(1).max(64).optional(),
  warmupRounds: z.int().min(0).max(63).optional(),
  /** What the seed varies by itself. work: each task's RUNs times 1 ± work, anew each round (default 0.02); start: up to this later (default "200us"). */
  jitter: z
    .strictObject({ work: z.number().min(0).max(0.5).optional(), start: durationSchema.optional() })
    .optional(),
  /** The common arrival order of the tasks without a start of their own. */
  starts: z
    .strictObject({
      order: z.enum(['shuffled', 'file']).optional(),
      within: durationSchema.optional(),
      poisson: rateSchema.optional(),
      bursts: z.strictObject({ size: z.int().min(1).max(4096), every: durationSchema }).optional(),
    })
    .optional(),
  cgroups: z
    .record(
      nameSchema,
      z.strictObject({
        weight: z.int().min(1).max(10_000).optional(),
        /** CPU time per 100 ms. */
        limit: durationSchema.optional(),
      }),
    )
    .optional(),
  series: z.record(nameSchema, z.strictObject({ deadline: durationSchema.optional() })).optional(),
  /** Open-loop streams: `count` Poisson arrivals at this rate in each round, served by `each` phases. */
  arrivals: z
    .record(nameSchema, z.strictObject({ poisson: rateSchema, count: z.int().min(1).max(200_000) }))
    .optional(),
  groups: z.array(groupSchema).min(1).max(256),
});

export type WorkloadFile = z.infer<typeof workloadFileSchema>;
export type Group = z.infer<typeof groupSchema>;
export type Amount = z.infer<typeof amountSchema>;
export type PlainAmount = z.infer<typeof plainAmountSchema>;
export type Duration = z.infer<typeof durationSchema>;
export type CpuChoice = z.infer<typeof cpusSchema>;

// The expansion.

export const opCodes = {
  RUN: 1,
  SLEEP: 2,
  UNTIL: 3,
  WAIT: 4,
  SIGNAL: 5,
  LOCK: 6,
  UNLOCK: 7,
  WRITE: 8,
  READ: 9,
  FORK: 10,
  JOIN: 11,
  YIELD: 12,
  LAP: 13,
  SINCE: 14,
  REPEAT: 15,
  NICE: 16,
  CPUS: 17,
} as const;
export type OpName = keyof typeof opCodes;
export type OpCode = (typeof opCodes)[OpName];

/** `a` and `b` as the table in docs/protocol.md says; `b` is signed for NICE, else unsigned. */
export interface Op {
  readonly code: OpCode;
  readonly a: number;
  readonly b: bigint;
}

export interface ExpansionSeries {
  readonly name: string;
  /** 0: none. */
  readonly deadlineNs: number;
  readonly capacity: number;
}

export interface ExpansionCgroup {
  readonly name: string;
  readonly weight: number;
  /** CPU time per 100 ms; 0: no limit. */
  readonly maxNs: number;
}

/** The kernel's numbers. */
export const schedClasses = { other: 0, fifo: 1, batch: 3, idle: 5 } as const;
export type SchedClass = keyof typeof schedClasses;

export interface ExpansionTask {
  readonly comm: string;
  readonly round: number;
  readonly background: boolean;
  readonly forked: boolean;
  readonly startNs: number;
  readonly nice: number;
  readonly schedClass: SchedClass;
  /** Index, -1: none. */
  readonly cgroup: number;
  readonly group: number;
  /** Affinity, 256 bits; 0n: every CPU. */
  readonly cpus: bigint;
  readonly ops: readonly Op[];
}

export interface Expansion {
  readonly semaphores: number;
  readonly locks: number;
  readonly pipes: number;
  readonly rounds: number;
  readonly warmupRounds: number;
  readonly series: readonly ExpansionSeries[];
  readonly cgroups: readonly ExpansionCgroup[];
  readonly tasks: readonly ExpansionTask[];
}

export const limits = {
  tasks: 32_768,
  semaphores: 4096,
  locks: 1024,
  pipes: 1024,
  series: 64,
  cgroups: 64,
  rounds: 64,
  ops: 8_000_000,
  samples: 1_000_000,
  transferBytes: 1_048_576,
} as const;

/** Of what people write; recordings have more. */
export const fileLimits = { tasks: 4096, ops: 2_000_000 } as const;

/** `times` of the REPEAT of an endless loop (background tasks only). */
export const endless = 0xffff_ffff;

/** What a policy may know in advance about the tasks of one comm. */
export interface Hint {
  readonly comm: string;
  /** CPU time that one task of this comm uses. */
  readonly lengthNs: number;
  /** The longest chain of work that starts with it. */
  readonly rank: number;
  /** How many tasks wait for it, directly or not. */
  readonly dependents: number;
}
