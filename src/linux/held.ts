// What a runner says that holds a policy (docs/protocol.md, section 7).

import { z } from 'zod';

/** Who holds what: the first thing that everyone hears. */
export const holdSchema = z.object({
  event: z.literal('hold'),
  pid: z.number(),
  ops: z.string(),
  enableSeq: z.number(),
  heartbeatMs: z.number(),
  scope: z.enum(['whole', 'partial']),
  /** Whether the policy goes also when all of the caller's cgroup is frozen. */
  freezeNoticed: z.boolean().default(true),
});

export const coveredSchema = z.object({ event: z.literal('covered'), threads: z.number() });

export const setSchema = z.object({
  event: z.literal('set'),
  name: z.string(),
  value: z.string(),
  ok: z.boolean(),
  error: z.enum(['', 'not-found', 'malformed', 'unavailable']),
});

export const detachedSchema = z.object({ event: z.literal('detached'), why: z.string() });
