// What the contract itself says: accepts, refusals, the same experiment twice, nuisances, and the library on the standard workloads.

import { expect } from 'vitest';
import { canonicalJson, recordDigest } from '../../../src/core/canonical.ts';
import { type Experiment, outcomeSchema } from '../../../src/core/records.ts';
import { type Case, cell, completed, ms, within, workload } from '../case.ts';
import { libraryArm, libraryNames, standardWorkloads } from '../library.ts';
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
  why: 'nothing but the experiment decides what happens; another seed is another run',
  async check(bench) {
    const one = await experimentOf(bench.subject, cell(mix, 3, libraryArm(name)));
    const exact: Experiment = { ...one, machine: bench.subject.exact };
    const [first, second] = [await bench.perform(exact), await bench.perform(exact)];
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
    expect(outcome.presence.every(({ state }) => state === 'disabled')).toBe(true);
    expect(outcome.exit).toBeNull();
    expect(outcome.timeline).toHaveLength(10);
    expect(outcome.notes.length).toBeGreaterThan(0);
  },
};

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

const library: Case[] = standardWorkloads.flatMap((file) =>
  libraryNames.map((name) => ({
    name: `${file.name} under ${name}`,
    why: 'every policy of the library is data on every standard workload: present, in charge to the end, goal measured',
    async check(bench) {
      const outcome = await completed(bench, cell(file, 4, libraryArm(name)));
      expect(outcome.metrics[file.goal.metric]).toBeGreaterThan(0);
      expect(outcome.exit).toMatchObject({ kind: 64 });
      const seen = outcome.presence.map(({ when, state, ops }) => `${when} ${state} ${ops}`);
      for (const when of ['before', 'after']) expect(seen).toContain(`${when} enabled ${name}`);
      expect(outcome.kernelEvents.SCX_EV_BYPASS_ACTIVATE ?? 0).toBeLessThanOrEqual(2); // to attach and to detach
    },
  })),
);

export const contract: readonly Case[] = [...twice, nuisance, record, command, ...library];
