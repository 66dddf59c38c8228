// Puts the record together: counters → shape, groups, goal, fingerprint; the class comes from whoever classifies. Nothing here asks the clock or the world.

import type { Counters } from '../core/counters.ts';
import type { Profile, Shape } from '../core/profile.ts';
import { fingerprintOf } from './fingerprint.ts';
import { type GoalHints, goalOf } from './goal.ts';
import { groupsOf } from './groups.ts';
import { shapeOf } from './shape.ts';

/** Groups that a record keeps; the counters have all. */
const groupsKept = 64;

export interface ProfileInput extends GoalHints {
  readonly counters: Counters;
  /** Digest of the counters' canonical JSON, kept as a blob. */
  readonly digest: string;
  /** Digests of what the counters were made of: a trace. */
  readonly from?: readonly string[];
  readonly subject: Profile['subject'];
  readonly machine: Profile['machine'];
  readonly classify: (shape: Shape) => Profile['class'];
}

export function profileOf(input: ProfileInput): Profile {
  const { counters } = input;
  const shape = shapeOf(counters);
  return {
    kind: 'profile',
    version: 1,
    from: [...(input.from ?? [])],
    subject: input.subject,
    machine: input.machine,
    by: counters.by,
    observedNs: counters.observedNs,
    shape,
    class: input.classify(shape),
    goal: goalOf(shape, { endsByItself: input.endsByItself ?? hasEnded(input) }),
    fingerprint: fingerprintOf(shape),
    groups: groupsOf(counters).slice(0, groupsKept),
    counters: input.digest,
    ...(counters.events !== undefined && {
      events: {
        seen: counters.events,
        lost: counters.lost ?? 0,
        ...(counters.sampled !== undefined && { sampled: counters.sampled }),
        ...(counters.switchesSeen !== undefined && { switchesSeen: counters.switchesSeen }),
      },
    }),
    missing: [...counters.missing],
  };
}

/** A command of which nobody is left. Who was stopped has not ended by itself: who stops it knows, and says so. */
function hasEnded({ subject, counters }: ProfileInput): boolean {
  const tasks = counters.tasks.filter(({ isKernel }) => !isKernel);
  return (
    subject.what === 'command' && tasks.length > 0 && tasks.every(({ endedNs }) => endedNs !== undefined)
  );
}
