// The host machine on this very machine, as far as it goes: where there is no sched_ext everything says so, what needs no policy works, and nothing is left. As root.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { availableParallelism, release } from 'node:os';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Outcome, WorkloadRef } from '../../src/core/records.ts';
import { openCache } from '../../src/linux/cache.ts';
import { whyNotRecord } from '../../src/linux/recorder.ts';
import { buildRunner } from '../../src/linux/runner.ts';
import { readSchedExt } from '../../src/linux/sched-ext.ts';
import { hasTools } from '../../src/linux/tools.ts';
import { type HostMachine, openHostMachine } from '../../src/machines/host.ts';
import { workload } from '../conformance/case.ts';
import { libraryArm } from '../conformance/library.ts';
import { type ArmWish, byDefault, experimentOf, memoryBlobs, type Subject } from '../conformance/subject.ts';
import { root } from '../support/paths.ts';

const possible = whyNotRecord() === undefined && hasTools(openCache(), 'compiler');
const short = workload('short', { groups: [{ name: 'schedcp-short', count: 3, phases: [{ run: '5ms' }] }] });
const long = workload('long', { groups: [{ name: 'schedcp-long', phases: [{ run: '60s' }] }] });
const cpus = availableParallelism();

/** What could stay: tasks, cgroups, files. */
function left(): string[] {
  const comms = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => comm(pid))
    .filter((name) => name.startsWith('schedcp-'));
  const groups = ['/sys/fs/cgroup', '/sys/fs/cgroup/unified'].flatMap((place) =>
    existsSync(place) ? readdirSync(place) : [],
  );
  return [
    ...comms,
    ...groups.filter((name) => name.startsWith(`schedcp-${process.pid}`)),
    ...(existsSync('/run/schedcp') ? ['/run/schedcp'] : []),
  ];
}

function comm(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return '';
  }
}

describe.skipIf(!possible)('the host machine here', () => {
  const blobs = memoryBlobs();
  let machine: HostMachine;
  let subject: Subject;
  beforeAll(async () => {
    machine = openHostMachine({
      blobs,
      runner: await buildRunner(openCache(), `${root}/runner`),
      env: { PATH: '/usr/bin:/bin' },
    });
    const reference = machine.reference();
    subject = { ...{ name: 'host', kernel: '', machine, blobs, reference, exact: reference, memoryMiB: 0 } };
  });
  const run = async (arm: ArmWish, file = short, limitMs = 10_000, signal?: AbortSignal): Promise<Outcome> =>
    machine.run(await experimentOf(subject, { workload: file, arm, cpus, seed: 1, limitMs }), signal);

  it('the default scheduler is measured', async () => {
    const outcome = await run(byDefault);
    expect(outcome).toMatchObject({ status: 'completed', finding: null, exit: null });
    expect(outcome.timeline).toHaveLength(3);
    expect(outcome.metrics.makespanNs).toBeGreaterThan(5_000_000 - 1);
    expect(outcome.notes.join()).toContain('Everything else that this machine does');
    expect(left()).toEqual([]);
  });

  it('so are settings that need no debugfs', async () => {
    const outcome = await run({ name: 'batch', settings: { sched: 'batch', nice: 3 } });
    expect(outcome).toMatchObject({ status: 'completed', finding: null });
  });

  it('a command, with the environment that it would have, and a name that there is not', async () => {
    const command = (...argv: string[]): WorkloadRef => ({
      ...{
        kind: 'command',
        name: 'command',
        argv,
        cwd: '/',
        env: { OWN: 'yes' },
        with: [],
        payload: '0'.repeat(64),
      },
      ...{ runs: 1, patterns: { own: 'own (\\d+)' } },
    });
    const base = await experimentOf(subject, { workload: short, arm: byDefault, cpus, seed: 1 });
    const done = await machine.run({ ...base, workload: command('/bin/sh', '-c', 'echo own 7 $OWN $PATH') });
    expect(done).toMatchObject({ status: 'completed', metrics: { own: 7 } });
    expect(done.output?.stdout).toBe('own 7 yes /usr/bin:/bin\n');
    const none = await machine.run({ ...base, workload: command('/no/such/program') });
    expect(none.finding).toMatchObject({ code: 'command-not-found' });
    const bad = await machine.run({ ...base, workload: command('/bin/sh', '-c', 'exit 3') });
    expect(bad.finding).toMatchObject({
      code: 'command-failed',
      message: 'the command ended with exit code 3',
    });
    expect(left()).toEqual([]);
  });

  it('too long, or called off: nothing stays', async () => {
    expect((await run(byDefault, long, 300)).finding).toMatchObject({ code: 'timeout' });
    expect(left()).toEqual([]);
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 300);
    await expect(run(byDefault, long, 10_000, stop.signal)).rejects.toMatchObject({ code: 'interrupted' });
    expect(left()).toEqual([]);
  });

  it('a machine that it is not', async () => {
    const base = await experimentOf(subject, { workload: short, arm: byDefault, cpus, seed: 1 });
    for (const topology of [
      { cpus: cpus + 1, memoryMiB: 0 },
      { cpus, memoryMiB: 0, llcs: 2 },
    ])
      await expect(machine.run({ ...base, topology })).rejects.toMatchObject({ code: 'unsupported' });
  });

  describe.skipIf(readSchedExt() !== undefined)('without sched_ext', () => {
    const why = { code: 'host-without-sched-ext', message: expect.stringContaining(release()) };

    it('a policy is told so, and what to do', async () => {
      const outcome = await run(libraryArm('vtime'));
      expect(outcome).toMatchObject({ status: 'failed', finding: why, metrics: {}, timeline: [] });
      expect(outcome.finding?.next).toContain('--machine micro-vm');
    });

    it('so is who would attach one', async () => {
      const object = await blobs.put(libraryArm('vtime').object!);
      const attached = await machine.attach({ name: 'vtime', object, parameters: {} }, { part: 'whole' });
      expect(attached).toMatchObject({ ok: false, finding: why });
      expect(await machine.attachments()).toEqual([]);
      await expect(machine.adopt('/run/schedcp/hold-000000000000.sock')).rejects.toMatchObject({
        code: 'not-found',
      });
      expect(left()).toEqual([]);
    });

    it('what is no policy is told that first', async () => {
      const object = await blobs.put(Buffer.from('hello'));
      await expect(run({ name: 'none', object: Buffer.from('hello') })).rejects.toMatchObject({
        code: 'malformed',
      });
      await expect(
        machine.attach({ name: 'none', object, parameters: {} }, { part: 'whole' }),
      ).rejects.toMatchObject({
        code: 'malformed',
      });
    });
  });
});
