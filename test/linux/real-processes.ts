// Real processes for tests that look at them: one that spins, one that sleeps, one with threads, one whose name is any bytes. They end with the test.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll } from 'vitest';
import { temporaryDirectory } from './support.ts';

const children: ChildProcess[] = [];
afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
});

function started(command: string, args: readonly string[], cwd?: string): ChildProcess & { pid: number } {
  const child = spawn(command, args, {
    stdio: ['pipe', 'pipe', 'inherit'],
    ...(cwd === undefined ? {} : { cwd }),
  });
  children.push(child);
  return child as ChildProcess & { pid: number };
}

export const spinner = (): number => started('sh', ['-c', 'while :; do :; done']).pid;

export const sleeper = (): number => started('sleep', ['60']).pid;

/** Its main thread sleeps, and each of its workers spins for 2 ms of every 10. */
export async function manyThreads(workers: number): Promise<number> {
  const work =
    'setInterval(() => { const end = performance.now() + 2; while (performance.now() < end); }, 10)';
  const main = `const { Worker } = require('node:worker_threads'); let up = 0;
    for (let n = 0; n < ${workers}; n++) new Worker(${JSON.stringify(work)}, { eval: true }).on('online', () => ++up === ${workers} && console.log('up'));`;
  const child = started(process.execPath, ['-e', main]);
  await once(child.stdout!, 'data');
  return child.pid;
}

/** A copy of sleep under a file name of these bytes (latin1): the kernel makes the task's name of its first 15. */
export async function named(name: string): Promise<number> {
  const directory = temporaryDirectory('schedcp-names-');
  const octal = Array.from(name, (byte) => `\\${byte.charCodeAt(0).toString(8).padStart(4, '0')}`).join('');
  const make = 'cp "$(command -v sleep)" "$(printf "%b" "$1")."';
  execFileSync('sh', ['-c', make, 'sh', octal], { cwd: directory });
  const child = started(
    'sh',
    ['-c', 'echo up; exec "$(printf "%b" "$1")." 60', 'sh', `./${octal}`],
    directory,
  );
  await once(child.stdout!, 'data');
  return child.pid;
}

/** A shell whose child spins, until its stdin ends. */
export const parentOfSpinner = (): ChildProcess & { pid: number } =>
  started('sh', ['-c', 'sh -c "while :; do :; done" & child=$!; read line; kill $child']);

/** A shell that starts one child after the other, each of which counts for some 20 ms. */
export const parentOfShortOnes = (): ChildProcess & { pid: number } =>
  started('sh', ['-c', 'while :; do sh -c "n=0; while [ \\$n -lt 30000 ]; do n=\\$((n+1)); done"; done']);

/** Makes a directory a link to elsewhere and a directory again, as fast as it can. */
export function swapping(parent: string, name: string, target: string): ChildProcess {
  const code = `const fs = require('node:fs'); const [name, target] = process.argv.slice(1); console.log('up');
    for (;;) { fs.renameSync(name, name + '.kept'); fs.symlinkSync(target, name); fs.unlinkSync(name); fs.renameSync(name + '.kept', name); }`;
  return started(process.execPath, ['-e', code, name, target], parent);
}
