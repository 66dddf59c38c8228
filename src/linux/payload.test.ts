import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { unpackCpio } from '../../test/linux/cpio.ts';
import { faultOf, temporaryDirectory } from '../../test/linux/support.ts';
import { writeInitramfs } from './initramfs.ts';
import { findProgram, type Payload, payload } from './payload.ts';

const base = realpathSync(temporaryDirectory());
let count = 0;
const path = '/usr/local/bin:/usr/bin:/bin';

/** Files by path relative to a new directory; '-> x' is a link, 'x!' is executable, null a directory. */
function place(files: Record<string, string | null>): string {
  const root = join(base, String(count++));
  mkdirSync(root);
  for (const [name, content] of Object.entries(files)) {
    const file = join(root, name);
    mkdirSync(dirname(file), { recursive: true });
    if (content === null) mkdirSync(file, { recursive: true });
    else if (content.startsWith('-> ')) symlinkSync(content.slice(3), file);
    else {
      writeFileSync(file, content);
      if (content.startsWith('#!')) chmodSync(file, 0o755);
    }
  }
  return root;
}

const pack = (command: string, withPaths: string[], cwd: string): Promise<Payload> =>
  payload(command, withPaths, { cwd, path });

/** What the tree holds below a directory: path → kind and what it says. */
function below(packed: Payload, root: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [name, entry] of packed.tree) {
    if (!name.startsWith(`${root}/`)) continue;
    found[name.slice(root.length + 1)] =
      entry.kind === 'link'
        ? `-> ${entry.to}`
        : entry.kind === 'bytes'
          ? 'bytes'
          : `${entry.kind} ${entry.mode.toString(8)}`;
  }
  return found;
}

/** Unpacks a payload and runs its program in there, as a guest would: nothing else is in reach. */
async function inside(packed: Payload, args: readonly string[], env: Record<string, string> = {}) {
  const root = join(base, `root${count++}`);
  await writeInitramfs(packed.tree, `${root}.cpio`);
  unpackCpio(readFileSync(`${root}.cpio`), root);
  const done = spawnSync('/usr/sbin/chroot', [root, packed.executable, ...args], {
    env: { PATH: path, ...env },
    encoding: 'utf8',
  });
  return { root, code: done.status, out: done.stdout, err: done.stderr };
}
const root = process.getuid?.() === 0;
const compiler = existsSync('/usr/bin/gcc');

describe('findProgram', () => {
  const cwd = place({
    'run.sh': '#!/bin/sh\n',
    plain: 'x',
    'sub/tool': '#!/bin/sh\n',
    'bin/ls': null,
    link: '-> run.sh',
  });
  it.each([
    ['sh', '/usr/bin/sh'],
    ['./run.sh', `${cwd}/run.sh`],
    ['sub/tool', `${cwd}/sub/tool`],
    ['sub/../run.sh', `${cwd}/run.sh`],
    ['./link', `${cwd}/link`],
    [`${cwd}/run.sh`, `${cwd}/run.sh`],
  ])('%s is %s', (name, expected) => {
    expect(findProgram(name, { cwd, path })).toBe(expected);
  });

  it.each(['no-such-program', './plain', './sub', './missing', 'run.sh', '', '.', '/'])(
    '%j is none',
    async (name) => {
      expect(await faultOf(() => findProgram(name, { cwd, path }))).toMatchObject({ code: 'not-found' });
    },
  );

  it('looks in the directories in order, not in relative ones, and passes over directories', () => {
    expect(findProgram('ls', { cwd, path: `${cwd}/bin:relative::/usr/bin` })).toBe('/usr/bin/ls');
    expect(findProgram('tool', { cwd, path: `/usr/bin:${cwd}/sub` })).toBe(`${cwd}/sub/tool`);
  });
});

