import { execFileSync } from 'node:child_process';
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readCpio, unpackCpio } from '../../test/linux/cpio.ts';
import { faultOf, temporaryDirectory } from '../../test/linux/support.ts';
import { digestOf } from '../core/canonical.ts';
import { type Tree, writeInitramfs } from './initramfs.ts';

const base = temporaryDirectory();
const at = (name: string): string => join(base, name);
writeFileSync(at('plain'), 'a file');
writeFileSync(at('empty'), '');
writeFileSync(at('large'), Buffer.alloc((8 << 20) + 3, 'x'));

const varied: Tree = new Map([
  ['/usr/bin/program', { kind: 'file', from: at('plain'), mode: 0o4755 }],
  ['/usr/bin/alias', { kind: 'link', to: 'program' }],
  ['/bin', { kind: 'link', to: 'usr/bin' }],
  ['/etc/empty', { kind: 'file', from: at('empty'), mode: 0o600 }],
  ['/etc/none', { kind: 'bytes', bytes: new Uint8Array(), mode: 0o644 }],
  ['/a b/c d', { kind: 'bytes', bytes: Buffer.from('spaces'), mode: 0o644 }],
  ['/ü/日本語', { kind: 'bytes', bytes: Buffer.from('UTF-8'), mode: 0o644 }],
  ['/odd/\n"\'$*', { kind: 'bytes', bytes: Buffer.from('odd'), mode: 0o644 }],
  ['/dangling', { kind: 'link', to: '/no/such' }],
  ['/tmp', { kind: 'directory', mode: 0o1777 }],
  ['/tmp/large', { kind: 'file', from: at('large'), mode: 0o640 }],
  ['/deep/er/and/deeper', { kind: 'directory', mode: 0o700 }],
]);

/** Path → what stands there, as a text. */
function listing(root: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const name = relative(root, path);
    const info = lstatSync(path);
    const mode = (info.mode & 0o7777).toString(8);
    if (info.isSymbolicLink()) found[name] = `-> ${readlinkSync(path)}`;
    else if (info.isDirectory()) found[name] = `directory ${mode}`;
    else found[name] = `${mode} ${digestOf(readFileSync(path)).slice(0, 8)}`;
  }
  return found;
}

const content = (text: string | Buffer): string => digestOf(text).slice(0, 8);
const unpacked: Record<string, string> = {
  usr: 'directory 755',
  'usr/bin': 'directory 755',
  'usr/bin/program': `4755 ${content('a file')}`,
  'usr/bin/alias': '-> program',
  bin: '-> usr/bin',
  etc: 'directory 755',
  'etc/empty': `600 ${content('')}`,
  'etc/none': `644 ${content('')}`,
  'a b': 'directory 755',
  'a b/c d': `644 ${content('spaces')}`,
  ü: 'directory 755',
  'ü/日本語': `644 ${content('UTF-8')}`,
  odd: 'directory 755',
  'odd/\n"\'$*': `644 ${content('odd')}`,
  dangling: '-> /no/such',
  tmp: 'directory 1777',
  'tmp/large': `640 ${content(Buffer.alloc((8 << 20) + 3, 'x'))}`,
  deep: 'directory 755',
  'deep/er': 'directory 755',
  'deep/er/and': 'directory 755',
  'deep/er/and/deeper': 'directory 700',
};

