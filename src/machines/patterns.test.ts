import { expect, it } from 'vitest';
import { faultOf } from '../../test/linux/support.ts';
import { patternValue } from './patterns.ts';

it.each<[string, string, number | undefined]>([
  ['time: ([\\d.]+)', 'x\ntime: 1.25 s\n', 1.25],
  ['^(\\d+)$', 'a\n17\nb', 17], // lines, not the whole text
  ['(-?[\\d.]+e\\d+)', 'v=-1.5e3', -1500],
  ['a(\\d*)', 'a', undefined], // nothing is not zero
  ['a(.)', 'a ', undefined],
  ['(\\w+)', 'word', undefined],
  ['(\\d+)', 'no number', undefined],
  ['(x)?', 'y', undefined],
  ['\\d+', '17', undefined], // no group
  ['(\\d+)', '', undefined],
  ['(\\d+) (\\d+)', '1 2', 1],
  ['(\\S+)', 'Infinity', undefined],
  ['(\\d+)', '"+process.exit()+" 5', 5],
])('%s of %j is %s', (pattern, text, expected) => {
  expect(patternValue('m', pattern, text)).toBe(expected);
});

it('an expression that is none is a fault', async () => {
  expect(await faultOf(() => patternValue('speed', '(', 'x'))).toMatchObject({
    code: 'malformed',
    message: expect.stringContaining('the pattern of speed'),
  });
});

it('an expression that backtracks for ever ends within seconds', async () => {
  const started = Date.now();
  const fault = await faultOf(() => patternValue('speed', '^(a+)+$', `${'a'.repeat(60)}!`));
  expect(fault).toMatchObject({ code: 'unsupported', message: expect.stringContaining('(a+)+') });
  expect(Date.now() - started).toBeLessThan(10_000);
});

it('reads as much as a guest lets through', () => {
  expect(patternValue('m', 'end (\\d+)', `${'x\n'.repeat(65_536)}end 9`)).toBe(9);
});
