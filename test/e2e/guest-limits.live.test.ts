// A guest that never ends, and the ways in which it ends all the same: by its limit, by timeout(1) when its owner is frozen, by the kernel
// (PR_SET_PDEATHSIG) when its owner dies.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { writeInitramfs } from '../../src/linux/initramfs.ts';
import { startGuest } from '../../src/linux/qemu.ts';
import { tools } from '../../src/linux/tools.ts';
import { openLab } from '../support/lab.ts';
import { root } from '../support/paths.ts';
import { processesOf } from '../support/room.ts';
import { until } from '../support/schedcp.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'schedcp-guest-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const guests = (): number =>
  processesOf(directory).filter(({ command }) => /^\S*qemu-system/.test(command)).length;

async function start(limitMs: number): Promise<{ owner: ChildProcess; said: () => string }> {
  const script = join(root, 'test/support/one-guest.ts');
  const owner = spawn(
    process.execPath,
    ['--import', 'tsx', script, join(directory, 'guest'), String(limitMs)],
    {
      cwd: root,
      env: { ...process.env, TMPDIR: directory },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  let text = '';
  owner.stdout?.on('data', (chunk) => {
    text += chunk;
  });
  await until(() => text.includes('started') && guests() === 1, 60_000, 'a guest');
  return { owner, said: () => text };
}

it('its limit ends it', async () => {
  const { owner, said } = await start(1500);
  await once(owner, 'close');
  expect(said()).toBe('started\nlimit\n');
  expect(guests()).toBe(0);
});

it('its owner is frozen: timeout(1) ends it 5 s after its limit', async () => {
  const { owner } = await start(1000);
  owner.kill('SIGSTOP');
  const since = Date.now();
  await until(() => guests() === 0, 1000 + 5000 + 5000, 'the end of the guest');
  expect(Date.now() - since).toBeGreaterThan(2000);
  owner.kill('SIGKILL');
});

it('its owner is killed: it is gone within 2 s', async () => {
  const { owner } = await start(60_000);
  owner.kill('SIGKILL');
  await until(() => processesOf(directory).length === 0, 2000, 'the end of the guest');
});

it('a start that is called off at any moment leaves nothing', async () => {
  const lab = await openLab();
  const qemu = await tools(lab.cache, 'qemu');
  const initramfs = join(directory, 'initramfs');
  await writeInitramfs(new Map([['/init', { kind: 'file', from: lab.runner.file, mode: 0o755 }]]), initramfs);
  const spec = { kernel: lab.kernel.image, initramfs, cpus: 1, memoryMiB: 384, mode: 'fast' } as const;
  for (let moment = 0; moment < 40; moment++) {
    const stop = new AbortController();
    const options = { directory, job: new Uint8Array(), limitMs: 60_000, signal: stop.signal };
    const guest = await startGuest(qemu, spec, options);
    await sleep(moment / 8);
    stop.abort();
    await Promise.race([guest.end, sleep(1000)]);
  }
  lab.close();
  await until(() => processesOf(directory).length === 0, 2000, 'nothing is left');
});
