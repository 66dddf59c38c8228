// What the contract itself says: accepts, refusals, the same experiment twice, nuisances, and the library on the standard workloads.

import { expect } from 'vitest';
import { canonicalJson, recordDigest } from '../../../src/core/canonical.ts';
import { type Experiment, experimentSchema, outcomeSchema } from '../../../src/core/records.ts';
import { type Case, cell, completed, ms, tick, within, workload } from '../case.ts';
import { libraryArm, libraryNames, standardWorkloads } from '../library.ts';
import { built, plain } from '../objects.ts';
import { experimentOf } from '../subject.ts';

/** Wakeups, preemption, a lock and jitter: what could tell two runs apart. */
const mix = workload('mix', {
  series: { wake: {} },
  jitter: { work: 0.1, start: '1ms' },
  groups: [
    { name: 'run', count: 5, phases: [{ run: { about: '8ms', spread: 0.4 } }] },
    {
      name: 'sleep',
      count: 2,
      phases: [{ loop: 10, phases: [{ timer: '3ms' }, { run: '150us' }, { since: 'wake' }] }],
    },
    {
      name: 'lock',
      count: 3,
      phases: [{ loop: 8, phases: [{ lock: 'one' }, { run: '200us' }, { unlock: 'one' }] }],
    },
  ],
});

const twice: Case[] = ['default', 'vtime'].map((name) => ({
  name: `the same experiment twice under ${name}`,
  why: 'nothing but the experiment decides what happens, so its record is enough for the same bytes; another seed is another run',
  async check(bench) {
    const one = await experimentOf(bench.subject, cell(mix, 3, libraryArm(name)));
    const exact: Experiment = { ...one, machine: bench.subject.exact };
    const first = await bench.perform(exact);
    const kept = experimentSchema.parse(JSON.parse(canonicalJson(exact)));
    const second = await bench.perform(kept);
    expect(first.finding).toBeNull();
    expect(canonicalJson(second)).toBe(canonicalJson(first));
    const other = await completed(bench, cell(mix, 3, libraryArm(name), { seed: 2 }));
    expect(canonicalJson(other.metrics)).not.toBe(canonicalJson(first.metrics));
  },
}));

const nuisance: Case = {
  name: 'nuisances',
  why: 'where in a tick the run begins and which pids there are says nothing about a job that is alone',
  async check(bench) {
    const file = workload('single', { groups: [{ name: 'job', phases: [{ run: '20ms' }] }] });
    for (const startOffsetNs of [0, 777_777, 3_999_999]) {
      const wish = cell(file, 2, libraryArm('fifo'), {
        nuisance: { startOffsetNs, pidOffset: startOffsetNs % 61 },
      });
      const { metrics } = await completed(bench, wish);
      within('makespan', metrics.makespanNs, 20 * ms, 21 * ms);
    }
  },
};

const record: Case = {
  name: 'an outcome is a record of its experiment',
  why: 'DESIGN.md section 2: frozen JSON that names the digest of what it came from',
  async check(bench) {
    const experiment = await experimentOf(bench.subject, cell(mix, 3));
    const outcome = await bench.perform(experiment);
    expect(outcomeSchema.parse(outcome)).toEqual(outcome);
    expect(outcome.from).toEqual([recordDigest(experiment)]);
    expect(outcome.presence).toEqual(
      ['before', 'during', 'after'].map((when) => ({
        when,
        state: 'disabled',
        ops: '',
        enableSeq: 0,
        nrRejected: 0,
      })),
    );
    expect(outcome.exit).toBeNull();
    expect(outcome.timeline).toHaveLength(10);
    expect(outcome.notes.length).toBeGreaterThan(0);
  },
};

