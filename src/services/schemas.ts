// Inputs and outputs of the services: the documented shape of every `--json` answer and of every MCP tool.

import { z } from 'zod';
import { metricDefinitions } from '../core/metrics.ts';
import { parameterValueSchema } from '../core/policy.ts';
import { profileSchema } from '../core/profile.ts';
import { findingSchema, settingsSchema } from '../core/records.ts';

export const effectSchema = z
  .object({
    relative: z.number().describe('change of the metric relative to the default scheduler; negative is less'),
    low: z.number(),
    high: z.number(),
    confidence: z.number(),
  })
  .describe('estimate with a two-sided interval');

/** An expression with a group; the text that it searches is bounded by the guest. */
const patternSchema = z.string().max(500).refine(hasGroup, {
  error: 'is no regular expression with a group in parentheses',
});

function hasGroup(pattern: string): boolean {
  try {
    return (new RegExp(`${pattern}|`, 'm').exec('')?.length ?? 0) > 1;
  } catch {
    return false;
  }
}

function isFreeName(name: string): boolean {
  return /^[A-Za-z][\w-]{0,60}$/.test(name) && !Object.hasOwn(metricDefinitions, name);
}

/** Whose costs the simulator charges. */
export const costsField = z
  .enum(['tcg', 'recorded', 'hardware', 'free'])
  .optional()
  .describe(
    'what the kernel’s own work costs in the simulator: as in the micro-VM (tcg), what a recording does not hold already (recorded), as on hardware, or nothing; default: recorded for recordings, tcg for machines that a guest can ' +
      'be, hardware for larger ones and where caches, nodes or threads are given',
  );

/** What only the simulator can vary. */
export const shapeFields = {
  llcs: z
    .number()
    .int()
    .min(1)
    .optional()
    .describe('last-level caches of the simulated machine (default: one for each node, as in a micro-VM)'),
  nodes: z.number().int().min(1).optional().describe('NUMA nodes of the simulated machine'),
  threads: z.number().int().min(1).max(8).optional().describe('threads of a core of the simulated machine'),
};

/** Why no machine is like that; undefined where one is, or where the CPUs are not known yet. */
export function shapeMistake(shape: {
  readonly cpus?: number | undefined;
  readonly nodes?: number | undefined;
  readonly llcs?: number | undefined;
  readonly threads?: number | undefined;
}): string | undefined {
  const { cpus, nodes = 1, llcs = nodes, threads = 1 } = shape;
  if (llcs % nodes !== 0) return `${llcs} last-level caches do not divide into ${nodes} NUMA nodes`;
  if (cpus === undefined || cpus % (threads * llcs) === 0) return undefined;
  const cores = threads === 1 ? '' : ` of cores with ${threads} threads`;
  return `${cpus} CPUs do not divide into ${llcs} last-level caches${cores}`;
}

export const shapeRefusal = { error: ({ input }: { input?: unknown }) => shapeMistake(input as object) };
export const isShape = (input: Parameters<typeof shapeMistake>[0]): boolean =>
  shapeMistake(input) === undefined;

/** A policy with values of its parameters. Whether it has those is its card's to say, or its object's. */
export const policyText = z.string().refine(
  (text) => {
    const wishes = text.includes('/') ? [text] : text.split(',');
    return wishes.every((wish) => /^[^?]*(\?([^=&?]+=(-?\d+|true|false)(&|$))*)?$/.test(wish));
  },
  { error: 'after "?" come NAME=INTEGER or NAME=true|false, with "&" between them' },
);

