// What a program can open that the runner starts with `confine`, with programs of this machine. Needs the fetched compiler, which builds the runner, and a kernel with Landlock.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { release } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../../test/linux/support.ts';
import { root } from '../../test/support/paths.ts';
import { openCache } from './cache.ts';
import { type Finished, run } from './process.ts';
import { buildRunner } from './runner.ts';
import { hasTools } from './tools.ts';

describe.skipIf(!hasTools(openCache(), 'compiler'))('a confined program', () => {
  const place = temporaryDirectory('schedcp-confine-');
  const [mine, other] = [join(place, 'mine'), join(place, 'other')];
  for (const path of [mine, other]) {
    mkdirSync(path);
    writeFileSync(join(path, 'text'), `in ${path}`);
  }
  symlinkSync(join(other, 'text'), join(mine, 'link'));
  let runner = '';
  beforeAll(async () => {
    runner = (await buildRunner(openCache(), join(root, 'runner'))).file;
  });
  const system = ['/bin', '/lib', '/lib64', '/usr'].flatMap((path) => ['--read', path]);
  const confined = (given: readonly string[], ...command: readonly string[]): Promise<Finished> =>
    run(runner, ['confine', ...system, ...given, '--', ...command], { cwd: other });

  it('reads what it is given, and ends as it ends', async () => {
    expect(await confined(['--read', mine], '/bin/cat', join(mine, 'text'))).toMatchObject({
      ...{ code: 0, stdout: `in ${mine}` },
    });
    expect((await confined([], '/bin/sh', '-c', 'exit 7')).code).toBe(7);
  });

  it('reads one file', async () => {
    const given = ['--read', join(mine, 'text')];
    expect((await confined(given, '/bin/cat', join(mine, 'text'))).stdout).toBe(`in ${mine}`);
    expect((await confined(given, '/bin/ls', mine)).stderr).toMatch(/Permission denied/);
  });

  it.each([
    ['by its path', () => join(other, 'text')],
    ['where it is', () => 'text'],
    ['by a link', () => join(mine, 'link')],
    ['by another root', () => join('/proc/self/root', other, 'text')],
    ['of its own process', () => '/proc/self/environ'],
    ['of the machine', () => '/etc/passwd'],
  ])('reads nothing else: %s', async (_, path) => {
    expect(await confined(['--read', mine], '/bin/cat', path())).toMatchObject({
      ...{ code: 1, stdout: '', stderr: expect.stringMatching(/Permission denied/) },
    });
  });

  it('writes, and takes away, only where it may', async () => {
    const [allowed, denied] = [join(mine, 'new'), join(other, 'new')];
    const given = ['--write', mine, '--read', other];
    expect((await confined(given, '/bin/cp', join(other, 'text'), allowed)).code).toBe(0);
    expect(readFileSync(allowed, 'utf8')).toBe(`in ${other}`);
    expect((await confined(given, '/bin/rm', allowed)).code).toBe(0);
    expect((await confined(given, '/bin/cp', join(mine, 'text'), denied)).stderr).toMatch(
      /Permission denied/,
    );
    expect(existsSync(denied)).toBe(false);
    expect((await confined(given, '/bin/rm', join(other, 'text'))).stderr).toMatch(/Permission denied/);
    expect((await confined(given, '/bin/sh', '-c', `: > ${join(other, 'text')}`)).code).not.toBe(0);
    expect(readFileSync(join(other, 'text'), 'utf8')).toBe(`in ${other}`);
  });

  it('is what its children are, too', async () => {
    const script = `/bin/cat ${join(other, 'text')} || exit 3`;
    expect(await confined(['--read', mine], '/bin/sh', '-c', script)).toMatchObject({ code: 3, stdout: '' });
  });

  it('has nothing of what its starter left open', async () => {
    // a pipe is in no file system: Landlock asks nobody when /dev/fd/9 is opened
    const script = 'echo secret | (exec 9<&0 0</dev/null; exec "$@")';
    const wanted = ['/bin/sh', '-c', 'read word < /dev/fd/9; echo "$word"'];
    const bare = await run('/bin/sh', ['-c', script, 'sh', ...wanted]);
    expect(bare.stdout).toBe('secret\n');
    const kept = await run('/bin/sh', ['-c', script, 'sh', runner, 'confine', ...system, '--', ...wanted]);
    expect(kept.stdout).toBe('\n');
  });

  const [major = 0, minor = 0] = release().split('.').map(Number);
  const isSince = (since: number): boolean => major * 100 + minor >= since;

  it.runIf(isSince(607))('reaches no server', async () => {
    const server = createServer((socket) => socket.end('secret\n')).listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      const script = `exec 3<>/dev/tcp/127.0.0.1/${(server.address() as AddressInfo).port} && read word <&3 && echo "$word"`;
      expect((await run('/bin/bash', ['-c', script])).stdout).toBe('secret\n');
      const kept = await confined([], '/bin/bash', '-c', script);
      expect(kept).toMatchObject({ stdout: '', stderr: expect.stringMatching(/Permission denied/) });
    } finally {
      server.close();
    }
  });

  it.runIf(isSince(612))('ends nobody else', async () => {
    const sleeper = spawn('/bin/sleep', ['60']);
    const end = once(sleeper, 'exit');
    try {
      const asked = ['-c', `kill -0 ${sleeper.pid} && kill -TERM ${sleeper.pid}`];
      const kept = await confined([], '/bin/sh', ...asked);
      expect(kept.stderr).toMatch(/not permitted/);
      expect(sleeper.signalCode).toBe(null);
      await run('/bin/sh', asked);
      expect(await end, 'it would if it could').toEqual([null, 'SIGTERM']);
    } finally {
      sleeper.kill('SIGKILL');
    }
  });

  it('does without what is not there', async () => {
    expect((await confined(['--read', join(place, 'nowhere')], '/bin/true')).code).toBe(0);
  });

  it.each([
    ['no program', ['--read', '/'], /^usage: /],
    ['an option that there is not', ['--all', '/', '--', '/bin/true'], /^usage: /],
    [
      'a program that is not there',
      ['--read', '/', '--', '/no/program'],
      /^confine: \/no\/program: No such file/,
    ],
    [
      'a program that it may not open',
      ['--read', '/lib', '--', '/bin/true'],
      /^confine: \/bin\/true: Permission denied/,
    ],
  ])('is not started: %s', async (_, args, words) => {
    expect(await run(runner, ['confine', ...args])).toMatchObject({
      ...{ code: 125, stdout: '', stderr: expect.stringMatching(words) },
    });
  });
});
