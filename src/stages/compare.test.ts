import { describe, expect, it } from 'vitest';
import { arms, fast, goal, prepare } from '../../test/stages/prepared.ts';
import { trial } from '../../test/stages/scripted.ts';
import { canonicalJson } from '../core/canonical.ts';
import { Fault } from '../core/errors.ts';
import { type Arm, type Experiment, type Outcome, recordSchema, verdictSchema } from '../core/records.ts';
import type { Goal, Observation, OtherWorkload } from '../judge/types.ts';
import { replayVerdict } from './replay.ts';

function bySeedOf(ran: readonly Experiment[]): Map<number, Experiment[]> {
  const groups = new Map<number, Experiment[]>();
  for (const item of ran) groups.set(item.seed, [...(groups.get(item.seed) ?? []), item]);
  return groups;
}

describe('compareArms', () => {
  it('accepts a planted winner, with its effect', async () => {
    const { judgement } = await prepare({ factor: fast }).run();
    expect(judgement).toMatchObject({ decision: 'accepted', chosen: 'policy:fast' });
    expect(judgement.effect?.relative).toBeCloseTo(-0.2, 2);
    expect(judgement.effect?.high).toBeLessThan(-0.18);
    expect(judgement.arms.find((arm) => arm.id === 'policy:slow')).toMatchObject({ status: 'dropped' });
  });

  it('accepts a winner by a metric of which more is better', async () => {
    const more: Goal = { metric: 'makespanNs', direction: 'higher', unit: '' };
    const { judgement } = await prepare(
      { factor: fast },
      { goal: more, others: [{ trial: trial(), goal: more }] },
    ).run();
    expect(judgement).toMatchObject({ decision: 'accepted', chosen: 'policy:slow' });
  });

  it.each([1, 2, 3, 4, 5, 6])('accepts none of equal arms (seed %d)', async (seed) => {
    const { judgement } = await prepare({ noise: 0.01 }, { seed }).run();
    expect(judgement.decision).not.toBe('accepted');
    expect(judgement.chosen).toBeNull();
  });

  it('reports an arm that fails, with what it said first, and goes on with the others', async () => {
    let runs = 0;
    const finding = (e: Experiment) =>
      e.arm.id === 'policy:slow' ? ({ code: 'stalled', message: `stall ${runs++}` } as const) : undefined;
    const { judgement, failures } = await prepare({ factor: fast, finding }).run();
    expect(judgement.decision).toBe('accepted');
    expect(judgement.arms.find((arm) => arm.id === 'policy:slow')).toMatchObject({
      status: 'failed',
      n: 0,
      median: null,
    });
    expect([...failures]).toEqual([['policy:slow', { code: 'stalled', message: 'stall 0' }]]);
  });

  it('is invalid when the default itself fails', async () => {
    let runs = 0;
    const finding = (e: Experiment) =>
      e.arm.kind === 'default' ? ({ code: 'timeout', message: `slow ${runs++}` } as const) : undefined;
    const { judgement, failures } = await prepare({ finding }).run();
    expect(judgement.decision).toBe('invalid');
    expect(runs).toBeGreaterThan(1);
    expect(failures.get('default')).toEqual({ code: 'timeout', message: 'slow 0' });
  });

  it('counts a run without the metric as none', async () => {
    const { judgement, verdict } = await prepare({ metric: 'elapsedNs' }).run();
    expect(judgement.decision).toBe('invalid');
    expect((verdict.observations as Observation[])[0]).toMatchObject({
      valid: false,
      why: 'the run has no metric makespanNs',
    });
  });

  it('pairs: every arm of a block has one seed and one workload, and nuisances of its own', async () => {
    const { lab, run } = prepare({ factor: fast });
    await run();
    const bySeed = bySeedOf(lab.machine.ran);
    const [first] = bySeed.values();
    expect(first?.map((experiment) => experiment.arm.id).sort()).toEqual(arms.map((arm) => arm.id).sort());
    for (const group of bySeed.values()) {
      expect(new Set(group.map((experiment) => canonicalJson(experiment.workload))).size).toBe(1);
      expect(new Set(group.map((experiment) => experiment.arm.id)).size).toBe(group.length);
    }
    expect(new Set(first?.map((experiment) => experiment.nuisance.startOffsetNs)).size).toBe(4);
  });

  it('keeps every record, from the candidate on', async () => {
    const { records, run } = prepare({ factor: fast });
    const { verdict, digest } = await run();
    expect(verdictSchema.parse(await records.get(digest))).toEqual(verdict);
    expect(verdict.outcomes).toHaveLength(verdict.observations.length);
    for (const outcomeDigest of verdict.outcomes) {
      const { from } = (await records.get(outcomeDigest)) as Outcome;
      const experiment = (await records.get(from[0] ?? '')) as Experiment;
      expect(Object.values(verdict.candidates)).toContain(experiment.from[0]);
      expect(verdict.candidates[experiment.arm.id]).toBe(experiment.from[0]);
    }
    for (const record of records.all.values()) recordSchema.parse(record);
    expect(verdict.from.sort()).toEqual(Object.values(verdict.candidates).sort());
  });

  it('gives the same verdict whatever runs at once and in whatever order runs end', async () => {
    const digests: string[] = [];
    for (const parallel of [1, 2, 4]) {
      const before = async (e: Experiment): Promise<void> => {
        await new Promise((resolve) =>
          setTimeout(resolve, parallel === 1 ? 0 : (e.nuisance.pidOffset * 7) % 4),
        );
      };
      const { run } = prepare({ factor: fast, before }, { trial: trial({ parallel }) });
      digests.push((await run()).digest);
    }
    expect(new Set(digests).size).toBe(1);
    expect((await prepare({ factor: fast }, { seed: 2 }).run()).digest).not.toBe(digests[0]);
  });

  it.each([1, 3])('runs at most %d at once', async (parallel) => {
    let [now, most] = [0, 0];
    const before = async (): Promise<void> => {
      most = Math.max(most, ++now);
      await new Promise((resolve) => setTimeout(resolve, 1));
      now--;
    };
    await prepare(
      { factor: fast, before },
      { trial: trial({ parallel }), others: [{ trial: trial({ parallel }), goal }] },
    ).run();
    expect(most).toBe(parallel);
  });

  it('says how far it is, never beyond the end', async () => {
    const { said, run } = prepare({ factor: fast });
    await run();
    expect(said[0]).toEqual(['screening 4 arms, 3 rounds left', 0, 12]);
    for (const [, done, total] of said) expect(done).toBeLessThan(total);
    expect(said.some(([text]) => text === 'checking fast for harm on other')).toBe(true);
    expect(said.some(([text]) => / 1 round left$/.test(text))).toBe(true);
  });
});

