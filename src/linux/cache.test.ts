import { execFileSync } from 'node:child_process';
import {
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { faultOf, names, script, sleep, temporaryDirectory } from '../../test/linux/support.ts';
import {
  cacheDirectory,
  cacheLimit,
  explainWrite,
  freeBytes,
  inUseMs,
  openCache,
  treeSize,
} from './cache.ts';

const base = temporaryDirectory();
let count = 0;
const fresh = (): string => join(base, String(count++));
const fill =
  (text: string) =>
  async (directory: string): Promise<void> =>
    writeFileSync(join(directory, 'content'), text);

/** An entry of so many KiB that was last used so long ago. */
async function old(root: string, name: string, kib: number, hours: number): Promise<void> {
  const entry = await openCache(root).entry(name, fill('x'.repeat(kib * 1024)));
  const then = (Date.now() - hours * 3_600_000) / 1000;
  utimesSync(entry, then, then);
}

/** A process that makes `tools/slow`, says when it has begun, and takes its time. */
const slowMaker = (root: string, ms: number) =>
  script(
    `const { openCache } = await room('linux/cache.ts');
     const { writeFileSync } = await import('node:fs');
     const entry = await openCache(args[0]).entry('tools/slow', async (directory) => {
       writeFileSync(directory + '/half', 'half');
       console.log('making');
       await new Promise((resolve) => setTimeout(resolve, Number(args[1])));
       writeFileSync(directory + '/maker', String(process.pid));
     });
     console.log('got ' + (await import('node:fs')).readFileSync(entry + '/maker', 'utf8'));`,
    [root, String(ms)],
  );

/** A process id that was in use and is not. */
const deadPid = (): number => Number(execFileSync('sh', ['-c', 'echo $$'], { encoding: 'utf8' }));

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