const tuneFields = z.object({
  workload: z.string().optional().describe('name of a standard workload, or path of a workload file (JSON)'),
  command: z.array(z.string()).optional().describe('a command and its arguments, run as it is in the guest'),
  with: z
    .array(z.string())
    .default([])
    .describe('files, directories or programs that the command needs in the guest'),
  cwd: z
    .string()
    .optional()
    .describe(
      'working directory of the command (it exists in the guest, empty: what is in it comes along when named in `with`)',
    ),
  env: z.record(z.string(), z.string()).default({}).describe('environment variables of the command'),
  machine: z
    .enum(['auto', 'micro-vm', 'simulator', 'host'])
    .default('auto')
    .describe(
      'where it runs; auto: in micro-VMs, and where they cannot be had a declared workload in the simulator; host: on this very machine, as root: its scheduler changes from run to run and is given back',
    ),
  costs: costsField,
  screen: z
    .number()
    .int()
    .min(0)
    .max(16)
    .optional()
    .describe(
      'how many candidates go on after the simulator has tried all policies with many parameter values (on a recording, where the workload is a command); 0: no such screening; ' +
        'default: 4, or 0 where policies or settings are named',
    ),
  mode: z
    .enum(['auto', 'deterministic', 'fast', 'kvm'])
    .default('auto')
    .describe('auto: deterministic for declared workloads, kvm or fast for commands'),
  policies: z
    .array(policyText)
    .optional()
    .describe(
      'names of library policies (also a,b) or paths of objects; none: no policies; default: all of the library',
    ),
  settings: z
    .array(z.union([z.string(), settingsSchema]))
    .optional()
    .describe(
      'settings of the default scheduler as arms, such as slice-long; none: no settings; default: the standard ones',
    ),
  metric: z
    .string()
    .optional()
    .describe('the metric to judge by; default: the workload’s own goal, elapsedNs for a command'),
  direction: z.enum(['lower', 'higher']).optional(),
  patterns: z
    .record(z.string(), patternSchema)
    .refine((patterns) => Object.keys(patterns).every(isFreeName), {
      error: 'a name is a letter, then letters, digits, - or _, and not that of a metric there is',
    })
    .default({})
    .describe('metric name → regular expression whose first group is a number in the command’s output'),
  runs: z.number().int().min(1).max(50).default(1).describe('repetitions of the command in one guest'),
  cpus: z
    .number()
    .int()
    .min(1)
    .max(256)
    .optional()
    .describe('CPUs: of the guest at most 16, of a simulated machine 256'),
  ...shapeFields,
  memory: z.number().int().min(256).max(65_536).optional().describe('memory of the guest, MiB'),
  kernel: z
    .string()
    .optional()
    .describe('path of an image, or a version prefix such as 6.18; default: the newest good packaged one'),
  limit: z
    .number()
    .int()
    .min(1)
    .max(3600)
    .default(60)
    .describe('seconds of guest time that one run may take'),
  seed: z.number().int().min(0).max(0xffff_ffff).default(1),
  margin: z.number().min(0).max(0.5).default(0.02).describe('smallest relative improvement worth a change'),
  blocks: z.number().int().min(1).max(50).optional().describe('limit on the pairs of confirmation'),
  harm: z.boolean().default(true).describe('check the winner on other standard workloads of the same goal'),
});

export const tuneInput = tuneFields
  .refine((input) => input.workload === undefined || input.command === undefined, {
    error: 'give a workload or a command, not both',
  })
  .refine((input) => input.workload !== undefined || (input.command ?? []).length > 0, {
    error: 'nothing to run: give a workload (workloads lists them) or a command',
  })
  .refine(isShape, shapeRefusal);

/** Agents do not try policies on the machine itself: an accepted verdict can be deployed. */
export const agentTuneInput = tuneInput.safeExtend({
  machine: z
    .enum(['auto', 'micro-vm', 'simulator'])
    .default('auto')
    .describe(
      'where it runs; auto: in micro-VMs, and where they cannot be had a declared workload in the simulator',
    ),
});

