// Inputs and outputs of the services about single runs: simulate, fuzz and diff.

import { z } from 'zod';
import { levels } from '../core/call-sequences.ts';
import { parameterValueSchema } from '../core/policy.ts';
import { outcomeSchema } from '../core/records.ts';
import { checkerNames, maxScenarioCpus, scenarioSchema } from '../core/scenario.ts';
import { costsField, isShape, policyText, shapeFields, shapeRefusal } from './schemas.ts';

const onePolicy = policyText.refine((text) => text.includes('/') || !text.includes(','), {
  error: 'is several policies, and one is wanted',
});

/** One run: what, and under which scheduler. */
const runFields = {
  workload: z.string().describe('a declared standard workload, or a workload file'),
  policy: onePolicy
    .optional()
    .describe('name?parameter=value&…, or a file (*.bpf.o, *.bpf.c); absent: the default scheduler'),
  settings: z
    .string()
    .optional()
    .describe('settings of the default scheduler: slice-short, slice-long, batch'),
};
const isOneScheduler = (input: { policy?: string | undefined; settings?: string | undefined }): boolean =>
  input.policy === undefined || input.settings === undefined;
const oneScheduler = { error: 'give a policy or settings of the default scheduler, not both' };

export const simulateInput = z
  .object({
    ...runFields,
    cpus: z
      .number()
      .int()
      .min(1)
      .max(256)
      .optional()
      .describe('CPUs of the simulated machine (default 4; of a recording as many as it was made on)'),
    ...shapeFields,
    seed: z.number().int().min(0).max(4_294_967_295).default(1).describe('what varies between runs'),
    costs: costsField,
    mode: z
      .enum(['checked', 'fast'])
      .default('checked')
      .describe('checked: every memory access of the policy is validated'),
    limit: z.number().int().min(1).max(3600).default(600).describe('simulated seconds at most'),
    trace: z.string().optional().describe('file to write what happened to, for ui.perfetto.dev'),
  })
  .refine(isOneScheduler, oneScheduler)
  .refine(isShape, shapeRefusal);
export const simulateOutput = outcomeSchema;

export const fuzzInput = z.object({
  policy: onePolicy.describe('name?parameter=value&…, or a file (*.bpf.o, *.bpf.c)'),
  seconds: z
    .number()
    .min(0.1)
    .max(86_400)
    .default(60)
    .describe('how long to search; shrinking may take as long again'),
  seed: z
    .number()
    .int()
    .min(0)
    .max(0xffff_ffff)
    .default(0)
    .describe('of the first scenario; the next has the next'),
  scenarios: z.number().int().min(1).optional().describe('so many at most'),
  scenario: z
    .string()
    .optional()
    .describe('run this file (a failure that was kept, or a scenario) instead of seeds'),
  out: z
    .string()
    .optional()
    .describe(
      'where a failure is kept: a file *.json or a directory; default: regressions/ beside the records',
    ),
  param: z.record(z.string(), parameterValueSchema).default({}).describe('parameters of the policy'),
  ignore: z
    .array(z.enum(checkerNames))
    .default([])
    .describe('a checker that the policy does not mean to satisfy'),
  cpus: z.number().int().min(1).max(maxScenarioCpus).optional().describe('CPUs of a scenario at most'),
});
const violationSchema = z.object({
  checker: z.enum(checkerNames),
  message: z.string(),
  atNs: z.number(),
  tasks: z.array(z.number()),
});
export const fuzzOutput = z.object({
  policy: z.string(),
  object: z.string(),
  version: z.string().describe('of SchedCP; seed and version together give the scenario'),
  failed: z.boolean(),
  failure: z
    .object({
      checker: z.enum(checkerNames),
      message: z.string(),
      atNs: z.number().describe('simulated time from the start of the scenario'),
      seed: z.number(),
      before: z.array(violationSchema).describe('all that the scenario did wrong before shrinking'),
      foundSize: z.string(),
      size: z.string().describe('after shrinking'),
      attempts: z.number().describe('runs that shrinking took'),
      foundSeconds: z.number(),
      shrunkSeconds: z.number(),
      text: z.string().describe('the scenario in words'),
      timeline: z.string(),
      scenario: scenarioSchema.describe('after shrinking'),
      saved: z.string().nullable().describe('path of the file that runs again'),
    })
    .nullable(),
  unsupported: z
    .string()
    .nullable()
    .describe('what the policy asks for and the simulator does not model; nothing was tested then'),
  ignored: z
    .array(z.object({ checker: z.string(), only: z.string().nullable(), why: z.string() }))
    .describe('what was not checked, and why'),
  scenarios: z.number(),
  attacks: z.record(z.string(), z.number()).describe('how many scenarios had each'),
  cut: z.number().describe('scenarios that took too long and were cut off'),
  simulatedSeconds: z.number(),
  seconds: z.number(),
});

