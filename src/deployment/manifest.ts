// What an exported directory says of itself: the policy of an accepted verdict, the kernels that it was measured on, and the digest of every other file. Read by the
// runner before it loads anything (runner/manifest.c, which refuses members that it does not know): docs/protocol.md, "Keeping".

import { z } from 'zod';
import { canonicalJson, digestOf } from '../core/canonical.ts';
import { digestSchema } from '../core/digest.ts';
import { policySchema } from '../core/policy.ts';
import type { Grant } from './grant.ts';
import { policyIdentity } from './identity.ts';
import { keepReadme, keepUnit } from './keep-texts.ts';

export const manifestSchema = z.strictObject({
  version: z.literal(1),
  verdict: digestSchema,
  policy: z.strictObject({
    name: z.string().min(1).max(128),
    identity: digestSchema,
    /** As it was built; `loads` is the same with the measured values in it. */
    object: digestSchema,
    parameters: policySchema.shape.parameters,
  }),
  /** Digest of the object in the job. */
  loads: digestSchema,
  /** uname -r. */
  releases: z.array(z.string().min(1).max(128)).min(1).max(16),
  covers: z.enum(['release', 'series']),
  /** Name → SHA-256; all but the manifest itself. */
  files: z.record(z.string(), digestSchema),
  /** ms since 1970, UTC. */
  exportedAtMs: z.int().min(0),
});
export type Manifest = z.infer<typeof manifestSchema>;

/** What the machinery of this machine adds to a grant. */
export interface KeepParts {
  /** The runner, a static program. */
  readonly runner: Uint8Array;
  /** Of `hold`, for the whole machine. */
  readonly job: Uint8Array;
  /** The object in the job. */
  readonly object: Uint8Array;
}

export interface ExportedFile {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly mode: number;
}

/** Everything that keeps a policy at boot; the manifest last. */
export function exportedFiles(
  { policy, verdict, releases }: Grant,
  { runner, job, object }: KeepParts,
  { covers, nowMs }: { readonly covers: Manifest['covers']; readonly nowMs: number },
): { readonly files: readonly ExportedFile[]; readonly manifest: Manifest } {
  const text = (name: string, content: string): ExportedFile => ({
    name,
    bytes: Buffer.from(content),
    mode: 0o644,
  });
  const told = { policy: policy.name, verdict, releases, covers, nowMs };
  const files = [
    { name: 'schedcp-runner', bytes: runner, mode: 0o755 },
    { name: 'policy.job', bytes: job, mode: 0o644 },
    text('schedcp-keep.service', keepUnit(told)),
    text('README.md', keepReadme(told)),
  ];
  const manifest = manifestSchema.parse({
    version: 1,
    verdict,
    policy: {
      name: policy.name,
      identity: policyIdentity(policy),
      object: policy.object,
      parameters: policy.parameters,
    },
    loads: digestOf(object),
    releases: [...releases],
    covers,
    files: Object.fromEntries(files.map(({ name, bytes }) => [name, digestOf(bytes)])),
    exportedAtMs: nowMs,
  });
  return { files: [...files, text('manifest.json', `${canonicalJson(manifest)}\n`)], manifest };
}
