// deploy as callers meet it: a verdict that tune has made, a machine of pretence, real keys, audit and approvals.

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

async function world(told: Pretence, charge?: Charge, other: Partial<DeploymentSite> = {}) {
  const { site, log } = pretend(told);
  let isTaken = false;
  const claim: DeploymentSite['claim'] = () => {
    if (isTaken) return { heldBy: `${process.pid}.0.0.0` };
    isTaken = true;
    return {
      release() {
        isTaken = false;
      },
    };
  };
  const place: DeploymentSite = {
    ...site,
    release,
    work: undefined,
    output: undefined,
    problem: () => undefined,
    claim,
    close: async () => {},
    ...other,
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
    log,
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
      'scheduler-switched', // it takes charge for the first time
      'scheduler-switched', // it stays
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
    const dry = await here.deploy({ agent: 'claude', dryRun: true });
    expect(dry).toMatchObject({ exit: 1, output: { decision: 'needs-approval', approval: null } });
    expect((await here.fixed.call('approve')).output.approvals).toEqual([]);
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

  it.each<[string, Partial<DeploymentSite>, Pretence, object, string]>([
    ['another kernel', { release: '6.19.1' }, better, {}, 'other-kernel'],
    [
      'no sched_ext',
      { presence: async () => ({ state: 'absent', ops: '' }) },
      better,
      {},
      'host-without-sched-ext',
    ],
    [
      'somebody else’s scheduler',
      {},
      { ...better, foreign: { ops: 'scx_other', enableSeq: 3 } },
      {},
      'foreign-scheduler',
    ],
    ['a KPI without numbers', {}, { ...better, lie: () => undefined }, { scope: 'cgroup:/a' }, 'kpi-silent'],
  ])(
    '%s is told by a dry run as by a real one, before anything is asked, spent or changed',
    async (_, other, told, input, code) => {
      const here = await world(told, undefined, other);
      for (const dryRun of [true, false])
        for (const agent of [undefined, 'claude']) {
          const { output, exit } = await here.deploy({ ...input, dryRun, agent });
          expect([exit, output.decision, output.approval]).toEqual([1, 'not-permitted', null]);
          expect(output.findings.map((one: { code: string }) => one.code)).toEqual([code]);
        }
      expect(await audited(here)).toEqual([]);
      expect(here.log.map(({ what }) => what)).toEqual([]);
    },
  );

  it.each([
    ['a canary that is more than the scope', { scope: 'cgroup:/a', canary: 'whole' }, /no part of where/],
    ['a canary elsewhere', { scope: 'cgroup:/a', canary: 'cgroup:/ab' }, /no part of where/],
    ['a canary that is the root', { scope: 'cgroup:/a', canary: 'cgroup:/.' }, /no path of a cgroup/],
    ['a scope that climbs', { scope: 'cgroup:/a/../b' }, /no path of a cgroup/],
    ['the ancestor of all', { scope: 'pid:5,1' }, /ancestor of everything/],
    ['the kernel’s threads', { scope: 'pid:2' }, /ancestor of all threads of the kernel/],
    ['more pairs of blocks than there may be', { block: 3, dwell: 4000 }, /pairs/],
    ['a reference too short for its KPI', { kpi: [{ ...kpi, everyMs: 2000 }] }, /too few for a reference/],
  ])('%s is malformed, and nothing is spent', async (_, input, message) => {
    const here = await world(better);
    for (const agent of [undefined, 'claude'])
      await expect(here.deploy({ ...input, agent })).rejects.toMatchObject({
        code: 'malformed',
        message: expect.stringMatching(message),
      });
    expect(await audited(here)).toEqual([]);
  });

  it('a canary within the scope is a step of its own', async () => {
    const here = await world(better);
    const { output } = await here.deploy({ scope: 'cgroup:/a', canary: 'cgroup:/a/b', agent: 'claude' });
    expect(output.decision).toBe('kept');
    expect(output.steps.map(({ scope }: { scope: { paths: string[] } }) => scope.paths)).toEqual([
      ['/a/b'],
      ['/a'],
    ]);
  });

  it('no command of an agent runs before it may deploy', async () => {
    let opened = 0;
    const { site } = pretend(better);
    const here = await world(better, undefined, {
      ...site,
      openKpis: (...args) => {
        opened++;
        return site.openKpis(...args);
      },
    });
    for (const dryRun of [true, false])
      expect((await here.deploy({ agent: 'claude', dryRun })).output.decision).toBe('needs-approval');
    expect(opened).toBe(0);
    expect((await here.deploy({ agent: 'claude', scope: 'cgroup:/a', dryRun: true })).exit).toBe(0);
    expect(opened).toBe(1);
  });

  it('a person sees what is agreed to: steps, KPIs, and where they come from', async () => {
    const here = await world(better);
    await here.deploy({ agent: 'claude', limit: 0.4 });
    const { text } = await here.fixed.call('approve');
    expect(text).toContain('no loss of 40 %');
    expect(text).toContain('throughput from {"from":"command","argv":["x"]}');
  });

  it('who has come between the look and the start is not unloaded', async () => {
    const { site } = pretend({ ...better, foreign: { ops: 'scx_other', enableSeq: 3 } });
    let looks = 0;
    const foreign = async () => (++looks === 1 ? { ops: 'scx_first', enableSeq: 2 } : site.foreign());
    const here = await world(better, undefined, { ...site, foreign });
    const { output } = await here.deploy({ replace: true });
    expect([output.decision, output.why]).toEqual(['refused', expect.stringContaining('scx_other')]);
  });

  it('a state that has changed since it was permitted is another one', async () => {
    const { site } = pretend(better);
    let looks = 0;
    const presence = async () =>
      ++looks < 2 ? site.presence() : { state: 'enabled', ops: 'scx_late', enableSeq: 8 };
    const here = await world(better, undefined, { ...site, presence });
    const codes = (await here.deploy()).output.findings.map((one: { code: string }) => one.code);
    expect(codes).toEqual(['other-state']);
  });

  it('two at once: the second is told who is at it, and nothing of it is spent', async () => {
    const here = await world(better, undefined, { claim: () => ({ heldBy: '4711.5.6.7' }) });
    const { output } = await here.deploy();
    expect(output.findings).toMatchObject([
      { code: 'deployment-running', message: expect.stringContaining('process 4711') },
    ]);
    expect(await audited(here)).toEqual([]);
  });

  it('what a person has agreed to holds for that plan alone', async () => {
    const here = await world({ ...better, foreign: { ops: 'scx_other', enableSeq: 3 } });
    const plan = { agent: 'claude', replace: true };
    const { approval: id } = (await here.deploy(plan)).output;
    expect((await here.fixed.call('approve')).text).toContain('something is odd');
    await here.fixed.call('approve', { id, why: 'seen' });
    const wider = (await here.deploy({ ...plan, limit: 0.5 })).output;
    expect([wider.decision, wider.approval === id]).toEqual(['needs-approval', false]);
    const other = (await here.deploy({ ...plan, kpi: [{ ...kpi, everyMs: 200 }] })).output;
    expect(other.decision).toBe('needs-approval');
    expect((await here.deploy(plan)).output.decision).toBe('kept');
  });

  it('in guests an agent earns nothing, and takes nothing of the machine’s hour', async () => {
    const here = await world(better);
    const part = { agent: 'claude', scope: 'cgroup:/a', canary: 'cgroup:/a', keep: 60 };
    for (let n = 0; n < 2; n++)
      expect((await here.deploy({ ...part, on: 'guest' })).output.decision).toBe('kept');
    const inGuests = await here.fixed.world.keeping.history();
    expect([inGuests.deployed, inGuests.startedMs]).toEqual([[], []]);
    expect((await here.deploy(part)).output.decision).toBe('kept');
    const { deployed, startedMs } = await here.fixed.world.keeping.history();
    expect([deployed.length, deployed[0]!.result, startedMs.length]).toEqual([1, 'kept', 1]);
  });

  it('a scheduler that somebody loads meanwhile: agents wait for a person from then on', async () => {
    const here = await world({ ...better, intruderS: 40 });
    const part = { agent: 'claude', scope: 'cgroup:/a' };
    expect((await here.deploy(part)).output.decision).toBe('undone');
    expect(await audited(here)).toContain('changed-by-hand');
    expect((await here.fixed.world.keeping.history()).isByHand).toBe(true);
  });

  it('somebody asks it to end: in order, with a record', async () => {
    const { site } = pretend(better);
    let here: Awaited<ReturnType<typeof world>>;
    let asked: Promise<boolean> | undefined;
    const clock = {
      ...site.clock,
      async sleep(ms: number, signal: AbortSignal) {
        await site.clock.sleep(ms, signal);
        const [one] = here.fixed.world.running.list();
        if (one === undefined || site.clock.nowNs() < 1e12 + 60e9) return;
        asked ??= here.fixed.world.running.end(one.id, 5000);
        await new Promise((resolve) => setTimeout(resolve, 5));
      },
    };
    here = await world(better, undefined, { ...site, clock });
    const { output } = await here.deploy({ keep: 3600 });
    expect(output.restored.verified).toBe(true);
    expect(output.decision).toMatch(/undone|kept/);
    expect(await asked).toBe(true);
    expect(await audited(here)).toContain('deployment-ended');
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
