// What a verdict of the gauntlet keeps: which gates a policy was to pass, what each of them saw, and what follows from that.

import { z } from 'zod';
import { parameterValueSchema } from './policy.ts';
import { findingSchema } from './records.ts';

export const gateNames = ['static', 'simulator', 'kernel', 'harm'] as const;
export type GateName = (typeof gateNames)[number];

/** Loads of the gate `kernel` (workloads/gauntlet/). */
export const loadNames = ['provoke', 'crowd', 'stress', 'hotplug'] as const;
export type LoadName = (typeof loadNames)[number];
/** Not on a host: a flood of processes, and a CPU that goes away, would harm a machine in use. */
export const guestLoads: ReadonlySet<LoadName> = new Set(['stress', 'hotplug']);

/** Of attack mode: a policy that met fewer is not accepted. */
export const leastScenarios = 100;

/** What a policy may say that it does not promise. All others are safety. */
export const waivableCheckers = ['weights', 'equal-shares', 'latency', 'work-conservation'] as const;

export const goalNames = ['makespan', 'latency', 'throughput'] as const;
export type GoalName = (typeof goalNames)[number];

/** What may move while a policy runs, and how far. */
export const knobRangesSchema = z.record(
  z.string(),
  z.object({ low: parameterValueSchema, high: parameterValueSchema }),
);
export type KnobRanges = z.infer<typeof knobRangesSchema>;

/** Where the knobs stand: as given, or all at one end. */
export const knobEndSchema = z.enum(['given', 'low', 'high']);
export type KnobEnd = z.infer<typeof knobEndSchema>;

export const gauntletPlanSchema = z.object({
  kind: z.literal('gauntlet'),
  /** Of SchedCP: later ones have other rules. */
  by: z.string(),
  gates: z.array(z.enum(gateNames)),
  /** Releases that the gate `kernel` asks. */
  kernels: z.array(z.string()),
  seed: z.number().int().min(0),
  /** Of attack mode. */
  scenarios: z.number().int().min(1),
  loads: z.array(z.enum(loadNames)),
  watchdogMs: z.number().int(),
  knobs: knobRangesSchema,
  /** What the policy is for; null: nobody said, and harm is measured but not judged. */
  goal: z.enum(goalNames).nullable(),
});
export type GauntletPlan = z.infer<typeof gauntletPlanSchema>;

const staticEvidenceSchema = z.object({
  gate: z.literal('static'),
  rejections: z.array(z.object({ code: z.string(), why: z.string() })),
  warnings: z.number().int(),
});

export const attackSummarySchema = z.object({
  scenarios: z.number().int(),
  cut: z.number().int().default(0).describe('of the scenarios, those that took too long and were cut off'),
  simulatedSeconds: z.number(),
  violation: z
    .object({
      checker: z.string(),
      message: z.string(),
      seed: z.number().int(),
      saved: z.string().describe('the scenario after shrinking: fuzz runs it again'),
    })
    .nullable(),
  unsupported: z.string().nullable().describe('what the policy asks for and the simulator does not model'),
  /** Checkers that were left out, and why. */
  ignored: z.array(z.object({ checker: z.string(), why: z.string() })),
});

const simulatorEvidenceSchema = z.object({
  gate: z.literal('simulator'),
  knobs: knobEndSchema,
  /** Each standard workload once, with every access of the policy checked; with the knobs at an end none. */
  standard: z.array(z.object({ workload: z.string(), finding: findingSchema.nullable() })),
  /** Null: not attacked, since a standard workload had failed. */
  attack: attackSummarySchema.nullable(),
});

export const kernelRunSchema = z.object({
  load: z.enum(loadNames),
  knobs: knobEndSchema,
  /** Digest of the outcome. */
  outcome: z.string(),
  finding: findingSchema.nullable(),
  /** It has left in order when a CPU came or went, as policies do that say nothing of CPUs. */
  left: z.boolean(),
});
export type KernelRun = z.infer<typeof kernelRunSchema>;

const kernelEvidenceSchema = z.object({
  gate: z.literal('kernel'),
  release: z.string(),
  machine: z.enum(['micro-vm', 'host']),
  runs: z.array(kernelRunSchema),
});

/** Pairs of runs with the same seed: the policy, the default scheduler. Null: the run failed. */
export const harmRowSchema = z.object({
  workload: z.string(),
  goalName: z.enum(goalNames),
  /** Of the simulator. */
  costs: z.string(),
  metric: z.string(),
  direction: z.enum(['lower', 'higher']),
  pairs: z.array(z.object({ value: z.number().nullable(), base: z.number().nullable() })),
});
export type HarmRow = z.infer<typeof harmRowSchema>;

const harmEvidenceSchema = z.object({ gate: z.literal('harm'), rows: z.array(harmRowSchema) });

export const gateEvidenceSchema = z.discriminatedUnion('gate', [
  staticEvidenceSchema,
  simulatorEvidenceSchema,
  kernelEvidenceSchema,
  harmEvidenceSchema,
]);
export type GateEvidence = z.infer<typeof gateEvidenceSchema>;
export type EvidenceOf<G extends GateName> = Extract<GateEvidence, { gate: G }>;

export const gateAnswerSchema = z.object({
  gate: z.enum(gateNames),
  on: z.string().nullable().describe('the kernel that was asked'),
  passed: z
    .enum(['yes', 'no', 'unknown', 'not-run', 'not-judged'])
    .describe(
      'unknown: it was asked and nothing follows; not-run: an earlier gate had said no, or it was left out',
    ),
  why: z.string(),
});
export type GateAnswer = z.infer<typeof gateAnswerSchema>;

/** The change against the default scheduler: over both ends of what hardware costs where it is judged, in the middle where it is only measured. */
export const changeSchema = z.object({
  workload: z.string(),
  goal: z.enum(goalNames),
  metric: z.string(),
  direction: z.enum(['lower', 'higher']),
  low: z.number().nullable().describe('relative change of the metric, an interval'),
  high: z.number().nullable(),
  harm: z.enum(['none', 'harm', 'unknown']).describe('none: the loss is below 5 %, with 95 %'),
});
export type Change = z.infer<typeof changeSchema>;

export const gauntletDecisions = ['accepted', 'rejected', 'inconclusive', 'invalid'] as const;

export const gauntletJudgementSchema = z.object({
  kind: z.literal('gauntlet'),
  decision: z.enum(gauntletDecisions),
  why: z.string(),
  /** The arm, when it is accepted. */
  chosen: z.string().nullable(),
  gates: z.array(gateAnswerSchema),
  changes: z.array(changeSchema),
});
export type GauntletJudgement = z.infer<typeof gauntletJudgementSchema>;
