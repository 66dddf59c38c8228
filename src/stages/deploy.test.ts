// Deployments on a machine of pretence with a clock of its own: what happens is known, so that what the record says can be held against it.

import { describe, expect, it } from 'vitest';
import { pretend } from '../../test/stages/pretence.ts';
import type { AttachScope } from '../core/attachment.ts';
import { deploymentSchema } from '../core/deployment.ts';
import { Fault } from '../core/errors.ts';
import { kpiSchema } from '../core/kpi.ts';
import { checkPlan, type DeploymentPlan, deploy, type KnobWish } from './deploy.ts';

const digest = 'a'.repeat(64);
const throughput = kpiSchema.parse({
  name: 'throughput',
  direction: 'higher',
  everyMs: 100,
  source: { from: 'command', argv: ['measure'] },
});

const part: AttachScope = { part: 'cgroups', paths: ['/work'] };
const plan: DeploymentPlan = {
  ...{
    policy: { name: 'good, slice 5 ms', object: digest, parameters: {} },
    from: [digest],
    by: 'somebody',
    startedMs: 5,
    level: 0,
    tokenId: 't',
    kernel: '7.3',
  },
  ...{
    kpis: [throughput],
    referenceMs: 15_000,
    seed: 3,
    heartbeatMs: 3000,
    timeoutMs: 5000,
    replaces: null,
    knobs: {},
  },
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

  it('what a service did while the policy was being loaded is no reference: 30 % less is seen as fast as ever', async () => {
    const badS = 2;
    const world = pretend({
      loading: { forS: 20, share: 0.5 },
      share: (attachedS) => (attachedS < badS ? 1 : 0.7),
    });
    const record = await deploy(world.site, { ...plan, steps: [] }, never);
    expect(record.end.how).toBe('tripped');
    const attachedNs = world.log.find(({ what }) => what === 'attach whole')!.at;
    const backNs = world.log.find(({ what }) => what === 'detached')!.at;
    expect((backNs - attachedNs) / 1e9 - badS).toBeLessThan(3);
  });

  it('says how long the machine waited for its scheduler, from the decision on', async () => {
    const world = pretend({ share: (s) => (s > 60 ? 0.7 : 1.1), leavesS: 2 });
    const { end, restored } = await deploy(world.site, { ...plan, steps: [] }, never);
    expect(end.how).toBe('tripped');
    expect(restored.tookNs).toBeGreaterThanOrEqual(2e9);
    expect(restored.tookNs).toBeLessThan(2.1e9);
  });

  it('what a policy leaves behind is no reference either', async () => {
    const world = pretend({ wake: { forS: 0.4, share: 0.2 }, share: (s) => (s > 60 ? 0.8 : 1.1) });
    const { steps, end } = await deploy(world.site, plan, never);
    expect(steps.map(({ decision }) => decision)).toEqual(['go', 'go']);
    expect(end.how).toBe('tripped');
    const attachedNs = world.log.findLast(({ what }) => what === 'attach whole')!.at;
    const backNs = world.log.findLast(({ what }) => what === 'detached')!.at;
    expect((backNs - attachedNs) / 1e9 - 60).toBeLessThan(3);
  });

  it('a policy that takes longer to load than a block lasts is measured as itself, and so is the default', async () => {
    const world = pretend({ loading: { forS: 5, share: 0.5 }, share: () => 1.1, noise: 0.01 });
    const { steps } = await deploy(world.site, plan, never);
    const blocks = steps.flatMap((step) => step.blocks);
    expect(blocks.length).toBeGreaterThanOrEqual(32);
    for (const { arm, value } of blocks)
      expect(Math.abs(value! - (arm === 'candidate' ? 1100 : 1000))).toBeLessThan(20);
  });

  it('says before anything is attached which losses would be seen', async () => {
    const world = pretend({ share: () => 1.1 });
    const said: string[] = [];
    const hear = async (news: { what: string; words?: string }): Promise<void> => {
      said.push(`${news.what}: ${news.words}`);
    };
    await deploy({ ...world.site, hear }, plan, never);
    expect(said[0]).toMatch(
      /^reference: .*; a loss of [\d.]+ % in throughput would be seen within 2 s, of [\d.]+ % in 20 s$/,
    );
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

  const other = { ops: 'scx_other', enableSeq: 3, unit: 'scx.service' };
  const acts = ({ log }: ReturnType<typeof pretend>): string[] =>
    log.map(({ what }) => what).filter((what) => !what.startsWith('news'));

  it('somebody else’s scheduler is remembered, unloaded before the reference, and has the machine back at the very end', async () => {
    const world = pretend({ share: () => 1.1, foreign: other });
    const record = await deploy(world.site, { ...plan, replaces: other }, never);
    expect(record.restored.replaced).toEqual({ ops: 'scx_other', words: 'scx_other is in charge again' });
    expect(acts(world).slice(0, 3)).toEqual(['remember scx_other', 'unload scx_other', 'attach cgroups']);
    expect(world.log.find(({ what }) => what === 'news reference')!.at).toBeGreaterThan(
      world.log.find(({ what }) => what === 'unload scx_other')!.at + 14e9,
    );
    expect(acts(world).filter((what) => what === 'start scx_other').length).toBe(1);
    expect(acts(world).at(-1)).toBe('start scx_other');
  });

  it.each<[string, Parameters<typeof pretend>[0], string]>([
    ['the kernel refuses the policy', { share: () => 1, refuse: 'load-rejected' }, 'refused'],
    ['attaching fails the third time', { share: () => 1.1, failsAt: 3 }, 'lost'],
    ['the policy is ejected', { share: () => 1, ejectS: 1 }, 'ejected'],
    ['a KPI gives nothing', { share: () => 1, lie: () => undefined }, 'no-go'],
  ])('it has the machine back also when %s', async (_, told, how) => {
    const world = pretend({ ...told, foreign: other });
    const record = await deploy(world.site, { ...plan, replaces: other }, never);
    expect([record.end.how, acts(world).at(-1)]).toEqual([how, 'start scx_other']);
    expect(world.isHeld()).toBe(false);
  });

  it('it is not touched without leave, and stays where it does not go', async () => {
    for (const replaces of [null, { ...other, enableSeq: 4 }, other]) {
      const world = pretend({ share: () => 1, foreign: other, clings: true });
      const record = await deploy(world.site, { ...plan, replaces }, never);
      expect(record.end).toMatchObject({ how: 'refused', words: expect.stringContaining('scx_other') });
      expect(acts(world)).toEqual(replaces === other ? ['remember scx_other'] : []);
      const replaced = replaces === other ? { ops: 'scx_other', words: 'scx_other has not left' } : null;
      expect(record.restored.replaced).toEqual(replaced);
    }
  });

  it('a scheduler that somebody loads while the default is measured ends it, and that is news', async () => {
    const world = pretend({ share: () => 1.1, intruderS: 40 });
    const record = await deploy(world.site, plan, never);
    expect(record.end).toMatchObject({ how: 'undone', words: 'somebody has loaded scx_intruder meanwhile' });
    expect(world.log.map(({ what }) => what)).toContain('news by-hand');
    expect(world.seconds()).toBeLessThan(45);
  });

  it.each<[string, Parameters<typeof pretend>[0]]>([
    ['lets go of it while it stays', { share: () => 1.1, takenS: 40 }],
    [
      'has loaded another in the moment before it is attached',
      { share: () => 1, refuse: 'foreign-scheduler' },
    ],
  ])('somebody %s: by hand, and nothing that speaks for or against anybody', async (_, told) => {
    const world = pretend(told);
    const record = await deploy(world.site, plan, never);
    expect(record.end.how).toBe('undone');
    expect(world.log.map(({ what }) => what)).toContain('news by-hand');
  });

  it('nobody is started over the head of somebody who has loaded another meanwhile', async () => {
    const world = pretend({ share: () => 1.1, foreign: other, intruderS: 40 });
    const record = await deploy(world.site, { ...plan, replaces: other }, never);
    expect(record.restored.replaced!.words).toBe('scx_other is not started again: scx_intruder is in charge');
    expect(acts(world)).not.toContain('start scx_other');
  });

  it('a machine that no longer answers is a record too, and is not called given back', async () => {
    const world = pretend({ share: () => 1.1, silent: true });
    const record = await deploy(world.site, plan, never);
    expect(record).toMatchObject({
      end: { how: 'lost', words: 'the machine no longer says who schedules it' },
      restored: { verified: false, state: 'unknown' },
    });
  });

  it.each([true, false])('says whether a frozen cgroup would be noticed: %s', async (freezeNoticed) => {
    const world = pretend({ share: () => 1.1, freezeNoticed });
    const said: string[] = [];
    const hear: typeof world.site.hear = (news) => {
      if (news.what === 'attached') said.push(news.words);
    };
    await deploy({ ...world.site, hear }, plan, never);
    expect(said).toHaveLength(1);
    expect(said[0]!.includes('is frozen, nobody takes it away')).toBe(!freezeNoticed);
  });

  it('the end that is asked for while a policy is being attached is an end in order', async () => {
    const world = pretend({ share: () => 1.1 });
    const stop = new AbortController();
    const machine = {
      ...world.site.machine,
      attach: async () => {
        stop.abort();
        throw new Fault('interrupted', 'interrupted while a policy was attached');
      },
    };
    const record = await deploy({ ...world.site, machine }, plan, stop.signal);
    expect(record.end).toMatchObject({ how: 'undone', words: 'somebody asked for the end' });
  });

  it('a fault of who hears the news ends it, and the policy is gone; a mistake of ours is not swallowed', async () => {
    for (const [thrown, isFault] of [
      [new Fault('unavailable', 'no space left'), true],
      [new Error('a bug'), false],
    ] as const) {
      const world = pretend({ share: () => 1.1 });
      const hear: typeof world.site.hear = ({ what }) => {
        if (what === 'step' || what === 'over') throw thrown;
      };
      const record = await deploy({ ...world.site, hear }, plan, never).catch((error: Error) => error);
      if (isFault)
        expect(record).toMatchObject({ end: { how: 'undone', words: 'no space left; no space left' } });
      else expect(record).toBe(thrown);
      expect([world.isHeld(), world.isReading()]).toEqual([false, false]);
    }
  });

  it('what cannot become a deployment is told before', async () => {
    expect(() => checkPlan(plan)).not.toThrow();
    const [step] = plan.steps as [DeploymentPlan['steps'][number]];
    expect(() => checkPlan({ ...plan, steps: [{ ...step, dwellMs: 1_000_000 }] })).toThrow(/pairs/);
    expect(() => checkPlan({ ...plan, kpis: [{ ...throughput, everyMs: 2000 }] })).toThrow(
      expect.objectContaining({ code: 'malformed', next: expect.stringContaining('--reference 40') }),
    );
  });

  it('a policy that stays in charge after it was let go is not called given back, whatever we call it', async () => {
    const record = await deploy(pretend({ share: () => 0.6, stays: true }).site, plan, never);
    expect(record.restored).toMatchObject({ verified: false, state: 'enabled', ops: 'good' });
  });

  it('is refused: nothing was attached', async () => {
    const world = pretend({ share: () => 1, refuse: 'load-rejected' });
    const record = await deploy(world.site, plan, never);
    expect(record.end).toMatchObject({ how: 'refused', words: 'refused: load-rejected' });
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

  it('a KPI that falls silent under the policy: tripped, as the worst loss of all', async () => {
    let atS = 0;
    const world = pretend({
      share: () => 1.1,
      lie: (value, s) => {
        atS = s;
        return s > 200 ? undefined : value;
      },
    });
    const record = await deploy(world.site, plan, never);
    expect(record.end).toMatchObject({ how: 'tripped', words: expect.stringContaining('throughput') });
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

describe('knobs', () => {
  const knobs = { patience_ns: { low: 10, high: 300 } };
  /** Asks for this after so many seconds, or once it stays; what was answered. */
  async function asked(when: number | 'kept', values: KnobWish['values']) {
    const world = pretend({ share: () => 1.1 });
    const answers: [boolean, string][] = [];
    let open = true;
    const wish = (): KnobWish | undefined => {
      const isTime =
        when === 'kept' ? world.log.some(({ what }) => what === 'news kept') : world.seconds() >= when;
      if (!open || !isTime) return undefined;
      open = false;
      return {
        who: { kind: 'person', name: 'ann' },
        values,
        answer: (done, words) => void answers.push([done, words]),
      };
    };
    const record = await deploy({ ...world.site, wish }, { ...plan, knobs, keepMs: 60_000 }, never);
    return { world, record, answers };
  }
  it('move while the policy stays, and the record says so', async () => {
    const { record, answers, world } = await asked('kept', { patience_ns: 300 });
    expect(answers).toEqual([[true, 'patience_ns = 300']]);
    expect(record.moved).toMatchObject([{ by: 'ann', values: { patience_ns: 300 } }]);
    expect(record.moved[0]!.atNs).toBeGreaterThanOrEqual(record.steps.at(-1)!.endNs);
    expect(world.knobs()).toEqual({ patience_ns: 300 });
    expect(record.end.how).toBe('kept');
  });

  it.each<[string, number | 'kept', KnobWish['values'], RegExp]>([
    ['while it is measured', 30, { patience_ns: 300 }, /still being measured/],
    ['beyond what was tested', 'kept', { patience_ns: 301 }, /outside of what was tested, 10 to 300/],
    ['one of two beyond', 'kept', { patience_ns: 20, other: 1 }, /other is no knob that may move/],
  ])('do not move %s', async (_, when, values, why) => {
    const { record, answers, world } = await asked(when, values);
    expect(answers).toEqual([[false, expect.stringMatching(why)]]);
    expect([record.moved, world.knobs(), record.end.how]).toEqual([[], {}, 'kept']);
  });
});
