// Inputs and outputs of what the library holds: policies and workloads.

import { z } from 'zod';
import { parameterValueSchema } from '../core/policy.ts';
import { paged, paging } from './schemas.ts';

const listInput = (item: string) =>
  z.object({ name: z.string().optional().describe(`one ${item} in detail`), ...paging });

export const policiesInput = listInput('policy');
export const policiesOutput = z.object({
  policies: z.array(
    z.object({
      name: z.string(),
      summary: z.string(),
      goodFor: z.array(z.string()),
      badFor: z.array(z.string()),
      hints: z.boolean(),
      object: z.string(),
      parameters: z.array(
        z.object({
          name: z.string(),
          unit: z.string(),
          default: parameterValueSchema,
          min: parameterValueSchema,
          max: parameterValueSchema,
          moves: z
            .object({ low: parameterValueSchema, high: parameterValueSchema })
            .optional()
            .describe('a knob: it may be set while the policy is in charge, from low to high'),
          description: z.string(),
        }),
      ),
    }),
  ),
  ...paged,
});
export const workloadsInput = listInput('workload');
export const workloadsOutput = z.object({
  workloads: z.array(
    z.object({
      name: z.string(),
      kind: z.string(),
      description: z.string(),
      goal: z.object({ metric: z.string(), direction: z.string() }),
    }),
  ),
  ...paged,
});
