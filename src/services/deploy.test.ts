// deploy, status, restore and stop as callers meet them: a verdict that tune has made, a machine of pretence, real keys, audit and approvals.

import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fixedWorld, root } from '../../test/services/fixed-world.ts';
import { fast } from '../../test/services/told.ts';
import { type Pretence, pretend } from '../../test/stages/pretence.ts';
import type { DeploymentSite } from './deploy/site.ts';
import { serviceTable } from './table.ts';
import type { Charge } from './world.ts';

const release = '6.18.0-test';
const kpi = {
  name: 'throughput',
  direction: 'higher',
  everyMs: 100,
  source: { from: 'command', argv: ['x'] },
};
const quick = { kpi: [kpi], reference: 15, block: 3, washout: 0.5, dwell: 20, keep: 30 };

async function world(told: Pretence, charge?: Charge) {
  const { site } = pretend(told);
  const place: DeploymentSite = {
    ...site,
    release,
    work: undefined,
    output: undefined,
    close: async () => {},
  };
  const fixed = fixedWorld({ factor: fast, site: place, ...(charge && { charge }) });
  const tuned = await fixed.call('tune', {
    workload: 'long-tail',
    policies: ['fifo'],
    settings: [],
    harm: false,
  });
  const verdict = tuned.output.records.find((one: { kind: string }) => one.kind === 'verdict')
    .digest as string;
  return {
    fixed,
    verdict,
    deploy: (input: object = {}) => fixed.call('deploy', { verdict, ...quick, ...input }),
  };
}
const better: Pretence = { share: () => 1.1 };
const audited = async ({ fixed }: Awaited<ReturnType<typeof world>>): Promise<string[]> =>
  (await fixed.call('audit', { limit: 100 })).output.lines.map((line: { what: string }) => line.what);

describe('deploy', () => {
  it('by a person: kept, recorded, a lesson, and the audit is whole', async () => {
    const here = await world(better);
    const { output, exit, text } = await here.deploy();
    expect(exit).toBe(0);
    expect(output).toMatchObject({
      decision: 'kept',
      policy: 'fifo',
      restored: { verified: true, state: 'disabled' },
    });
    expect(output.records.map((one: { kind: string }) => one.kind)).toEqual(['deployment', 'lesson']);
    const [{ digest }, lesson] = output.records;
    expect((await here.fixed.call('show', { record: digest })).text).toContain('kept after');
    expect((await here.fixed.call('show', { record: lesson.digest })).text).toContain('prefer fifo');
    expect(text).toContain('given back in');
    expect(await audited(here)).toEqual([
      'token-issued',
      'token-spent',
      'scheduler-switched',
      'deployment-ended',
    ]);
    expect((await here.fixed.call('audit', { action: 'verify' })).exit).toBe(0);
    expect((await here.fixed.call('status')).output).toMatchObject({
      running: [],
      last: [{ policy: 'fifo', how: 'kept' }],
    });
  });

  it('--dry-run says what would happen, and changes nothing: no token, no audit', async () => {
    const here = await world(better);
    const { output, exit } = await here.deploy({ dryRun: true, scope: 'cgroup:/a' });
    expect(exit).toBe(0);
    expect(output.decision).toBe('would-deploy');
    expect(output.plan.join('\n')).toContain('cgroup /a');
    expect(await audited(here)).toEqual([]);
  });

  it('one that harms trips, is given back, and leaves a lesson; then it has to wait', async () => {
    const here = await world({ share: () => 0.6 });
    const { output, exit } = await here.deploy();
    expect(exit).toBe(1);
    expect(output).toMatchObject({ decision: 'tripped', restored: { verified: true } });
    const lesson = await here.fixed.call('show', { record: output.records[1].digest });
    expect(lesson.text).toMatch(/^lesson .*\navoid fifo .*tripped on the whole machine: throughput/);
    const again = await here.deploy();
    expect(again.output).toMatchObject({ decision: 'not-permitted' });
    expect(again.output.findings[0].code).toBe('too-soon');
    expect(again.text).toContain('has to wait: 1 deployment of it in a row went wrong');
  });

  it('an agent is asked to wait for a person before its first critical operations; approved, it may; once', async () => {
    const here = await world(better);
    const asked = await here.deploy({ agent: 'claude' });
    expect(asked).toMatchObject({ exit: 1, output: { decision: 'needs-approval' } });
    const id = asked.output.approval as string;
    expect((await here.fixed.call('approve')).text).toContain('fifo');
    await here.fixed.call('approve', { id, why: 'seen' });
    expect((await here.deploy({ agent: 'claude' })).output.decision).toBe('kept');
    expect((await here.deploy({ agent: 'claude' })).output.decision).toBe('needs-approval');
    expect(await audited(here)).toContain('approval-used');
  });

  it('over MCP nobody is a person: an agent names itself', async () => {
    const here = await world(better);
    const offered = serviceTable(here.fixed.world).find(({ name }) => name === 'deploy')!.forAgents!;
    expect(offered.input.safeParse({ verdict: here.verdict, ...quick }).success).toBe(false);
    expect(offered.input.safeParse({ verdict: here.verdict, ...quick, agent: 'claude' }).success).toBe(true);
  });

  it('on a part of the machine an agent needs nobody', async () => {
    const here = await world(better);
    expect((await here.deploy({ agent: 'claude', scope: 'cgroup:/a' })).output.decision).toBe('kept');
  });

  it.each([
    [
      'a verdict that accepts nothing',
      async (here: Awaited<ReturnType<typeof world>>) => {
        const tuned = await here.fixed.call('tune', {
          workload: 'hog-latency',
          policies: ['vtime'],
          settings: [],
          harm: false,
        });
        const verdict = tuned.output.records.find((one: { kind: string }) => one.kind === 'verdict').digest;
        return here.deploy({ verdict });
      },
      'not-accepted',
    ],
    [
      'a comparison of a policy that is not the library’s',
      async () => {
        const file = join(root, 'test/simulator/fuzz/policies/unfair.bpf.o');
        const settings = { workload: 'long-tail', policies: [file], settings: [], harm: false };
        const other = fixedWorld({ factor: (arm) => (arm.kind === 'policy' ? 0.5 : 1) });
        const tuned = await other.call('tune', settings);
        expect(tuned.output.verdict.decision).toBe('accepted');
        const verdict = tuned.output.records.find((one: { kind: string }) => one.kind === 'verdict').digest;
        return other.call('deploy', { verdict, ...quick });
      },
      'unverified',
    ],
    [
      'another kernel',
      async (here: Awaited<ReturnType<typeof world>>) => {
        const other = fixedWorld({
          factor: fast,
          site: {
            ...(await here.fixed.world.openSite({ on: 'host' } as never, {} as never)),
            release: '6.19.1',
          },
        });
        const tuned = await other.call('tune', {
          workload: 'long-tail',
          policies: ['fifo'],
          settings: [],
          harm: false,
        });
        const verdict = tuned.output.records.find((one: { kind: string }) => one.kind === 'verdict').digest;
        return other.call('deploy', { verdict, ...quick });
      },
      'other-kernel',
    ],
    [
      'more switches than anybody may',
      (here: Awaited<ReturnType<typeof world>>) =>
        here
          .deploy({ heartbeat: 10, dwell: 86_401 })
          .catch((error: Error) => ({ output: { findings: [{ code: error.name }] } })),
      'ZodError',
    ],
  ])('is refused: %s', async (_, run, code) => {
    const here = await world(better);
    const { output } = await run(here);
    expect(output.findings.map((one: { code: string }) => one.code)).toContain(code);
  });

  it.each([
    ['no JSON', 'rate higher', 'is none'],
    ['no source', '{"name":"x","direction":"higher"}', 'a KPI is wrong at'],
    [
      'an output without a guest',
      '{"name":"x","direction":"higher","source":{"from":"output","line":"r {number}"}}',
      'only a command in a guest',
    ],
  ])('a KPI that is %s is told so, with an example', async (_, text, message) => {
    const here = await world(better);
    await expect(here.deploy({ kpi: [text] })).rejects.toMatchObject({
      code: 'malformed',
      message: expect.stringContaining(message),
    });
  });
});

