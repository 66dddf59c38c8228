// Runs that end otherwise than well: killed, frozen, called off, too long. Afterwards settings are what they were, and no process, cgroup or file is left.

import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { Outcome } from '../../src/core/records.ts';
import { workload } from '../conformance/case.ts';
import { experimentOf, type Subject } from '../conformance/subject.ts';
import { presentCpus } from './cpus.ts';
import {
  childrenOf,
  debugSched,
  eventually,
  type HostBench,
  rememberProcesses,
  restored,
  runnersOf,
  schedOther,
  scheduling,
  traces,
} from './host-bench.ts';

/** Runs for a minute, with all that could be left: a cgroup, a task that its own task has forked. */
const long = workload('long', {
  groups: [
    { name: 'work', count: 2, cgroup: 'bulk', phases: [{ run: '60s' }] },
    { name: 'parent', phases: [{ fork: 'forked' }, { run: '60s' }] },
    { name: 'forked', cgroup: 'bulk', phases: [{ run: '60s' }] },
  ],
  cgroups: { bulk: { weight: 50 } },
});
const short = workload('short', { groups: [{ name: 'work', count: 3, phases: [{ run: '10ms' }] }] });

const settings = { baseSliceNs: 7_000_000, features: ['NO_RUN_TO_PARITY'], cpuWeight: 50 } as const;
const baseSlice = (): string => readFileSync(`${debugSched}/base_slice_ns`, 'utf8').trim();

type Perform = (file?: typeof long, limitMs?: number, signal?: AbortSignal) => Promise<Outcome>;

function performer({ machine, blobs }: HostBench): Perform {
  const subject: Subject = {
    ...{ name: 'host', kernel: '', machine, blobs, memoryMiB: 0 },
    ...{ reference: machine.reference(), exact: machine.reference() },
  };
  return async (file = long, limitMs = 20_000, signal) => {
    const arm = { name: 'slow', settings: { ...settings, features: [...settings.features] } };
    const experiment = await experimentOf(subject, {
      workload: file,
      arm,
      cpus: presentCpus,
      seed: 1,
      limitMs,
    });
    return machine.run(experiment, signal);
  };
}

/** A control plane of its own, to be killed in the middle. */
export async function victim(bench: HostBench): Promise<void> {
  await performer(bench)();
}

export function undoCases(bench: HostBench): void {
  const perform = performer(bench);
  /** The keeper and its ward, once the settings are in place and tasks run. */
  const running = async (limitMs = 10_000): Promise<{ keeper: number; ward: number }> => {
    const found = () =>
      runnersOf(bench, 'run').find((pid) => childrenOf(pid).some((ward) => childrenOf(ward).length >= 3));
    await eventually(
      limitMs,
      'a run with its settings',
      () => baseSlice() === '7000000' && found() !== undefined,
    );
    const keeper = found()!;
    return { keeper, ward: childrenOf(keeper)[0]! };
  };
  const undone = (name: string, body: (before: Record<string, unknown>) => Promise<void>): void =>
    it(`undo: ${name}`, async () => {
      rememberProcesses();
      const before = traces();
      await body(before);
      await restored(before);
    });
  const killed = (
    name: string,
    victims: (pids: { keeper: number; ward: number }) => number[],
    message: RegExp,
  ) =>
    undone(name, async () => {
      const run = perform();
      for (const pid of victims(await running())) process.kill(pid, 'SIGKILL');
      const { status, finding } = await run;
      expect(status).toBe('failed');
      expect(finding?.message).toMatch(message);
    });

  undone('a run that ends well', async () => {
    expect(await perform(short)).toMatchObject({ status: 'completed', finding: null });
  });
  undone('a limit', async () => {
    expect((await perform(long, 1000)).finding).toMatchObject({ code: 'timeout' });
  });
  undone('called off; until then tasks are as nice as the workload says, not as we are', async () => {
    const stop = new AbortController();
    const run = perform(long, 20_000, stop.signal);
    const { ward } = await running();
    expect(scheduling(process.pid).nice).toBe(19);
    expect(childrenOf(ward).map((task) => scheduling(task))).toEqual(
      childrenOf(ward).map(() => ({ policy: schedOther, nice: 0 })),
    );
    stop.abort();
    await expect(run).rejects.toMatchObject({ code: 'interrupted' });
  });
  undone('called off while it is stopped', async () => {
    const stop = new AbortController();
    const run = perform(long, 20_000, stop.signal);
    process.kill((await running()).ward, 'SIGSTOP');
    stop.abort();
    await expect(run).rejects.toMatchObject({ code: 'interrupted' });
  });
  killed('kill -9 of who does it', ({ ward }) => [ward], /ended by signal 9/);
  killed('kill -9 of who keeps him', ({ keeper }) => [keeper], /ended by a signal/);
  it('undo: kill -9 of both at once: the next start', async () => {
    rememberProcesses();
    const before = traces();
    const run = perform();
    const { keeper, ward } = await running();
    process.kill(keeper, 'SIGSTOP'); // he would see the other's end
    process.kill(ward, 'SIGKILL');
    process.kill(keeper, 'SIGKILL');
    expect((await run).finding).toMatchObject({
      code: 'guest-failed',
      message: expect.stringContaining('killed'),
    });
    expect(baseSlice()).toBe('7000000');
    expect(await perform(short)).toMatchObject({ status: 'completed' });
    await restored(before);
  });
  undone('kill -9 of the control plane', async () => {
    const child = spawn(process.execPath, [...process.argv.slice(1, 3), 'victim'], { stdio: 'ignore' });
    await running(60_000); // Node starts slowly where CPUs are emulated
    child.kill('SIGKILL');
  });
  undone('two at once: the second waits, and is refused', async () => {
    const stop = new AbortController();
    const first = perform(long, 20_000, stop.signal);
    await running();
    expect((await perform(short)).finding).toMatchObject({
      code: 'runner-refused',
      message: expect.stringContaining('another run is changing settings'),
    });
    stop.abort();
    await expect(first).rejects.toMatchObject({ code: 'interrupted' });
  });
  undone('what a human sets meanwhile stays', async (before) => {
    const stop = new AbortController();
    const run = perform(long, 20_000, stop.signal);
    await running();
    writeFileSync(`${debugSched}/base_slice_ns`, '1234567');
    stop.abort();
    await expect(run).rejects.toMatchObject({ code: 'interrupted' });
    await eventually(5000, 'the end of it', () => runnersOf(bench, 'run').length === 0);
    await sleep(100);
    expect(baseSlice()).toBe('1234567');
    writeFileSync(`${debugSched}/base_slice_ns`, String(before.baseSlice).trim());
  });
}
