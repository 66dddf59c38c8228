// Input and output of verify.

import { z } from 'zod';
import { callbackFactsSchema, gateFindingSchema } from '../core/gate.ts';
import {
  attackSummarySchema,
  changeSchema,
  gateAnswerSchema,
  gateNames,
  gauntletDecisions,
  goalNames,
  leastScenarios,
  loadNames,
  waivableCheckers,
} from '../core/gauntlet.ts';
import { findingSchema } from '../core/records.ts';
import { policyText } from './schemas.ts';

const listOf = (names: readonly string[]): RegExp =>
  new RegExp(`^(${names.join('|')})(,(${names.join('|')}))*$`);

export const verifyInput = z.object({
  file: policyText.describe(
    'a policy: C source (*.bpf.c), a compiled object, or one of the library; values of its parameters follow: vtime?slice_ns=5000000',
  ),
  kernel: z
    .string()
    .optional()
    .describe(
      'path of an image, or a version prefix such as 6.18; several: 6.18,7.3, and each must accept it',
    ),
  machine: z
    .enum(['micro-vm', 'host'])
    .default('micro-vm')
    .describe('host: on the kernel of this very machine, as root'),
  include: z.array(z.string()).default([]).describe('further include directories for C source'),
  gates: z
    .string()
    .regex(listOf(gateNames), { error: `is no list of gates: ${gateNames.join(',')}` })
    .default(gateNames.join(','))
    .describe(`which gates: ${gateNames.join(',')}; accepted is only who has passed all`),
  loads: z
    .string()
    .regex(listOf(loadNames), { error: `is no list of loads: ${loadNames.join(',')}` })
    .default(loadNames.join(','))
    .describe(
      `loads on a kernel: ${loadNames.join(',')}; accepted is only who has lasted through all (a host has the first two)`,
    ),
  knobs: z
    .record(
      z.string().regex(/^\w{1,64}$/, { error: 'has 1 to 64 letters, digits and "_"' }),
      z.string().regex(/^-?\d+\.\.-?\d+$/, { error: 'is LOW..HIGH' }),
    )
    .default({})
    .describe(
      'volatile globals that may be set while the policy runs, and how far, LOW..HIGH, such as boost_ns=1..50000000; it is tested at both ends. Those of the library say so on their cards',
    ),
  allGates: z.boolean().default(false).describe('go on when a gate says no'),
  goal: z
    .enum(goalNames)
    .optional()
    .describe(
      'what the policy is for: it must lose less than 5 % against the default scheduler on every standard workload with this goal; without it that is measured and not judged',
    ),
  seed: z.number().int().min(0).max(0xffff_ffff).default(1).describe('of the first scenario of attack mode'),
  scenarios: z
    .number()
    .int()
    .min(1)
    .max(100_000)
    .default(leastScenarios)
    .describe('how many scenarios of attack mode; with fewer it is not accepted'),
  ignore: z
    .array(z.enum(waivableCheckers))
    .default([])
    .describe('a checker of attack mode that the policy does not mean to satisfy; the verdict says so'),
});
/** Agents do not try policies on the machine itself: an accepted verdict can be deployed. */
export const agentVerifyInput = verifyInput.extend({
  machine: z.enum(['micro-vm']).default('micro-vm').describe('where real kernels are loaded'),
});
export const staticGateSchema = z.object({
  findings: z.array(gateFindingSchema).describe('rejections first'),
  callbacks: z.array(callbackFactsSchema).describe('what each callback takes'),
});
export const verifyOutput = z.object({
  accepted: z.boolean(),
  decision: z
    .enum(gauntletDecisions)
    .describe('inconclusive: a gate was left out, or could not tell; invalid: a kernel or a guest failed'),
  why: z.string(),
  policy: z.string().nullable(),
  object: z.string().nullable().describe('digest of the built object'),
  kernel: z.string().nullable().describe('the first that was asked; null: none was'),
  gates: z.array(gateAnswerSchema),
  attack: attackSummarySchema.nullable().describe('null: the simulator did not attack it'),
  changes: z.array(changeSchema).describe('simulated, against the default scheduler on the same seeds'),
  static: staticGateSchema,
  finding: findingSchema.nullable().describe('of the first run on a kernel that failed'),
  parameters: z.array(
    z.object({
      name: z.string(),
      type: z.string(),
      default: z.union([z.number(), z.string(), z.boolean(), z.null()]),
    }),
  ),
  programs: z.array(z.string()),
  records: z.array(z.object({ kind: z.string(), digest: z.string() })),
});