describe('no harm', () => {
  const harmful = (arm: Arm, e: Experiment): number =>
    e.workload?.name === 'other' ? (arm.id === 'policy:fast' ? 1.2 : 1) : fast(arm);
  const other = trial({
    name: 'other',
    workload: async () => ({
      kind: 'declared',
      name: 'other',
      file: 'b'.repeat(64),
      expansion: 'c'.repeat(64),
    }),
  });

  it('a winner that harms another workload is not accepted', async () => {
    const { judgement } = await prepare({ factor: harmful }, { others: [{ trial: other, goal }] }).run();
    expect(judgement).toMatchObject({ decision: 'rejected', chosen: null });
    expect(judgement.claims.find((claim) => claim.kind === 'no-harm')).toMatchObject({
      against: 'other',
      holds: false,
    });
  });

  it('its pairs name their outcomes, and replay notices a pair that is not what they say', async () => {
    const setup = prepare({ factor: harmful }, { others: [{ trial: other, goal }] });
    const { verdict } = await setup.run();
    expect(await replayVerdict(verdict, setup.records)).toEqual([]);
    const [entry] = verdict.others as OtherWorkload[];
    const [pair, ...rest] = entry?.pairs ?? [];
    expect(pair?.outcomes).toHaveLength(2);
    const kinder = { ...entry, pairs: [{ ...pair, value: pair?.base ?? null }, ...rest] };
    const differences = await replayVerdict({ ...verdict, others: [kinder] }, setup.records);
    expect(differences.map((item) => item.what)).toEqual(
      expect.arrayContaining([expect.stringContaining('other, pair 0')]),
    );
  });

  it('a winner that fails on another workload is not accepted, and why is told', async () => {
    const finding = (e: Experiment) =>
      e.workload?.name === 'other' && e.arm.id === 'policy:fast'
        ? ({ code: 'ejected', message: 'thrown out' } as const)
        : undefined;
    const { judgement } = await prepare(
      { factor: fast, finding },
      { others: [{ trial: other, goal }] },
    ).run();
    expect(judgement.chosen).toBeNull();
    expect(judgement.claims.find((claim) => claim.kind === 'no-harm')).toMatchObject({
      holds: false,
      why: 'thrown out',
    });
  });

  it('is checked on seeds of its own, in pairs, on no workload when nothing was chosen', async () => {
    const { lab, run } = prepare({ factor: fast }, { others: [{ trial: other, goal }] });
    await run();
    const [own, others] = [false, true].map((is) =>
      lab.machine.ran.filter((e) => (e.workload?.name === 'other') === is),
    );
    const seeds = new Set(own?.map((e) => e.seed));
    for (const group of bySeedOf(others ?? []).values())
      expect(group.map((e) => e.arm.id).sort()).toEqual(['default', 'policy:fast']);
    expect(others?.length).toBeGreaterThan(9);
    expect(others?.some((e) => seeds.has(e.seed))).toBe(false);
    const two = prepare(
      { factor: fast },
      { others: ['one', 'two'].map((name) => ({ trial: { ...other, name }, goal })) },
    );
    await two.run();
    const drawn = two.lab.machine.ran.filter((e) => e.workload?.name === 'other').map((e) => e.seed);
    expect(new Set(drawn).size).toBe(drawn.length / 2); // each seed for one workload, under two arms
    const none = prepare({}, { others: [{ trial: other, goal }] });
    const { judgement } = await none.run();
    expect(judgement.chosen).toBeNull();
    expect(none.lab.machine.ran.some((e) => e.workload?.name === 'other')).toBe(false);
  });

  it.each([
    [1, 'accepted'],
    [0.5, 'rejected'],
  ])('bystanders that get %d of their CPU time: %s', async (share, decision) => {
    const more = (e: Experiment) => ({ backgroundCpus: e.arm.id === 'policy:fast' ? share : 1 });
    const { judgement } = await prepare({ factor: fast, more }).run();
    expect(judgement.decision).toBe(decision);
    expect(judgement.claims.find((claim) => claim.against === 'background tasks')?.holds).toBe(share === 1);
  });
});

