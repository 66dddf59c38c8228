import { getEventListeners } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { faultOf, isRunning, script, sleep, temporaryDirectory, until } from '../../test/linux/support.ts';
import { interrupted, mustRun, run, tied } from './process.ts';

const base = temporaryDirectory();
const shell = (lines: string, options = {}) => run('sh', ['-c', lines], options);

describe('run', () => {
  it.each([
    ['exit 0', { code: 0, signal: null }],
    ['exit 3', { code: 3, signal: null }],
    ['exit 127', { code: 127, signal: null }],
    ['echo setpriv: my own words >&2; exit 127', { code: 127, stderr: 'setpriv: my own words\n' }],
    ['kill -TERM $$', { code: null, signal: 'SIGTERM' }],
    ['echo out; echo err >&2', { stdout: 'out\n', stderr: 'err\n' }],
    ['printf "$VALUE"', { stdout: 'of ours' }],
    ['cat', { stdout: 'fed' }],
    ['exec 0<&-; sleep 0.05', { code: 0 }],
    ['pwd', { stdout: `${base}\n` }],
  ])('sh -c %j', async (lines, expected) => {
    const input = lines.startsWith('exec') ? 'x'.repeat(1 << 20) : 'fed';
    const done = await shell(lines, { env: { VALUE: 'of ours' }, input, cwd: base });
    expect(done).toMatchObject({ timedOut: false, ...expected });
  });

  it('passes arguments as they are', async () => {
    const given = ['a b', '', '$HOME', '--', "'", 'ü'];
    const { stdout } = await run('printf', ['[%s]', ...given]);
    expect(stdout).toBe(given.map((text) => `[${text}]`).join(''));
  });

  it.each([
    [10, 'seq 1 5', '1\n2\n3\n4\n5\n'],
    [10, 'seq 1 1000', '\n999\n1000\n'],
    [4, 'printf 12345', '2345'],
    [5, 'printf 12345', '12345'],
    [0, 'printf 12345', ''],
    [3, 'printf 12; sleep 0.05; printf 34; sleep 0.05; printf 56', '456'],
  ])('keeps the last %d bytes of %j', async (outputLimit, lines, tail) => {
    expect((await shell(lines, { outputLimit })).stdout).toBe(tail.slice(-outputLimit || tail.length));
    expect((await shell(`(${lines}) >&2`, { outputLimit })).stderr).toBe(
      tail.slice(-outputLimit || tail.length),
    );
  });

  it('may be limited, and its children with it', async () => {
    const most = { memoryBytes: 2 ** 30, fileBytes: 2 ** 20 };
    const { stdout } = await run('sh', ['-c', 'sh -c "ulimit -v; ulimit -f; ulimit -c"'], { most });
    expect(stdout.split('\n').slice(0, 3)).toEqual([`${2 ** 20}`, `${2 ** 11}`, '0']); // KiB, blocks of 512 bytes
    await expect(run('/no/such/program', [], { most })).rejects.toMatchObject({ code: 'not-found' });
  });

  it('holds much output without keeping it', async () => {
    const before = process.memoryUsage().arrayBuffers;
    const { stdout } = await shell('head -c 100000000 /dev/zero | tr "\\0" x', { outputLimit: 1000 });
    expect(stdout).toBe('x'.repeat(1000));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(50e6);
  });

  it('ends at its limit, with everything it has started', async () => {
    const started = Date.now();
    const done = await shell('echo $$; sleep 61 & echo $!; sleep 62', { limitMs: 200 });
    expect(Date.now() - started).toBeLessThan(2000);
    expect(done).toMatchObject({ code: null, signal: 'SIGKILL', timedOut: true });
    const pids = done.stdout.trim().split('\n').map(Number);
    expect(pids).toHaveLength(2);
    for (const pid of pids) expect(await until(() => !isRunning(pid))).toBe(true);
  });

  it('does not wait for one that left the group and holds the pipe', async () => {
    const started = Date.now();
    const done = await shell('setsid sleep 5 & echo $!; sleep 60', { limitMs: 200 });
    expect(Date.now() - started).toBeLessThan(3000);
    expect(done.timedOut).toBe(true);
    process.kill(Number(done.stdout), 'SIGKILL');
  });

  it('ends when it is aborted', async () => {
    const controller = new AbortController();
    const file = join(base, 'aborted');
    const running = shell(`echo $$ > ${file}; exec sleep 60`, { signal: controller.signal });
    await sleep(150);
    controller.abort();
    expect(await faultOf(() => running)).toMatchObject({
      code: 'interrupted',
      message: 'interrupted while running sh',
    });
    const { stdout } = await shell(`cat ${file}`);
    expect(await until(() => !isRunning(Number(stdout)))).toBe(true);
  });

  it('does not start when it was aborted before', async () => {
    const signal = AbortSignal.abort();
    expect((await faultOf(() => shell(`touch ${base}/never`, { signal }))).code).toBe('interrupted');
    expect((await shell(`ls ${base}/never`)).code).not.toBe(0);
  });

  it('leaves no listener and no timer behind', async () => {
    const { signal } = new AbortController();
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const before = timers();
    for (let i = 0; i < 5; i++) await shell('true', { signal, limitMs: 3_600_000 });
    await faultOf(() => run('no-such-program-of-ours', [], { signal, limitMs: 3_600_000 }));
    expect(getEventListeners(signal, 'abort')).toEqual([]);
    expect(timers() - before).toBeLessThanOrEqual(0);
  });

  it('leaves no zombie', async () => {
    for (let i = 0; i < 5; i++) await shell('exit 1');
    const { stdout } = await shell(`ps -o stat= --ppid ${process.pid} | grep -c ^Z`);
    expect(stdout).toBe('0\n');
  });

  const plain = join(base, 'plain');
  writeFileSync(plain, 'no program', { mode: 0o644 });
  it.each([
    [
      'no-such-program-of-ours',
      {},
      { code: 'not-found', message: 'no program no-such-program-of-ours on this machine' },
    ],
    ['/no/such', {}, { code: 'not-found', message: 'no program /no/such on this machine' }],
    [plain, {}, { code: 'not-permitted', message: `cannot start ${plain}: EACCES` }],
    ['true', { cwd: '/no/such' }, { code: 'not-found', message: 'no directory /no/such to run true in' }],
  ])('%s is a fault', async (command, options, expected) => {
    expect(await faultOf(() => run(command, [], options))).toMatchObject(expected);
  });
});

