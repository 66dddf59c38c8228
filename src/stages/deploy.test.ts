// Deployments on a machine of pretence with a clock of its own: what happens is known, so that what the record says can be held against it.

import { describe, expect, it } from 'vitest';
import type { Attached, Attachment, AttachmentEnd, AttachScope } from '../core/attachment.ts';
import { deploymentSchema } from '../core/deployment.ts';
import { type KpiSample, type KpiSpec, kpiSchema } from '../core/kpi.ts';
import { createRandom } from '../lib/random.ts';
import { type DeploymentPlan, deploy, type Site } from './deploy.ts';

const digest = 'a'.repeat(64);
const throughput = kpiSchema.parse({
  name: 'throughput',
  direction: 'higher',
  everyMs: 100,
  source: { from: 'command', argv: ['measure'] },
});

interface Pretence {
  /** Of the usual value, while the policy is attached: by seconds since it was attached, and in which part. */
  readonly share: (attachedS: number, scope: AttachScope) => number;
  readonly noise?: number;
  /** What the KPI really gives, for those that fail or lie. */
  readonly lie?: (value: number, atS: number) => number | undefined;
  /** The kernel ends it so many seconds after attaching. */
  readonly ejectS?: number;
  readonly refuse?: boolean;
  /** Seconds from the start at which the control plane is frozen, and for how long. */
  readonly freeze?: { readonly atS: number; readonly forS: number };
}

function pretend({ share, noise = 0.03, lie, ejectS, refuse, freeze }: Pretence) {
  const random = createRandom(7);
  let [now, frozen] = [1e12, false];
  const startNs = now;
  let hear: ((sample: KpiSample) => void) | undefined;
  let held: { since: number; scope: AttachScope; end: (end: AttachmentEnd) => void } | undefined;
  const log: { at: number; what: string }[] = [];
  let beats = 0;
  const step = (): void => {
    now += 10e6;
    const attached = held === undefined ? 1 : share((now - held.since) / 1e9, held.scope);
    if (held !== undefined && ejectS !== undefined && now - held.since > ejectS * 1e9) end('ejected');
    if ((now - startNs) % 100e6 !== 0) return;
    const real = 1000 * attached * Math.exp(noise * random.normal());
    const value = lie === undefined ? real : lie(real, (now - startNs) / 1e9);
    hear?.({ kpi: 'throughput', endNs: now, value, ...(value === undefined && { why: 'it failed' }) });
  };
  const end = (why: AttachmentEnd['why']): AttachmentEnd => {
    const exit =
      why === 'ejected'
        ? { kind: 1026, code: 0, reason: 'runnable task stall', message: 'x[1] failed to run', dump: '' }
        : null;
    const told = { why, exit, kernelEvents: { SCX_EV_X: 2 }, detail: why };
    if (held !== undefined) log.push({ at: now, what: why });
    held?.end(told);
    held = undefined;
    return told;
  };
  const attach = async (scope: AttachScope): Promise<Attached> => {
    if (refuse === true)
      return {
        ok: false,
        finding: { code: 'foreign-scheduler', message: 'somebody else’s scheduler is there' },
      };
    let resolve: (end: AttachmentEnd) => void = () => {};
    const ended = new Promise<AttachmentEnd>((done) => {
      resolve = done;
    });
    held = { since: now, scope, end: resolve };
    log.push({ at: now, what: `attach ${scope.part}` });
    const attachment: Partial<Attachment> = {
      ...{ address: 'here', ops: 'good', enableSeq: 1, replaced: null, ended },
      beat: () => {
        beats++;
      },
      detach: async () => end('detached'),
    };
    return { ok: true, attachment: attachment as Attachment };
  };
  const site: Site = {
    machine: {
      name: 'host',
      attach: (_, scope) => attach(scope),
      attachments: async () => [],
      adopt: async () => Promise.reject(new Error('none')),
    },
    clock: {
      nowNs: () => now,
      async sleep(ms, signal) {
        const until = now + ms * 1e6;
        if (freeze !== undefined && !frozen && now - startNs > freeze.atS * 1e9) {
          frozen = true;
          const thaw = now + freeze.forS * 1e9;
          while (now < thaw) step();
        }
        while (now < until && !signal.aborted) step();
        await undefined;
      },
    },
    async openKpis(_: readonly KpiSpec[], to) {
      hear = to;
      return {
        async close() {
          hear = undefined;
        },
      };
    },
    presence: async () => ({
      state: held === undefined ? 'disabled' : 'enabled',
      ops: held === undefined ? '' : 'good',
    }),
    hear: (news) => void log.push({ at: now, what: `news ${news.what}` }),
  };
  return {
    site,
    log,
    beats: () => beats,
    seconds: () => (now - startNs) / 1e9,
    isHeld: () => held !== undefined,
    isReading: () => hear !== undefined,
  };
}