export const tuneOutput = z.object({
  verdict: z.object({
    decision: z.enum(['accepted', 'rejected', 'inconclusive', 'invalid']),
    policy: z.string().nullable().describe('the arm to use when accepted, else the best one tried'),
    metric: z.string(),
    direction: z.enum(['lower', 'higher']),
    effect: effectSchema.nullable(),
    why: z.string(),
    claims: z.array(
      z.object({
        kind: z.string(),
        arm: z.string(),
        against: z.string(),
        holds: z.union([z.boolean(), z.literal('unknown')]),
        n: z.number(),
        bound: z.number().nullable(),
        limit: z.number().nullable(),
        why: z.string().optional(),
      }),
    ),
  }),
  arms: z.array(
    z.object({
      policy: z.string(),
      kind: z.enum(['default', 'settings', 'policy']),
      status: z.string(),
      n: z.number(),
      median: z.number().nullable(),
      effect: effectSchema.nullable(),
      why: z.string().optional(),
      finding: findingSchema.optional().describe('how the first failed run of this arm failed'),
      parameters: z.record(z.string(), parameterValueSchema).optional(),
      settings: settingsSchema.optional(),
    }),
  ),
  machine: z.object({
    name: z.string(),
    mode: z.string(),
    kernel: z.string(),
    cpus: z.number(),
    memoryMiB: z.number(),
  }),
  workload: z.object({ name: z.string(), kind: z.string() }),
  profile: z
    .object({
      record: z.string().describe('of the whole profile; show and profile_workload take it'),
      class: profileSchema.shape.class,
      goal: profileSchema.shape.goal,
      fingerprint: profileSchema.shape.fingerprint,
    })
    .optional()
    .describe('what the workload is, looked at once under the default scheduler'),
  notReplayed: z
    .string()
    .optional()
    .describe('why there is no profile, or why the simulator did not replay it'),
  screening: z
    .object({
      candidates: z.number(),
      seeds: z.number(),
      runs: z.number(),
      predicted: z
        .record(z.string(), z.number())
        .describe(
          'what the simulator says of the arms that went on: relative change against the default scheduler',
        ),
      record: z.string(),
    })
    .optional()
    .describe('what the simulator tried before'),
  instead: z.string().optional().describe('why the simulator was used and no micro-VM'),
  records: z
    .array(z.object({ kind: z.string(), digest: z.string() }))
    .describe('the verdict first; show and replay take a digest or its first digits'),
});

export const paging = {
  page: z
    .number()
    .int()
    .min(1)
    .optional()
    .describe('page of a long answer; default: the first, and of the text all'),
};
export const paged = { page: z.number(), pages: z.number() };

export const showInput = z.object({
  record: z
    .string()
    .optional()
    .describe(
      'digest of a record or its first digits; or the path of an object or workload file; nothing: the newest records',
    ),
  view: z.enum(['summary', 'json', 'timeline', 'object', 'disasm', 'workload']).default('summary'),
  ...paging,
});
export const textOutput = z.object({
  text: z.string(),
  page: z.number().optional(),
  pages: z.number().optional(),
});

export const replayInput = z.object({
  record: z
    .string()
    .describe('a verdict (judged again from its observations), or an outcome or experiment (run again)'),
  rerun: z.boolean().default(false).describe('a verdict: also run one of its experiments again'),
  kernel: z.string().optional().describe('where the recorded kernel image is, when it was given as a file'),
});
export const replayOutput = z.object({
  same: z.boolean(),
  kind: z.string(),
  differences: z.array(
    z.object({
      what: z.string(),
      recorded: z.union([z.number(), z.string(), z.null()]),
      now: z.union([z.number(), z.string(), z.null()]),
    }),
  ),
  note: z.string(),
});

export const compareInput = z.object({
  a: z.string().describe('digest of a record'),
  b: z.string().describe('digest of a record'),
});
export const compareOutput = z.object({
  kind: z.string(),
  rows: z.array(
    z.object({
      name: z.string(),
      a: z.union([z.number(), z.string(), z.null()]),
      b: z.union([z.number(), z.string(), z.null()]),
      difference: z.number().nullable(),
      relative: z.number().nullable(),
    }),
  ),
});

export const doctorInput = z.object({
  probe: z.boolean().default(false).describe('boot a guest in each mode and say whether it works'),
});
export const doctorOutput = z.object({
  checks: z.array(
    z.object({
      what: z.string(),
      ok: z.union([z.boolean(), z.literal('unknown')]),
      detail: z.string(),
      next: z.string().optional(),
    }),
  ),
});

export const uninstallInput = z.object({
  records: z.boolean().default(false).describe('also remove all records'),
});
export const uninstallOutput = z.object({
  removed: z.array(z.object({ directory: z.string(), bytes: z.number() })),
});

export const errorOutput = z
  .object({
    error: z.object({
      code: z.string(),
      message: z.string(),
      where: z.string().optional(),
      next: z.string().optional(),
    }),
  })
  .describe('printed with --json when a fault ends a command (exit code 2 or 3)');
