// Inputs and outputs of the services that observe workloads.

import { z } from 'zod';
import { digestSchema } from '../core/digest.ts';
import { profileSchema } from '../core/profile.ts';
import { tiers } from '../profiles/pages.ts';

/** Whom to observe, how and for how long. */
export const targetFields = {
  command: z
    .array(z.string())
    .optional()
    .describe('a command and its arguments: started, observed to its end'),
  pid: z.int().min(1).optional().describe('a process that runs, with its threads and children'),
  cgroup: z
    .string()
    .optional()
    .describe('a cgroup (v2) with those below it: its path as /proc/PID/cgroup names it'),
  all: z.boolean().default(false).describe('the whole machine'),
  seconds: z
    .number()
    .min(0.1)
    .max(86_400)
    .optional()
    .describe('how long to observe what runs already (default 5), or a command at most (default 600)'),
  machine: z
    .enum(['auto', 'host', 'micro-vm'])
    .default('auto')
    .describe('where a command runs: on this machine, or in a guest, which needs no root; auto: here'),
  how: z
    .enum(['auto', 'record', 'watch', 'procfs'])
    .default('auto')
    .describe(
      'record: event by event (a trace that can be replayed); watch: counted in the kernel, for long times; procfs: without privileges, tells less; ' +
        'auto: record commands, processes and groups, watch the machine, procfs where the kernel allows neither',
    ),
  events: z
    .int()
    .min(1000)
    .max(50_000_000)
    .default(1_000_000)
    .describe('room of a recording, 32 bytes each; what comes later is lost, and counted'),
  with: z
    .array(z.string())
    .default([])
    .describe('what the command needs in a guest: files, directories, programs'),
  cwd: z.string().optional().describe('working directory of the command'),
  env: z.record(z.string(), z.string()).default({}).describe('environment variables of the command'),
  cpus: z.int().min(1).max(16).optional().describe('CPUs of the guest'),
  memory: z.int().min(128).optional().describe('memory of the guest, MiB'),
  kernel: z.string().optional().describe('kernel of the guest: a version prefix, or the path of an image'),
};

export const tierField = z
  .enum(tiers)
  .default('summary')
  .describe('summary: at most 1,500 tokens; detailed and comprehensive: more, in pages');

const oneTarget = (input: {
  command?: string[] | undefined;
  pid?: number | undefined;
  cgroup?: string | undefined;
  all: boolean;
}): boolean =>
  [(input.command ?? []).length > 0, input.pid !== undefined, input.cgroup !== undefined, input.all].filter(
    Boolean,
  ).length === 1;

export const observeInput = z
  .object({
    ...targetFields,
    tier: tierField,
    record: z
      .string()
      .optional()
      .describe('file to write the trace to (*.trace): a workload, which simulate and tune replay'),
    perfetto: z.string().optional().describe('file to write the recording to, for ui.perfetto.dev'),
  })
  .refine(oneTarget, { error: 'give one of: a command, pid, cgroup, all' });

export const tokensSchema = z.object({
  summary: z.number(),
  detailed: z.number(),
  comprehensive: z.number(),
});

export const observeOutput = z.object({
  profile: profileSchema,
  record: digestSchema.describe('of the profile'),
  trace: z
    .object({
      digest: digestSchema,
      events: z.number(),
      lost: z.number(),
      file: z.string().nullable(),
    })
    .nullable()
    .describe('what was recorded; null when nothing was'),
  ended: z.string().nullable().describe('how the command ended; null without one'),
  stdout: z.string().describe('the last of what the command wrote'),
  stderr: z.string(),
  tokens: tokensSchema.describe('what each tier costs'),
  next: z.array(z.string()),
});
