// The same as a process: signals, closed pipes, and the start script on what it refuses.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

const script = new URL('./process.ts', import.meta.url).pathname;
const bin = new URL('../../bin', import.meta.url).pathname;

function start(command: string, args: readonly string[]) {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  const seen = { out: '', err: '' };
  child.stdout.on('data', (chunk) => (seen.out += chunk));
  child.stderr.on('data', (chunk) => (seen.err += chunk));
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, ...seen }));
  const told = async (text: string) => {
    while (!seen.err.includes(text)) await once(child.stderr, 'data');
  };
  return { child, ended, told };
}

const schedcp = (...args: string[]) => start(process.execPath, ['--import', 'tsx', script, ...args]);

describe('signals', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)('%s stops the service, which cleans up first', async (signal) => {
    const { child, ended, told } = schedcp('slow', '--json', '--steps', '1000');
    await told('step 1 of');
    child.kill(signal);
    const { code, out, err } = await ended;
    expect(code).toBe(3);
    expect(JSON.parse(out).error).toEqual({ code: 'interrupted', message: `interrupted by ${signal}` });
    expect(err).toContain('slow: cleaned up');
  });

  it('a second Ctrl-C exits at once', async () => {
    const { child, ended, told } = schedcp('slow', '--deaf', '--step-ms', '20000');
    await told('step 1 of');
    child.kill('SIGINT');
    await told('once more to exit at once');
    child.kill('SIGINT');
    expect(await ended).toMatchObject({ code: 3, signal: null, out: '' });
  });
});

describe('streams', () => {
  it('survives a reader who leaves', async () => {
    const { child, ended } = schedcp('long');
    child.stdout.destroy();
    expect(await ended).toMatchObject({ code: 0, err: '' });
  });

  it('keeps what libraries print off stdout', async () => {
    const { out, err } = await schedcp('noisy', '--json').ended;
    expect(JSON.parse(out)).toHaveProperty('records');
    expect(err).toContain('not JSON-RPC');
  });

  it('writes all of a long answer into a pipe', async () => {
    const { out } = await schedcp('long', '--json', '--lines', '20000').ended;
    expect(JSON.parse(out).rows).toHaveLength(20_000);
  });
});

describe('bin/schedcp', () => {
  const root = mkdtempSync(join(tmpdir(), 'schedcp-bin-'));
  afterAll(() => rmSync(root, { recursive: true }));
  cpSync(bin, join(root, 'bin'), { recursive: true });
  const main = (text: string) => {
    mkdirSync(join(root, 'dist'), { recursive: true });
    writeFileSync(join(root, 'package.json'), '{"type":"module"}');
    writeFileSync(join(root, 'dist/main.js'), text);
  };
  const run = (...args: string[]) =>
    start(process.execPath, [...args, join(root, 'bin/schedcp'), '--json']).ended;

  it('says that the checkout is not built', async () => {
    const { code, out } = await run();
    expect(code).toBe(3);
    expect(JSON.parse(out).error.next).toBe(`run npm ci in ${root}`);
  });

  it('says that a dependency is missing', async () => {
    main('import "no-such-package";');
    const { code, out } = await run();
    expect(code).toBe(3);
    expect(JSON.parse(out).error).toMatchObject({ code: 'unavailable', next: `run npm ci in ${root}` });
  });

  it('exits with 3 when the program crashes: 1 means rejected', async () => {
    main('throw new Error("boom");');
    expect(await run()).toMatchObject({ code: 3, err: expect.stringContaining('boom') });
  });

  it('hands over', async () => {
    main('export function main() { console.log(process.argv.slice(2).join()); }');
    expect(await run()).toMatchObject({ code: 0, out: '--json\n' });
  });

  it('refuses an old Node by name', async () => {
    const old = join(root, 'old.cjs');
    writeFileSync(old, 'Object.defineProperty(process, "versions", { value: { node: "20.18.9" } });');
    const { code, out } = await run('--require', old);
    expect(code).toBe(3);
    expect(JSON.parse(out).error.message).toBe('SchedCP needs Node 20.19 or newer, and this is 20.18.9');
  });
});
