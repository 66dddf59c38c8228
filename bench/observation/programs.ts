// The programs that are observed, each with a fixed amount of work, and how much of the machine they use for it.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Tools } from '../../src/linux/tools.ts';

export interface Observed {
  readonly name: string;
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** What standing observation may cost it. */
  readonly limit: number;
}

/** Time that it took, and CPU time of it and of all that it has waited for. */
export interface Spent {
  readonly wallS: number;
  readonly cpuS: number;
}

const runner = fileURLToPath(new URL('../../runner', import.meta.url));
const server = fileURLToPath(new URL('server.mjs', import.meta.url));

export function observedPrograms(directory: string, perf: Tools, compiler: Tools): Observed[] {
  const bench = (args: string): string[] => [perf.program('perf'), 'bench', 'sched', ...args.split(' ')];
  const gcc = `${compiler.program('gcc')} --sysroot=${compiler.root} -std=gnu17 -D_GNU_SOURCE -O1 -c -o /dev/null`;
  const sources = ['json', 'job', 'task', 'base'];
  const build = sources
    .map((name, i) => `${gcc} ${join(runner, `${name}.c`)} & ${i % 2 ? 'wait;' : ''}`)
    .join(' ');
  const file = join(directory, 'written');
  const shell = (script: string): string[] => ['/bin/sh', '-c', script];
  return [
    {
      name: 'sums',
      argv: ['sha256sum', ...Array<string>(4).fill(process.execPath)],
      env: {},
      limit: 0.01,
    },
    {
      name: 'writes',
      argv: shell(
        `for i in 1; do dd if=/dev/zero of=${file} bs=16k count=300 oflag=dsync; dd if=${file} of=/dev/null bs=64k; done`,
      ),
      env: {},
      limit: 0.01,
    },
    { name: 'web', argv: [process.execPath, server, '2500'], env: {}, limit: 0.01 },
    { name: 'build', argv: shell(`${build} wait`), env: { ...compiler.env }, limit: 0.01 },
    { name: 'messaging', argv: bench('messaging -g 4 -l 200'), env: { ...perf.env }, limit: 0.05 },
    {
      name: 'pipe',
      argv: ['taskset', '-c', '1', ...bench('pipe -l 60000')],
      env: { ...perf.env },
      limit: 0.25,
    },
  ];
}

/** Runs it. Its CPU time is what `times` of the shell around it says of its children, to 1 ms (POSIX, special built-in utilities). */
export async function spend(program: Observed): Promise<Spent> {
  const started = performance.now();
  const child = spawn(
    '/bin/bash',
    ['-c', 'TIMEFORMAT="%U %S"; time "$@" >/dev/null 2>&1', 'sh', ...program.argv],
    {
      env: { PATH: '/usr/bin:/bin', ...program.env },
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  let text = '';
  child.stderr.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
  });
  const [code] = (await once(child, 'close')) as [number];
  const wallS = (performance.now() - started) / 1000;
  const [user = Number.NaN, system = Number.NaN] = text.trim().split(' ').map(Number);
  if (code !== 0 || Number.isNaN(user + system))
    throw new Error(`${program.name} ended with ${code}: ${text}`);
  return { wallS, cpuS: user + system };
}
