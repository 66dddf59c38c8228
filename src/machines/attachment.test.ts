// Attachments over a holder whose lines are written here: what it says, in which pieces, and how it ends.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { isRunning, temporaryDirectory, until } from '../../test/linux/support.ts';
import type { Attachment } from '../core/attachment.ts';
import { startHold } from '../linux/hold.ts';
import { openAttachment } from './attachment.ts';

const hold = { event: 'hold', pid: 42, ops: 'vtime', enableSeq: 7, heartbeatMs: 3000, scope: 'whole' };
const presence = (enableSeq = 7) => ({
  ...{ event: 'presence', when: 'during', state: 'enabled', ops: 'vtime', enableSeq, nrRejected: 0 },
});
const exit = {
  event: 'exit',
  kind: 64,
  code: 0,
  reason: 'unregistered from user space',
  message: '',
  dump: '',
};
const done = (status: string) => ({ event: 'done', status });

function holder(parts: Partial<Parameters<typeof openAttachment>[0]> = {}) {
  const [from, to] = [new PassThrough(), new PassThrough()];
  let heard = '';
  to.on('data', (chunk) => {
    heard += chunk;
  });
  const say = (...events: object[]): void => {
    from.write(events.map((event) => `${JSON.stringify(event)}\n`).join(''));
  };
  const close = (): void => {
    from.destroy();
  };
  const opened = openAttachment({
    channel: { from, to, close },
    address: '/run/x.sock',
    release: '6.18',
    ...parts,
  });
  opened.catch(() => {});
  return { from, say, opened, heard: () => heard };
}

async function attached(parts: Parameters<typeof holder>[0] = {}) {
  const one = holder(parts);
  one.say({ event: 'load', ok: true }, hold, presence());
  const result = await one.opened;
  if (!result.ok) throw new Error('refused');
  return { ...one, attachment: result.attachment as Attachment };
}

