import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openRunning } from './running.ts';

let directory: string;
beforeEach(() => {
  directory = join(mkdtempSync(join(tmpdir(), 'schedcp-running-')), 'running');
});
afterEach(() => rmSync(join(directory, '..'), { recursive: true }));
const about = { policy: 'fifo', object: 'd', on: 'host', by: 'somebody', sinceMs: 5 } as const;

/** The entry, with other words in it. */
function asIfOf(id: string, other: object): void {
  const file = join(directory, `${id}.json`);
  writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), ...other }));
}

const startedAt = (pid: number): string =>
  readFileSync(`/proc/${pid}/stat`, 'latin1')
    .replace(/^.*\) /s, '')
    .split(' ')[19]!;

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

  it('of a process that was killed are none; nor is one whose number somebody else has now', async () => {
    const running = openRunning(directory);
    const { id } = running.enter(about);
    const child = spawn('/bin/sleep', ['60']);
    asIfOf(id, { pid: child.pid }); // started when we were: it was not
    expect(running.list()).toEqual([]);
    asIfOf(id, { pid: child.pid, started: startedAt(child.pid!) });
    expect(running.list()).toMatchObject([{ id, pid: child.pid }]);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(running.list()).toEqual([]);
  });

  it('of a process of which only remains are left are none', async () => {
    const running = openRunning(directory);
    const { id } = running.enter(about);
    const parent = spawn('/bin/sh', ['-c', 'sleep 0 & echo $!; exec sleep 60']);
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const pid = Number(line.toString());
    while (!/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))) await sleep(5);
    asIfOf(id, { pid, started: startedAt(pid) });
    expect(running.list()).toEqual([]);
    parent.kill('SIGKILL');
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

describe('a deployment that somebody wants to end', () => {
  it('hears it, and is waited for until it has left; others go on, nothing is left', async () => {
    const running = openRunning(directory);
    const one = running.enter(about);
    const other = running.enter(about);
    const ended = running.end(one.id, 5000);
    await once(one.ended, 'abort');
    expect(running.list()).toHaveLength(2);
    one.leave();
    expect(await ended).toBe(true);
    expect(other.ended.aborted).toBe(false);
    expect(readdirSync(directory)).toEqual([`${other.id}.json`]);
  });

  it('does not leave: that is said in time, and the request stays', async () => {
    const running = openRunning(directory);
    const one = running.enter(about);
    expect(await running.end(one.id, 30)).toBe(false);
    if (!one.ended.aborted) await once(one.ended, 'abort');
    one.leave();
    expect(readdirSync(directory)).toEqual([]);
  });

  it('has left already: true, and nothing is left; its process is gone: false, at once', async () => {
    const running = openRunning(directory);
    const one = running.enter(about);
    one.leave();
    expect(await running.end(one.id, 5000)).toBe(true);
    const { id } = running.enter(about);
    asIfOf(id, { started: '1' });
    expect(await running.end(id, 60_000)).toBe(false);
  });
});

describe('the process of a deployment', () => {
  /** Says when it is ready. */
  async function process_(script: string) {
    const child = spawn('/bin/sh', ['-c', `${script}; echo; while :; do sleep 0.02; done`]);
    await once(child.stdout, 'data');
    const running = openRunning(directory);
    const { id } = running.enter(about);
    asIfOf(id, { pid: child.pid, started: startedAt(child.pid!) });
    return { running, id, pid: child.pid!, exit: once(child, 'exit') };
  }

  it('is asked, and killed when it is deaf', async () => {
    const asked = await process_(':');
    await asked.running.kill(asked.id, 5000);
    expect(await asked.exit).toEqual([null, 'SIGTERM']);
    const deaf = await process_("trap '' TERM");
    await deaf.running.kill(deaf.id, 50);
    expect(await deaf.exit).toEqual([null, 'SIGKILL']);
  });

  it('is never this one, nor one that has its number now', async () => {
    const other = await process_(':');
    asIfOf(other.id, { started: '1' });
    await other.running.kill(other.id, 50);
    process.kill(other.pid, 0);
    process.kill(other.pid, 'SIGKILL');
    const { id } = other.running.enter(about);
    await other.running.kill(id, 0); // we are still here
  });
});

describe('a deployment whose process is gone', () => {
  it('is told of once, whoever looks, and then nothing of it is left', async () => {
    const running = openRunning(directory);
    const { id } = running.enter(about);
    const here = running.enter(about);
    asIfOf(id, { started: '1' });
    writeFileSync(join(directory, `${id}.x.ask`), '{}');
    const told: string[] = [];
    const note = async (one: { id: string }): Promise<boolean> => {
      await sleep(20);
      return told.push(one.id) > 0;
    };
    await Promise.all([running.lost(note), openRunning(directory).lost(note)]);
    await running.lost(note);
    expect(told).toEqual([id]);
    expect(readdirSync(directory).sort()).toEqual([`${here.id}.json`, 'claims'].sort());
    expect(readdirSync(join(directory, 'claims'))).toEqual([]);
  });

  it('and that could not be noted, or is left, stays for the next', async () => {
    const running = openRunning(directory);
    const { id } = running.enter(about);
    asIfOf(id, { started: '1' });
    await expect(running.lost(() => Promise.reject(new Error('no space')))).rejects.toThrow('no space');
    await running.lost(async () => false);
    const told: string[] = [];
    await running.lost(async (one) => told.push(one.id) > 0);
    expect(told).toEqual([id]);
  });
});