const caches: Case = {
  name: 'CPUs share one cache',
  why: 'sd_llc_id of all CPUs is that of the first (update_top_cache_domain()): QEMU says so in CPUID, and so does the model unless an experiment says otherwise',
  async check(bench) {
    for (const cpus of [1, 2, 4]) {
      const arm = { name: 'caches', object: built('caches') };
      const { exit, finding } = await bench.run(cell(mix, cpus, arm));
      expect(finding).toMatchObject({ code: 'ejected' });
      expect(exit).toMatchObject({
        kind: 65,
        code: 2 ** cpus - 1,
        message: `${cpus} CPUs share a cache with the first`,
      });
    }
  },
};

const broken: Case[] = [
  {
    name: 'an object that is none',
    why: 'it is read before anything is started: a fault that names the place, not an outcome',
    async check(bench) {
      for (const [object, message] of [
        [plain.object!.subarray(0, 3000), 'ELF section table'],
        [Buffer.from('hello'), 'not an ELF file'],
      ] as const)
        await expect(bench.run(cell(mix, 2, { name: 'broken', object }))).rejects.toMatchObject({
          code: 'malformed',
          message: expect.stringContaining(message),
        });
    },
  },
  {
    name: 'a parameter that the object lacks',
    why: 'values are patched into the object before anything is started',
    check: (bench) =>
      expect(bench.run(cell(mix, 2, { ...plain, parameters: { nosuch: 1 } }))).rejects.toMatchObject({
        code: 'not-found',
      }),
  },
  {
    name: 'a run that is called off',
    why: 'core/machine.ts: nothing can be said about the experiment',
    async check({ subject }) {
      const experiment = await experimentOf(subject, cell(mix, 2));
      await expect(subject.machine.run(experiment, AbortSignal.abort())).rejects.toMatchObject({
        code: 'interrupted',
      });
    },
  },
];

const command: Case = {
  name: 'a command',
  why: 'a command is a workload, too; a machine that cannot run one says so in accepts()',
  async check(bench) {
    const reference = {
      kind: 'command' as const,
      name: 'true',
      argv: ['true'],
      cwd: '/',
      env: {},
      with: [],
      payload: '0'.repeat(64),
      runs: 1,
      patterns: {},
    };
    expect(bench.subject.machine.accepts(reference)).toEqual([]);
  },
};

const idle: Case = {
  name: 'no workload at all',
  why: 'docs/protocol.md section 2: load, attach, stay attached for a moment, check, detach',
  async check(bench) {
    const wish = cell(workload('none', { groups: [{ name: 'job', phases: [{ run: '1ms' }] }] }), 2);
    const declared = await experimentOf(bench.subject, { ...wish, arm: libraryArm('vtime') });
    const outcome = await bench.perform({ ...declared, workload: null });
    expect(outcome).toMatchObject({ status: 'completed', finding: null, metrics: {}, timeline: [] });
    expect(outcome.exit).toMatchObject({ kind: 64 });
    expect(outcome.presence.map(({ state }) => state)).toEqual(['enabled', 'enabled', 'enabled']);
  },
};

const settings: Case[] = [
  {
    name: 'every setting at once',
    why: 'they are all the kernel’s own, and a run under them is data',
    async check(bench) {
      const all = {
        baseSliceNs: 2_000_000,
        nice: 3,
        sched: 'batch',
        cpuWeight: 50,
        features: ['NO_RUN_TO_PARITY', 'NO_WAKEUP_PREEMPTION', 'TTWU_QUEUE'],
      } as const;
      const wish = cell(mix, 2, { name: 'all', settings: { ...all, features: [...all.features] } });
      const { timeline } = await completed(bench, wish);
      expect(timeline).toHaveLength(10);
    },
  },
  {
    name: 'a feature that no kernel has',
    why: 'sched_feat_write() answers -EINVAL, and the runner says what could not be written',
    async check(bench) {
      const arm = { name: 'unknown', settings: { features: ['NO_SUCH_THING'] } };
      const { finding, status } = await bench.run(cell(mix, 2, arm));
      expect(status).toBe('failed');
      expect(finding).toMatchObject({
        code: 'runner-refused',
        message: 'cannot write "NO_SUCH_THING" to /sys/kernel/debug/sched/features: Invalid argument',
      });
    },
  },
];

