// Recordings of guests against what the workload file and the runner's player say (docs/protocol.md, sections 1 and 5). The default kernel always; others
// with SCHEDCP_ALL_KERNELS=1.

import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { WorkloadRef } from '../../src/core/records.ts';
import { type RawEvent, readRaw } from '../observation/acts.ts';
import { declared, defaultArm, experiment, type Lab, openLab } from '../support/lab.ts';
import { root } from '../support/paths.ts';

const sleeps = 5;
const workload = JSON.stringify({
  kind: 'declared',
  name: 'lives',
  description: 'Long runs beside a sleeper on two CPUs.',
  goal: { metric: 'makespanNs', direction: 'lower' },
  jitter: { work: 0 },
  groups: [
    { name: 'long', count: 3, phases: [{ run: '12ms' }] },
    { name: 'sleepy', count: 1, phases: [{ loop: sleeps, phases: [{ run: '300us' }, { sleep: '2ms' }] }] },
  ],
});
const nanosleep = 230;
const readCall = 0;
const pipe = 1;

const all = process.env.SCHEDCP_ALL_KERNELS === '1';
const versions = all ? ['default', '6.16', '6.18'] : ['default'];
if (!all) console.warn('recorded on the default kernel only; SCHEDCP_ALL_KERNELS=1 does it on others, too');

describe.each(versions)('on kernel %s', (version) => {
  const recorder = { object: readFileSync(`${root}/probes/record.bpf.o`), events: 100_000 };
  let lab: Lab;
  beforeAll(async () => {
    lab = await openLab(version === 'default' ? undefined : version);
  });
  afterAll(() => lab.close());
  const of = (events: readonly RawEvent[], kind: string, task?: number): RawEvent[] =>
    events.filter((event) => event.kind === kind && (task === undefined || event.task === task));
  const called = (events: readonly RawEvent[], comm: string): number[] => [
    ...new Set(
      of(events, 'name')
        .filter((event) => event.comm === comm)
        .map((event) => event.task),
    ),
  ];

  it('a declared workload, twice the same', async () => {
    const ref = await declared(lab, workload, 1, 2);
    const wish = experiment(lab, { arm: defaultArm, workload: ref, cpus: 2 });
    const { outcome, raw } = await lab.vm.record(wish, recorder);
    expect(outcome.finding).toBeNull();
    const events = readRaw(raw);
    const born = of(events, 'fork').map((event) => event.task);
    expect(born.length).toBe(4);
    expect(
      of(events, 'exit')
        .map((event) => event.task)
        .toSorted(),
    ).toEqual(born.toSorted());
    const [sleeper = 0] = called(events, 'sleepy-0');
    const slept = of(events, 'switch', sleeper).filter((event) => event.detail && event.call === nanosleep);
    expect(slept.length).toBeGreaterThanOrEqual(sleeps); // it may wait for its attributes, too
    const woken = of(events, 'wake', sleeper).filter((event) => event.flags === 1);
    expect(woken.length).toBe(slept.length);
    expect(events.at(-1)).toMatchObject({ kind: 'lost', value: 0n });
    const [start, end] = of(events, 'subject').map((event) => Number(event.ns));
    expect((end ?? 0) - (start ?? 0)).toBe(outcome.metrics.makespanNs);
    expect(Buffer.compare((await lab.vm.record(wish, recorder)).raw, raw)).toBe(0);
  });

  it('a command with its pipe', async () => {
    const { digest, executable } = await lab.vm.pack('/bin/sh', ['/bin/sleep', '/bin/cat'], {
      cwd: '/',
      path: '/usr/bin:/bin',
    });
    const command: WorkloadRef = {
      kind: 'command',
      name: 'pipe',
      argv: [executable, '-c', 'sleep 0.05 | cat'],
      env: { PATH: '/usr/bin:/bin' },
      cwd: '/',
      with: [],
      payload: digest,
      runs: 1,
      patterns: {},
    };
    const wish = experiment(lab, { arm: defaultArm, workload: command, cpus: 2, mode: 'fast' });
    const { outcome, raw } = await lab.vm.record(wish, recorder);
    expect(outcome.finding).toBeNull();
    const events = readRaw(raw);
    expect(of(events, 'fork').length).toBe(3);
    const [cat = 0] = called(events, 'cat');
    const waits = of(events, 'switch', cat).filter((event) => event.detail && event.call === readCall);
    expect(waits.map((event) => event.file)).toContain(pipe);
    const [shell] = of(events, 'fork').map((event) => event.task);
    expect(
      of(events, 'fork')
        .map((event) => event.other)
        .slice(1),
    ).toEqual([shell, shell]);
    expect(of(events, 'about', cat).every((event) => event.detail >> 17)).toBe(true);
  });
});
