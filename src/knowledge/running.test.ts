import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openRunning } from './running.ts';

let directory: string;
beforeEach(() => {
  directory = join(mkdtempSync(join(tmpdir(), 'schedcp-running-')), 'running');
});
afterEach(() => rmSync(join(directory, '..'), { recursive: true }));
const about = { policy: 'fifo', on: 'host', by: 'somebody', sinceMs: 5 } as const;

describe('deployments that are under way', () => {
  it('are listed with what they say, until they leave', () => {
    const running = openRunning(directory);
    expect(running.list()).toEqual([]);
    const one = running.enter(about);
    one.say('step 1');
    expect(running.list()).toMatchObject([{ ...about, id: one.id, pid: process.pid, says: 'step 1' }]);
    one.leave();
    expect(running.list()).toEqual([]);
    expect(readdirSync(directory)).toEqual([]);
  });

  it('of a process that was killed are swept away; so is one whose number somebody else has now', async () => {
    const running = openRunning(directory);
    running.enter(about);
    const [name] = readdirSync(directory) as [string];
    const child = spawn('/bin/sleep', ['60']);
    const entry = JSON.parse(readFileSync(join(directory, name), 'utf8'));
    writeFileSync(join(directory, name), JSON.stringify({ ...entry, pid: child.pid })); // started when we were: it was not
    expect(running.list()).toEqual([]);
    child.kill('SIGKILL');
    await once(child, 'exit');
    writeFileSync(join(directory, name), JSON.stringify({ ...entry, pid: child.pid }));
    expect(running.list()).toEqual([]);
    expect(existsSync(join(directory, name))).toBe(false);
  });

  it('any file that is none of ours is no deployment', () => {
    const running = openRunning(directory);
    running.enter(about);
    writeFileSync(join(directory, 'x.json'), '{"pid": 1}');
    expect(running.list().length).toBe(1);
  });
});