describe('what --with brings', () => {
  it.each<[string, Record<string, string | null>, string[], Record<string, string>]>([
    ['a file, from here', { f: 'x' }, ['f'], { f: 'file 644' }],
    ['a file, relative', { 'd/f': 'x' }, ['./d/../d/f'], { 'd/f': 'file 644' }],
    ['a path with spaces', { 'a b/c d': 'x' }, ['a b/c d'], { 'a b/c d': 'file 644' }],
    [
      'a directory with all that is in it',
      { 'd/f': 'x', 'd/.hidden': 'y', 'd/sub/g': '', 'd/empty': null },
      ['d'],
      {
        d: 'directory 755',
        'd/f': 'file 644',
        'd/.hidden': 'file 644',
        'd/sub': 'directory 755',
        'd/sub/g': 'file 644',
        'd/empty': 'directory 755',
      },
    ],
    ['a link and what it names', { l: '-> f', f: 'x' }, ['l'], { l: '-> f', f: 'file 644' }],
    [
      'a chain of links',
      { a: '-> b', b: '-> d/c', 'd/c': '-> ../f', f: 'x' },
      ['a'],
      { a: '-> b', b: '-> d/c', d: 'directory 755', 'd/c': '-> ../f', f: 'file 644' },
    ],
    [
      'a link to a directory',
      { l: '-> d', 'd/f': 'x' },
      ['l'],
      { l: '-> d', d: 'directory 755', 'd/f': 'file 644' },
    ],
    ['a file behind a link', { l: '-> d', 'd/f': 'x' }, ['l/f'], { l: '-> d', 'd/f': 'file 644' }],
    ['a dangling link inside', { 'd/l': '-> nowhere' }, ['d'], { d: 'directory 755', 'd/l': '-> nowhere' }],
    [
      'links in a circle',
      { 'd/a': '-> b', 'd/b': '-> a' },
      ['d'],
      { d: 'directory 755', 'd/a': '-> b', 'd/b': '-> a' },
    ],
    ['a loop inside', { 'd/l': '-> .' }, ['d'], { d: 'directory 755', 'd/l': '-> .' }],
    [
      '`..` behind a link, in a link',
      { 'x/y/f': 'x', l: '-> x/y', m: '-> l/../y/f' },
      ['m'],
      { m: '-> l/../y/f', l: '-> x/y', 'x/y': 'directory 755', 'x/y/f': 'file 644' },
    ],
    [
      '`..` behind a link, as named',
      { 'x/y/f': 'x', 'x/g': 'g', l: '-> x/y' },
      ['l/../g'],
      { 'x/g': 'file 644' },
    ],
    ['the same twice', { f: 'x' }, ['f', './f'], { f: 'file 644' }],
  ])('%s', async (_, files, wanted, expected) => {
    const cwd = place(files);
    expect(below(await pack('true', wanted, cwd), cwd)).toEqual(expected);
  });

  it('keeps permissions', async () => {
    const cwd = place({ suid: 'x', secret: 'x', 'd/f': 'x' });
    for (const [name, mode] of [
      ['suid', 0o4711],
      ['secret', 0o600],
      ['d', 0o1777],
    ] as const)
      chmodSync(join(cwd, name), mode);
    const expected = { suid: 'file 4711', secret: 'file 600', d: 'directory 1777', 'd/f': 'file 644' };
    expect(below(await pack('true', ['suid', 'secret', 'd'], cwd), cwd)).toEqual(expected);
  });

  it('leaves out sockets, pipes and devices', async () => {
    const cwd = place({ 'd/f': 'x' });
    execFileSync('mkfifo', [join(cwd, 'd/pipe')]);
    const server = createServer().listen(join(cwd, 'd/socket'));
    await new Promise((resolve) => server.once('listening', resolve));
    const packed = await pack('true', ['d', '/dev/null'], cwd);
    server.close();
    expect(below(packed, cwd)).toEqual({ d: 'directory 755', 'd/f': 'file 644' });
    expect(packed.tree.has('/dev/null')).toBe(false);
  });

  it('a program by name comes with its libraries', async () => {
    const packed = await pack('true', ['ls'], base);
    expect(packed.tree.get('/usr/bin/ls')).toMatchObject({ kind: 'file', mode: 0o755 });
    expect([...packed.tree.keys()].some((name) => name.includes('libselinux.so'))).toBe(true);
  });

  it.each([
    ['./missing', 'not-found', /--with \.\/missing: no such file/],
    ['no-such-program', 'not-found', /no program no-such-program in PATH/],
    ['./dangling', 'not-found', /--with \.\/dangling/],
    ['./loop', 'not-found', /--with \.\/loop/],
    ['/', 'unsupported', /cannot hold all of this machine/],
  ])('%s is refused', async (item, code, message) => {
    const cwd = place({ dangling: '-> nowhere', loop: '-> loop' });
    expect(await faultOf(() => pack('true', [item], cwd))).toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
  });

  it('counts the bytes of its files', async () => {
    const cwd = place({ 'd/a': 'x'.repeat(1000), 'd/l': '-> a' });
    const [bare, more] = [await pack('true', [], cwd), await pack('true', ['d'], cwd)];
    expect(more.bytes - bare.bytes).toBe(1000);
    expect(bare.bytes).toBeGreaterThan(1e6); // libc
  });

  it('the working directory exists, empty', async () => {
    const cwd = place({ 'here/f': 'x' });
    expect(below(await pack('true', [], join(cwd, 'here')), cwd)).toEqual({ here: 'directory 755' });
    await expect(pack('true', [], join(cwd, 'missing'))).resolves.toMatchObject({
      executable: '/usr/bin/true',
    });
  });
});

