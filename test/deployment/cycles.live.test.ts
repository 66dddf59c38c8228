// Cycles of deploy → run → undo with each disturbance at least once: afterwards the scheduler is the default one, and nothing is left over. And `stop`, which works when
// nothing else does. A thousand of them: npm run bench -- cycles.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeJob } from '../../src/linux/runner.ts';
import type { GuestHost } from '../../src/machines/long-guest.ts';
import { type Lab, openLab } from '../support/lab.ts';
import { root } from '../support/paths.ts';
import {
  type Census,
  census,
  cycleGuest,
  disturbances,
  planCycle,
  promiseMs,
  remains,
  runCycle,
  stop,
} from './cycles.ts';

let lab: Lab;
let guest: GuestHost;
let before: Census;
const directory = mkdtempSync(join(tmpdir(), 'schedcp-cycles-'));
const seed = 1469; // one that lets most disturbances meet a policy that is in charge, and most faulty policies come

beforeAll(async () => {
  lab = await openLab();
  guest = await cycleGuest(lab, join(directory, 'console'));
  before = await census(guest);
});
afterAll(async () => {
  await guest?.end();
  lab.close();
  rmSync(directory, { recursive: true });
});

const cycles = Array.from({ length: 24 }, (_, number) => planCycle(seed, number));

describe('cycles', () => {
  it('hold each disturbance, and the same ones for the same seed', () => {
    expect(new Set(cycles.map(({ disturbance }) => disturbance))).toEqual(new Set(disturbances));
    expect(planCycle(seed, 7)).toEqual(cycles[7]);
  });

  it.each(
    cycles.map(
      (cycle) =>
        [
          `${cycle.number} ${cycle.disturbance}, ${cycle.moment}: ${cycle.policy}, ${cycle.scope}`,
          cycle,
        ] as const,
    ),
  )(
    '%s',
    async (_, cycle) => {
      const result = await runCycle(guest, cycle, before);
      expect(result.failures).toEqual([]);
      expect(result.backMs).toBeLessThanOrEqual(promiseMs);
      expect(remains(before, await census(guest))).toEqual([]);
    },
    60_000,
  );
});

/** A policy that stays for a minute, held by `hold`, or by nobody that `stop` knows. */
async function attached(by: 'hold' | 'socket' | 'run', scope: readonly string[] = []): Promise<Census> {
  await guest.lines.test(`next ${by}`);
  const job = encodeJob({
    object: readFileSync(`${root}/policies/fifo/fifo.bpf.o`),
    scope: scope.map((path) => ({ kind: 'cgroup', path })),
    nuisance: { startOffsetNs: 60e9, pidOffset: 0 },
    ...{ wallLimitMs: 60_000, verifyBudgetMs: 10_000, timeoutMs: 5000, outputLimit: 0 },
  });
  const channel = guest.lines.hold(job, { heartbeatMs: 30_000, timeoutMs: 5000 });
  channel.from.resume();
  return await until(({ state, extThreads }) => state === 'enabled' && extThreads >= scope.length);
}

async function until(holds: (now: Census) => boolean): Promise<Census> {
  for (let tries = 0; ; tries++) {
    const now = await census(guest);
    if (holds(now) || tries === 200) return now;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
const clean = (now: Census): boolean => remains(before, now).length === 0;
const signal = (whom: string, name: string) => guest.lines.test(`signal ${whom} ${name}`, 'signalled');

describe('stop', () => {
  it('has nothing to do', async () => {
    expect(await stop(guest)).toMatchObject({ exit: 0, text: 'nothing to stop: sched_ext is disabled\n' });
  });

  it.each(['hold', 'socket'] as const)(
    'a holder that listens, found by its %s',
    async (by) => {
      const held = await attached(by, [guest.cgroup]);
      expect(remains(before, held).join(', ')).toMatch(/enabled.*holder.*survivor.*extThreads, 1 links/);
      expect(await stop(guest)).toMatchObject({
        exit: 0,
        text: 'stopped: 1 holder, 0 of them killed; sched_ext is disabled\n',
      });
      expect(remains(before, await until(clean))).toEqual([]);
    },
    60_000,
  );

  it('a holder that is frozen, and whose survivor is', async () => {
    await attached('socket', [guest.cgroup]);
    await signal('survivor', 'STOP');
    await signal('holder', 'STOP');
    expect(await stop(guest)).toMatchObject({
      exit: 0,
      text: 'stopped: 1 holder, 1 of them killed; sched_ext is disabled\n',
    });
    expect(remains(before, await until(clean))).toEqual([]);
  });

  it('what was left by a holder and a survivor that were killed at once', async () => {
    await attached('socket', [guest.cgroup]);
    await signal('survivor', 'KILL');
    await signal('holder', 'KILL');
    const left = remains(
      before,
      await until(({ state, runners }) => state === 'disabled' && runners.length === 2),
    );
    expect(left.join(', ')).toMatch(/hold-.*scope\..*extThreads|scope\..*hold-.*extThreads/);
    expect(await stop(guest)).toMatchObject({ exit: 0 });
    expect(remains(before, await until(clean))).toEqual([]);
  });

  it("leaves somebody else's scheduler alone, unless it is told to", async () => {
    const held = await attached('run');
    expect(held).toMatchObject({ state: 'enabled', ops: 'fifo' });
    const refused = await stop(guest);
    expect(refused).toMatchObject({
      exit: 1,
      text: expect.stringMatching(/^sched_ext is still enabled: fifo is not held by SchedCP; --force .*\n$/),
    });
    expect(await census(guest)).toMatchObject({ state: 'enabled', ops: 'fifo' });
    expect(await stop(guest, true)).toMatchObject({
      exit: 0,
      text: 'stopped: the kernel was told to leave fifo (SysRq-S)\n',
    });
    expect(remains(before, await until(clean))).toEqual([]);
  });
});