describe('an interruption', () => {
  it('ends the comparison and keeps what has run', async () => {
    const controller = new AbortController();
    let runs = 0;
    const before = (): void => {
      if (++runs === 6) controller.abort();
    };
    const { records, run } = prepare(
      { before },
      { signal: controller.signal, trial: trial({ parallel: 1 }) },
    );
    await expect(run()).rejects.toMatchObject({ code: 'interrupted' });
    const kinds = [...records.all.values()].map((record) => (record as { kind: string }).kind);
    expect(kinds.filter((kind) => kind === 'outcome')).toHaveLength(6);
    expect(kinds).not.toContain('verdict');
  });

  it('by a machine that cannot work stops further starts, waits for those under way, and passes the fault on', async () => {
    let [runs, under] = [0, 0];
    const before = async (): Promise<void> => {
      const mine = ++runs;
      under++;
      await new Promise((resolve) => setTimeout(resolve, mine === 2 ? 1 : 20));
      under--;
      if (mine === 2) throw new Fault('unavailable', 'no space');
    };
    const { lab, run } = prepare({ before }, { trial: trial({ parallel: 2 }) });
    await expect(run()).rejects.toMatchObject({ code: 'unavailable', message: 'no space' });
    expect([under, lab.machine.ran.length]).toEqual([0, 2]);
  });
});