describe('an attachment', () => {
  it('is there when its holder has said so and what the kernel says', async () => {
    const { attachment } = await attached();
    expect(attachment).toMatchObject({ address: '/run/x.sock', ops: 'vtime', enableSeq: 7 });
    expect(attachment.state()).toEqual({
      presence: { state: 'enabled', ops: 'vtime', enableSeq: 7, nrRejected: 0 },
      kernelEvents: {},
    });
  });

  it('hears lines in any pieces', async () => {
    const { from, opened, say } = holder();
    const text = [{ event: 'load', ok: true }, hold, presence()]
      .map((event) => `${JSON.stringify(event)}\n`)
      .join('');
    for (const letter of text) {
      from.write(letter);
      await sleep(0);
    }
    expect((await opened).ok).toBe(true);
    say(exit);
  });

  it('beats, sets, detaches in lines; an answer belongs to the knob that it names', async () => {
    const { attachment, heard, say, from } = await attached();
    attachment.beat();
    const set = attachment.set({ slice_ns: 5, big: '9007199254740993', on: true });
    for (const [name, value] of [
      ['slice_ns', '5'],
      ['big', '9007199254740993'],
      ['on', 'true'],
    ] as const) {
      await sleep(5);
      say({ event: 'set', name: 'other', value: '1', ok: false, error: 'not-found' });
      say({ event: 'set', name, value, ok: true, error: '' });
    }
    await set;
    const ended = attachment.detach();
    await sleep(5);
    expect(heard()).toBe('beat\nset slice_ns 5\nset big 9007199254740993\nset on true\ndetach\n');
    say(
      { event: 'events', values: { SCX_EV_X: 3 } },
      exit,
      { event: 'detached', why: 'asked to detach' },
      done('ok'),
    );
    from.end();
    expect(await ended).toEqual({
      why: 'detached',
      exit: { kind: 64, code: 0, reason: 'unregistered from user space', message: '', dump: '' },
      kernelEvents: { SCX_EV_X: 3 },
      detail: 'asked to detach',
    });
    expect(await attachment.detach()).toMatchObject({ why: 'detached' });
  });

  it.each([
    ['not-found', 'not-found'],
    ['malformed', 'malformed'],
    ['unavailable', 'unavailable'],
  ] as const)('a knob that is %s', async (error, code) => {
    const { attachment, say } = await attached();
    const set = attachment.set({ knob: 1 });
    say({ event: 'set', name: 'knob', value: '1', ok: false, error });
    await expect(set).rejects.toMatchObject({ code });
  });

  it('no line can be smuggled in by a name', async () => {
    const { attachment, heard } = await attached();
    await expect(attachment.set({ 'a 1\ndetach': 1 })).rejects.toMatchObject({ code: 'malformed' });
    expect(heard()).toBe('');
  });

  it.each([
    ['missed heartbeat', 'silent'],
    ['end of input', 'silent'],
    ['a signal', 'signal'],
    ['the kernel ejected the policy', 'ejected'],
  ] as const)('ends with "%s": %s', async (said, why) => {
    const { attachment, say, from } = await attached();
    say(exit, { event: 'detached', why: said }, done('ok'));
    from.end();
    expect(await attachment.ended).toMatchObject({ why, detail: said });
  });

  it('a holder that is killed in the middle of a line: gone, when the kernel is without it', async () => {
    const waited: number[] = [];
    const settled = async (enableSeq: number): Promise<void> => {
      await sleep(20);
      waited.push(enableSeq);
    };
    const { attachment, from } = await attached({ settled });
    const set = expect(attachment.set({ knob: 1 })).rejects.toMatchObject({ code: 'unavailable' });
    from.end('{"event":"pres');
    expect(await attachment.ended).toMatchObject({ why: 'gone', exit: null });
    expect(waited).toEqual([7]);
    await set;
  });

  it('left: it is for others to say how it ends', async () => {
    const { attachment, heard } = await attached();
    attachment.leave();
    expect(await attachment.ended).toMatchObject({ why: 'left' });
    expect(heard()).toBe('');
  });

  it('states come as they are said, the newest only to who is slow, until the end', async () => {
    const { attachment, say, from } = await attached();
    const seen: number[] = [];
    const reading = (async () => {
      for await (const { presence } of attachment.states()) {
        seen.push(presence.enableSeq);
        if (presence.enableSeq === 8) await sleep(60);
      }
    })();
    for (const seq of [8, 9, 10]) {
      await sleep(10);
      say(presence(seq));
    }
    await sleep(100);
    say({ event: 'covered', threads: 12 });
    await sleep(10);
    expect(attachment.state()).toMatchObject({ covered: 12, presence: { enableSeq: 10 } });
    from.end();
    await reading;
    expect(seen).toEqual([8, 10, 10]);
  });

  it('a policy that the verifier refuses is a finding', async () => {
    const { opened, say, from } = holder();
    say(
      { event: 'load', ok: false, stage: 'load', error: 'EACCES', program: 'enqueue', log: 'R1 !read_ok' },
      done('failed'),
    );
    from.end();
    expect(await opened).toMatchObject({
      ok: false,
      finding: { code: 'load-rejected', detail: 'R1 !read_ok' },
    });
  });

  it('a runner that cannot is a finding, one that says nothing a fault', async () => {
    const one = holder();
    one.say(
      { event: 'fault', message: 'there is no process 9', next: 'name a process that runs' },
      done('failed'),
    );
    one.from.end();
    expect(await one.opened).toMatchObject({ ok: false, finding: { message: 'there is no process 9' } });
    const two = holder();
    two.from.end();
    await expect(two.opened).rejects.toMatchObject({ code: 'unavailable' });
    await expect(holder({ limitMs: 20 }).opened).rejects.toMatchObject({ code: 'unavailable' });
  });

  it.each([
    ['called off', 'interrupted'],
    ['not there in time', 'unavailable'],
  ] as const)('%s: a holder that was found is left alone', async (_, code) => {
    const stop = new AbortController();
    const { opened, heard, from } = holder({
      signal: stop.signal,
      limitMs: code === 'unavailable' ? 20 : 60_000,
    });
    if (code === 'interrupted') stop.abort();
    await expect(opened).rejects.toMatchObject({ code });
    expect(heard()).toBe('');
    expect(from.destroyed).toBe(true);
  });

  // as one with a socket: the end of its input is no end
  it.each([
    [
      'lets go when it is told to',
      'for n in $(seq 20); do read line || sleep 1; [ "$line" = detach ] && exit; done',
      10_000,
    ],
    ['hears nothing', 'exec sleep 20', 50],
  ])(
    'called off before it is there, and its holder %s: it is over when that is told',
    async (_, lines, giveUpLimitMs) => {
      const file = join(temporaryDirectory(), 'runner');
      writeFileSync(file, `#!/bin/sh\ntrap "" HUP PIPE\necho $$ > ${file}.pid\n${lines}\n`, { mode: 0o755 });
      const channel = await startHold({ file, digest: '' }, Buffer.alloc(0), {
        address: '/run/x.sock',
        heartbeatMs: 3000,
      });
      const stop = new AbortController();
      const opened = openAttachment({
        ...{ channel, giveUpLimitMs },
        address: '',
        release: '',
        signal: stop.signal,
      });
      opened.catch(() => {});
      const pid = (): number => Number(existsSync(`${file}.pid`) && readFileSync(`${file}.pid`, 'utf8'));
      expect(await until(() => pid() > 0)).toBe(true);
      stop.abort();
      const began = performance.now();
      await expect(opened).rejects.toMatchObject({ code: 'interrupted' });
      expect(performance.now() - began).toBeLessThan(5000);
      expect(await until(() => !isRunning(pid()))).toBe(true);
    },
  );

  it('called off, and its holder cannot even be killed: said, after a limit', async () => {
    const channel = {
      from: new PassThrough(),
      to: new PassThrough(),
      close: () => {},
      kill: () => 'its holder',
    };
    const opened = openAttachment({
      ...{ channel, address: '', release: '', giveUpLimitMs: 20, signal: AbortSignal.abort() },
    });
    await expect(opened).rejects.toMatchObject({
      code: 'interrupted',
      message: expect.stringContaining('has not ended so far'),
    });
  });

  it('that not even a kill ends is let go of after seconds, and that is said', async () => {
    const { attachment } = await attached({ detachLimitMs: 20, force: () => {} });
    const begun = performance.now();
    expect(await attachment.detach()).toMatchObject({
      why: 'gone',
      exit: null,
      detail: 'its holder has not ended, not even killed',
    });
    expect(performance.now() - begun).toBeLessThan(12_000);
  });

  it('a holder that does not let go is ended', async () => {
    const forced: number[] = [];
    const { attachment, from } = await attached({
      detachLimitMs: 20,
      force: (pid) => {
        forced.push(pid);
        from.end();
      },
    });
    expect(await attachment.detach()).toMatchObject({
      why: 'gone',
      detail: 'its holder was killed, as it did not answer',
    });
    expect(forced).toEqual([42]);
  });

  it('one that has ended when it is to be killed is no failure', async () => {
    const { attachment, from } = await attached({
      detachLimitMs: 20,
      force: () => {
        from.end();
        throw new Error('kill ESRCH');
      },
    });
    expect(await attachment.detach()).toMatchObject({ why: 'gone' });
  });
});
