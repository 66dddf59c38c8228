// What leaves the cache: the least recently used, and everything.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { deadPid, fill, freshRoots, old, slowMaker } from '../../test/linux/cache.ts';
import { faultOf, names, script } from '../../test/linux/support.ts';
import { inUseMs, openCache } from './cache.ts';

const { fresh } = freshRoots();

describe('trim', () => {
  it('removes the least recently used first, and no more than it must', async () => {
    const root = fresh();
    await old(root, 'tools/oldest', 100, 50);
    await old(root, 'kernels/older', 100, 40);
    await old(root, 'snapshots/old', 100, 30);
    await openCache(root).entry('kernels/older', fill('')); // used again
    const size = await openCache(root).size();
    expect(await openCache(root).trim(size)).toEqual([]);
    expect(await openCache(root).trim(size - 1)).toEqual(['tools/oldest']);
    expect(await openCache(root).trim(150 * 1024)).toEqual(['snapshots/old']);
    expect(await openCache(root).trim(0)).toEqual([]); // the rest has just been used
    expect(names(join(root, 'staging'))).toEqual([]);
  });

  it.each([
    [
      'every kind',
      ['tools/a', 'kernels/a', 'builds/a', 'payloads/a', 'snapshots/a', 'sources/a', 'probes/a'],
    ],
    ['nothing else', ['apt/tools', 'other/a']],
  ])('removes %s', async (what, list) => {
    const root = fresh();
    for (const name of list) await old(root, name, 1, 9);
    expect((await openCache(root).trim(0)).sort()).toEqual(what === 'nothing else' ? [] : [...list].sort());
  });

  it('spares what was used a moment ago, by anyone', async () => {
    const root = fresh();
    const cache = openCache(root);
    await old(root, 'snapshots/idle', 10, 1);
    await old(root, 'snapshots/used', 10, 1);
    await cache.use(join(root, 'snapshots/used/content'), '/etc/passwd', join(root, 'nothing'));
    expect(inUseMs).toBeLessThan(3_600_000);
    expect(await cache.trim(0)).toEqual(['snapshots/idle']);
  });

  it('leaves files readable that someone has open', async () => {
    const root = fresh();
    await old(root, 'snapshots/idle', 1, 9);
    const reader = script(
      `const { openSync, readFileSync } = await import('node:fs');
       const file = openSync(args[0]);
       console.log('open');
       process.once('SIGUSR2', () => { console.log(readFileSync(file, 'utf8').length); process.exit(); });
       setInterval(() => {}, 1000);`,
      [join(root, 'snapshots/idle/content')],
    );
    await reader.says('open');
    expect(await openCache(root).trim(0)).toEqual(['snapshots/idle']);
    reader.child.kill('SIGUSR2');
    expect((await reader.end).out).toContain('1024');
  });

  it('removes the locks of the dead and keeps those of the living', async () => {
    const cache = openCache(fresh());
    mkdirSync(cache.path('kernels'), { recursive: true });
    writeFileSync(cache.path('kernels', 'dead.lock'), `${deadPid()}.7`);
    writeFileSync(cache.path('kernels', 'dead.lock.99'), `${deadPid()}.7`);
    await cache.entry('kernels/living', async () => {
      await cache.trim(0);
      expect(names(cache.path('kernels'))).toEqual(['living.lock']);
    });
  });

  it('does not mind a cache that is not there, or an entry that cannot be removed', async () => {
    expect(await openCache(fresh()).trim(0)).toEqual([]);
    const root = fresh();
    mkdirSync(join(root, 'tools'), { recursive: true });
    symlinkSync('/proc/self', join(root, 'tools', 'link'));
    expect(await openCache(root).trim(0)).toEqual([]);
  });
});

describe('remove', () => {
  it('removes everything, and nothing is not an error', async () => {
    const cache = openCache(fresh());
    await cache.entry('tools/a', fill('x'));
    await cache.scratch(); // our own
    expect(await cache.size()).toBeGreaterThan(0);
    await cache.remove();
    await cache.remove();
    expect(existsSync(cache.root)).toBe(false);
    expect(await cache.size()).toBe(0);
  });

  it('waits for those who are at work', async () => {
    const root = fresh();
    const worker = slowMaker(root, 60_000);
    await worker.says('making');
    const fault = await faultOf(() => openCache(root).remove());
    expect(fault).toMatchObject({
      code: 'unavailable',
      message: `another schedcp (process ${worker.pid}) is at work in ${root}`,
    });
    worker.child.kill('SIGKILL');
    await worker.end;
    await openCache(root).remove();
    expect(existsSync(root)).toBe(false);
  });

  it('of everything by hand while an entry is made is told', async () => {
    const cache = openCache(fresh());
    const making = cache.entry('tools/a', async (directory) => {
      execFileSync('rm', ['-rf', cache.root]);
      writeFileSync(join(directory, 'x'), '');
    });
    expect(await faultOf(() => making)).toMatchObject({ code: 'unavailable', next: 'run the command again' });
  });
});
