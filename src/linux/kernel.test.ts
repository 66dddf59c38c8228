import { existsSync, mkdirSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { faultOf, temporaryDirectory } from '../../test/linux/support.ts';
import { digestOf } from '../core/canonical.ts';
import { openCache } from './cache.ts';
import {
  cachedKernels,
  choosePackages,
  compareVersions,
  decompressor,
  type ImageReading,
  kernel,
  matches,
} from './kernel.ts';
import { openTools, toolsDirectory } from './tools.ts';

describe('versions', () => {
  it.each([
    ['6.9', '6.16', -1],
    ['6.16', '6.9', 1],
    ['7.3.4+deb13-cloud-amd64', '7.3.4+deb13-cloud-amd64', 0],
    ['7.3.4', '7.3', 1],
    ['7.3', '7.3.0', -1], // equal in numbers: by text, so that the order is total
    ['6.12.43+deb13', '6.12.6+deb13', 1],
    ['6.18.2+deb13', '7.0+deb13', -1],
    ['6.12.43+deb12', '6.12.43+deb13', -1],
    ['10.0', '9.9.9', 1],
    ['rc', '1.0', -1],
  ])('%s, %s: %d', (a, b, sign) => {
    expect(Math.sign(compareVersions(a, b))).toBe(sign);
    expect(Math.sign(compareVersions(b, a)) + sign).toBe(0);
  });

  it.each([
    ['6.1', '6.1', true],
    ['6.1.9', '6.1', true],
    ['6.1+deb12-cloud-amd64', '6.1', true],
    ['6.1-rc1', '6.1', true],
    ['6.16', '6.1', false],
    ['6.16.1+deb13', '6.1', false],
    ['6.16.12+deb13-cloud-amd64', '6.16.1', false],
    ['6.16', '6', true],
    ['61.0', '6', false],
    ['6.18.2+deb13', '6.18.2+deb13', true],
    ['7.3.4', '', false],
    ['7.3.4', '.3', false],
  ])('%s as %j: %s', (version, want, expected) => {
    expect(matches(version, want)).toBe(expected);
  });
});

it.each([
  [['linux-image-6.12.6-cloud-amd64'], ['linux-image-6.12.6-cloud-amd64']],
  [
    [
      'linux-base-7.3.4-cloud-amd64',
      'linux-binary-unsigned-7.3.4-cloud-amd64',
      'linux-image-7.3.4-cloud-amd64',
    ],
    ['linux-binary-unsigned-7.3.4-cloud-amd64', 'linux-base-7.3.4-cloud-amd64'],
  ],
  [
    ['linux-binary-unsigned-7.3-cloud-amd64', 'linux-binary-7.3-cloud-amd64'],
    ['linux-binary-7.3-cloud-amd64'],
  ],
  [['linux-base-7.3.4-cloud-amd64'], []],
  [['linux-image-cloud-amd64', 'linux-image-unsigned-6.1-cloud-amd64'], []],
  [[], []],
])('of %j it takes %j', (names, expected) => {
  expect(choosePackages(names)).toEqual(expected);
});

const base = temporaryDirectory();
let count = 0;
/** The one that the product uses when it is in the cache, as after `npm test` has fetched; else the machine's own. */
const fetched = join(toolsDirectory(openCache(), 'qemu'), 'root');
const zstd = openTools(existsSync(fetched) ? fetched : '/');
const good = async (): Promise<ImageReading> => ({ release: '6.18.2-test' });

/** A cache with kernels as `fetchOne` leaves them. */
function cacheWith(stored: readonly Record<string, unknown>[]) {
  const cache = openCache(join(base, String(count++)));
  for (const [index, item] of stored.entries()) {
    const directory = cache.path('kernels', String(index));
    mkdirSync(directory, { recursive: true });
    const whole = {
      digest: 'd',
      packages: 'p 1',
      image: 'vmlinuz',
      config: 'config',
      isDefault: false,
      ...item,
    };
    writeFileSync(join(directory, 'kernel.json'), JSON.stringify(whole));
    utimesSync(directory, 1, 1);
  }
  return cache;
}

describe('the cache', () => {
  it('lists newest first, without those refused and those half there', async () => {
    const cache = cacheWith([
      { release: '6.9.1' },
      { release: '6.16.1', config: null },
      { release: '7.2.12', refused: { why: 'broken', broken: true } },
    ]);
    mkdirSync(cache.path('kernels', 'no-json'));
    writeFileSync(cache.path('kernels', '7.9.lock'), '1.1');
    expect(await cachedKernels(cache)).toEqual([
      {
        image: cache.path('kernels', '1', 'vmlinuz'),
        config: undefined,
        release: '6.16.1',
        digest: 'd',
        origin: 'p 1',
      },
      {
        image: cache.path('kernels', '0', 'vmlinuz'),
        config: cache.path('kernels', '0', 'config'),
        release: '6.9.1',
        digest: 'd',
        origin: 'p 1',
      },
    ]);
    expect(await cachedKernels(openCache(join(base, 'missing')))).toEqual([]);
  });

  it.each([
    ['6.16', '6.16.12'],
    ['6.16.1', '6.16.1'],
    ['6.1', '6.1.9'],
    [undefined, '6.16.1'],
  ])('answers %s with %s, and marks it as used', async (want, release) => {
    const cache = cacheWith([
      { release: '6.16.1', isDefault: true },
      { release: '6.16.12' },
      { release: '6.1.9' },
    ]);
    const options = { read: good, zstd, ...(want === undefined ? {} : { want }) };
    const found = await kernel(cache, options);
    expect(found.release).toBe(release);
    expect(statSync(join(found.image, '..')).mtimeMs).toBeGreaterThan(Date.now() - 60_000);
  });
});

describe('an image by path', () => {
  const write = (bytes: string): string => {
    const directory = join(base, String(count++));
    mkdirSync(directory);
    writeFileSync(join(directory, 'vmlinuz'), bytes);
    return join(directory, 'vmlinuz');
  };

  it('is taken as it is', async () => {
    const want = write('image');
    const cache = cacheWith([]);
    const bare = { image: want, release: '6.18.2-test', digest: digestOf('image'), origin: 'file' };
    expect(await kernel(cache, { want, read: good, zstd })).toEqual({ ...bare, config: undefined });
    writeFileSync(join(want, '../config-6.18.2-test'), '');
    const config = join(want, '../config-6.18.2-test');
    expect(await kernel(cache, { want, read: good, zstd })).toEqual({ ...bare, config });
    expect(existsSync(cache.root)).toBe(false);
  });

  it.each([
    [{ why: 'it was built without sched_ext', broken: false }, /CONFIG_SCHED_CLASS_EXT/],
    [{ why: 'its BTF is broken', broken: true }, /the kernel build is at fault.*--kernel 6\.18/],
  ])('is refused by name: %j', async (why, next) => {
    const want = write('image');
    const read = async (): Promise<ImageReading> => ({ release: '7.2.12', refusal: why });
    const fault = await faultOf(() => kernel(cacheWith([]), { want, read, zstd }));
    expect(fault.code).toBe('unsupported');
    expect(fault.message).toBe(`kernel 7.2.12 (${want}) cannot run sched_ext policies: ${why.why}`);
    expect(fault.next).toMatch(next);
  });

  it.each(['/no/such/vmlinuz', base])('that cannot be read: %s', async (want) => {
    const fault = await faultOf(() => kernel(cacheWith([]), { want, read: good, zstd }));
    expect(fault).toMatchObject({ code: 'not-found', message: expect.stringContaining(want) });
  });
});

describe('decompressor', () => {
  const cache = openCache(join(base, 'packed'));
  it('unpacks gzip, and refuses what it does not know', async () => {
    const unpack = decompressor(cache, zstd);
    expect(Buffer.from(await unpack(gzipSync('kernel'), 'gzip')).toString()).toBe('kernel');
    expect(await faultOf(() => unpack(new Uint8Array(), 'lz4'))).toMatchObject({
      code: 'unsupported',
      message: expect.stringContaining('lz4'),
    });
  });

  it('leaves no scratch behind, also when the bytes are bad or there is no zstd', async () => {
    const none = openTools(join(base, 'packed'));
    for (const tools of [zstd, none]) {
      const fault = await faultOf(() => decompressor(cache, tools)(Buffer.from('no zstd'), 'zstd'));
      expect(fault.code).toBe(tools === zstd ? 'malformed' : 'not-found');
    }
    expect(readdirSync(cache.path('scratch'))).toEqual([]);
  });
});
