// The cache and the network: none, read-only, full, shared by two runs at once. Read-only and full ones are real file systems in a mount
// namespace of the child's own (unshare -m), so that root is refused as well.

import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { policyFile } from '../../support/paths.ts';
import { openRoom, type Room } from '../../support/room.ts';

/** One guest, one load. */
const verify = ['verify', policyFile('fifo'), '--gates', 'kernel', '--loads', 'crowd', '--json'];
let room: Room;
beforeEach(() => {
  room = openRoom();
});
afterEach(() => room.close());

const left = (): unknown => ({ processes: room.processes(), leftovers: room.leftovers() });
const offline = { SCHEDCP_MIRROR: 'http://127.0.0.1:9/debian' };
const nothing = { processes: [], leftovers: [] };

/** Runs in a mount namespace of its own, after these commands. */
const mounted = (...commands: string[]): readonly string[] => [
  ...['unshare', '-m', '--propagation', 'private', 'sh', '-c'],
  `${commands.join(' && ')} && exec "$@"`,
  'sh',
];

describe('no network', () => {
  it('with an empty cache: says which setting names another mirror, and leaves the cache empty', async () => {
    const fresh = openRoom({ filled: false });
    try {
      const { code, json } = await fresh.start(verify, { env: offline }).ended;
      expect(code).toBe(3);
      expect(json.error).toMatchObject({
        code: 'unavailable',
        next: expect.stringContaining('SCHEDCP_MIRROR'),
      });
      expect(json.error.message).toContain('cannot fetch package lists');
      expect(fresh.leftovers()).toEqual([]);
      expect(entriesOf(join(fresh.cache, 'tools'))).toEqual([]); // no half-made group
    } finally {
      fresh.close();
    }
  });

  it('for a kernel that is not in the cache', async () => {
    const { code, json } = await room.start([...verify, '--kernel', '6.17'], { env: offline }).ended;
    expect(code).toBe(3);
    expect(json.error).toMatchObject({ code: 'unavailable', next: expect.stringContaining('network') });
    expect(left()).toEqual(nothing);
  });
});

describe('a cache that cannot be written', () => {
  it('a read-only file system', async () => {
    mkdirSync(room.cache, { recursive: true });
    const under = mounted(
      `mount --bind ${room.cache} ${room.cache}`,
      `mount -o remount,bind,ro ${room.cache}`,
    );
    const { code, json } = await room.start(verify, { under }).ended;
    expect(code).toBe(3);
    expect(json.error).toMatchObject({
      code: 'not-permitted',
      next: expect.stringContaining('XDG_CACHE_HOME'),
    });
    expect(json.error.message).toContain(room.cache);
    expect(left()).toEqual(nothing);
  });

  it('a file where the directory should be', async () => {
    rmSync(room.cache, { recursive: true });
    mkdirSync(dirname(room.cache), { recursive: true });
    writeFileSync(room.cache, '');
    const { code, json } = await room.start(verify).ended;
    expect(code).toBe(3);
    expect(json.error).toMatchObject({
      code: 'not-permitted',
      next: expect.stringContaining('XDG_CACHE_HOME'),
    });
  });

  it('records that cannot be written', async () => {
    writeFileSync(room.env.XDG_DATA_HOME, '');
    const { code, json } = await room.start(verify).ended;
    expect(code).toBe(3);
    expect(json.error).toMatchObject({ next: expect.stringContaining('XDG_DATA_HOME') });
  });
});

describe('a full disk', () => {
  /** The cache on a small disk; tools, kernels and runners as they are. */
  const small = (megabytes: number, fill: string): readonly string[] => {
    const beside = join(room.directory, 'beside');
    mkdirSync(beside);
    return mounted(
      `cp -a ${room.cache}/. ${beside}`,
      `mount -t tmpfs -o size=${megabytes}m tmpfs ${room.cache}`,
      `cp -a ${beside}/. ${room.cache}`,
      fill,
    );
  };

  it('no room for a saved guest', async () => {
    const { code, json, out, err } = await room.start(verify, { under: small(24, 'true') }).ended;
    expect(code, out + err).toBe(3);
    expect(json.error).toMatchObject({
      code: 'unavailable',
      next: expect.stringContaining('XDG_CACHE_HOME'),
    });
    expect(json.error.message).toMatch(/space/);
    expect(room.processes()).toEqual([]);
  });

  it('no room for anything', async () => {
    const fill = `(head -c 100m /dev/zero > ${room.cache}/fill || true)`;
    const { code, json } = await room.start(verify, { under: small(8, fill) }).ended;
    expect(code).toBe(3);
    expect(json.error).toMatchObject({
      code: 'unavailable',
      next: expect.stringContaining('XDG_CACHE_HOME'),
    });
    expect(json.error.message).toContain('no space left');
    expect(room.processes()).toEqual([]);
  });

  it('no room for the tools that would be fetched: told before they are', async () => {
    rmSync(join(room.cache, 'kernels'), { recursive: true });
    const { code, json } = await room.start(verify, { under: small(30, 'true') }).ended;
    expect(code).toBe(3);
    expect(json.error).toMatchObject({
      code: 'unavailable',
      next: expect.stringContaining('XDG_CACHE_HOME'),
    });
  });
});

describe('a cache that is shared, and used again', () => {
  let shared: Room;
  beforeAll(() => {
    shared = openRoom();
  });
  afterAll(() => shared.close());

  it('two at once: one makes what is missing, the other waits, and both answer the same', async () => {
    const both = await Promise.all([shared.start(verify).ended, shared.start(verify).ended]);
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    const [first, second] = both.map(({ json: { records, ...rest } }) => rest);
    expect(second).toEqual(first);
    for (const kind of ['payloads', 'snapshots'])
      expect(readdirSync(join(shared.cache, kind))).toHaveLength(1);
    expect({ processes: shared.processes(), leftovers: shared.leftovers() }).toEqual(nothing);
  });

  it('without a network nothing is missing', async () => {
    expect(await shared.start(verify, { env: offline }).ended).toMatchObject({
      code: 0,
      json: { finding: null, kernel: expect.any(String) },
    });
  });

  it('a lock whose owner has died is taken over', async () => {
    const payloads = join(shared.cache, 'payloads');
    const [payload = ''] = readdirSync(payloads);
    rmSync(join(payloads, payload), { recursive: true });
    writeFileSync(join(payloads, `${payload}.lock`), '4194303');
    expect(await shared.start(verify).ended).toMatchObject({ code: 0 });
    expect(readdirSync(payloads)).toEqual([payload]);
    expect({ processes: shared.processes(), leftovers: shared.leftovers() }).toEqual(nothing);
  });
});

it('a broken entry of the cache is not used; that it cannot be made again is told', async () => {
  const name = entriesOf(join(room.cache, 'tools')).find((entry) => entry.startsWith('qemu-')) ?? 'none';
  const tool = join(room.cache, 'tools', name);
  rmSync(tool);
  mkdirSync(tool);
  const { code, json } = await room.start(verify, { env: offline }).ended;
  expect(code).toBe(3);
  expect(json.error).toMatchObject({ code: 'unavailable', next: expect.any(String) });
});

it('an entry that is a dangling link does not keep a run from working', async () => {
  symlinkSync('/nowhere', join(room.cache, 'snapshots'));
  const { code, json } = await room.start(verify).ended;
  expect(code).toBe(3);
  expect(json.error).toMatchObject({ next: expect.any(String) });
});

function entriesOf(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory) : [];
}
