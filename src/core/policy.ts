// What is executed, as data: a policy's identity, and how the kernel says that it ended.

import { z } from 'zod';
import { digestSchema } from './digest.ts';

/** A value of a policy's parameter: integers beyond 2^53 as decimal strings. */
export const parameterValueSchema = z.union([
  z.number().int(),
  z.boolean(),
  z.string().regex(/^-?\d+$/, { error: 'is no whole number, true or false' }),
]);

/** The identity of a policy: the built object and the values of its parameters (those that differ from the object's own). */
export const policySchema = z.object({
  name: z.string(),
  object: digestSchema,
  parameters: z.record(z.string(), parameterValueSchema),
  /** What the policy is told about tasks, by comm. */
  hints: z
    .record(
      z.string(),
      z.object({ lengthNs: z.number().int(), rank: z.number().int(), dependents: z.number().int() }),
    )
    .optional(),
});

/** The kernel's exit record (struct scx_exit_info). */
export const exitSchema = z.object({
  kind: z.number().int(),
  code: z.union([z.number().int(), z.string()]),
  reason: z.string(),
  message: z.string(),
  dump: z.string(),
});
