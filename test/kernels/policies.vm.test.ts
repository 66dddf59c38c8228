// Each policy of the library on real kernels: it loads, attaches, survives hogs beside sleepers, and detaches in order (exit kind 64). The
// default kernel always; 6.18 and 6.16 when they are in the cache, or with SCHEDCP_ALL_KERNELS=1 (fetched, 50 MB each).

import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Outcome, WorkloadRef } from '../../src/core/records.ts';
import { openPolicies } from '../../src/knowledge/policies.ts';
import { inOrder } from '../../src/stages/trials.ts';
import { cachedReleases, declared, experiment, type Lab, openLab, policyArm } from '../support/lab.ts';
import { root } from '../support/paths.ts';

const library = await openPolicies(`${root}/policies`).list();
const releases = await cachedReleases();
const wanted = ['default', '6.18', '6.16'].map((version) => ({
  version,
  there:
    version === 'default' ||
    process.env.SCHEDCP_ALL_KERNELS === '1' ||
    releases.some((release) => release.startsWith(`${version}.`)),
}));
for (const { version, there } of wanted)
  if (!there) console.warn(`kernel ${version}: skipped, not in the cache; SCHEDCP_ALL_KERNELS=1 fetches it`);

describe.each(wanted.filter(({ there }) => there))('on kernel $version', ({ version }) => {
  let lab: Lab;
  const outcomes = new Map<string, Outcome>();
  beforeAll(async () => {
    lab = await openLab(version === 'default' ? undefined : version);
    const text = readFileSync(`${root}/workloads/hog-latency.json`, 'utf8');
    const workload: WorkloadRef = await declared(lab, text, 1, 4);
    await inOrder(library, 2, async ({ card, object }) => {
      const arm = await policyArm(lab, card.name, object);
      outcomes.set(card.name, await lab.vm.run(experiment(lab, { arm, workload })));
    });
  });
  afterAll(() => lab.close());

  it.each(library.map(({ card }) => card.name))('%s', (name) => {
    const outcome = outcomes.get(name);
    expect(outcome?.finding).toBeNull();
    expect(outcome?.exit).toMatchObject({ kind: 64 });
    expect(outcome?.presence.map(({ when, state, ops }) => `${when} ${state} ${ops}`)).toEqual(
      ['before', 'during', 'after'].map((when) => `${when} enabled ${name}`),
    );
    // Six sleepers, 80 wakeups each; the first of three rounds warms up.
    expect(outcome?.metrics['latencyNsP99:wake']).toBeGreaterThan(0);
    expect(outcome?.metrics.backgroundCpus).toBeGreaterThan(2);
  });

  it('the kernel is the one that was asked for', () => {
    if (version !== 'default') expect(lab.kernel.release.startsWith(`${version}.`)).toBe(true);
    expect(lab.kernel.release).toMatch(/^\d+\.\d+/);
  });
});
