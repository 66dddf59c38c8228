// The gauntlet's verdict: what each gate's evidence comes to. Expectations follow from the issue's own words: one "no" rejects, what was not asked is not accepted.

import { describe, expect, it } from 'vitest';
import {
  type GateEvidence,
  type GauntletPlan,
  type HarmRow,
  type LoadName,
  loadNames,
} from '../core/gauntlet.ts';
import type { Finding } from '../core/records.ts';
import { judgeGauntlet } from './gauntlet.ts';

const plan: GauntletPlan = {
  ...{ kind: 'gauntlet', by: '1.0.0', gates: ['static', 'simulator', 'kernel', 'harm'], kernels: ['6.18.1'] },
  ...{ seed: 1, scenarios: 100, loads: [...loadNames], watchdogMs: 1700, knobs: {}, goal: 'makespan' },
};
const attack = {
  scenarios: 100,
  cut: 0,
  simulatedSeconds: 1,
  violation: null,
  unsupported: null,
  ignored: [],
};
const finding = (code: Finding['code']): Finding => ({ code, message: `it was ${code}` });

/** Six pairs, each so many times the default's value. */
const row = (factor: number, wish: Partial<HarmRow> = {}): HarmRow => ({
  ...{ workload: 'long-tail', goalName: 'makespan', costs: 'hardware-low', metric: 'makespanNs' },
  direction: 'lower',
  pairs: [1, 2, 3, 4, 5, 6].map((seed) => ({ value: (100 + seed) * factor, base: 100 + seed })),
  ...wish,
});
const both = (low: number, high: number, wish: Partial<HarmRow> = {}): HarmRow[] => [
  row(low, wish),
  row(high, { ...wish, costs: 'hardware-high' }),
];

const sound = {
  static: { gate: 'static', rejections: [], warnings: 0 },
  simulator: {
    gate: 'simulator',
    knobs: 'given',
    standard: [{ workload: 'long-tail', finding: null }],
    attack,
  },
  kernel: {
    ...{ gate: 'kernel', release: '6.18.1', machine: 'micro-vm' },
    runs: loadNames.map((load) => ({
      load,
      knobs: 'given' as const,
      outcome: 'a',
      finding: null,
      left: false,
    })),
  },
  harm: { gate: 'harm', rows: both(1, 1.01) },
} as const satisfies Record<string, GateEvidence>;

const judged = (
  changed: Partial<Record<keyof typeof sound, GateEvidence | null>> = {},
  wish: Partial<GauntletPlan> = {},
) => {
  const all = { ...sound, ...changed };
  const evidence = Object.values(all).filter((one): one is GateEvidence => one !== null);
  return judgeGauntlet({ ...plan, ...wish }, 'policy:x', evidence);
};
const ran = (findings: readonly (Finding | null)[]): GateEvidence => ({
  ...sound.kernel,
  runs: sound.kernel.runs.map((run, i) => ({ ...run, finding: findings[i] ?? null })),
});
/** Ejected under this load, with the exit that the kernel gives when a CPU comes or goes. */
const left = (under: LoadName): GateEvidence => ({
  ...sound.kernel,
  runs: sound.kernel.runs.map((run) =>
    run.load === under ? { ...run, finding: finding('ejected'), left: true } : run,
  ),
});