function programExists(name: string): boolean {
  try {
    execFileSync('sh', ['-c', `command -v ${name}`], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

describe('an archive', () => {
  it('holds what the tree says, in an order in which it can be unpacked', async () => {
    const written = await writeInitramfs(varied, at('archive'));
    const bytes = readFileSync(at('archive'));
    expect(written).toEqual({ digest: digestOf(bytes), bytes: bytes.length });
    expect(bytes.length % 512).toBe(0);
    unpackCpio(bytes, at('own'));
    expect(listing(at('own'))).toEqual(unpacked);
  });

  it.runIf(programExists('cpio'))('is what cpio(1) reads', async () => {
    await writeInitramfs(varied, at('archive'));
    mkdirSync(at('cpio'));
    const flags = ['--extract', '--no-absolute-filenames', '--preserve-modification-time', '--quiet'];
    execFileSync('cpio', flags, {
      cwd: at('cpio'),
      input: readFileSync(at('archive')),
      stdio: ['pipe', 'ignore', 'pipe'],
    });
    expect(listing(at('cpio'))).toEqual(unpacked);
  });

  it('says owner root, no time, one link, an inode of its own', async () => {
    await writeInitramfs(varied, at('archive'));
    const entries = readCpio(readFileSync(at('archive')));
    for (const entry of entries) expect(entry).toMatchObject({ uid: 0, gid: 0, time: 0, links: 1 });
    expect(new Set(entries.map((entry) => entry.inode)).size).toBe(entries.length);
    expect(entries.find((entry) => entry.name === 'bin')?.mode).toBe(0o120777);
  });

  it('is the same for the same tree, whatever the order and the times', async () => {
    const first = await writeInitramfs(varied, at('first'));
    const backwards: Tree = new Map([...varied].reverse());
    writeFileSync(at('plain'), 'a file'); // newer
    expect(await writeInitramfs(backwards, at('second'))).toEqual(first);
    expect(readFileSync(at('second')).equals(readFileSync(at('first')))).toBe(true);
  });

  it.each<[string, Tree]>([
    ['a mode', new Map([['/a', { kind: 'bytes', bytes: Buffer.from('1'), mode: 0o755 }]])],
    ['a byte', new Map([['/a', { kind: 'bytes', bytes: Buffer.from('2'), mode: 0o644 }]])],
    ['a name', new Map([['/b', { kind: 'bytes', bytes: Buffer.from('1'), mode: 0o644 }]])],
    ['a kind', new Map([['/a', { kind: 'link', to: '1' }]])],
  ])('is another for %s', async (_, tree) => {
    const one: Tree = new Map([['/a', { kind: 'bytes', bytes: Buffer.from('1'), mode: 0o644 }]]);
    const { digest } = await writeInitramfs(one, at('one'));
    expect((await writeInitramfs(tree, at('other'))).digest).not.toBe(digest);
  });

  it('of nothing ends at once', async () => {
    const { bytes } = await writeInitramfs(new Map(), at('nothing'));
    expect([bytes, readCpio(readFileSync(at('nothing')))]).toEqual([512, []]);
  });

  it.each([1, 2, 3, 4, 5, 100, 107, 108, 109, 110, 111])('pads a name of %d bytes', async (length) => {
    const tree: Tree = new Map([
      [`/${'n'.repeat(length)}`, { kind: 'bytes', bytes: Buffer.alloc(length, 'c'), mode: 0o644 }],
    ]);
    await writeInitramfs(tree, at('padded'));
    const [entry] = readCpio(readFileSync(at('padded')));
    expect([entry?.name.length, entry?.content.toString()]).toEqual([length, 'c'.repeat(length)]);
  });

  it('replaces a longer one', async () => {
    await writeInitramfs(varied, at('again'));
    await writeInitramfs(new Map(), at('again'));
    expect(lstatSync(at('again')).size).toBe(512);
  });

  it.runIf(process.getuid?.() === 0)('on a full disk is not cut off in silence', () => {
    mkdirSync(at('small'));
    const code = `const { writeInitramfs } = await import(${JSON.stringify(new URL('./initramfs.ts', import.meta.url).pathname)});
      const tree = new Map([['/a', { kind: 'bytes', bytes: Buffer.alloc(1 << 20), mode: 0o644 }]]);
      await writeInitramfs(tree, process.argv[1] + '/archive').then(() => console.log('written'), (e) => console.log(e.code));`;
    const shell =
      'mount -t tmpfs -o size=256k none "$1" && exec "$2" --import tsx --input-type=module -e "$3" "$1"';
    const args = ['-m', 'sh', '-c', shell, 'sh', at('small'), process.execPath, code];
    expect(execFileSync('unshare', args, { encoding: 'utf8' })).toBe('ENOSPC\n');
  });

  it('of a file that cannot be read, or is too large, is a fault', async () => {
    writeFileSync(at('huge'), '');
    truncateSync(at('huge'), 3 * 2 ** 30);
    for (const from of ['/no/such/file', base, at('huge')]) {
      const fault = await faultOf(() =>
        writeInitramfs(new Map([['/a', { kind: 'file', from, mode: 0o644 }]]), at('bad')),
      );
      expect(fault).toMatchObject({
        code: 'not-permitted',
        message: expect.stringContaining(`cannot read ${from}`),
      });
    }
  });
});
