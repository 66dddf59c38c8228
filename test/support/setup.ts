// Before the tests that start guests: dist/ is built from src/, and the user's cache holds QEMU, a kernel and the runner (fetched once,
// with the network; a filled cache is left as it is).

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from './paths.ts';

/** Of this process: several projects of vitest.config.ts ask for the same. */
const done = globalThis as { schedcpIsSetUp?: true };

export function setup(): void {
  if (done.schedcpIsSetUp) return;
  must('npm', ['run', '--silent', 'build']);
  const records = mkdtempSync(join(tmpdir(), 'schedcp-setup-'));
  try {
    const object = 'policies/fifo/fifo.bpf.o';
    must(process.execPath, ['bin/schedcp', 'verify', object, '--gates', 'kernel', '--loads', 'provoke'], {
      XDG_DATA_HOME: records,
    });
  } finally {
    rmSync(records, { recursive: true });
  }
  done.schedcpIsSetUp = true;
}

function must(command: string, args: readonly string[], env: Record<string, string> = {}): void {
  const ended = spawnSync(command, args, {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 2, 2],
  });
  if (ended.status !== 0)
    throw new Error(`${command} ${args.join(' ')} ended with ${ended.status ?? ended.signal}`);
}
