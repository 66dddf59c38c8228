// What a gate of the gauntlet says of a policy before it runs: findings with their place, the reason, and what to write instead; facts of each callback.

import { z } from 'zod';

export const gateSeverities = ['reject', 'warn'] as const;
/** certain: it follows from the code; likely: from the code and from how policies are written; possible: on some path that may never be taken. */
export const gateSureness = ['certain', 'likely', 'possible'] as const;

export const gatePlaceSchema = z.object({
  program: z
    .string()
    .nullable()
    .describe('program or function that has the instruction; null: the object, or the source, as a whole'),
  callback: z.string().nullable().describe('member of sched_ext_ops from which it is reached'),
  instruction: z
    .number()
    .int()
    .nullable()
    .describe('slot, counted from the start of the function, as the kernel counts'),
  file: z.string().nullable(),
  line: z.number().int().nullable(),
  column: z.number().int().nullable(),
  text: z.string().nullable().describe('the source line'),
});
export type GatePlace = z.infer<typeof gatePlaceSchema>;

export const gateFindingSchema = z.object({
  gate: z.literal('static'),
  code: z.string().describe('stable name of the rule, such as dsq-never-created'),
  severity: z.enum(gateSeverities),
  sure: z.enum(gateSureness),
  place: gatePlaceSchema,
  why: z.string().describe('one sentence'),
  instead: z.string().describe('what to write instead'),
});
export type GateFinding = z.infer<typeof gateFindingSchema>;

export const gateLoopSchema = z.object({
  program: z.string(),
  line: z.number().int().nullable(),
  by: z
    .enum(['numbers', 'queue', 'may_goto', 'counter', 'iterator', 'unknown'])
    .describe('what ends it: bpf_for, the length of a DSQ, the kernel’s budget, a counter, another iterator'),
  bound: z.number().int().nullable().describe('most rounds, where that is known'),
});

export const callbackFactsSchema = z.object({
  callback: z.string(),
  program: z.string(),
  instructions: z.number().int().describe('slots, functions that it calls included'),
  stackBytes: z.number().int().describe('of the deepest chain of calls'),
  loops: z.array(gateLoopSchema),
  cost: z
    .number()
    .describe('worst path in instructions; a kernel function counts as about as many as it takes'),
  costIsKnown: z.boolean().describe('false: a loop without a known bound was counted as 64 rounds'),
  kfuncs: z.array(z.string()),
  helpers: z.array(z.string()),
  maps: z.array(z.string()),
});
export type CallbackFacts = z.infer<typeof callbackFactsSchema>;

export interface StaticReport {
  /** Rejections first. */
  readonly findings: readonly GateFinding[];
  readonly facts: readonly CallbackFacts[];
}

/** Everything that a compiler said, as it said it: the cause of the fault. */
export class CompilerRefusal extends Error {
  readonly diagnostics: string;
  constructor(diagnostics: string) {
    super('the compiler refused the source');
    this.diagnostics = diagnostics;
  }
}
