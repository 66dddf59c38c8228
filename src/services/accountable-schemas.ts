// Inputs and outputs of what makes deployments accountable: audit, approve and keys.

import { z } from 'zod';

const digest = z.string();

export const auditInput = z.object({
  action: z
    .enum(['show', 'verify'])
    .default('show')
    .describe('show: the newest lines; verify: read all of it and say whether anything was changed'),
  limit: z.number().int().min(1).max(500).default(20).describe('lines to show'),
  before: z.number().int().min(0).optional().describe('only lines before this one'),
});

export const auditOutput = z.object({
  lines: z
    .array(
      z.object({
        seq: z.number(),
        at: z.string().describe('UTC'),
        who: z.object({ kind: z.enum(['person', 'agent', 'program']), name: z.string() }),
        what: z.string(),
        why: z.string(),
        from: z.array(digest).describe('records that it follows from'),
        about: z.record(z.string(), z.unknown()),
      }),
    )
    .describe('oldest first'),
  head: z.object({ seq: z.number(), hash: digest }).nullable().describe('the last line written'),
  verified: z
    .object({
      ok: z.boolean(),
      lines: z.number().describe('whole lines, up to the end or the break'),
      broken: z
        .object({
          kind: z.enum(['changed', 'removed', 'inserted', 'reordered', 'rewritten', 'truncated']),
          seq: z.number().describe('of the line that should be there'),
          file: z.string(),
          line: z.number().describe('in the file, from 1; 0 where there is none'),
          message: z.string(),
        })
        .nullable()
        .describe('the first place at which the chain breaks'),
      torn: z
        .array(z.object({ file: z.string(), line: z.number(), bytes: z.number() }))
        .describe('writes that a crash or a full disk has cut off; the chain goes on behind them'),
    })
    .nullable()
    .describe('null unless it was verified'),
});

const approvalSchema = z.object({
  id: z.string(),
  state: z.enum(['pending', 'approved', 'refused', 'expired', 'used']),
  what: z.string(),
  agent: z.string(),
  summary: z.string(),
  details: z.array(z.string()).describe('what is to happen, KPIs and their sources among it'),
  reasons: z.array(z.string()).describe('why a person is asked'),
  scope: z.string(),
  policy: digest,
  verdict: digest,
  asked: z.string(),
  expires: z.string(),
  answer: z.object({ by: z.string(), at: z.string(), why: z.string() }).nullable(),
});

export const approveInput = z
  .object({
    id: z
      .string()
      .optional()
      .describe('what to answer: the first digits of its id; without it, what waits is listed'),
    refuse: z.boolean().default(false).describe('refuse it'),
    goOn: z
      .boolean()
      .default(false)
      .describe('agents may go on after a person has changed the scheduler by hand'),
    release: z
      .string()
      .regex(/^[0-9a-f]{6,64}$/)
      .optional()
      .describe('let a policy out of quarantine: the first digits of its identity, as the refusal names it'),
    why: z.string().max(500).optional().describe('a sentence for the record'),
    all: z.boolean().default(false).describe('list what was answered, used or has expired, too'),
  })
  .refine(
    ({ id, goOn, release }) => Number(id !== undefined) + Number(goOn) + Number(release !== undefined) < 2,
    { error: 'an id, goOn and release are decided one at a time' },
  )
  .refine(({ id, refuse }) => id !== undefined || !refuse, { error: 'refuse what? name its id' });
export const waitingInput = z.object({
  all: z.boolean().default(false).describe('list what was answered, used or has expired, too'),
});
export const approveOutput = z.object({
  approvals: z.array(approvalSchema).describe('oldest first; the one that was answered, if one was'),
  byHand: z
    .boolean()
    .describe('a person has changed the scheduler by hand: agents wait until a person lets them go on'),
});

export const keysInput = z
  .object({
    action: z
      .enum(['show', 'rotate'])
      .default('show')
      .describe('show: which key signs, which still verify; rotate: a new one signs from now on'),
    revoke: z
      .boolean()
      .default(false)
      .describe('with rotate: refuse every token issued so far, because others may have read the key'),
    why: z.string().max(500).optional().describe('with rotate: a sentence for the record'),
  })
  .refine(({ action, revoke, why }) => action === 'rotate' || (!revoke && why === undefined), {
    error: 'revoke and why belong to rotate: schedcp keys rotate --revoke',
  });
export const keysOutput = z.object({
  signs: z.string().describe('the id of the key that signs'),
  retired: z
    .array(
      z.object({ id: z.string(), until: z.string().describe('UTC; its tokens are refused from then on') }),
    )
    .describe('keys that sign no more'),
});
