// What the standing watch counts in guests, against what the workload file says. The default kernel always; others that are in the cache, or with
// SCHEDCP_ALL_KERNELS=1: the probe has one object for all of them.

import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cachedReleases, declared, defaultArm, experiment, type Lab, openLab } from '../support/lab.ts';
import { root } from '../support/paths.ts';

const ms = 1e6;
const sleeps = 5;
const workload = JSON.stringify({
  kind: 'declared',
  name: 'lives',
  description: 'Long runs beside a sleeper.',
  goal: { metric: 'makespanNs', direction: 'lower' },
  jitter: { work: 0 },
  groups: [
    { name: 'long', count: 3, phases: [{ run: '12ms' }] },
    { name: 'sleepy', count: 1, phases: [{ loop: sleeps, phases: [{ run: '300us' }, { sleep: '2ms' }] }] },
  ],
});

const releases = await cachedReleases();
const versions = ['default', '6.16', '6.18'].filter(
  (version) =>
    version === 'default' ||
    process.env.SCHEDCP_ALL_KERNELS === '1' ||
    releases.some((release) => release.startsWith(version)),
);
if (versions.length < 3) console.warn('not on every kernel: SCHEDCP_ALL_KERNELS=1 fetches them');

describe.each(versions)('on kernel %s', (version) => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await openLab(version === 'default' ? undefined : version);
  });
  afterAll(() => lab.close());

  // Emulated CPUs take turns: the sleeper's may stand still, its timer set, before it is taken off it. Alone a CPU has no turns to wait for.
  it.each([
    { cpus: 1, sleepMs: 2 },
    { cpus: 2, sleepMs: 1 },
  ])('a declared workload on $cpus CPUs', async ({ cpus, sleepMs }) => {
    const ref = await declared(lab, workload, 1, cpus);
    const wish = experiment(lab, { arm: defaultArm, workload: ref, cpus });
    const { outcome, counters } = await lab.vm.watch(wish, readFileSync(`${root}/probes/watch.bpf.o`));
    expect(outcome.finding).toBeNull();
    expect(counters).toMatchObject({ by: 'probes', cpus, folded: 0, lost: 0 });
    const tasks = counters?.tasks ?? [];
    expect(tasks.map((task) => task.comm).toSorted()).toEqual(['long-0', 'long-1', 'long-2', 'sleepy-0']);
    const sleeper = tasks.find((task) => task.comm === 'sleepy-0');
    const { count = 0, ns = 0 } = sleeper?.waits?.sleep ?? {};
    expect(count).toBeGreaterThanOrEqual(sleeps); // it may wait for its attributes, too
    expect(ns).toBeGreaterThanOrEqual(sleeps * sleepMs * ms);
    expect(sleeper?.wakes?.timer).toBeGreaterThanOrEqual(sleeps);
    expect(sleeper?.ranNs).toBeGreaterThan(sleeps * 0.3 * ms);
    for (const long of tasks.filter((task) => task !== sleeper)) expect(long.ranNs).toBeGreaterThan(12 * ms);
    // The kernel's own account of each task from when it was let go: on one CPU the watch itself may hold up who lets them go. Declared work takes longer than it says where emulated CPUs take turns
    // (of 4 ms, a tick), and one may come between the task and its stamp at either end.
    for (const task of tasks) {
      const { cpuNs = 0, delayNs = 0 } = outcome.timeline.find((one) => one.task === task.comm) ?? {};
      expect(task.ranNs).toBeLessThan(cpuNs + 8 * ms);
      expect(task.delayNs).toBeGreaterThanOrEqual(delayNs);
      expect(task.delayNs).toBeLessThan(delayNs + 8 * ms);
    }
    const delayed = tasks.reduce((sum, task) => sum + (task.delayNs ?? 0), 0);
    if (cpus === 2) expect(delayed).toBeGreaterThan(8 * ms); // three on two CPUs: one waits 12 in all, or each a part of it
  });
});
