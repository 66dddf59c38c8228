import { describe, expect, it } from 'vitest';
import { advance, type Clock } from './clock.ts';

const steadyOf = (times: readonly number[]): number[] => {
  let clock: Clock | null = null;
  return times.map((raw) => {
    clock = advance(clock, raw, 1000, 100);
    return raw + clock.shift;
  });
};

describe('clock', () => {
  it.each<[string, number[], number[]]>([
    ['goes with the caller', [0, 100, 200, 900], [0, 100, 200, 900]],
    ['a jump forward is one interval', [0, 100, 5000, 5100], [0, 100, 200, 300]],
    ['a jump back is one interval', [9000, 9100, 100, 200], [9000, 9100, 9200, 9300]],
    ['there and back again', [0, 100, 5000, 5100, 300], [0, 100, 200, 300, 400]],
    ['what is a little late stays late, and moves nothing', [0, 500, 450, 600], [0, 500, 450, 600]],
  ])('%s', (_, raw, steady) => {
    expect(steadyOf(raw)).toEqual(steady);
  });
});
