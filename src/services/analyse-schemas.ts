// Inputs and outputs of the services that run scripts and keep them.

import { z } from 'zod';
import { digestSchema } from '../core/digest.ts';
import { scriptNameSchema } from '../knowledge/scripts.ts';
import { problemCodes } from '../sandbox/script.ts';

const nameField = scriptNameSchema.describe('a letter, then letters, digits and -');

export const analyseInput = z
  .object({
    script: z
      .string()
      .max(65_536)
      .optional()
      .describe('JavaScript: the body of an async function of input, observe, console'),
    name: nameField.optional().describe('a kept script, instead'),
    input: z.unknown().optional().describe('JSON that the script finds as `input`'),
    save: nameField.optional().describe('keep the script under this name when it gives a result'),
  })
  .refine(({ script, name }) => script === undefined || name === undefined, {
    error: 'give a script or the name of one, not both',
  })
  .refine(({ script, save }) => save === undefined || script !== undefined, {
    error: 'there is no script to save: give one',
  });

const keptSchema = z.object({
  name: z.string(),
  about: z.string().describe('its first line, where that is a comment'),
  bytes: z.number(),
  digest: digestSchema,
});

export const analyseOutput = z.object({
  result: z.unknown().describe('what the script returned; null without a result'),
  finding: z
    .object({
      code: z.enum(problemCodes),
      message: z.string(),
      line: z.number().optional(),
      column: z.number().optional(),
      source: z.string().optional().describe('the line of the script'),
      next: z.string(),
    })
    .nullable()
    .describe('why there is no result'),
  logs: z.array(z.string()).describe('lines of console.log'),
  calls: z.array(z.object({ name: z.string(), ms: z.number(), bytes: z.number() })).describe('observations'),
  limits: z.record(z.string(), z.number()).describe('what a script may use'),
  script: z.object({ digest: digestSchema, saved: z.string().nullable() }).nullable(),
  scripts: z.array(keptSchema).optional().describe('the kept ones, when nothing was to be run'),
});

export const scriptsInput = z.object({
  remove: nameField.optional().describe('the one to forget'),
});
export const scriptsOutput = z.object({ scripts: z.array(keptSchema), removed: z.string().nullable() });
