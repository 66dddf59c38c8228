// Whose turn it is: one at a time, whoever has died meanwhile, and nothing stays behind.

import { readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { temporaryDirectory } from '../../test/linux/support.ts';
import { type Claim, claim } from './claims.ts';

const base = temporaryDirectory();

it('one has it, the next is told who; afterwards nothing is left', () => {
  const directory = join(base, 'one');
  const mine = claim(directory, 0) as Claim;
  expect(claim(directory, 0)).toMatchObject({ heldBy: expect.stringMatching(`^${process.pid}\\.`) });
  expect('release' in claim(directory, 1)).toBe(true);
  mine.release();
  expect(readdirSync(directory)).toEqual(['1.0']);
  const again = claim(directory, 0) as Claim;
  again.release();
  expect(readdirSync(directory)).toEqual(['1.0']);
});

it('what the dead have left is passed by, and taken away with the claim of who came after them', () => {
  const directory = join(base, 'dead');
  (claim(directory, 0) as Claim).release();
  for (const n of [0, 1]) symlinkSync('1.0.0.an earlier boot', join(directory, `0.${n}`));
  const mine = claim(directory, 0) as Claim;
  expect(readdirSync(directory).sort()).toEqual(['0.0', '0.1', '0.2']);
  expect('heldBy' in claim(directory, 0)).toBe(true);
  mine.release();
  expect(readdirSync(directory)).toEqual([]);
});
