import { describe, expect, it } from 'vitest';
import { defaultArm, machine, policyArm } from '../../test/records/build.ts';
import { contestants, heldRecords, type Script, scriptedMachine, trial } from '../../test/stages/scripted.ts';
import { canonicalJson, recordDigest } from '../core/canonical.ts';
import { Fault } from '../core/errors.ts';
import { type Arm, type Experiment, type Outcome, recordSchema, verdictSchema } from '../core/records.ts';
import { createPlan } from '../judge/plan.ts';
import type { Goal, Observation, OtherWorkload } from '../judge/types.ts';
import { type Comparison, type ComparisonInput, compareArms } from './compare.ts';
import { replayExperiment, replayVerdict } from './replay.ts';
import { type Lab, nuisanceOf, type Trial } from './trials.ts';

const goal: Goal = { metric: 'makespanNs', direction: 'lower', unit: 'ns' };
const settings: Arm = { id: 'settings:batch', name: 'batch', kind: 'settings', settings: { sched: 'batch' } };
const arms = [defaultArm, settings, policyArm('fast'), policyArm('slow')];

interface Setup {
  readonly seed?: number;
  readonly arms?: readonly Arm[];
  readonly trial?: Trial;
  readonly others?: ComparisonInput['others'];
  readonly signal?: AbortSignal;
  readonly goal?: Goal;
}

/** A lab, and the comparison that it is to carry out. */
function prepare(script: Script, setup: Setup = {}) {
  const records = heldRecords();
  const lab: Lab & { machine: ReturnType<typeof scriptedMachine> } = {
    machine: scriptedMachine(script),
    records,
    signal: setup.signal ?? new AbortController().signal,
  };
  const chosen = setup.arms ?? arms;
  const plan = createPlan({
    seed: setup.seed ?? 1,
    goal: setup.goal ?? goal,
    arms: chosen.map(({ id, name, kind }) => ({ id, name, kind })),
    profile: 'deterministic',
  });
  const said: [string, number, number][] = [];
  const input: ComparisonInput = {
    lab,
    plan,
    trial: setup.trial ?? trial(),
    contestants: contestants(chosen),
    others: setup.others ?? [{ trial: trial({ name: 'other' }), goal }],
    progress: (...report) => said.push(report),
  };
  return { lab, records, input, said, run: (): Promise<Comparison> => compareArms(input) };
}

function bySeedOf(ran: readonly Experiment[]): Map<number, Experiment[]> {
  const groups = new Map<number, Experiment[]>();
  for (const item of ran) groups.set(item.seed, [...(groups.get(item.seed) ?? []), item]);
  return groups;
}

const fast = (arm: Arm): number => (arm.id === 'policy:fast' ? 0.8 : arm.id === 'policy:slow' ? 1.3 : 1);

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

