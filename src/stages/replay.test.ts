import { describe, expect, it } from 'vitest';
import { machine } from '../../test/records/build.ts';
import { fast, prepare } from '../../test/stages/prepared.ts';
import { scriptedMachine } from '../../test/stages/scripted.ts';
import { canonicalJson } from '../core/canonical.ts';
import { type Experiment, type Outcome, verdictSchema } from '../core/records.ts';
import type { Observation } from '../judge/types.ts';
import { replayExperiment, replayVerdict } from './replay.ts';

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
