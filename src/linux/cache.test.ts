import { execFileSync } from 'node:child_process';
import { existsSync, linkSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { deadPid, fill, freshRoots, slowMaker } from '../../test/linux/cache.ts';
import { faultOf, names, sleep } from '../../test/linux/support.ts';
import { cacheDirectory, cacheLimit, freeBytes, openCache, treeSize } from './cache.ts';

const { base, fresh } = freshRoots();

describe('entries', () => {
  it('are made once and kept', async () => {
    const cache = openCache(fresh());
    const first = await cache.entry('tools/a', fill('one'));
    const second = await cache.entry('tools/a', fill('two'));
    expect([first, second]).toEqual([cache.path('tools', 'a'), cache.path('tools', 'a')]);
    expect(readFileSync(join(first, 'content'), 'utf8')).toBe('one');
    expect(names(cache.path('tools'))).toEqual(['a']); // no lock is left
    expect(names(cache.path('staging'))).toEqual([]);
  });

  it('do not exist before they are whole', async () => {
    const cache = openCache(fresh());
    await cache.entry('tools/a', async (directory) => {
      expect(existsSync(cache.path('tools', 'a'))).toBe(false);
      expect(directory.startsWith(cache.path('staging'))).toBe(true);
    });
    expect(existsSync(cache.path('tools', 'a'))).toBe(true);
  });

  it('leave nothing when making them fails, and can be made then', async () => {
    const cache = openCache(fresh());
    const failing = cache.entry('tools/a', async (directory) => {
      writeFileSync(join(directory, 'half'), '');
      throw new Error('no luck');
    });
    await expect(failing).rejects.toThrow('no luck');
    expect([names(cache.path('staging')), names(cache.path('tools'))]).toEqual([[], []]);
    expect(readFileSync(join(await cache.entry('tools/a', fill('two')), 'content'), 'utf8')).toBe('two');
  });

  it('are made once by callers of one process', async () => {
    const cache = openCache(fresh());
    let made = 0;
    const make = async (): Promise<void> => {
      made++;
      await sleep(50);
    };
    await Promise.all([
      cache.entry('tools/a', make),
      cache.entry('tools/a', make),
      cache.entry('tools/b', make),
    ]);
    expect(made).toBe(2);
  });

  it('are made once by two processes', async () => {
    const root = fresh();
    const both = [slowMaker(root, 500), slowMaker(root, 500)];
    const ends = await Promise.all(both.map((one) => one.end));
    expect(ends.map((end) => end.err)).toEqual(['', '']);
    expect(new Set(ends.map((end) => /got \d+/.exec(end.out)?.[0])).size).toBe(1);
    expect(ends.filter((end) => end.out.includes('making'))).toHaveLength(1);
    expect(names(join(root, 'tools'))).toEqual(['slow']);
  });

  it('are made by the next when the maker is killed', async () => {
    const root = fresh();
    const victim = slowMaker(root, 60_000);
    await victim.says('making');
    expect(names(join(root, 'tools'))).toEqual(['slow.lock']);
    victim.child.kill('SIGKILL');
    await victim.end;
    const started = Date.now();
    const entry = await openCache(root).entry('tools/slow', fill('mine'));
    expect(Date.now() - started).toBeLessThan(1000);
    expect(names(entry)).toEqual(['content']);
    expect(names(join(root, 'staging'))).toHaveLength(1); // the victim's
    const [left = ''] = names(join(root, 'staging'));
    expect(await openCache(root).trim(1e9)).toEqual([join('staging', left)]);
    expect(names(join(root, 'staging'))).toEqual([]);
  });

  it('are not blocked by the lock of an earlier process with the same id', async () => {
    const root = fresh();
    const cache = openCache(root);
    mkdirSync(cache.path('tools'), { recursive: true });
    writeFileSync(cache.path('tools', 'a.lock'), `${process.pid}.1`);
    await cache.entry('tools/a', fill('x'), AbortSignal.timeout(1000));
    expect(names(cache.path('tools'))).toEqual(['a']);
  });

  it('are waited for until the signal', async () => {
    const root = fresh();
    const holder = slowMaker(root, 60_000);
    await holder.says('making');
    const fault = await faultOf(() =>
      openCache(root).entry('tools/slow', fill('x'), AbortSignal.timeout(150)),
    );
    expect(fault).toMatchObject({ code: 'interrupted' });
    expect(holder.child.exitCode).toBeNull();
    expect(names(join(root, 'tools'))).toEqual(['slow.lock']); // still the holder's
    holder.child.kill('SIGKILL');
    await holder.end;
  });

  it('are taken from whoever was faster', async () => {
    const cache = openCache(fresh());
    const entry = await cache.entry('tools/a', async () => {
      mkdirSync(cache.path('tools', 'a'), { recursive: true });
      writeFileSync(cache.path('tools', 'a', 'content'), 'faster');
    });
    expect(readFileSync(join(entry, 'content'), 'utf8')).toBe('faster');
    expect(names(cache.path('staging'))).toEqual([]);
  });

  it('keep a lock that is not ours', async () => {
    const cache = openCache(fresh());
    await cache.entry('tools/a', async () => writeFileSync(cache.path('tools', 'a.lock'), '1.1'));
    expect(readFileSync(cache.path('tools', 'a.lock'), 'utf8')).toBe('1.1');
  });
});

describe('exclusively', () => {
  it('lets one at a time work, and the next also after a failure', async () => {
    const cache = openCache(fresh());
    const log: string[] = [];
    const work = (name: string) => async (): Promise<string> => {
      log.push(`${name} in`);
      await sleep(30);
      log.push(`${name} out`);
      if (name === 'a') throw new Error('a broke');
      return name;
    };
    const [a, b] = await Promise.allSettled([
      cache.exclusively('apt/tools', work('a')),
      cache.exclusively('apt/tools', work('b')),
    ]);
    expect([a.status, b.status]).toEqual(['rejected', 'fulfilled']);
    const first = log[0]?.[0];
    expect(log.slice(0, 2)).toEqual([`${first} in`, `${first} out`]);
    expect(log).toHaveLength(4);
    expect(names(cache.path('apt'))).toEqual([]);
  });
});

describe('scratch', () => {
  it('is one directory a call, for its owner alone, gone after release', async () => {
    const cache = openCache(fresh());
    const [a, b] = [await cache.scratch(), await cache.scratch()];
    expect(a.directory).not.toBe(b.directory);
    expect(execFileSync('stat', ['-c', '%a', a.directory], { encoding: 'utf8' })).toBe('700\n');
    await a.release();
    await a.release();
    expect(names(cache.path('scratch'))).toEqual([b.directory.split('/').at(-1)]);
  });

  it('of the dead is removed by trim, of the living is not', async () => {
    const cache = openCache(fresh());
    const mine = await cache.scratch();
    const [gone, reused] = [`${deadPid()}.5-aa`, `${process.pid}.1-bb`];
    for (const name of [gone, reused, 'nonsense']) mkdirSync(cache.path('scratch', name));
    expect((await cache.trim(1e9)).sort()).toEqual(
      [gone, reused, 'nonsense'].map((n) => join('scratch', n)).sort(),
    );
    expect(names(cache.path('scratch'))).toEqual([mine.directory.split('/').at(-1)]);
  });
});

describe('where and how much', () => {
  it.each([
    [{ XDG_CACHE_HOME: '/x' }, '/x/schedcp'],
    [{ XDG_CACHE_HOME: 'relative' }, /\/\.cache\/schedcp$/],
    [{}, /\/\.cache\/schedcp$/],
  ])('%j is %s', (env, expected) => {
    if (typeof expected === 'string') expect(cacheDirectory(env)).toBe(expected);
    else expect(cacheDirectory(env)).toMatch(expected);
  });

  it.each([
    [undefined, 12e9],
    ['', 12e9],
    ['0', 0],
    ['5e8', 5e8],
  ])('limit %s is %d', (text, expected) => {
    expect(cacheLimit(text === undefined ? {} : { SCHEDCP_CACHE_LIMIT: text })).toBe(expected);
  });

  it.each(['12GB', '-1', 'Infinity', 'NaN'])('limit %s is refused', async (text) => {
    const fault = await faultOf(() => cacheLimit({ SCHEDCP_CACHE_LIMIT: text }));
    expect(fault).toMatchObject({
      code: 'malformed',
      message: `SCHEDCP_CACHE_LIMIT=${text} is not a number of bytes`,
    });
  });

  it('sizes are what is on disk', async () => {
    const root = fresh();
    mkdirSync(join(root, 'a/b'), { recursive: true });
    writeFileSync(join(root, 'a/b/file'), 'x'.repeat(5000));
    linkSync(join(root, 'a/b/file'), join(root, 'a/second')); // counted twice: an upper bound
    symlinkSync('/usr', join(root, 'a/link'));
    expect(await treeSize(root)).toBe(2 * 8192);
    expect(await treeSize(join(root, 'missing'))).toBe(0);
  });

  it('free space of a directory that does not exist yet', async () => {
    const [there, around] = [await freeBytes(join(base, 'no/such/place')), await freeBytes(base)];
    expect(Math.abs(there - around)).toBeLessThan(around / 4); // others write to this disk meanwhile
    expect(there).toBeGreaterThan(0);
    expect(await freeBytes('/proc')).toBe(0);
  });
});