describe('the gauntlet', () => {
  it('accepts who has passed every gate, and nobody else', () => {
    expect(judged()).toMatchObject({
      decision: 'accepted',
      chosen: 'policy:x',
      why: 'every gate was passed',
    });
    for (const gate of ['static', 'simulator', 'kernel', 'harm'] as const)
      expect(judged({ [gate]: null }), gate).toMatchObject({ decision: 'inconclusive', chosen: null });
  });

  it.each<[string, Parameters<typeof judged>[0], string]>([
    [
      'a finding of the static gate',
      { static: { ...sound.static, rejections: [{ code: 'name-matching', why: 'w' }] } },
      'the static gate: name-matching',
    ],
    [
      'a standard workload that fails in the simulator',
      {
        simulator: {
          ...sound.simulator,
          standard: [{ workload: 'pipes', finding: finding('stalled') }],
          attack: null,
        },
      },
      'the simulator: pipes: it was stalled',
    ],
    [
      'a checker of attack mode',
      {
        simulator: {
          ...sound.simulator,
          attack: { ...attack, violation: { checker: 'starvation', message: 'm', seed: 3, saved: '/f' } },
        },
      },
      'the simulator: starvation: m',
    ],
    ['a kernel', { kernel: ran([null, finding('ejected')]) }, 'kernel 6.18.1: crowd: it was ejected'],
    [
      'a loss that is above 5 % at both ends of the costs',
      { harm: { gate: 'harm', rows: both(1.06, 1.2) } },
      'no harm: it loses more than 5 % of makespan on long-tail',
    ],
    [
      'a run of its own that failed where the default did not',
      {
        harm: {
          gate: 'harm',
          rows: both(1, 1, {
            pairs: row(1).pairs.map(({ base }, i) => ({ base, value: i === 2 ? null : base })),
          }),
        },
      },
      'no harm: it loses more than 5 % of makespan on long-tail',
    ],
  ])('rejects for %s', (_, changed, why) => {
    expect(judged(changed)).toMatchObject({ decision: 'rejected', chosen: null, why });
  });

  it.each<[string, Parameters<typeof judged>[0]]>([
    [
      'what the simulator does not model',
      { simulator: { ...sound.simulator, attack: { ...attack, unsupported: 'scx_x()' } } },
    ],
    [
      'a workload that the simulator cannot play',
      {
        simulator: {
          ...sound.simulator,
          standard: [{ workload: 'pipes', finding: finding('unsupported') }],
          attack: null,
        },
      },
    ],
    [
      'attack mode that was cut short',
      { simulator: { ...sound.simulator, attack: { ...attack, scenarios: 99 } } },
    ],
    ['a scenario that took too long', { simulator: { ...sound.simulator, attack: { ...attack, cut: 1 } } }],
    ['harm at one end of the costs only', { harm: { gate: 'harm', rows: both(1, 1.2) } }],
    [
      'a loss around the limit',
      {
        harm: {
          gate: 'harm',
          rows: [row(1, { pairs: [0.9, 1.1, 1, 1.08, 0.99, 1.07].map((value) => ({ value, base: 1 })) })],
        },
      },
    ],
  ])('does not know: %s', (_, changed) => {
    expect(judged(changed)).toMatchObject({ decision: 'inconclusive', chosen: null });
  });

  it('does not accept what met fewer scenarios than are needed, though all that were asked for', () => {
    const simulator = { ...sound.simulator, attack: { ...attack, scenarios: 99 } };
    expect(judged({ simulator }, { scenarios: 99 })).toMatchObject({
      ...{ decision: 'inconclusive', chosen: null },
      why: expect.stringContaining('100 are the least'),
    });
  });

  it('calls a broken guest or kernel invalid, unless another run has said no', () => {
    expect(judged({ kernel: ran([finding('guest-failed')]) }).decision).toBe('invalid');
    expect(judged({ kernel: ran([finding('kernel-broken')]) }).decision).toBe('invalid');
    expect(judged({ kernel: ran([finding('guest-failed'), finding('stalled')]) }).decision).toBe('rejected');
  });

  it('does not hold against a policy that it leaves in order when a CPU goes', () => {
    const { decision, gates } = judged({ kernel: left('hotplug') });
    expect(decision).toBe('accepted');
    expect(gates[2]!.why).toMatch(/has to be deployed again/);
  });

  it.each(['provoke', 'crowd', 'stress'] as const)(
    'does not believe that it left for a CPU under %s',
    (load) => {
      expect(judged({ kernel: left(load) })).toMatchObject({
        decision: 'rejected',
        why: `kernel 6.18.1: ${load}: it was ejected`,
      });
    },
  );

  it('needs every load, of which a host has fewer', () => {
    const under = (machine: 'micro-vm' | 'host', count: number) =>
      judged({ kernel: { ...sound.kernel, machine, runs: sound.kernel.runs.slice(0, count) } });
    expect(under('micro-vm', 3)).toMatchObject({
      decision: 'inconclusive',
      why: expect.stringContaining('not run: hotplug'),
    });
    expect(under('host', 2).decision).toBe('accepted');
    expect(under('host', 1).decision).toBe('inconclusive');
  });

  it('needs every kernel', () => {
    const { decision, gates } = judged({}, { kernels: ['6.18.1', '7.3.4'] });
    expect(decision).toBe('inconclusive');
    expect(gates[3]).toMatchObject({ gate: 'kernel', on: '7.3.4', passed: 'not-run' });
  });

  it('asks each of two kernels of the same release', () => {
    const both = (...kernel: readonly GateEvidence[]) =>
      judgeGauntlet({ ...plan, kernels: ['6.18.1', '6.18.1'] }, 'policy:x', [
        ...[sound.static, sound.simulator, sound.harm],
        ...kernel,
      ]);
    expect(both(sound.kernel, sound.kernel).decision).toBe('accepted');
    expect(both(sound.kernel, ran([finding('stalled')]))).toMatchObject({
      decision: 'rejected',
      why: 'kernel 6.18.1: provoke: it was stalled',
    });
    expect(both(sound.kernel)).toMatchObject({ decision: 'inconclusive', why: 'kernel 6.18.1: not run' });
  });

  describe('with knobs', () => {
    const ends = ['low', 'high'] as const;
    const simulated = ends.map((knobs): GateEvidence => ({ ...sound.simulator, knobs, standard: [] }));
    const moved = ends.flatMap((knobs) => sound.kernel.runs.slice(0, 2).map((run) => ({ ...run, knobs })));
    const kernel = (runs: typeof moved): GateEvidence => ({
      ...sound.kernel,
      runs: [...sound.kernel.runs, ...runs],
    });
    const knobs = { a: { low: 1, high: 2 } };
    const tried = (...evidence: readonly GateEvidence[]) =>
      judgeGauntlet({ ...plan, knobs }, 'policy:x', [sound.static, sound.simulator, sound.harm, ...evidence]);

    it('has tried both ends', () => {
      const { decision, gates } = tried(...simulated, kernel(moved));
      expect(decision).toBe('accepted');
      for (const gate of [1, 2]) expect(gates[gate]!.why).toContain('its knobs at both ends too');
    });

    it.each([
      ['the low end in the simulator', [simulated[1]!, kernel(moved)]],
      ['both ends in the simulator', [kernel(moved)]],
      ['the high end on the kernel', [...simulated, kernel(moved.slice(0, 2))]],
      ['one load at an end', [...simulated, kernel(moved.slice(1))]],
      ['both ends on the kernel', [...simulated, sound.kernel]],
    ])('does not know without %s', (_, evidence) => {
      expect(tried(...evidence)).toMatchObject({
        decision: 'inconclusive',
        why: expect.stringMatching(/: it was not tried with its knobs at the (low|high) end$/),
      });
    });
  });

  it('judges harm by its own goal alone, and not at all when nobody said which', () => {
    const slow = both(2, 2, { workload: 'frames', goalName: 'latency', metric: 'latencyNsP99:frame' });
    const rows = [...both(1, 1), ...slow];
    expect(judged({ harm: { gate: 'harm', rows } }).decision).toBe('accepted');
    expect(judged({ harm: { gate: 'harm', rows } }, { goal: 'latency' }).decision).toBe('rejected');
    const open = judged({ harm: { gate: 'harm', rows } }, { goal: null });
    expect(open).toMatchObject({
      decision: 'accepted',
      gates: expect.arrayContaining([expect.objectContaining({ passed: 'not-judged' })]),
    });
    expect(open.changes.map(({ workload, harm }) => [workload, harm])).toEqual([
      ['long-tail', 'none'],
      ['frames', 'harm'],
    ]);
  });

  it('says the change over all costs', () => {
    const [change] = judged({ harm: { gate: 'harm', rows: both(0.9, 1.02) } }).changes;
    expect([change!.low, change!.high].map((one) => one!.toFixed(3))).toEqual(['-0.100', '0.020']);
  });
});
