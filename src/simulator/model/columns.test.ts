// Columns come back clean, and only to those who ask for the same.

import { expect, it } from 'vitest';
import { Columns } from './columns.ts';

it('the next simulation gets the same column again, cleared to what it asks for', () => {
  const columns = new Columns();
  const first = columns.ints(3, -1);
  first.set([7, 8, 9]);
  columns.restart();
  const again = columns.ints(3, 5);
  expect(again).toBe(first);
  expect([...again]).toEqual([5, 5, 5]);
});

it('one simulation never gets a column twice', () => {
  const columns = new Columns();
  columns.times(4);
  columns.restart();
  expect(columns.times(4)).not.toBe(columns.times(4));
});

it('another length or kind is another column', () => {
  const columns = new Columns();
  const kept = [columns.bytes(2), columns.signedBytes(2), columns.ints(2)];
  for (const one of kept) one.fill(1);
  columns.restart();
  const asked = [columns.signedBytes(2), columns.signedBytes(2), columns.ints(3)];
  expect(asked.map((one) => one.constructor.name)).toEqual(['Int8Array', 'Int8Array', 'Int32Array']);
  expect(asked.map((one) => [...one])).toEqual([
    [0, 0],
    [0, 0],
    [0, 0, 0],
  ]);
  expect(asked[1]).toBe(kept[1]);
});

it('long columns are not kept, nor those that the last simulation had no use for', () => {
  const columns = new Columns();
  const long = columns.bytes(2 ** 20 + 1);
  const [, second] = [columns.bytes(8), columns.bytes(9)];
  columns.restart();
  expect(columns.bytes(2 ** 20 + 1) === long).toBe(false); // and not expect().not.toBe(), which looks into both
  columns.bytes(8);
  columns.restart();
  columns.bytes(2 ** 20 + 1);
  columns.bytes(8);
  expect(columns.bytes(9)).not.toBe(second);
});
