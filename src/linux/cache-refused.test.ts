// A cache on a file system that says no: faults that name the place, and nothing left behind.

import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fill, freshRoots } from '../../test/linux/cache.ts';
import { faultOf, names } from '../../test/linux/support.ts';
import { explainWrite, openCache } from './cache.ts';

const { fresh } = freshRoots();

describe('a file system that says no', () => {
  it.each([
    ['ENOSPC', 'unavailable', /no space left below \/c/],
    ['EDQUOT', 'unavailable', /no space left/],
    ['EROFS', 'not-permitted', /cannot write below \/c \(EROFS\)/],
    ['EACCES', 'not-permitted', /EACCES/],
    ['EPERM', 'not-permitted', /EPERM/],
    ['ENOTDIR', 'not-permitted', /ENOTDIR/],
  ])('%s is a fault: %s', (code, fault, message) => {
    const explained = explainWrite(Object.assign(new Error('x'), { code, path: '/c/staging/1' }), '/c');
    expect(explained).toMatchObject({ code: fault, message: expect.stringMatching(message) });
    expect((explained as { next: string }).next).toContain('XDG_CACHE_HOME');
  });

  it.each([
    ['another error', { code: 'EIO', path: '/c/a' }],
    ['a file elsewhere', { code: 'EACCES', path: '/home/secret' }],
    ['a sibling', { code: 'EACCES', path: '/cc' }],
  ])('%s passes unchanged', (_, error) => {
    expect(explainWrite(error, '/c')).toBe(error);
  });

  it.each(['entry', 'scratch', 'exclusively'] as const)(
    'a file where the cache should be: %s',
    async (call) => {
      const root = fresh();
      writeFileSync(root, '');
      for (const cache of [openCache(root), openCache(join(root, 'below'))]) {
        const attempt = () =>
          call === 'entry'
            ? cache.entry('tools/a', fill(''))
            : call === 'scratch'
              ? cache.scratch()
              : cache.exclusively('a', async () => 1);
        expect(await faultOf(attempt)).toMatchObject({
          code: 'not-permitted',
          next: expect.stringContaining('XDG_CACHE_HOME'),
        });
      }
    },
  );

  it('a place where nothing can be made', async () => {
    await expect(openCache('/proc/no/such').scratch()).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('a file where a kind should be', async () => {
    const cache = openCache(fresh());
    mkdirSync(cache.root);
    writeFileSync(cache.path('tools'), '');
    expect((await faultOf(() => cache.entry('tools/a', fill('')))).code).toBe('not-permitted');
    expect(names(cache.path('staging'))).toEqual([]);
  });

  const mountable = (): boolean => {
    try {
      execFileSync('unshare', ['-m', 'true'], { stdio: 'ignore' });
      return process.getuid?.() === 0;
    } catch {
      return false;
    }
  };

  /** Runs lines with a cache of 256 KiB on a file system of its own. */
  const onSmallDisk = (root: string, options: string, lines: string): string => {
    mkdirSync(root, { recursive: true });
    const file = new URL('./cache.ts', import.meta.url).pathname;
    const code = `const { openCache } = await import(${JSON.stringify(file)});
      const { writeFileSync, mkdirSync } = await import('node:fs');
      const cache = openCache(${JSON.stringify(join(root, 'c'))});
      const told = (call) => call.then((v) => 'fine', (e) => e.name + ' ' + e.code + ' ' + e.message);
      ${lines}`;
    const shell = `mount -t tmpfs -o size=256k none "$1" && ${options} "$2" --import tsx --input-type=module -e "$3"`;
    return execFileSync('unshare', ['-m', 'sh', '-c', shell, 'sh', root, process.execPath, code], {
      encoding: 'utf8',
    }).trim();
  };

  it.runIf(mountable())('a full disk', () => {
    const said = onSmallDisk(
      fresh(),
      '',
      `console.log(await told(cache.entry('tools/a', async (d) => writeFileSync(d + '/x', Buffer.alloc(1 << 20)))));
       console.log(await told(cache.entry('tools/a', async (d) => writeFileSync(d + '/x', 'small'))));`,
    );
    expect(said).toMatch(/^Fault unavailable no space left below .*\/c\nfine$/);
  });

  it.runIf(mountable())('a read-only disk still gives what it has', () => {
    const root = fresh();
    const remount = 'mkdir -p "$1/c/tools/a" && mount -o remount,ro "$1" &&';
    const said = onSmallDisk(
      root,
      remount,
      `console.log(await told(cache.entry('tools/a', async () => {})));
       console.log(await told(cache.entry('tools/b', async () => {})));
       console.log(await told(cache.scratch()));
       console.log(await told(cache.trim(0)));
       console.log(await told(cache.remove()));`,
    ).split('\n');
    expect(said[0]).toBe('fine');
    for (const line of [said[1], said[2], said[4]])
      expect(line).toMatch(/^Fault not-permitted cannot write below .* \(EROFS\)$/);
    expect(said[3]).toBe('fine');
  });
});
