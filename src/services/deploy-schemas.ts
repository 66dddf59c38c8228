// Inputs and outputs of what changes a machine's scheduler, and of what gives it back.

import { z } from 'zod';
import { deploymentEnds, deploymentStepSchema } from '../core/deployment.ts';
import { kpiSchema, kpiSourceSchema, linePatternSchema } from '../core/kpi.ts';
import { parameterValueSchema } from '../core/policy.ts';
import { type BoundName, boundOf } from '../deployment/bounds.ts';

const digest = z.string();
const seconds = (name: BoundName) =>
  z
    .number()
    .min(boundOf(name).low / 1000)
    .max(boundOf(name).high / 1000);

const sources = [
  ...kpiSourceSchema.options,
  z.strictObject({ from: z.literal('output'), line: linePatternSchema }),
] as const;
const sourceNames = sources.map((one) => one.shape.from.value).join(', ');

/** As a KPI is, and `output`: lines of the command that runs in the guest. */
export const deployKpiSchema = kpiSchema.extend({
  source: z.discriminatedUnion('from', sources, {
    error: `expected an object with "from": one of ${sourceNames}`,
  }),
});

const scopeText = z.string().regex(/^(whole|work|cgroup:\/.+|pid:[1-9]\d*(,[1-9]\d*)*)$/, {
  error: 'is whole, cgroup:/PATH, pid:NUMBER[,NUMBER], or work (what runs in the guest)',
});

export const deployInput = z.object({
  verdict: z.string().describe('digest of an accepted verdict, or its first digits: what tune has recorded'),
  on: z
    .enum(['host', 'guest'])
    .default('host')
    .describe('host: this machine, as root; guest: a guest of its own in which the command runs on'),
  command: z.array(z.string()).optional().describe('what runs on in the guest'),
  with: z
    .array(z.string())
    .default([])
    .describe('files, directories or programs that the command needs there'),
  cwd: z.string().optional(),
  env: z.record(z.string(), z.string()).default({}),
  kernel: z.string().optional().describe('of the guest; default: the one of the verdict'),
  cpus: z.number().int().min(1).max(16).optional().describe('of the guest'),
  kpi: z
    .array(z.union([z.string(), deployKpiSchema]))
    .min(1)
    .max(8)
    .describe(
      'what tells whether all is well, the first one decides the steps: {"name":"rate","direction":"higher","source":{"from":"log","file":"/var/log/app.log","line":"served {number} req/s"}}; ' +
        `sources: ${sourceNames} (lines of the command in the guest)`,
    ),
  canary: scopeText
    .optional()
    .describe(
      'where the first step tries it; default: what runs in the guest, on a host nothing less than `scope`',
    ),
  scope: scopeText.default('whole').describe('where it stays: whole, cgroup:/PATH, pid:NUMBER[,NUMBER]'),
  question: z
    .enum(['no-harm', 'better'])
    .default('no-harm')
    .describe('what a step must show to go on: no loss above `limit`, or a gain of it'),
  limit: z.number().min(0).max(0.5).optional().describe('default: 0.05 for no-harm, 0.02 for better'),
  reference: z.number().min(10).max(600).default(30).describe('seconds under the default scheduler first'),
  block: seconds('blockMs').default(10).describe('seconds that default and candidate have by turns'),
  washout: z
    .number()
    .min(0)
    .max(600)
    .default(2)
    .describe('seconds at the start of a block that do not count'),
  dwell: seconds('dwellMs').default(120).describe('seconds that a step lasts at least'),
  keep: z
    .number()
    .min(0)
    .max(30 * 86_400)
    .optional()
    .describe('seconds that it stays after the last step; default: until it is stopped'),
  heartbeat: seconds('heartbeatMs').default(3).describe('seconds without us after which it is undone'),
  replace: z.boolean().default(false).describe('unload somebody else’s sched_ext scheduler'),
  agent: z.string().min(1).max(128).optional().describe('who asks; default: the person at the command line'),
  dryRun: z
    .boolean()
    .default(false)
    .describe(
      'everything that can be checked without changing anything: permission, KPIs, what would happen',
    ),
  seed: z.number().int().min(0).max(0xffff_ffff).default(1),
});

