// What the labelling of the corpus makes of an outcome: the kernel's own words out of logs of two forms, harm as a factor in the right direction.

import { describe, expect, it } from 'vitest';
import { answerOf } from '../../bench/corpus/answers.ts';
import { harmOf } from '../../bench/corpus/harm.ts';
import type { Outcome } from '../../src/core/records.ts';
import type { Label } from '../gauntlet/corpus.ts';

const outcome = (parts: Partial<Outcome>): Outcome => ({
  ...{ kind: 'outcome', version: 1, from: [], status: 'failed', finding: null, metrics: {}, exit: null },
  ...{ presence: [], kernelEvents: {}, timeline: [], output: null, notes: [] },
  ...parts,
});

const exit = (kind: number, message: string): Outcome['exit'] => ({
  ...{ kind, code: 0, reason: 'runtime error', message, dump: '' },
});

describe('answerOf', () => {
  const refused = (detail: string) =>
    answerOf(
      outcome({
        finding: {
          code: 'load-rejected',
          message: 'the kernel refused to load the policy in x_enqueue (EACCES, load)',
          detail,
        },
      }),
      'provoke',
    );

  it('takes the last line of an old log that is no statistics', () => {
    const log =
      '42: (b7) r1 = 1   ; R1=1\n; use(p); @ x.c:3\nR0 invalid mem access\nverification time 2180 usec\nstack depth 16\nprocessed 40 insns';
    expect(refused(log)).toEqual({
      answer: 'refused at load',
      message: 'EACCES: R0 invalid mem access',
    });
  });

  it('takes the reason of a new one, over its lines', () => {
    const log =
      'Reason:\n  R0 may be NULL\n  here.\n\nSuggestion:\n  Add a check.\n\nsubprog 0 (x) main\nprocessed 40 insns';
    expect(refused(log).message).toBe('EACCES: R0 may be NULL here.');
  });

  it('calls what init refuses a refusal to attach, and what comes later an ejection', () => {
    const ejected = (message: string) =>
      answerOf(outcome({ finding: { code: 'ejected', message: '' }, exit: exit(1024, message) }), 'crowd');
    expect(ejected('ops.init() failed (-17)').answer).toBe('refused at attach');
    expect(ejected('ops.init_task() failed (-12) for init[1]').answer).toBe('refused at attach');
    expect(ejected('invalid DSQ ID 0x7')).toEqual({
      ...{ answer: 'ejected', message: 'kind 1024, runtime error: invalid DSQ ID 0x7', under: 'crowd' },
    });
  });

  it('does not take work that failed for a kernel that noticed', () => {
    const answer = answerOf(
      outcome({ finding: { code: 'command-failed', message: 'exit 2' }, exit: exit(64, '') }),
      'forks',
    );
    expect(answer).toMatchObject({
      answer: 'never noticed',
      under: 'forks',
      measured: { forks: { failed: 1 } },
    });
  });

  it('sums up what hogs got: the favoured to the nice, and who got least', () => {
    const ran = (task: string, seconds: number): Outcome['timeline'][number] => ({
      ...{ task, round: 0, startNs: 0, endNs: 0, delayNs: 0, cpuNs: seconds * 1e9 },
    });
    const timeline = [
      ran('hog-favoured-0', 4),
      ran('hog-favoured-1', 2),
      ran('hog-nice-0', 1),
      ran('hog-nicest-0', 0.25),
      ran('sleeper-0', 0.1),
    ];
    const { measured } = answerOf(outcome({ timeline, metrics: { makespanNs: 5e9 } }), 'provoke');
    expect(measured).toEqual({ provoke: { makespanS: 5, favouredToNice: 3, leastHogS: 0.25 } });
  });
});

describe('harmOf', () => {
  const labelled = (name: string, faulty: boolean, provoke: Record<string, number>): Label => ({
    ...{ name, faulty, origin: 'ours', class: null, fault: null, gate: null, why: null },
    kernels: { '7.3': { answer: 'never noticed', message: null, measured: { provoke } } },
  });
  const sound = [1, 2, 3].map((n) =>
    labelled(`sound-${n}`, false, { wakeMsP99: 10 * n, leastHogS: 1, favouredToNice: 1 }),
  );
  const of = (metrics: Record<string, number>) => harmOf(labelled('faulty', true, metrics), sound);

  it('is a longer wait than the middle one of the sound policies makes', () => {
    expect(of({ wakeMsP99: 100, leastHogS: 0.9 })).toMatchObject({
      ...{ metric: 'wakeMsP99', value: 100, reference: 20, factor: 5 },
    });
  });

  it('is less of what is good when more of it', () => {
    expect(of({ wakeMsP99: 20, leastHogS: 0.1 })).toMatchObject({ metric: 'leastHogS', factor: 10 });
    expect(of({ wakeMsP99: 2, leastHogS: 10 })).toBeUndefined();
  });

  it('is distance from what the weights say, to either side', () => {
    expect(of({ favouredToNice: 9.3 })).toBeUndefined();
    expect(of({ favouredToNice: 0.1 })?.factor).toBeCloseTo(10, 0);
    expect(of({ favouredToNice: 870 })?.factor).toBeCloseTo(10, 0);
  });

  it('is measured against its original, for a mutant', () => {
    const fifo = labelled('fifo', false, { wakeMsP99: 1000 });
    const mutant = labelled('fifo-no-drain', true, { wakeMsP99: 1500 });
    expect(harmOf(mutant, [...sound, fifo])?.factor).toBe(1.5);
  });
});