describe('restore and stop', () => {
  it('nothing is deployed: harmless', async () => {
    const here = await world(better);
    for (const name of ['restore', 'stop'])
      expect(await here.fixed.call(name)).toMatchObject({ exit: 0, output: { ended: [], verified: true } });
  });

  it('--now lets go of every holder, and makes the kernel leave sched_ext when it is still in it', async () => {
    const did: string[] = [];
    let state = 'enabled';
    const charge: Charge = {
      now: () => ({ state, ops: state === 'enabled' ? 'fifo' : '', enableSeq: 3 }),
      foreign: async () => undefined,
      holders: async () => (did.some((one) => one.startsWith('release')) ? [] : ['/run/a', '/run/b']),
      async release(address) {
        did.push(`release ${address}`);
        return 'gone';
      },
      async leave() {
        did.push('leave');
        state = 'disabled';
        return true;
      },
      end: async () => true,
    };
    const here = await world(better, charge);
    const { output, exit } = await here.fixed.call('stop', { now: true });
    expect(did).toEqual(['release /run/a', 'release /run/b', 'leave']);
    expect(exit).toBe(0);
    expect(output).toMatchObject({ verified: true, schedExt: { state: 'disabled' } });
    expect(await audited(here)).toEqual(['stopped']);
  });

  it('when the kernel does not leave it, that is said, and the exit is 1', async () => {
    const charge: Charge = {
      now: () => ({ state: 'enabled', ops: 'fifo', enableSeq: 3 }),
      foreign: async () => undefined,
      holders: async () => [],
      release: async () => '',
      leave: async () => false,
      end: async () => true,
    };
    const { output, exit } = await (await world(better, charge)).fixed.call('stop', { now: true });
    expect(exit).toBe(1);
    expect(output.verified).toBe(false);
  });
});
