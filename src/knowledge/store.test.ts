import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { faultOf, script, temporaryDirectory } from '../../test/linux/support.ts';
import { candidate, defaultArm, experiment, outcome } from '../../test/records/build.ts';
import { digestOf, recordDigest } from '../core/canonical.ts';
import { openStore, storeDirectory } from './store.ts';

const base = temporaryDirectory();
let count = 0;
const fresh = (): string => join(base, String(count++));
const fileOf = (root: string, digest: string): string =>
  join(root, 'records', digest.slice(0, 2), `${digest}.json`);
const files = (root: string): string[] =>
  existsSync(root)
    ? readdirSync(root, { recursive: true, withFileTypes: true })
        .filter((e) => e.isFile())
        .map((e) => e.name)
        .sort()
    : [];

describe('records', () => {
  it('come back as they were, under their digest', async () => {
    const store = openStore(fresh());
    const digest = await store.records.put({ b: 1, a: 'ü' });
    expect(digest).toBe(recordDigest({ a: 'ü', b: 1 }));
    expect(await store.records.get(digest)).toEqual({ a: 'ü', b: 1 });
    expect(readFileSync(fileOf(store.root, digest), 'utf8')).toBe('{"a":"ü","b":1}');
    expect(await store.records.put({ a: 'ü', b: 1 })).toBe(digest);
    expect(files(store.root)).toEqual([`${digest}.json`]);
  });

  it.each<[string, (file: string) => void]>([
    ['edited', (file) => writeFileSync(file, '{"a":2}')],
    ['torn', (file) => truncateSync(file, 3)],
    ['empty', (file) => truncateSync(file, 0)],
    ['grown', (file) => writeFileSync(file, '\n', { flag: 'a' })],
  ])('a record that was %s is noticed', async (_, spoil) => {
    const store = openStore(fresh());
    const digest = await store.records.put({ a: 1 });
    spoil(fileOf(store.root, digest));
    expect(await faultOf(() => store.records.get(digest))).toMatchObject({
      code: 'malformed',
      message: expect.stringContaining(digest),
      where: fileOf(store.root, digest),
    });
    await store.records.put({ a: 1 }); // writing it again mends it
    expect(await store.records.get(digest)).toEqual({ a: 1 });
  });

  it('that are not there are told', async () => {
    const store = openStore(fresh());
    expect(await faultOf(() => store.records.get('0'.repeat(64)))).toMatchObject({
      code: 'not-found',
      next: expect.stringContaining('schedcp show'),
    });
    expect(await faultOf(() => store.blobs.get('0'.repeat(64)))).toMatchObject({
      code: 'not-found',
      message: `no blob ${'0'.repeat(64)}`,
    });
  });

  it('are found by the first digits', async () => {
    const store = openStore(fresh());
    const digests: string[] = [];
    for (let i = 0; i < 40; i++) digests.push(await store.records.put({ i }));
    for (const digest of digests) {
      expect(await store.records.find(digest)).toBe(digest);
      expect(await store.records.find(digest.slice(0, 12))).toBe(digest);
    }
    const [first = ''] = digests;
    const twin = `${first.slice(0, 10)}${'0'.repeat(54)}`;
    writeFileSync(fileOf(store.root, twin), '{}');
    writeFileSync(`${fileOf(store.root, `${first.slice(0, 10)}${'1'.repeat(54)}`)}.1.tmp`, '{}');
    expect(await faultOf(() => store.records.find(first.slice(0, 10)))).toMatchObject({
      code: 'malformed',
      message: `2 records start with ${first.slice(0, 10)}`,
    });
    expect(await store.records.find(first)).toBe(first);
  });

  it.each([
    ['abc', 'malformed'],
    ['', 'malformed'],
    ['../../etc/passwd', 'malformed'],
    ['ABCD', 'malformed'],
    ['abcd', 'not-found'],
    ['0'.repeat(64), 'not-found'],
    ['0'.repeat(65), 'malformed'],
  ])('%j is no record: %s', async (prefix, code) => {
    expect(await faultOf(() => openStore(fresh()).records.find(prefix))).toMatchObject({ code });
  });

  it('are listed newest first, without experiments and broken files', async () => {
    const store = openStore(fresh());
    expect(await store.records.newest(5)).toEqual([]);
    const records = [candidate(defaultArm), experiment(), outcome(), outcome({ notes: ['b'] })];
    const digests: string[] = [];
    for (const [index, record] of records.entries()) {
      const digest = await store.records.put(record);
      utimesSync(fileOf(store.root, digest), 1000 + index, 1000 + index);
      digests.push(digest);
    }
    writeFileSync(fileOf(store.root, digests[0] ?? '').replace('.json', '.1.2.tmp'), '{"kind":"verdict"');
    writeFileSync(fileOf(store.root, `${(digests[0] ?? '').slice(0, 2)}${'0'.repeat(62)}`), '{"kind":"verd');
    const rows = [
      { digest: digests[3], kind: 'outcome' },
      { digest: digests[2], kind: 'outcome' },
      { digest: digests[0], kind: 'candidate' },
    ];
    expect(await store.records.newest(9)).toEqual(rows);
    expect(await store.records.newest(2)).toEqual(rows.slice(0, 2));
    expect(await store.records.newest(0)).toEqual([]);
  });

  it('by two writers at once are whole', async () => {
    const root = fresh();
    const writer = () =>
      script(
        `const { openStore } = await room('knowledge/store.ts');
         const store = openStore(args[0]);
         for (let i = 0; i < 100; i++) await Promise.all([store.records.put({ i, text: 'x'.repeat(20000) }), store.blobs.put(Buffer.from('blob ' + i))]);`,
        [root],
      ).end;
    for (const end of await Promise.all([writer(), writer()])) expect([end.code, end.err]).toEqual([0, '']);
    const store = openStore(root);
    for (let i = 0; i < 100; i++) {
      const record = { i, text: 'x'.repeat(20_000) };
      expect(await store.records.get(recordDigest(record))).toEqual(record);
      expect(Buffer.from(await store.blobs.get(digestOf(`blob ${i}`))).toString()).toBe(`blob ${i}`);
    }
    expect(files(root)).toHaveLength(200);
  });
});