/** A task that never sleeps has a CPU or waits for one; what is not counted is the player's and interrupts' time on its CPU. */
const sums: Case[] = ['default', 'vtime', 'layers'].map((name) => ({
  name: `times add up under ${name}`,
  why: 'from its start to its end a task that never sleeps runs or waits; all together run no longer than the CPUs are there',
  async check(bench) {
    const file = workload('sums', {
      groups: [{ name: 'hog', count: 6, phases: [{ run: { from: '5ms', to: '40ms' } }] }],
    });
    const { timeline, metrics } = await completed(bench, cell(file, 2, libraryArm(name)));
    // the delay is read when the task has gone: on its way out it may wait for both others of its CPU once more
    const turns = 2 * (20 * ms + tick);
    for (const { task, startNs, endNs, cpuNs, delayNs } of timeline)
      within(`what is left of ${task}`, endNs - startNs - cpuNs - delayNs, -turns, 2 * ms);
    const ran = timeline.reduce((sum, { cpuNs }) => sum + cpuNs, 0);
    within('CPU time of all', ran, 0, 2 * metrics.makespanNs!);
    within('makespan', metrics.makespanNs, 0, Math.max(...timeline.map(({ endNs }) => endNs)) + 1);
    const waited = timeline.reduce((sum, { delayNs }) => sum + delayNs, 0);
    expect(metrics.runDelayNs).toBe(waited);
    expect(waited, 'six want two CPUs').toBeGreaterThan(0);
  },
}));

const nowhere: Case = {
  name: 'a task that may use no CPU there is',
  why: 'expanded for six CPUs and run on two: sched_setaffinity() answers -EINVAL, and the run is no data',
  async check(bench) {
    const file = workload('nowhere', { groups: [{ name: 'lost', cpus: [5], phases: [{ run: '1ms' }] }] });
    const larger = await experimentOf(bench.subject, cell(file, 6));
    const topology = { ...larger.topology, cpus: 2 };
    const { finding, status } = await bench.perform({ ...larger, topology });
    expect(status).toBe('failed');
    expect(finding).toMatchObject({
      code: 'runner-refused',
      message: 'task 0 (lost-0) cannot be given its class, nice value or affinity',
    });
  },
};

/** Of 6.18; documented for `events` in sysfs. */
const kernelEvents = [
  'BYPASS_ACTIVATE',
  'BYPASS_DISPATCH',
  'BYPASS_DURATION',
  'DISPATCH_KEEP_LAST',
  'DISPATCH_LOCAL_DSQ_OFFLINE',
  'ENQ_SKIP_EXITING',
  'ENQ_SKIP_MIGRATION_DISABLED',
  'REFILL_SLICE_DFL',
  'SELECT_CPU_FALLBACK',
].map((name) => `SCX_EV_${name}`);

const library: Case[] = standardWorkloads.flatMap((file, row) =>
  libraryNames.map((name, column) => ({
    name: `${file.name} under ${name}`,
    diagonal: row + column,
    why: 'every policy of the library is data on every standard workload: present, in charge to the end, goal measured',
    async check(bench) {
      const outcome = await completed(bench, cell(file, 4, libraryArm(name)));
      expect(outcome.metrics[file.goal.metric]).toBeGreaterThan(0);
      expect(outcome.exit).toMatchObject({ kind: 64 });
      const seen = outcome.presence.map(({ when, state, ops }) => `${when} ${state} ${ops}`);
      expect(seen).toEqual(['before', 'during', 'after'].map((when) => `${when} enabled ${name}`));
      expect(Object.keys(outcome.kernelEvents).sort()).toEqual(kernelEvents);
      expect(outcome.kernelEvents.SCX_EV_BYPASS_ACTIVATE, 'to attach it, and never again').toBe(1);
    },
  })),
);

export const contract: readonly Case[] = [
  ...twice,
  nuisance,
  record,
  idle,
  caches,
  ...settings,
  ...sums,
  nowhere,
  ...broken,
  command,
  ...library,
];
