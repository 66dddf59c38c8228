// From an observation to a Profile: recordings are counted, what was counted becomes a record, and all of it is kept, so that a profile can be read in
// detail, compared and replayed later.

import { canonicalJson } from '../core/canonical.ts';
import type { Counters } from '../core/counters.ts';
import type { Blobs } from '../core/machine.ts';
import type { Profile } from '../core/profile.ts';
import type { Trace } from '../core/trace.ts';
import type { Store } from '../knowledge/store.ts';
import { classify } from '../profiles/classes.ts';
import { countersOf } from '../profiles/from-trace.ts';
import { profileOf } from '../profiles/profile.ts';
import { bursts } from '../traces/bursts.ts';
import { encodeTrace } from '../traces/file.ts';

export interface Observed {
  readonly subject: Profile['subject'];
  readonly machine: Profile['machine'];
  /** One of the two. */
  readonly trace?: Trace | undefined;
  readonly counters?: Counters | undefined;
  /** What the kernel says of a command that has ended, which a recording does not hold. */
  readonly usage?: Pick<Counters, 'userNs' | 'systemNs' | 'maxRssKiB'> | undefined;
  /** False: it was ended by us; absent: told by what its tasks did. */
  readonly endsByItself?: boolean | undefined;
}

/** A profile on record, with what it was made of. */
export interface Kept {
  readonly profile: Profile;
  readonly digest: string;
  readonly counters: Counters;
  readonly trace?: { readonly trace: Trace; readonly digest: string; readonly bytes: Uint8Array };
}

export async function keepProfile(
  store: Pick<Store, 'blobs' | 'records'>,
  observed: Observed,
): Promise<Kept> {
  const { subject, machine, trace } = observed;
  const counters = observed.counters ?? { ...countersOfTrace(trace), ...observed.usage };
  const kept = trace === undefined ? undefined : await keepTrace(store.blobs, trace);
  const profile = profileOf({
    counters,
    digest: await store.blobs.put(Buffer.from(canonicalJson(counters))),
    from: kept === undefined ? [] : [kept.digest],
    subject,
    machine,
    classify,
    ...(observed.endsByItself === undefined ? {} : { endsByItself: observed.endsByItself }),
  });
  const digest = await store.records.put(profile);
  return { profile, digest, counters, ...(kept && { trace: kept }) };
}

export function countersOfTrace(trace: Trace | undefined): Counters {
  if (trace === undefined) throw new Error('bug: nothing was observed');
  return countersOf(trace, bursts(trace));
}

async function keepTrace(blobs: Blobs, trace: Trace): Promise<NonNullable<Kept['trace']>> {
  const bytes = encodeTrace(trace);
  return { trace, digest: await blobs.put(bytes), bytes };
}
