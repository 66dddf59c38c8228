import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { faultOf, temporaryDirectory } from '../../test/linux/support.ts';
import { openCache } from './cache.ts';
import { inspect } from './doctor.ts';
import { announceAndCheckSpace, hasTools, openTools, tools, toolsDirectory } from './tools.ts';

const base = temporaryDirectory();
const put = (file: string): void => {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, '');
};

describe('an unpacked tree', () => {
  it('finds its programs, the first of their places first, and their libraries', async () => {
    const root = join(base, 'root');
    for (const name of ['usr/bin/a', 'usr/sbin/a', 'usr/sbin/b', 'usr/lib/llvm-19/bin/clang'])
      put(join(root, name));
    const found = openTools(root, [{ name: 'p', version: '1', bytes: 1 }]);
    expect(['a', 'b', 'clang'].map(found.program)).toEqual(
      ['usr/bin/a', 'usr/sbin/b', 'usr/lib/llvm-19/bin/clang'].map((name) => join(root, name)),
    );
    expect(await faultOf(() => found.program('c'))).toMatchObject({ code: 'not-found', where: root });
    expect(found.env.LC_ALL).toBe('C');
    expect(found.env.LD_LIBRARY_PATH?.split(':')[0]).toBe(join(root, 'usr/lib/x86_64-linux-gnu'));
  });

  it('is taken from the cache without asking anyone', async () => {
    const cache = openCache(join(base, 'cache'));
    expect(hasTools(cache, 'qemu')).toBe(false);
    put(join(toolsDirectory(cache, 'qemu'), 'root/usr/bin/x'));
    writeFileSync(
      join(toolsDirectory(cache, 'qemu'), 'packages.json'),
      '[{"name":"q","version":"2","bytes":3}]',
    );
    expect(hasTools(cache, 'qemu')).toBe(true);
    const announce = (text: string): void => {
      throw new Error(text);
    };
    expect((await tools(cache, 'qemu', { announce })).packages).toEqual([
      { name: 'q', version: '2', bytes: 3 },
    ]);
  });
});

describe('before a fetch', () => {
  const cache = openCache(join(base, 'space'));
  const packages = (count: number, bytes: number) =>
    Array.from({ length: count }, (_, index) => ({ name: `p${index}`, version: '1', bytes }));

  it('what and how much is told', async () => {
    const said: string[] = [];
    const options = { announce: (text: string) => said.push(text) };
    await announceAndCheckSpace(cache, 'a test', packages(2, 1_250_000), options);
    await announceAndCheckSpace(cache, 'a test', packages(9, 0), options);
    expect(said).toEqual([
      `fetching a test: 2 Debian packages, 2.5 MB (p0, p1) into ${cache.root}`,
      `fetching a test: 9 Debian packages, 0.0 MB (p0, p1, p2, p3, p4, p5 and 3 more) into ${cache.root}`,
    ]);
  });

  it('too little space is told', async () => {
    const fault = await faultOf(() => announceAndCheckSpace(cache, 'a test', packages(1, 1e15), {}));
    expect(fault).toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/needs about 5000000000 MB below .*space, \d+ MB are free/),
    });
  });
});

it('the doctor looks at everything, and says what to do about each "no"', async () => {
  const cache = openCache(join(base, 'doctor'));
  const checks = await inspect(cache);
  expect(checks.map((check) => check.what)).toEqual(
    expect.arrayContaining(['Node.js', 'packages', 'CPUs', 'memory', 'cache', 'QEMU', 'kernels', 'KVM']),
  );
  expect(checks.find((check) => check.what === 'kernels')).toMatchObject({ ok: 'unknown' });
  expect(checks.find((check) => check.what === 'QEMU')).toMatchObject({
    ok: 'unknown',
    detail: expect.stringContaining('not fetched yet'),
  });
  put(join(toolsDirectory(cache, 'qemu'), 'packages.json'));
  expect((await inspect(cache)).find((check) => check.what === 'QEMU')).toMatchObject({ ok: true });
  rmSync(cache.root, { recursive: true });
});