/** An agent is no person: it says who it is, and has what it has earned under that name. */
export const agentDeployInput = deployInput.extend({
  agent: z
    .string()
    .min(1)
    .max(128)
    .describe('who you are: one name, always the same; what you may depends on its history'),
});

const finding = z.object({ code: z.string(), message: z.string(), next: z.string().optional() });

export const deployOutput = z.object({
  decision: z.enum(['would-deploy', 'not-permitted', 'needs-approval', ...deploymentEnds]),
  policy: z.string(),
  plan: z.array(z.string()).describe('what would change, or was to'),
  findings: z.array(finding).readonly().describe('why not'),
  approval: z.string().nullable().describe('id of the question that waits for a person'),
  steps: z.array(deploymentStepSchema.omit({ blocks: true })),
  why: z.string(),
  restored: z.object({ verified: z.boolean(), state: z.string(), seconds: z.number() }).nullable(),
  records: z.array(z.object({ kind: z.string(), digest })),
});

export const statusInput = z.object({});
export const statusOutput = z.object({
  schedExt: z
    .object({ state: z.string(), ops: z.string(), enableSeq: z.number() })
    .nullable()
    .describe('what this machine’s kernel says; null: it has no sched_ext'),
  whose: z
    .enum(['nobody', 'ours', 'foreign', 'unknown'])
    .describe('the sched_ext scheduler in charge; unknown: nobody is found who holds it, as without root'),
  holders: z
    .array(z.string())
    .nullable()
    .describe('policies of ours that are held on this machine; null: only root sees them'),
  running: z
    .array(
      z.object({
        pid: z.number(),
        id: z.string(),
        policy: z.string(),
        on: z.enum(['host', 'guest']),
        by: z.string(),
        since: z.string(),
        says: z.string(),
      }),
    )
    .describe('deployments that are under way or kept'),
  last: z
    .array(z.object({ digest, policy: z.string(), how: z.string(), why: z.string() }))
    .describe('the newest that are over'),
});

export const restoreInput = z.object({
  id: z
    .string()
    .optional()
    .describe(
      'of a running deployment, or its first digits (status lists them); default: all, of an agent all of its own',
    ),
  why: z.string().max(500).default('').describe('a sentence for the record'),
  agent: z.string().min(1).max(128).optional().describe('who asks; default: the person at the command line'),
});
export const agentRestoreInput = restoreInput.extend({ agent: agentDeployInput.shape.agent });
export const setInput = z.object({
  id: z.string().optional().describe('of a running deployment, or its first digits; default: the only one'),
  param: z
    .record(
      z.string().regex(/^\w{1,64}$/, { error: 'is no name of a knob: 1 to 64 letters, digits and "_"' }),
      parameterValueSchema,
    )
    .default({})
    .describe('knobs and their new values'),
  agent: z.string().min(1).max(128).optional().describe('who asks; default: the person at the command line'),
});
export const agentSetInput = setInput.extend({ agent: agentDeployInput.shape.agent });
export const setOutput = z.object({
  decision: z.enum(['set', 'refused']),
  deployment: z.string(),
  policy: z.string(),
  values: z.record(z.string(), parameterValueSchema),
  findings: z.array(finding).readonly().describe('why not'),
});
export const stopInput = z.object({
  now: z
    .boolean()
    .default(false)
    .describe(
      'do not ask who deploys: let go of every policy of ours at once, and make the kernel leave sched_ext if it is still in it',
    ),
  why: z.string().max(500).default('').describe('a sentence for the record'),
  agent: z.string().min(1).max(128).optional().describe('who asks; default: the person at the command line'),
});
export const agentStopInput = stopInput.extend({ agent: agentDeployInput.shape.agent });
export const restoreOutput = z.object({
  ended: z.array(z.object({ what: z.string(), how: z.string() })),
  schedExt: z.object({ state: z.string(), ops: z.string() }).nullable(),
  verified: z
    .boolean()
    .describe('the kernel is back on its default scheduler, or somebody else’s is in charge as before'),
  findings: z.array(finding).describe('what was left for a person'),
});
