// Policies that stay: who beats keeps them, who does not loses them; whatever is killed, the kernel is without them soon, and nothing is left.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { Attachment, AttachOptions, AttachScope } from '../../src/core/attachment.ts';
import { readSchedExt, schedulerInCharge, unload } from '../../src/linux/sched-ext.ts';
import {
  childrenOf,
  eventually,
  type HostBench,
  policy,
  rememberProcesses,
  restored,
  runnersOf,
  schedExt,
  schedOther,
  scheduling,
  traces,
} from './host-bench.ts';

const whole: AttachScope = { part: 'whole' };

export function attachCases(bench: HostBench): void {
  const { machine } = bench;
  const attached = async (name: string, scope = whole, options: AttachOptions = {}): Promise<Attachment> => {
    const result = await machine.attach(await policy(bench, name), scope, options);
    if (!result.ok) throw new Error(`not attached: ${JSON.stringify(result.finding)}`);
    return result.attachment;
  };
  const hold = (name: string, body: () => Promise<void>): void =>
    it(`hold: ${name}`, async () => {
      rememberProcesses();
      const before = traces();
      await body();
      await restored(before);
    });
  /** Beats until it is told not to. */
  const beating = (attachment: Attachment): (() => void) => {
    const timer = setInterval(() => attachment.beat(), 200);
    return () => clearInterval(timer);
  };

  hold('attached, beaten, detached', async () => {
    const one = await attached('fifo', whole, { heartbeatMs: 1000 });
    expect(one).toMatchObject({ ops: 'fifo' });
    expect(one.state().presence).toMatchObject({ state: 'enabled', ops: 'fifo', enableSeq: one.enableSeq });
    expect(one.state().covered).toBeUndefined();
    expect(await machine.attachments()).toEqual([one.address]);
    const stop = beating(one);
    let seen = 0;
    for await (const state of one.states()) {
      expect(state.presence.state).toBe('enabled');
      if (++seen === 3) break;
    }
    stop();
    expect(await one.detach()).toMatchObject({ why: 'detached', exit: { kind: 64 } });
    expect(readSchedExt()?.state).toBe('disabled');
    expect(await one.detach()).toMatchObject({ why: 'detached' });
  });
  hold('who falls silent loses it', async () => {
    const start = performance.now();
    const one = await attached('fifo', whole, { heartbeatMs: 1000 });
    expect(await one.ended).toMatchObject({ why: 'silent', exit: { kind: 64 } });
    expect(performance.now() - start).toBeLessThan(5000);
  });
  hold('left, adopted, detached', async () => {
    const first = await attached('fifo');
    first.leave();
    expect(await first.ended).toMatchObject({ why: 'left' });
    await sleep(500);
    const second = await machine.adopt(first.address);
    expect(second).toMatchObject({ ops: 'fifo', enableSeq: first.enableSeq, address: first.address });
    const stop = beating(second);
    await sleep(3500); // longer than the heartbeat
    expect(second.state().presence.state).toBe('enabled');
    stop();
    expect(await second.detach()).toMatchObject({ why: 'detached', exit: { kind: 64 } });
    await expect(machine.adopt(first.address)).rejects.toMatchObject({ code: 'not-found' });
  });
  const killedOrFrozen = (name: string, signal: NodeJS.Signals) =>
    hold(name, async () => {
      const one = await attached('fifo');
      const stop = beating(one);
      const [holder] = runnersOf(bench, 'hold');
      process.kill(holder!, signal);
      expect(await one.ended).toMatchObject({ why: 'gone', exit: null });
      stop();
      expect(readSchedExt()?.state).toBe('disabled');
    });
  killedOrFrozen('kill -9 of the holder', 'SIGKILL');
  killedOrFrozen('the holder is frozen', 'SIGSTOP');
  hold('SIGTERM to the holder', async () => {
    const one = await attached('fifo');
    process.kill(runnersOf(bench, 'hold')[0]!, 'SIGTERM');
    expect(await one.ended).toMatchObject({ why: 'signal', exit: { kind: 64 } });
  });
  hold('knobs move while it runs', async () => {
    const one = await attached('knob');
    const stop = beating(one);
    await one.set({ slice_ns: 7_000_000, lean: -5, small: 255 });
    await expect(one.set({ nosuch: 1 })).rejects.toMatchObject({ code: 'not-found' });
    await expect(one.set({ small: 256 })).rejects.toMatchObject({ code: 'malformed' });
    await expect(one.set({ small: -1 })).rejects.toMatchObject({ code: 'malformed' });
    await expect(one.set({ lean: '2147483648' })).rejects.toMatchObject({ code: 'malformed' });
    await expect(one.set({ stop: 2 })).rejects.toMatchObject({ code: 'malformed' });
    expect(one.state().presence.state).toBe('enabled');
    await one.set({ stop: true });
    const { why, exit } = await one.ended;
    stop();
    expect(why).toBe('ejected');
    expect(exit).toMatchObject({ kind: 1025, message: 'slice 7000000 lean -5 small 255' });
  });
  hold('the kernel ejects it', async () => {
    const one = await attached('stall', whole, { timeoutMs: 1000 });
    const stop = beating(one);
    expect(await one.ended).toMatchObject({ why: 'ejected', exit: { kind: 1026 } });
    stop();
  });
  hold('what the verifier refuses', async () => {
    const refused = await machine.attach(await policy(bench, 'nullderef'), whole);
    expect(refused).toMatchObject({ ok: false, finding: { code: 'load-rejected' } });
  });
  hold('what is none', async () => {
    const object = await bench.blobs.put(Buffer.from('hello'));
    await expect(machine.attach({ name: 'none', object, parameters: {} }, whole)).rejects.toMatchObject({
      code: 'malformed',
    });
    const fifo = await policy(bench, 'fifo');
    for (const scope of [
      { part: 'processes', pids: [] },
      { part: 'cgroups', paths: ['relative'] },
    ] as const)
      await expect(machine.attach(fifo, scope)).rejects.toMatchObject({ code: 'malformed' });
    const refused = await machine.attach(fifo, { part: 'cgroups', paths: ['/nosuch'] });
    expect(refused).toMatchObject({ ok: false, finding: { message: 'there is no cgroup (v2) /nosuch' } });
  });
  hold('another scheduler is loaded: refused; unloaded, the machine is free', async () => {
    const first = await attached('fifo');
    const stop = beating(first);
    const refused = await machine.attach(await policy(bench, 'knob'), whole);
    expect(refused).toMatchObject({ ok: false, finding: { code: 'foreign-scheduler' } });
    expect(first.state().presence.state).toBe('enabled');
    const foreign = schedulerInCharge()!;
    expect(foreign).toMatchObject({ ops: 'fifo', enableSeq: first.enableSeq });
    expect(foreign.argv?.[0]).toBe(bench.runner.file);
    expect(await unload(foreign)).toBe(true);
    const second = await attached('knob', whole);
    expect(await first.ended).toMatchObject({ why: 'signal' });
    stop();
    expect(second.state().presence).toMatchObject({ state: 'enabled', ops: 'knob' });
    await second.detach();
  });
  for (const part of ['cgroups', 'processes'] as const)
    hold(`only ${part}`, async () => {
      const group = inCgroup();
      try {
        const old = group.start();
        setPriority(old, 5);
        const outside = scheduling(process.pid);
        const one = await attached(
          'fifo',
          part === 'cgroups' ? { part, paths: ['/case'] } : { part, pids: [old] },
        );
        const stop = beating(one);
        expect(scheduling(old)).toEqual({ policy: schedExt, nice: 5 });
        expect(scheduling(process.pid)).toEqual(outside);
        expect(outside.policy).toBe(schedOther);
        await eventually(5000, 'its child inherits it', () =>
          childrenOf(old).some((pid) => scheduling(pid).policy === schedExt),
        );
        if (part === 'cgroups') {
          const late = group.start();
          await eventually(3000, 'who comes late is found', () => scheduling(late).policy === schedExt);
        }
        await eventually(
          3000,
          'they are counted',
          () => (one.state().covered ?? 0) >= 2,
          () => one.state(),
        );
        stop();
        expect(await one.detach()).toMatchObject({ why: 'detached', exit: { kind: 64 } });
        expect(scheduling(old)).toEqual({ policy: schedOther, nice: 5 });
      } finally {
        await group.end();
      }
    });
  hold('only a cgroup, and kill -9 of the holder', async () => {
    const group = inCgroup();
    try {
      const task = group.start();
      const one = await attached('fifo', { part: 'cgroups', paths: ['/case'] });
      expect(scheduling(task).policy).toBe(schedExt);
      process.kill(runnersOf(bench, 'hold')[0]!, 'SIGKILL');
      expect(await one.ended).toMatchObject({ why: 'gone' });
      await eventually(5000, 'it is put back', () => scheduling(task).policy === schedOther);
    } finally {
      await group.end();
    }
  });
}

/** Shells that burn CPU time in a cgroup of their own, each with a child that waits. */
function inCgroup(): { start(): number; end(): Promise<void> } {
  const directory = '/sys/fs/cgroup/case';
  const children: ChildProcess[] = [];
  mkdirSync(directory);
  return {
    start() {
      const script = 'read go; (while :; do :; done) & while :; do :; done';
      const child = spawn('/bin/sh', ['-c', script], { stdio: ['pipe', 'ignore', 'ignore'] });
      children.push(child);
      writeFileSync(`${directory}/cgroup.procs`, String(child.pid));
      child.stdin!.end('go\n');
      return child.pid!;
    },
    async end() {
      writeFileSync(`${directory}/cgroup.kill`, '1');
      await Promise.all(children.map((child) => child.exitCode ?? child.signalCode ?? once(child, 'exit')));
      await eventually(3000, 'its cgroup is empty', () => {
        try {
          rmdirSync(directory);
          return true;
        } catch {
          return false;
        }
      });
    },
  };
}