describe('replay', () => {
  const made = async () => {
    const setup = prepare({ factor: fast });
    return { ...setup, ...(await setup.run()) };
  };

  it('of a verdict comes to the same bytes', async () => {
    const { verdict, records } = await made();
    expect(await replayVerdict(verdict, records)).toEqual([]);
    const read = verdictSchema.parse(JSON.parse(canonicalJson(verdict)));
    expect(await replayVerdict(read, records)).toEqual([]);
  });

  const spoil = (verdict: { observations: unknown[] }, index: number, change: object): unknown[] =>
    verdict.observations.map((item, at) => (at === index ? { ...(item as object), ...change } : item));

  it('notices an observation that is not what its outcome says', async () => {
    const { verdict, records } = await made();
    for (const change of [{ value: 1 }, { armId: 'policy:slow' }, { seed: 12_345 }]) {
      const index = (verdict.observations as Observation[]).findIndex(
        (item) => item.armId === 'policy:fast' && item.phase === 'screen',
      );
      const differences = await replayVerdict(
        { ...verdict, observations: spoil(verdict, index, change) },
        records,
      ).catch(() => 'refused');
      expect(differences).not.toEqual([]);
    }
  });

  it('notices an outcome that was exchanged', async () => {
    const { verdict, records } = await made();
    const [first = '', second = '', ...rest] = verdict.outcomes;
    const differences = await replayVerdict({ ...verdict, outcomes: [second, first, ...rest] }, records);
    expect(differences.map((item) => item.what)).toEqual(
      expect.arrayContaining([
        expect.stringContaining('observation 0'),
        expect.stringContaining('observation 1'),
      ]),
    );
    const better = { ...((await records.get(first)) as Outcome), metrics: { makespanNs: 5 } };
    const digest = await records.put(better);
    const [changed] = await replayVerdict({ ...verdict, outcomes: [digest, second, ...rest] }, records);
    expect(changed).toMatchObject({ what: `observation 0 (outcome ${digest.slice(0, 12)})`, now: 5 });
  });

  it('notices an outcome of another arm, even when it says the same', async () => {
    const setup = prepare({ noise: 0 });
    const { verdict } = await setup.run();
    const [first = '', second = '', ...rest] = verdict.outcomes;
    const swapped = { ...verdict, outcomes: [second, first, ...rest] };
    const differences = await replayVerdict(swapped, setup.records);
    const digests = [second, first].map((digest) => digest.slice(0, 12));
    expect(differences.map((item) => item.what)).toEqual(
      digests.map((digest, index) => `observation ${index} (outcome ${digest}), arm`),
    );
  });

  it('notices observations without outcomes, and a judgement that does not follow', async () => {
    const { verdict, records } = await made();
    const [counted] = await replayVerdict({ ...verdict, outcomes: verdict.outcomes.slice(0, -1) }, records);
    expect(counted).toEqual({
      what: 'observations with an outcome',
      recorded: verdict.outcomes.length,
      now: verdict.outcomes.length - 1,
    });
    const bent = { ...verdict, judgement: { ...(verdict.judgement as object), decision: 'rejected' } };
    expect((await replayVerdict(bent, records)).map((item) => item.what)).toEqual(['judgement']);
  });

  it('of an experiment holds its metrics against the record, as closely as the mode allows', async () => {
    const { lab, records, verdict } = await made();
    const outcome = (await records.get(verdict.outcomes[0] ?? '')) as Outcome;
    const experiment = (await records.get(outcome.from[0] ?? '')) as Experiment;
    const value = outcome.metrics.makespanNs ?? 0;
    expect((await replayExperiment(lab, experiment, outcome)).differences).toEqual([]);
    expect((await replayExperiment(lab, experiment, undefined)).differences).toEqual([]);
    const was = (parts: Partial<Outcome>): Outcome => ({ ...outcome, ...parts });
    const check = async (recorded: Outcome, mode: 'deterministic' | 'fast'): Promise<string[]> =>
      (
        await replayExperiment(
          { ...lab, machine: scriptedMachine({ factor: fast }) },
          { ...experiment, machine: machine(mode) },
          recorded,
        )
      ).differences.map((d) => d.what);
    expect(await check(was({ metrics: { makespanNs: value * 1.009 } }), 'deterministic')).toEqual([]);
    expect(await check(was({ metrics: { makespanNs: value * 1.02 } }), 'deterministic')).toEqual([
      'makespanNs',
    ]);
    expect(await check(was({ metrics: { makespanNs: value * 1.02 } }), 'fast')).toEqual([]);
    expect(await check(was({ metrics: { makespanNs: value * 3 } }), 'fast')).toEqual(['makespanNs']);
    expect(await check(was({ metrics: { makespanNs: value, gone: 1 } }), 'deterministic')).toEqual(['gone']);
    expect(
      await check(
        was({ status: 'failed', finding: { code: 'stalled', message: '' }, metrics: {} }),
        'deterministic',
      ),
    ).toEqual(['status']);
  });
});

it('nuisances follow from seed and arm, and stay in their bounds', () => {
  expect(nuisanceOf(1, 'a')).toEqual(nuisanceOf(1, 'a'));
  expect(recordDigest(nuisanceOf(1, 'a'))).not.toBe(recordDigest(nuisanceOf(1, 'b')));
  const drawn = Array.from({ length: 500 }, (_, seed) => nuisanceOf(seed, 'a'));
  for (const { startOffsetNs, pidOffset } of drawn) {
    expect(startOffsetNs >= 0 && startOffsetNs < 8_000_000 && Number.isInteger(startOffsetNs)).toBe(true);
    expect(pidOffset >= 0 && pidOffset < 64 && Number.isInteger(pidOffset)).toBe(true);
  }
  expect(new Set(drawn.map((item) => item.pidOffset)).size).toBeGreaterThan(50);
});
