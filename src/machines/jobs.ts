// From an experiment, or a policy that is to be held, to the runner's job (docs/protocol.md, section 2). Machines that run the runner have it in common.

import { patchParameters } from '../bpf/parameters.ts';
import type { AttachScope } from '../core/attachment.ts';
import { Fault } from '../core/errors.ts';
import type { Blobs } from '../core/machine.ts';
import type { Experiment, Policy } from '../core/records.ts';
import type { Expansion } from '../core/workload.ts';
import { assert } from '../lib/assert.ts';
import { encodeJob, type Job } from '../linux/runner.ts';
import { decode } from '../workload/encoding.ts';
import { hintMaps } from './hints.ts';

/** What a job has besides the experiment. */
export type Observers = Pick<Job, 'tracer' | 'recorder' | 'watcher'>;

/** What a declared workload means; undefined for commands. */
export async function expansionOf(experiment: Experiment, blobs: Blobs): Promise<Expansion | undefined> {
  const { workload } = experiment;
  if (workload === null || workload.kind === 'command') return undefined;
  return decode(await blobs.get(workload.expansion));
}

export async function composeJob(
  experiment: Experiment,
  blobs: Blobs,
  observers: Observers,
): Promise<Uint8Array> {
  // 5 s is the longest that is safe: under many hogs a good policy may keep a task waiting for 3 s
  const { arm, workload, nuisance, limitMs, watchdogMs = 5000 } = experiment;
  const { policy } = arm;
  return encodeJob({
    ...(policy === undefined ? {} : await policyParts(policy, blobs)),
    ...observers,
    ...(workload === null || workload.kind === 'command'
      ? {}
      : { expansion: await blobs.get(workload.expansion) }),
    ...(workload?.kind === 'command' ? { command: workload } : {}),
    ...(arm.settings === undefined ? {} : { settings: arm.settings }),
    nuisance,
    wallLimitMs: limitMs,
    verifyBudgetMs: 5000,
    timeoutMs: watchdogMs,
    outputLimit: 65_536,
  });
}

/** The object with its values patched in, and its hints. Throws Fault: malformed (no object), not-found (no such parameter). */
async function policyParts(policy: Policy, blobs: Blobs): Promise<Pick<Job, 'object' | 'maps'>> {
  return {
    object: patchParameters(await blobs.get(policy.object), policy.parameters),
    maps: policy.hints === undefined ? [] : hintMaps(policy.hints),
  };
}

/** The job of a holder. `timeoutMs`: of the kernel's watchdog, at most. */
export async function holdJob(
  policy: Policy,
  scope: AttachScope,
  blobs: Blobs,
  timeoutMs: number,
): Promise<Uint8Array> {
  return encodeJob({
    ...(await policyParts(policy, blobs)),
    scope: subjects(scope),
    nuisance: { startOffsetNs: 0, pidOffset: 0 },
    wallLimitMs: 1, // of runs
    verifyBudgetMs: 30_000,
    timeoutMs,
    outputLimit: 0,
  });
}

/** What is exported to be held at boot: the job, and the object in it with its values patched in. */
export async function keptJob(
  policy: Policy,
  blobs: Blobs,
): Promise<{ readonly job: Uint8Array; readonly object: Uint8Array }> {
  const { object } = await policyParts(policy, blobs);
  assert(object !== undefined, 'a policy has an object');
  return { job: await holdJob(policy, { part: 'whole' }, blobs, 5000), object };
}

function subjects(scope: AttachScope): NonNullable<Job['scope']> {
  if (scope.part === 'whole') return [];
  const { length } = scope.part === 'cgroups' ? scope.paths : scope.pids;
  if (length === 0 || length > mostSubjects)
    throw new Fault('malformed', `a scope of ${length} ${scope.part}`, {
      next: `name 1 to ${mostSubjects}, or take the whole machine`,
    });
  if (scope.part === 'cgroups') return scope.paths.map((path) => ({ kind: 'cgroup', path }) as const);
  return scope.pids.map((pid) => ({ kind: 'pid', pid }) as const);
}

const mostSubjects = 1024;
