// For tests of the rooms that touch the world: temporary directories and child processes that run a few lines of our own code.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { Fault } from '../../src/core/errors.ts';

const source = new URL('../../src/', import.meta.url).pathname;

const made: string[] = [];
// Here, and not where one is made: a hook that is added while a test runs is never called.
afterAll(() => {
  for (const directory of made) rmSync(directory, { recursive: true, force: true });
});

/** A directory that is gone when the file's tests are over. */
export function temporaryDirectory(name = 'schedcp-test-'): string {
  const directory = mkdtempSync(join(tmpdir(), name));
  made.push(directory);
  return directory;
}

export interface Script {
  readonly child: ChildProcess;
  readonly pid: number;
  /** Resolves when stdout holds the text. */
  says(text: string): Promise<void>;
  /** Exit code and everything it wrote. */
  readonly end: Promise<{ code: number | null; signal: string | null; out: string; err: string }>;
}

/** Runs lines of TypeScript in a Node of their own; `room('linux/cache.ts')` imports a file of ours. */
export function script(lines: string, args: readonly string[] = []): Script {
  const code = `const room = (file) => import(${JSON.stringify(source)} + file); const args = process.argv.slice(1); ${lines}`;
  const flags = ['--import', 'tsx', '--input-type=module', '-e', code, ...args];
  const child = spawn(process.execPath, flags, { stdio: ['ignore', 'pipe', 'pipe'] });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString();
  });
  return {
    child,
    pid: child.pid ?? 0,
    async says(text) {
      while (!out.includes(text)) {
        if (child.exitCode !== null || child.signalCode !== null)
          throw new Error(`it ended without saying ${text}: ${out} ${err}`);
        await sleep(10);
      }
    },
    end: once(child, 'close').then(([code, signal]) => ({ code, signal, out, err })),
  };
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Waits at most two seconds for something to become true. */
export async function until(what: () => boolean): Promise<boolean> {
  for (const deadline = Date.now() + 2000; Date.now() < deadline; await sleep(10)) if (what()) return true;
  return what();
}

/** There, and no zombie. */
export function isRunning(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

/** The fault that a call ends in. */
export async function faultOf(call: () => unknown): Promise<Fault> {
  try {
    await call();
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

/** Names below a directory, sorted; none when there is no such directory. */
export function names(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory).sort() : [];
}
