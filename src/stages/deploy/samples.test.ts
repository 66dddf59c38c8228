import { expect, it } from 'vitest';
import { kpiSchema } from '../../core/kpi.ts';
import { Samples } from './samples.ts';

const kpi = kpiSchema.parse({
  name: 'rate',
  direction: 'higher',
  everyMs: 100,
  unit: 'per s',
  source: { from: 'command', argv: ['x'] },
});

it('the reference is what was seen under the default scheduler, and nothing else', () => {
  const samples = new Samples([kpi], () => 0);
  for (const [i, value] of [1, 2, 30, 40, 3].entries()) {
    samples.under(value >= 30 ? 'candidate' : 'default');
    samples.hear({ kpi: 'rate', endNs: i * 1e8, value });
  }
  expect(samples.reference().map(({ value }) => value)).toEqual([1, 2, 3]);
  expect(samples.between('rate', 1e8, 3e8).map(({ value }) => value)).toEqual([2, 30, 40]);
  expect(samples.words()).toBe('under the default scheduler: rate 2 per s');
});

it('what was seen while the policy was being loaded is no reference', () => {
  const samples = new Samples([kpi], () => 0);
  for (const [i, who] of (['default', 'neither', 'candidate'] as const).entries()) {
    samples.under(who);
    samples.hear({ kpi: 'rate', endNs: i * 1e8, value: i });
  }
  expect(samples.reference().map(({ value }) => value)).toEqual([0]);
});

it('what the policy has left behind is no reference, and is measured all the same', () => {
  const samples = new Samples([kpi], () => 0);
  samples.under('candidate');
  samples.under('default', 1e9);
  samples.under('default', 9e9); // it is already
  for (const endNs of [0.9e9, 1.05e9, 1.1e9, 1.2e9]) samples.hear({ kpi: 'rate', endNs, value: endNs });
  expect(samples.reference().map(({ at }) => at)).toEqual([1.1e9, 1.2e9]);
  expect(samples.between('rate', 0, 2e9).length).toBe(4);
});

it('says why there is no reference', () => {
  const samples = new Samples([kpi], () => 0);
  samples.hear({ kpi: 'rate', endNs: 1, value: undefined, why: 'the command ended with 1' });
  expect(samples.problem(10_000)).toBe('rate gave 0 numbers in 10 s, 100 were due: the command ended with 1');
  for (let i = 0; i < 50; i++) samples.hear({ kpi: 'rate', endNs: i, value: 1 });
  expect(samples.problem(10_000)).toBeUndefined(); // half of them
});

it('in a long watch the last minute under the default scheduler is kept, and the last minute', () => {
  let now = 0;
  const samples = new Samples([kpi], () => now);
  const hear = (count: number): void => {
    for (let i = 0; i < count; i++) {
      now += 1e8;
      samples.hear({ kpi: 'rate', endNs: now, value: now });
    }
  };
  hear(2000);
  samples.under('candidate');
  hear(200_000);
  expect(samples.reference().length).toBe(600);
  expect(samples.reference().at(-1)!.at).toBe(2000 * 1e8);
  const late = samples.between('rate', now - 50e9, now);
  expect(late.length).toBe(501);
});
