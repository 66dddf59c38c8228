import { expect, it } from 'vitest';
import { turns } from './turns.ts';

it('so many at a time, in order, and a failure frees its place', async () => {
  const inTurn = turns(2);
  const begun: number[] = [];
  let [now, most] = [0, 0];
  const work = async (n: number): Promise<number> => {
    begun.push(n);
    most = Math.max(most, ++now);
    await new Promise((resolve) => setTimeout(resolve, 2));
    now--;
    if (n % 3 === 0) throw new Error(`${n}`);
    return n;
  };
  const ends = await Promise.allSettled(Array.from({ length: 9 }, (_, n) => inTurn(() => work(n))));
  expect(begun).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  expect(most).toBe(2);
  expect(ends.filter(({ status }) => status === 'rejected')).toHaveLength(3);
  expect(await inTurn(() => work(10))).toBe(10);
});
