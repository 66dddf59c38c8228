// The conformance suite on the machine `host`: the guest's own, with the product's code and Node inside of it, on the kernel that the simulator models. The guest's clock counts instructions,
// so that times mean here what they mean on the micro-VM; CPUs that a case does not want are taken off. All of it takes minutes: without SCHEDCP_ALL_CASES=1 a part of each kind runs.

import { beforeAll, describe, expect, it } from 'vitest';
import type { Told } from '../host/small-vitest.ts';
import { inGuestHost, linesOf, toldCases } from '../support/guest-host.ts';
import { cachedReleases } from '../support/lab.ts';

const modelled = '6.18';
const all = process.env.SCHEDCP_ALL_CASES === '1';
const isThere =
  process.env.SCHEDCP_ALL_KERNELS === '1' ||
  (await cachedReleases()).some((release) => release.startsWith(`${modelled}.`));
if (!isThere)
  console.warn(
    `conformance of the host: skipped, kernel ${modelled} is not in the cache; SCHEDCP_ALL_KERNELS=1 fetches it`,
  );

/** At least so many of each kind, by the suite's own numbers. */
const some = {
  batches: [/2 CPUs|mixed|arrival|longest/, 8],
  shares: [/weights|cpu.max|SCHED_FIFO|by-cgroup/, 2],
  operations: [/./, 18],
  latency: [/./, 6],
  faults: [/NO_DSQ|STALL|SOUND|stall|flags/, 3],
  dump: [/./, 3],
  attach: [/./, 18],
  journal: [/./, 4],
  kicks: [/./, 2],
  relocations: [/./, 3],
  pointers: [/./, 2],
  stack: [/./, 4],
  contract: [
    /nuisances|record|cache|none|lacks|called off|workload at all|setting|no kernel|no CPU|add up|long-tail under (length|vtime)/,
    14,
  ],
} as const satisfies Record<string, readonly [RegExp, number]>;

const filter = all
  ? '^[^:]' // the host's own cases have no part, and tests of their own
  : Object.entries(some)
      .map(([part, [names]]) => `^${part}: .*(${names.source})`)
      .join('|');

describe.skipIf(!isThere)(`conformance of the host on ${modelled}`, () => {
  let told: Told[] = [];
  beforeAll(async () => {
    const seconds = all ? 600 : 200;
    const wish = { kernel: modelled, mode: 'deterministic', cpus: 4, seconds: seconds + 60 } as const;
    const end = await inGuestHost(wish, ({ suites, runner }) => [suites, runner, filter, String(seconds)]);
    told = toldCases(end.stdout);
    if (end.trouble !== undefined || told.length === 0)
      throw new Error(
        `the guest did not come to its end: ${end.trouble} ${end.stderr.slice(-300)} ${end.stdout.slice(-1000)}`,
      );
    console.info(linesOf(told));
  }, 1_500_000);

  it.runIf(all)('no part is left out', () => {
    expect([...new Set(told.map(({ part }) => part))].sort()).toEqual(Object.keys(some).sort());
  });

  it.each(Object.entries(some))('%s', (part, [, least]) => {
    const ran = told.filter((one) => one.part === part);
    expect(ran.length).toBeGreaterThanOrEqual(least);
    expect(ran.filter(({ error }) => error !== undefined)).toEqual([]);
  });
});
