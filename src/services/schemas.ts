// Inputs and outputs of the services: the documented shape of every `--json` answer and of every MCP tool.

import { z } from 'zod';
import { levels } from '../core/call-sequences.ts';
import { metricDefinitions } from '../core/metrics.ts';
import { findingSchema, outcomeSchema, parameterValueSchema, settingsSchema } from '../core/records.ts';
import { checkerNames, maxScenarioCpus, scenarioSchema } from '../core/scenario.ts';

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

const costsField = z
  .enum(['tcg', 'hardware', 'free'])
  .optional()
  .describe(
    'what the kernel’s own work costs in the simulator: as in the micro-VM (tcg), as on hardware, or nothing; default: tcg for machines that a guest can ' +
      'be, hardware for larger ones and where caches, nodes or threads are given',
  );

/** What only the simulator can vary. */
const shapeFields = {
  llcs: z
    .number()
    .int()
    .min(1)
    .optional()
    .describe('last-level caches of the simulated machine (default: one for each node, as in a micro-VM)'),
  nodes: z.number().int().min(1).optional().describe('NUMA nodes of the simulated machine'),
  threads: z.number().int().min(1).max(8).optional().describe('threads of a core of the simulated machine'),
};

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
    .enum(['auto', 'micro-vm', 'simulator'])
    .default('auto')
    .describe(
      'where it runs; auto: in micro-VMs, and where they cannot be had a declared workload in the simulator',
    ),
  costs: costsField,
  screen: z
    .number()
    .int()
    .min(0)
    .max(16)
    .optional()
    .describe(
      'how many candidates go on after the simulator has tried all policies with many parameter values (declared workloads); 0: no such screening; ' +
        'default: 4, or 0 where policies or settings are named',
    ),
  mode: z
    .enum(['auto', 'deterministic', 'fast', 'kvm'])
    .default('auto')
    .describe('auto: deterministic for declared workloads, kvm or fast for commands'),
  policies: z
    .array(z.string())
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
    error: 'nothing to run: give a workload (schedcp workloads lists them) or a command after --',
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

export const verifyInput = z.object({
  file: z.string().describe('a policy: C source (*.bpf.c) or compiled object'),
  kernel: z.string().optional().describe('path of an image, or a version prefix such as 6.18'),
  include: z.array(z.string()).default([]).describe('further include directories for C source'),
});
export const verifyOutput = z.object({
  accepted: z.boolean(),
  policy: z.string().nullable(),
  object: z.string().nullable().describe('digest of the built object'),
  kernel: z.string(),
  finding: findingSchema.nullable(),
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

/** One run: what, and under which scheduler. */
const runFields = {
  workload: z.string().describe('a declared standard workload, or a workload file'),
  policy: z
    .string()
    .optional()
    .describe('name?parameter=value&…, or a file (*.bpf.o, *.bpf.c); absent: the default scheduler'),
  settings: z
    .string()
    .optional()
    .describe('settings of the default scheduler: slice-short, slice-long, batch'),
};

export const simulateInput = z.object({
  ...runFields,
  cpus: z.number().int().min(1).max(256).default(4).describe('CPUs of the simulated machine'),
  ...shapeFields,
  seed: z.number().int().min(0).max(4_294_967_295).default(1).describe('what varies between runs'),
  costs: costsField,
  mode: z
    .enum(['checked', 'fast'])
    .default('checked')
    .describe('checked: every memory access of the policy is validated'),
  limit: z.number().int().min(1).max(3600).default(600).describe('simulated seconds at most'),
  trace: z.string().optional().describe('file to write what happened to, for ui.perfetto.dev'),
});
export const simulateOutput = outcomeSchema;

export const fuzzInput = z.object({
  policy: z.string().describe('name?parameter=value&…, or a file (*.bpf.o, *.bpf.c)'),
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

export const diffInput = z.object({
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
  costs: z.enum(['tcg', 'hardware', 'free']).default('tcg').describe('of the simulator'),
  limit: z.number().int().min(1).max(3600).default(60).describe('seconds of guest time at most'),
  trace: z
    .string()
    .optional()
    .describe('directory to write both recordings to, for ui.perfetto.dev: NUMBER-MACHINE.pftrace'),
});
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

const paging = { page: z.number().int().min(1).default(1).describe('page of a long answer') };

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

export const policiesInput = z.object({
  name: z.string().optional().describe('one policy in detail'),
  ...paging,
});
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
          description: z.string(),
        }),
      ),
    }),
  ),
});
export const workloadsInput = z.object({
  name: z.string().optional().describe('one workload in detail'),
  ...paging,
});
export const workloadsOutput = z.object({
  workloads: z.array(
    z.object({
      name: z.string(),
      kind: z.string(),
      description: z.string(),
      goal: z.object({ metric: z.string(), direction: z.string() }),
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
