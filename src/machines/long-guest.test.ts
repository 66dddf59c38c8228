// A guest that lives long, of which only the port is there: a script in QEMU's place says what the runner in there would, and nothing more from some line on, as a kernel that is locked up.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { faultOf, isRunning, temporaryDirectory, until } from '../../test/linux/support.ts';
import { startLongGuest } from '../linux/long-guest.ts';
import { openTools } from '../linux/tools.ts';
import { openAttachment } from './attachment.ts';

const presence = { event: 'presence', state: 'enabled', ops: 'vtime', enableSeq: 7, nrRejected: 0 };
const held = [
  { event: 'load', ok: true },
  { event: 'hold', pid: 42, ops: 'vtime', enableSeq: 7, heartbeatMs: 3000, scope: 'whole' },
  { ...presence, when: 'during' },
];
const asked = [{ ...presence, when: 'asked' }];

/** `answers`: to the line that begins with the word; to others none. */
async function started(answers: Readonly<Record<string, readonly object[]>>) {
  const root = temporaryDirectory('guest-');
  mkdirSync(join(root, 'usr/bin'), { recursive: true });
  const script = `#!${process.execPath}
    const port = process.argv.find((arg) => arg.startsWith('socket,id=control')).match(/path=([^,]*)/)[1];
    require('fs').writeFileSync('${root}/pid', String(process.pid));
    const answers = ${JSON.stringify(answers)};
    require('net').createServer((socket) => {
      const say = (events) => socket.write(events.map((event) => JSON.stringify(event) + '\\n').join(''));
      say([{ event: 'serving', work: 5, cgroup: '/schedcp-1.work' }]);
      require('readline').createInterface({ input: socket })
        .on('line', (line) => say(answers[line.split(' ')[0]] ?? []));
    }).listen(port);
    setTimeout(() => {}, 60_000);`;
  writeFileSync(join(root, 'usr/bin/qemu-system-x86_64'), script, { mode: 0o755 });
  const spec = { kernel: '/k', initramfs: '/i', cpus: 1, memoryMiB: 128, mode: 'fast' } as const;
  const job = Buffer.from('schedcp-job 1\nserve\nend\n');
  const guest = await startLongGuest(openTools(root), spec, { directory: root, job, lifeMs: 60_000 });
  const pid = Number(readFileSync(join(root, 'pid'), 'utf8'));
  return { guest, pid };
}
const job = Buffer.from('schedcp-job 1\nend\n');
const limits = { heartbeatMs: 3000, timeoutMs: 5000 };
const known = { address: 'guest', release: '6.18' };

describe('a guest that hangs', () => {
  it('is killed when the policy is let go, and the end says so', async () => {
    const { guest, pid } = await started({ presence: asked, hold: held });
    const attached = await openAttachment({ channel: guest.hold(job, limits), ...known, detachLimitMs: 50 });
    if (!attached.ok) throw new Error('refused');
    expect(await guest.presence()).toMatchObject({ state: 'enabled' });
    expect(await attached.attachment.detach()).toEqual({
      ...{ why: 'gone', exit: null, kernelEvents: {} },
      detail: 'the guest was killed, as it did not answer',
    });
    await guest.over;
    expect(await until(() => !isRunning(pid))).toBe(true);
  });

  it('is killed when attaching is called off', async () => {
    const { guest, pid } = await started({});
    const stop = new AbortController();
    const channel = guest.hold(job, limits);
    const opened = openAttachment({ ...{ channel, ...known, giveUpLimitMs: 50 }, signal: stop.signal });
    stop.abort();
    expect(await faultOf(() => opened)).toMatchObject({ code: 'interrupted' });
    await guest.over;
    expect(await until(() => !isRunning(pid))).toBe(true);
  });

  it('that lets go in order lives on', async () => {
    const done = [
      { event: 'detached', why: 'asked to detach' },
      { event: 'done', status: 'ok' },
    ];
    const { guest, pid } = await started({
      ...{ presence: asked, hold: [held[0]!], detach: [...done, { event: 'released', exit: 0, signal: 0 }] },
    });
    const stop = new AbortController();
    const channel = guest.hold(job, limits);
    const opened = openAttachment({ ...{ channel, ...known, giveUpLimitMs: 5000 }, signal: stop.signal });
    stop.abort();
    expect(await faultOf(() => opened)).toMatchObject({ code: 'interrupted' });
    expect(isRunning(pid)).toBe(true);
    expect(await guest.presence()).toMatchObject({ ops: 'vtime' });
    process.kill(pid, 'SIGKILL');
    await guest.over;
  });

  it('that is over fails at once', async () => {
    const { guest, pid } = await started({});
    const pending = faultOf(() => guest.presence());
    process.kill(pid, 'SIGKILL');
    const began = performance.now();
    const ended = { code: 'unavailable', message: expect.stringContaining('the guest has ended') };
    expect(await pending).toMatchObject(ended);
    await guest.over;
    expect(await faultOf(() => guest.presence())).toMatchObject(ended);
    expect(await faultOf(() => guest.hold(job, limits))).toMatchObject(ended);
    expect(performance.now() - began).toBeLessThan(3000);
  });
});