describe.runIf(root)('in a place of its own (chroot)', () => {
  it('a dynamic program runs, through the merged directories as here', async () => {
    const packed = await pack('ls', [], '/');
    const { root: place, code, out, err } = await inside(packed, ['-d', '/bin/sh', packed.executable]);
    expect([code, err]).toEqual([0, '']);
    expect(out).toContain(packed.executable);
    expect(existsSync(join(place, 'usr/bin/ls'))).toBe(true);
  });

  it('a script with an interpreter', async () => {
    const cwd = place({ 'a b/run': '#!/bin/sh\necho "$0 says $1"\n' });
    const { out, err } = await inside(await pack('./a b/run', [], cwd), ['hello']);
    expect([out, err]).toEqual([`${cwd}/a b/run says hello\n`, '']);
  });

  it.each([
    ['#!/usr/bin/env sed -f', 0],
    ['#!/usr/bin/env -S LC_ALL=C sed -nf', 0],
    ['#! /usr/bin/sed -nf', 0],
    ['#!/usr/bin/env no-such-program', 127],
  ])('a script that begins %s', async (line, code) => {
    const cwd = place({ run: `${line}\np\n`, input: 'text\n' });
    const packed = await pack('./run', ['input'], cwd);
    expect(packed.tree.has('/usr/bin/sed')).toBe(code === 0);
    if (line.includes('env sed')) return; // env without -S takes "sed -f" for one name, here and there
    const done = await inside(packed, [`${cwd}/input`]);
    expect([done.code, done.out]).toEqual([code, code === 0 ? 'text\n' : '']);
  });

  it('a link as a program', async () => {
    const cwd = place({ 'd/run': '#!/bin/sh\necho ran\n', first: '-> second', second: '-> ./d/../d/run' });
    const packed = await pack('./first', [], cwd);
    expect(packed.executable).toBe(`${cwd}/first`);
    expect((await inside(packed, [])).out).toBe('ran\n');
  });

  it.runIf(compiler)('a program with a library of its own, in a directory with a space', async () => {
    const cwd = place({
      'x.c': 'int answer(void) { return 42; }',
      'm.c': 'int answer(void); int main(void) { return answer(); }',
      'a b/.keep': '',
    });
    const cc = (...args: string[]) => execFileSync('gcc', args, { cwd });
    cc('-shared', '-fPIC', '-o', 'a b/libx.so', 'x.c');
    cc('-o', 'a b/main', 'm.c', '-La b', '-lx', '-Wl,-rpath,$ORIGIN');
    chmodSync(join(cwd, 'a b/libx.so'), 0o644);
    const env = { LD_ORIGIN_PATH: `${cwd}/a b` }; // what the loader reads in /proc, which is not mounted here
    expect((await inside(await pack('a b/main', [], cwd), [], env)).code).toBe(42);
  });

  it.runIf(compiler)('a plug-in that is not executable brings its libraries', async () => {
    const cwd = place({ 'p.c': '#include <math.h>\ndouble f(double x) { return cbrt(x); }', 'd/.keep': '' });
    execFileSync('gcc', ['-shared', '-fPIC', '-o', 'd/plugin.so', 'p.c', '-lm'], { cwd });
    chmodSync(join(cwd, 'd/plugin.so'), 0o644);
    const packed = await pack('true', ['d'], cwd);
    expect([...packed.tree.keys()].some((name) => name.endsWith('/libm.so.6'))).toBe(true);
  });

  it.runIf(compiler)('a static program', async () => {
    const cwd = place({ 'm.c': 'int main(void) { return 7; }' });
    execFileSync('gcc', ['-static', '-o', 'main', 'm.c'], { cwd });
    expect((await inside(await pack('./main', [], cwd), [])).code).toBe(7);
  });

  it.runIf(compiler)('a compiler that compiles', async () => {
    const cwd = place({
      'm.c': '#include <stdio.h>\nint main(void) { puts("built"); return 0; }',
      out: null,
    });
    const packed = await pack('gcc', ['gcc', 'm.c', 'out'], cwd);
    const {
      root: place2,
      code,
      err,
    } = await inside(packed, [`${cwd}/m.c`, '-o', `${cwd}/out/m`, '-B/tmp'], { TMPDIR: `${cwd}/out` });
    expect([code, err]).toEqual([0, '']);
    expect(execFileSync(join(place2, cwd, 'out/m'), { encoding: 'utf8' })).toBe('built\n');
  });
});

it.runIf(root)('a file that may not be read is a fault', async () => {
  const cwd = place({ 'd/f': '#!/bin/sh\n' });
  chmodSync(join(cwd, 'd/f'), 0o111);
  chmodSync(base, 0o755);
  const code = `const { payload } = await import(${JSON.stringify(new URL('./payload.ts', import.meta.url).pathname)});
    process.setuid(65534);
    await payload('true', ['d'], { cwd: process.argv[1], path: '/usr/bin' }).then(() => console.log('fine'), (e) => console.log(e.code, e.message));`;
  const out = execFileSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code, cwd], {
    encoding: 'utf8',
  });
  expect(out).toBe(`not-permitted cannot read ${cwd}/d/f, which the guest would need (EACCES)\n`);
});