describe('mustRun', () => {
  it('gives the output, or says how it ended and what it said last', async () => {
    expect(await mustRun('echo', ['yes'])).toBe('yes\n');
    const fault = await faultOf(() => mustRun('sh', ['-c', 'seq 1 9 >&2; exit 4']));
    expect(fault).toMatchObject({
      code: 'unavailable',
      message: 'sh ended with 4:\n4\n5\n6\n7\n8\n9',
      tried: 'sh -c seq 1 9 >&2; exit 4',
    });
    expect((await faultOf(() => mustRun('sleep', ['9'], { limitMs: 50 }))).message).toBe(
      'sleep did not end within 50 ms',
    );
    expect((await faultOf(() => mustRun('sh', ['-c', 'kill -9 $$']))).message).toBe('sh ended with SIGKILL');
  });
});

describe('tied children', () => {
  it('die with a parent that is killed', async () => {
    const parent = script(
      `const { tied, run } = await room('linux/process.ts');
       const { spawn } = await import('node:child_process');
       const sleeper = tied('sleep', ['63']);
       const child = spawn(sleeper.command, sleeper.args);
       void run('sh', ['-c', 'echo $$ > ' + process.argv.at(-1) + '; exec sleep 64']);
       setTimeout(() => console.log('child ' + child.pid), 300);
       setInterval(() => {}, 1000);`,
      [join(base, 'second')],
    );
    await parent.says('child');
    const { stdout: second } = await shell(`cat ${join(base, 'second')}`);
    parent.child.kill('SIGKILL');
    const first = Number(/child (\d+)/.exec((await parent.end).out)?.[1]);
    expect(Number(second)).toBeGreaterThan(1);
    for (const pid of [first, Number(second)]) expect(await until(() => !isRunning(pid))).toBe(true);
  });

  it('are the command itself, not a child of a helper', async () => {
    const { command, args } = tied('sh', ['-c', 'cat /proc/$$/comm; echo $PPID']);
    const { stdout } = await run(command, args);
    expect(stdout).toBe(`sh\n${process.pid}\n`);
  });

  it('interrupted says what', () => {
    expect(interrupted('make')).toMatchObject({
      code: 'interrupted',
      message: 'interrupted while running make',
    });
  });
});
