// A KPI: one number that says how well a machine or an application does its work, read again and again while a policy is on trial. Where it comes from is
// told as data: an argument vector, a Prometheus query, a line of a log, or the kernel's own account of pressure. Never a shell.

import { z } from 'zod';

const nameSchema = z.string().regex(/^[A-Za-z][A-Za-z0-9._-]{0,40}$/, {
  error: 'a name starts with a letter and has at most 41 of letters, digits, ".", "_", "-"',
});

/**
 * The text of a line with `{number}` where the number stands: `served {number} requests/s`. Other text is compared as it is; `{any}` stands for anything.
 * A number whose digits go on behind a separator (1,234, or a list without spaces) is none.
 */
export const linePatternSchema = z
  .string()
  .min(8)
  .max(200)
  .refine((text) => text.split('{number}').length === 2, { error: 'has {number} exactly once' });

export const kpiSourceSchema = z.discriminatedUnion('from', [
  /** The last number that the command prints. It is run again for each sample, and must end within the interval. */
  z.strictObject({ from: z.literal('command'), argv: z.array(z.string().min(1)).min(1).max(64) }),
  /** An instant query; its result must be one number. */
  z.strictObject({
    from: z.literal('prometheus'),
    url: z.url({ protocol: /^https?$/ }),
    query: z.string().min(1).max(2000),
  }),
  /** Lines that are added to a file from now on; several within an interval count as their mean. */
  z.strictObject({ from: z.literal('log'), file: z.string().min(1).max(4096), line: linePatternSchema }),
  /** The kernel's pressure stall information: the share of the time in which some task waited, since the last sample (Documentation/accounting/psi.rst). */
  z.strictObject({
    from: z.literal('pressure'),
    of: z.enum(['cpu', 'io', 'memory']),
    cgroup: z.string().max(1024).optional(),
  }),
]);
export type KpiSource = z.infer<typeof kpiSourceSchema>;

export const kpiSchema = z.strictObject({
  name: nameSchema,
  direction: z.enum(['higher', 'lower']).describe('which is better'),
  unit: z.string().max(20).default(''),
  everyMs: z.int().min(50).max(10_000).default(200).describe('how often it is read'),
  source: kpiSourceSchema,
});
export type KpiSpec = z.infer<typeof kpiSchema>;
/** As it is written. */
export type KpiInput = z.input<typeof kpiSchema>;

/** `endNs`: CLOCK_MONOTONIC, the end of what the value is about. `value` undefined: there is none, and `why` says so. */
export interface KpiSample {
  readonly kpi: string;
  readonly endNs: number;
  readonly value: number | undefined;
  readonly why?: string;
}
