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
const about = { policy: 'fifo', object: 'd', on: 'host', by: 'somebody', sinceMs: 5 } as const;

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

describe('what is asked of a deployment', () => {
  const asked = { who: { kind: 'agent' as const, name: 'tuner' }, values: { slice_ns: 5, on: true } };

  it('reaches its process once, and the answer comes back; nothing is left', async () => {
    const running = openRunning(directory);
    const one = running.enter(about);
    const other = running.enter(about);
    expect(one.asked()).toBeUndefined();
    const answer = running.ask(one.id, asked, 5000);
    expect(other.asked()).toBeUndefined();
    const got = one.asked();
    expect(got).toMatchObject(asked);
    expect(one.asked()).toBeUndefined();
    got!.answer(false, 'not now');
    expect(await answer).toEqual({ done: false, words: 'not now' });
    expect(readdirSync(directory).sort()).toEqual([`${one.id}.json`, `${other.id}.json`].sort());
  });

  it('nobody answers: none, and the question is taken back', async () => {
    const running = openRunning(directory);
    const one = running.enter(about);
    expect(await running.ask(one.id, asked, 60)).toBeUndefined();
    expect(one.asked()).toBeUndefined();
    expect(readdirSync(directory)).toEqual([`${one.id}.json`]);
  });

  it('is no question: it is thrown away', () => {
    const running = openRunning(directory);
    const one = running.enter(about);
    writeFileSync(join(directory, `${one.id}.x.ask`), '{"by": 1}');
    expect(one.asked()).toBeUndefined();
    expect(readdirSync(directory)).toEqual([`${one.id}.json`]);
  });

  it('leaving takes what is open along', () => {
    const running = openRunning(directory);
    const one = running.enter(about);
    writeFileSync(join(directory, `${one.id}.x.ask`), '{}');
    one.leave();
    expect(readdirSync(directory)).toEqual([]);
  });
});