export const diffInput = z
  .object({
    ...runFields,
    machines: z
      .enum(['micro-vm,simulator', 'simulator,micro-vm', 'micro-vm,micro-vm', 'simulator,simulator'])
      .default('micro-vm,simulator')
      .describe('the two that are compared; the same one twice shows what is not deterministic'),
    kernel: z.string().default('6.18').describe('of the micro-VM: a version prefix, or the path of an image'),
    cpus: z.number().int().min(1).max(16).default(2).describe('CPUs of both machines'),
    seed: z.number().int().min(0).max(4_294_967_295).default(1),
    level: z
      .enum(levels)
      .default('order')
      .describe(
        'what must be equal: order: names, queues, flags, answers; cpus: CPUs too; numbers: slices and virtual times too',
      ),
    costs: z.enum(['tcg', 'recorded', 'hardware', 'free']).default('tcg').describe('of the simulator'),
    limit: z.number().int().min(1).max(3600).default(60).describe('seconds of guest time at most'),
    trace: z
      .string()
      .optional()
      .describe('directory to write both recordings to, for ui.perfetto.dev: NUMBER-MACHINE.pftrace'),
  })
  .refine(isOneScheduler, oneScheduler);
const twoOf = <T extends z.ZodType>(item: T) => z.array(item).length(2).describe('one for each machine');
export const diffOutput = z.object({
  same: z.boolean(),
  level: z.enum(levels),
  sides: twoOf(
    z.object({
      machine: z.string(),
      kernel: z.string(),
      calls: z.number(),
      lost: z.number().describe('calls that were not recorded: what comes after them is not compared'),
      finding: z.string().nullable(),
    }),
  ),
  agreement: z.number().describe('share of the first machine’s steps that have their like on the other'),
  divergences: z.number(),
  first: z
    .object({
      task: z.string(),
      at: twoOf(z.number()).describe('position in the task’s sequence on each machine'),
      atNs: twoOf(z.number().nullable()).describe('since the start of the first round'),
      before: z.array(z.string()).describe('the last steps that agree'),
      instead: twoOf(z.array(z.string())),
      after: twoOf(z.array(z.string())).describe('where both go on alike'),
      meanwhile: z
        .array(z.string())
        .describe(
          'the first machine’s own tasks that were woken or ran in the 2 ms before, or since the last step that agrees',
        ),
    })
    .nullable()
    .describe('the earliest divergence of a task'),
  order: z
    .object({ at: z.number(), tasks: twoOf(z.string()) })
    .nullable()
    .describe('when no task diverges: the first switch that goes to another task'),
  patterns: z
    .array(
      z.object({
        says: twoOf(z.string()),
        count: z.number(),
        tasks: z.number(),
        task: z.string().describe('the first one'),
        atNs: z.number(),
      }),
    )
    .describe('divergences that look the same, most frequent first'),
  counts: z
    .array(z.object({ what: z.string(), calls: twoOf(z.number()) }))
    .describe('calls whose numbers differ'),
  next: z.array(z.string()),
});
