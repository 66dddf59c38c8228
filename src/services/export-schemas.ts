// Input and output of export.

import { z } from 'zod';

export const exportInput = z.object({
  verdict: z.string().describe('digest of an accepted verdict, or its first digits'),
  directory: z.string().min(1).describe('where to write; empty, or not there yet'),
  covers: z
    .enum(['release', 'series'])
    .default('release')
    .describe(
      'release: only on exactly the kernels that were measured; series: on others of the same major.minor, too',
    ),
  agent: z.string().min(1).max(128).optional().describe('who asks; default: the person at the command line'),
});
/** Nobody is a person over MCP: what agents export stands under their name. */
export const agentExportInput = exportInput.extend({
  agent: z.string().min(1).max(128).describe('who you are: one name, always the same'),
});

export const exportOutput = z.object({
  exported: z.boolean(),
  policy: z.string().nullable(),
  directory: z.string().nullable().describe('absolute'),
  files: z.array(z.object({ name: z.string(), bytes: z.number(), digest: z.string().describe('SHA-256') })),
  kernels: z.array(z.string()).describe('on which it will start'),
  verdict: z.string().nullable().describe('digest'),
  findings: z
    .array(z.object({ code: z.string(), message: z.string(), next: z.string().optional() }))
    .describe('why nothing was written'),
});
