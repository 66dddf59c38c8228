// Deployments and lessons as records: what was put in charge of a machine, by which steps, what the KPIs showed, how it ended and that the machine was given back; and what
// is to be remembered of it. Times are ns since the deployment began, on the monotonic clock.

import { z } from 'zod';
import { digestSchema } from './digest.ts';
import { kpiSchema } from './kpi.ts';
import { exitSchema, parameterValueSchema, policySchema } from './policy.ts';

const atNs = z.number().int().min(0);

/** Relative to what is compared with; the interval's meaning stands where it is used. */
const effectSchema = z.object({
  relative: z.number(),
  low: z.number(),
  high: z.number(),
  confidence: z.number(),
});

/** Whom the policy schedules (core/attachment.ts). */
export const attachScopeSchema = z.discriminatedUnion('part', [
  z.strictObject({ part: z.literal('whole') }),
  z.strictObject({
    part: z.literal('cgroups'),
    paths: z.array(z.string().min(1).max(1024)).min(1).max(64),
  }),
  z.strictObject({ part: z.literal('processes'), pids: z.array(z.int().min(1)).min(1).max(256) }),
]);

/** A step of the canary: default and candidate by turns, in blocks. */
export const deploymentStepSchema = z.object({
  scope: attachScopeSchema,
  startNs: atNs,
  endNs: atNs,
  decision: z.enum(['go', 'no-go', 'undecided']),
  /** Pairs of blocks that counted. */
  pairs: z.number().int().min(0),
  /** Of the first KPI, candidate against default. */
  effect: effectSchema.nullable(),
  words: z.string(),
  /** What each block gave; null: no number. */
  blocks: z.array(z.object({ arm: z.enum(['default', 'candidate']), value: z.number().nullable() })),
});

/**
 * kept: the canary's last step said go and it stayed until somebody ended it, or for as long as was asked; no-go: a step of the canary did not say go; tripped: the breaker
 * ended it; refused: it was never attached; ejected: the kernel ended it; undone: somebody asked for the end before the canary was over; lost: the process that
 * held it, or its machine, is gone.
 */
export const deploymentEnds = ['kept', 'no-go', 'tripped', 'refused', 'ejected', 'undone', 'lost'] as const;

export const deploymentSchema = z.object({
  kind: z.literal('deployment'),
  version: z.literal(1),
  /** The verdict first. */
  from: z.array(digestSchema),
  by: z.string(),
  /** ms since 1970, UTC. */
  startedMs: z.number().int().min(0),
  /** Where it was to stay. */
  scope: attachScopeSchema,
  /** Of trust, that it took (src/deployment/changes.ts). */
  level: z.number().int().min(0).max(3),
  /** Of the token that was spent. */
  tokenId: z.string(),
  policy: policySchema,
  machine: z.object({ name: z.enum(['micro-vm', 'simulator', 'host']), kernel: z.string() }),
  kpis: z.array(kpiSchema),
  seed: z.number().int().min(0),
  steps: z.array(deploymentStepSchema),
  end: z.object({
    how: z.enum(deploymentEnds),
    atNs,
    words: z.string(),
    /** Why the breaker tripped: which KPIs, by how much, since when. */
    evidence: z.array(
      z.object({ kpi: z.string(), effect: effectSchema, sinceNs: z.number(), words: z.string() }),
    ),
    exit: exitSchema.nullable(),
  }),
  /** That the machine has its scheduler back: what the kernel said last, and how long it took from the decision on. */
  restored: z.object({
    verified: z.boolean(),
    state: z.string(),
    ops: z.string(),
    tookNs: atNs,
    /** Somebody else's scheduler that was replaced, and what became of it. */
    replaced: z.object({ ops: z.string(), words: z.string() }).nullable(),
  }),
  kernelEvents: z.record(z.string(), z.number()),
  /** Knobs that were moved while it stayed. */
  moved: z
    .array(z.object({ atNs, by: z.string(), values: z.record(z.string(), parameterValueSchema) }))
    .default([]),
});

/** What is kept of an outcome for those who come later. */
export const lessonSchema = z.object({
  kind: z.literal('lesson'),
  version: z.literal(1),
  from: z.array(digestSchema),
  policy: z.object({ name: z.string(), identity: digestSchema }),
  /** `avoid`: an antipattern; `prefer`: it was accepted and kept. */
  advice: z.enum(['prefer', 'avoid']),
  /** Where it holds: the machine's kernel, the KPI it was judged by. */
  where: z.object({ kernel: z.string(), kpi: z.string() }),
  words: z.string(),
});

export type DeploymentStep = z.infer<typeof deploymentStepSchema>;
export type Deployment = z.infer<typeof deploymentSchema>;
export type DeploymentEnd = Deployment['end']['how'];
export type Lesson = z.infer<typeof lessonSchema>;