const part: AttachScope = { part: 'cgroups', paths: ['/work'] };
const plan: DeploymentPlan = {
  ...{
    policy: { name: 'good', object: digest, parameters: {} },
    from: [digest],
    by: 'somebody',
    startedMs: 5,
    level: 0,
    tokenId: 't',
    kernel: '7.3',
  },
  ...{ kpis: [throughput], referenceMs: 15_000, seed: 3, heartbeatMs: 3000, timeoutMs: 5000, replace: false },
  steps: [
    { scope: part, question: 'no-harm', limit: 0.1, blockMs: 3000, washoutMs: 500, dwellMs: 20_000 },
    {
      scope: { part: 'whole' },
      question: 'better',
      limit: 0.02,
      blockMs: 3000,
      washoutMs: 500,
      dwellMs: 20_000,
    },
  ],
  ...{ keepMs: 120_000, keepScope: { part: 'whole' } },
};
const never = new AbortController().signal;

describe('deploy', () => {
  it('a policy that is better: two steps, kept, given back, and the record is one', async () => {
    const world = pretend({ share: () => 1.1 });
    const record = await deploy(world.site, plan, never);
    expect(deploymentSchema.parse(record)).toEqual(record);
    expect(record.end).toMatchObject({ how: 'kept', evidence: [] });
    expect(record.steps.map(({ decision }) => decision)).toEqual(['go', 'go']);
    for (const { effect, startNs, endNs } of record.steps) {
      expect(effect!.low).toBeLessThanOrEqual(0.1);
      expect(effect!.high).toBeGreaterThanOrEqual(0.1);
      expect(endNs - startNs).toBeGreaterThanOrEqual(20e9); // the dwell time
    }
    expect(record.restored).toMatchObject({ verified: true, state: 'disabled' });
    expect(world.isHeld()).toBe(false);
    expect(world.isReading()).toBe(false);
    expect(world.log.filter(({ what }) => what === 'attach cgroups').length).toBeGreaterThan(3);
    const beats = world.beats() / world.seconds();
    expect(beats).toBeGreaterThan(0.4); // half of the time attached, four beats in three seconds
  });

  it('never attaches beyond a step that did not say go', async () => {
    const world = pretend({ share: (_, scope) => (scope.part === 'whole' ? 1.1 : 0.85) });
    const record = await deploy(world.site, plan, never);
    expect(record.end.how).toMatch(/no-go|tripped/);
    expect(world.log.some(({ what }) => what === 'attach whole')).toBe(false);
  });

  it('one that gains nothing is not kept where a gain is asked for', async () => {
    const record = await deploy(pretend({ share: () => 1 }).site, plan, never);
    expect(record.end.how).toBe('no-go');
    expect(record.steps.map(({ decision }) => decision)[0]).toBe('go');
    expect(record.steps[1]!.decision).not.toBe('go');
  });

  it('30 % less trips in the first block, within 3 s, and the KPI is named', async () => {
    const world = pretend({ share: () => 0.7 });
    const record = await deploy(world.site, plan, never);
    expect(record.end).toMatchObject({ how: 'tripped', evidence: [{ kpi: 'throughput' }] });
    const [{ effect }] = record.end.evidence as [(typeof record.end.evidence)[number]];
    expect(effect.low).toBeLessThanOrEqual(-0.3);
    expect(effect.high).toBeGreaterThanOrEqual(-0.3);
    const attached = world.log.find(({ what }) => what.startsWith('attach'))!;
    const detached = world.log.find(({ what }) => what === 'detached')!;
    expect(detached.at - attached.at).toBeLessThan(3e9);
    expect(record.restored.verified).toBe(true);
    expect(record.steps).toMatchObject([{ decision: 'no-go' }]);
  });

  it('turns bad a minute after it was kept: trips within 3 s of the change', async () => {
    const world = pretend({ share: (s) => (s > 60 ? 0.65 : 1.1) });
    const record = await deploy(world.site, plan, never);
    expect(record.end.how).toBe('tripped');
    expect(record.steps.map(({ decision }) => decision)).toEqual(['go', 'go']);
    const attached = world.log.findLast(({ what }) => what === 'attach whole')!;
    const detached = world.log.findLast(({ what }) => what === 'detached')!;
    expect(detached.at - attached.at).toBeGreaterThan(60e9);
    expect(detached.at - attached.at).toBeLessThan(63e9);
  });

  it('is ejected by the kernel: told with its exit record', async () => {
    const record = await deploy(pretend({ share: () => 1, ejectS: 1 }).site, plan, never);
    expect(record.end).toMatchObject({ how: 'ejected', exit: { kind: 1026 } });
    expect(record.end.words).toContain('failed to run');
  });

  it('is refused: nothing was attached', async () => {
    const world = pretend({ share: () => 1, refuse: true });
    const record = await deploy(world.site, plan, never);
    expect(record.end).toMatchObject({ how: 'refused', words: 'somebody else’s scheduler is there' });
  });

  it.each([
    ['never gives a number', () => undefined, 'throughput gave 0 numbers'],
    ['is always the same', () => 5, 'throughput'],
  ])('a KPI that %s: no go', async (_, lie, words) => {
    const world = pretend({ share: () => 1, lie });
    const record = await deploy(world.site, plan, never);
    expect(record.end.how).toBe('no-go');
    expect(record.end.words).toContain(words);
    expect(world.isHeld()).toBe(false);
  });

  it('a KPI that falls silent while the policy is kept: no go', async () => {
    let atS = 0;
    const world = pretend({
      share: () => 1.1,
      lie: (value, s) => {
        atS = s;
        return s > 200 ? undefined : value;
      },
    });
    const record = await deploy(world.site, plan, never);
    expect(record.end.how).toBe('no-go');
    expect(atS).toBeLessThan(210);
  });

  it('a control plane that was frozen lets go when it wakes', async () => {
    const world = pretend({ share: () => 1.1, freeze: { atS: 20, forS: 4 } });
    const record = await deploy(world.site, plan, never);
    expect(record.end).toMatchObject({ how: 'tripped' });
    expect(record.end.words).toContain('late');
  });

  it.each([1, 20, 60, 120, 200])('somebody asks for the end after %i s: in order', async (s) => {
    const world = pretend({ share: () => 1.1 });
    const stop = new AbortController();
    const { clock } = world.site;
    const sleep = clock.sleep.bind(clock);
    clock.sleep = async (ms, signal) => {
      await sleep(ms, signal);
      if (world.seconds() > s) stop.abort();
    };
    const record = await deploy(world.site, { ...plan, keepMs: null }, stop.signal);
    expect(record.end.how).toMatch(/undone|kept/);
    expect(record.end.how === 'kept').toBe(world.log.some(({ what }) => what === 'news kept'));
    expect(world.isHeld()).toBe(false);
    expect(record.restored.tookNs).toBeLessThan(1e9);
  });
});
