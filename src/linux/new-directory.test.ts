// All files of a new directory, or none.

import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { faultOf } from '../../test/linux/support.ts';
import { fillDirectory } from './new-directory.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'schedcp-new-'));
});
afterEach(() => rmSync(root, { recursive: true }));

const file = (name: string, mode = 0o644) => ({ name, bytes: Buffer.from(name), mode });

it('makes the directory, and gives each file its mode whatever the umask', async () => {
  const old = process.umask(0o077);
  try {
    await fillDirectory(join(root, 'a/b'), [file('one'), file('two', 0o755)]);
  } finally {
    process.umask(old);
  }
  expect(readFileSync(join(root, 'a/b/one'), 'utf8')).toBe('one');
  expect(statSync(join(root, 'a/b/one')).mode & 0o777).toBe(0o644);
  expect(statSync(join(root, 'a/b/two')).mode & 0o777).toBe(0o755);
});

it('takes an empty one', async () => {
  mkdirSync(join(root, 'a'));
  await fillDirectory(join(root, 'a'), [file('one')]);
  expect(readdirSync(join(root, 'a'))).toEqual(['one']);
});

it('leaves what is there alone, and what it has written behind when it fails: nothing', async () => {
  writeFileSync(join(root, 'mine'), 'x');
  expect(await faultOf(() => fillDirectory(root, [file('one')]))).toMatchObject({ code: 'not-permitted' });
  expect(readdirSync(root)).toEqual(['mine']);
  // the third file cannot be made: its name leads into a directory that is none
  const failing = [file('one'), file('two'), file('one/three')];
  expect(await faultOf(() => fillDirectory(join(root, 'new/er'), failing))).toMatchObject({
    code: 'not-permitted',
  });
  expect(readdirSync(root)).toEqual(['mine']);
  mkdirSync(join(root, 'empty'));
  expect(await faultOf(() => fillDirectory(join(root, 'empty'), failing))).toMatchObject({
    code: 'not-permitted',
  });
  expect(readdirSync(join(root, 'empty'))).toEqual([]);
});

it('never writes through a link', async () => {
  writeFileSync(join(root, 'target'), 'mine');
  mkdirSync(join(root, 'a'));
  symlinkSync(join(root, 'target'), join(root, 'a', 'one'));
  expect(await faultOf(() => fillDirectory(join(root, 'a'), [file('one')]))).toMatchObject({
    code: 'not-permitted',
  });
  expect(readFileSync(join(root, 'target'), 'utf8')).toBe('mine');
});

it('is refused below a directory that takes none, and ends', async () => {
  const fault = await faultOf(() => fillDirectory('/proc/nope/keep', [file('one')]));
  expect(fault).toMatchObject({ code: 'not-permitted', message: expect.stringContaining('ENOENT') });
});
