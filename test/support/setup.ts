// Before the tests that start guests: dist/ is built from src/, and the user's cache holds QEMU, a kernel and the runner (fetched once,
// with the network; a filled cache is left as it is).

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from './paths.ts';

export function setup(): void {
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
}

function must(command: string, args: readonly string[], env: Record<string, string> = {}): void {
  const done = spawnSync(command, args, {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 2, 2],
  });
  if (done.status !== 0)
    throw new Error(`${command} ${args.join(' ')} ended with ${done.status ?? done.signal}`);
}
