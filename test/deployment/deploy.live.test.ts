// A policy that the kernel refuses, in a guest that lives long: what the stage makes of that. Those that are kept and undone: product.alone.test.ts.

import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AttachScope } from '../../src/core/attachment.ts';
import { kpiSchema } from '../../src/core/kpi.ts';
import type { Policy } from '../../src/core/records.ts';
import { hostClock } from '../../src/linux/clock.ts';
import { openKpis } from '../../src/linux/kpi.ts';
import type { GuestHost } from '../../src/machines/long-guest.ts';
import { type DeploymentPlan, deploy, type Site } from '../../src/stages/deploy.ts';
import { type Lab, openLab } from '../support/lab.ts';
import { root } from '../support/paths.ts';

let lab: Lab;
let guest: GuestHost;
const cpus = 2;

beforeAll(async () => {
  lab = await openLab();
  const script = `${root}/test/deployment/work.pl`;
  const options = { cwd: '/', path: '/usr/bin:/bin' };
  const packed = await lab.vm.pack('/usr/bin/perl', [script, '/usr/lib/x86_64-linux-gnu/perl-base'], options);
  const env = { PERL5LIB: '/usr/lib/x86_64-linux-gnu/perl-base' };
  const argv = [packed.executable, script, '4', '400'];
  const workload = {
    kind: 'command' as const,
    name: 'work',
    argv,
    cwd: '/',
    env,
    with: [],
    payload: packed.digest,
    runs: 1,
    patterns: {},
  };
  const memoryMiB = lab.vm.memoryFor(packed.digest);
  guest = await lab.vm.serve({ workload, cpus, memoryMiB, mode: 'fast', lifeMs: 600_000 });
});
afterAll(async () => {
  await guest?.end();
  lab.close();
});

const rate = () =>
  kpiSchema.parse({
    ...{ name: 'rate', direction: 'higher', unit: 'units/s', everyMs: 200 },
    source: { from: 'log', file: guest.log, line: 'rate {number} units/s' },
  });

function site(): Site & { readonly said: string[] } {
  const said: string[] = [];
  return {
    machine: guest,
    clock: hostClock,
    openKpis: (kpis, hear) => openKpis(kpis, { nowNs: () => hostClock.nowNs(), hear }),
    presence: () => guest.presence(),
    startAgain: async () => '',
    foreign: async () => undefined,
    unload: async () => false,
    hear: (news) => void said.push(JSON.stringify(news)),
    said,
  };
}

async function policy(name: string, file: string, parameters: Policy['parameters'] = {}): Promise<Policy> {
  return { name, object: await lab.store.blobs.put(readFileSync(`${root}/${file}`)), parameters };
}

async function plan(chosen: Policy, scope: AttachScope): Promise<DeploymentPlan> {
  const step = {
    scope,
    question: 'no-harm',
    limit: 0.15,
    blockMs: 1500,
    washoutMs: 300,
    dwellMs: 0,
  } as const;
  return {
    ...{
      policy: chosen,
      from: ['0'.repeat(64)],
      by: 'a test',
      startedMs: 5,
      level: 0,
      tokenId: 'none',
      kernel: guest.release,
    },
    ...{ kpis: [rate()], referenceMs: 12_000, steps: [step], keepMs: 5000, keepScope: { part: 'whole' } },
    ...{ seed: 5, heartbeatMs: 2000, timeoutMs: 5000, replaces: null, knobs: {} },
  };
}
const never = new AbortController().signal;
const disabled = { state: 'disabled', ops: '' };

describe('deploy into a guest that lives long', () => {
  it('one that the kernel refuses: nothing was attached', async () => {
    const here = site();
    const chosen = await plan(await policy('nullderef', 'test/runner/objects/nullderef.bpf.o'), {
      part: 'whole',
    });
    const record = await deploy(here, { ...chosen, steps: [] }, never);
    expect(record.end.how).toBe('refused');
    expect(await guest.presence()).toMatchObject(disabled);
  });
});