describe('blobs', () => {
  it('are bytes', async () => {
    const store = openStore(fresh());
    for (const bytes of [new Uint8Array(), Uint8Array.from([0, 255, 10])]) {
      const digest = await store.blobs.put(bytes);
      expect(digest).toBe(digestOf(bytes));
      expect(Uint8Array.from(await store.blobs.get(digest))).toEqual(bytes);
      writeFileSync(join(store.root, 'blobs', digest.slice(0, 2), digest), 'spoiled');
      expect((await faultOf(() => store.blobs.get(digest))).code).toBe('malformed');
    }
  });
});

describe('a file system that says no', () => {
  it('a file where the store should be', async () => {
    const root = fresh();
    writeFileSync(root, '');
    const fault = await faultOf(() => openStore(root).records.put({}));
    expect(fault).toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/^cannot write .*: (ENOTDIR|EEXIST)$/),
    });
    expect(fault.next).toContain('XDG_DATA_HOME');
  });

  it.runIf(process.getuid?.() === 0)('a full disk: told, and nothing half written is left', () => {
    const root = fresh();
    mkdirSync(root);
    const code = `const { openStore } = await import(${JSON.stringify(new URL('./store.ts', import.meta.url).pathname)});
      const store = openStore(process.argv[1]);
      await store.blobs.put(Buffer.alloc(1 << 20)).catch((e) => console.log(e.code, e.message));
      const digest = await store.records.put({ small: true });
      console.log(JSON.stringify(await store.records.get(digest)));
      console.log((await import('node:fs')).readdirSync(process.argv[1] + '/blobs/' + ${JSON.stringify(digestOf(new Uint8Array(1 << 20)).slice(0, 2))}).length);`;
    const shell =
      'mount -t tmpfs -o size=256k none "$1" && exec "$2" --import tsx --input-type=module -e "$3" "$1"';
    const out = execFileSync('unshare', ['-m', 'sh', '-c', shell, 'sh', root, process.execPath, code], {
      encoding: 'utf8',
    });
    expect(out).toMatch(/^unavailable cannot write .*: ENOSPC\n\{"small":true\}\n0\n$/);
  });
});

it('is removed as a whole', async () => {
  const store = openStore(fresh());
  await store.records.put({});
  await store.remove();
  await store.remove();
  expect(existsSync(store.root)).toBe(false);
});

it.each([
  [{ XDG_DATA_HOME: '/x' }, /^\/x\/schedcp$/],
  [{ XDG_DATA_HOME: 'relative' }, /\/\.local\/share\/schedcp$/],
  [{}, /\/\.local\/share\/schedcp$/],
])('of %j is where the XDG rules say', (env, expected) => {
  expect(storeDirectory(env)).toMatch(expected);
});
