// The product inside a guest, whose machine is then its host: Node with its libraries, the suites in one file, the built product, the runner. One guest, one command.

import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundleSuites } from '../host/bundle.ts';
import type { Told } from '../host/small-vitest.ts';
import { defaultArm, experiment, openLab } from './lab.ts';
import { root } from './paths.ts';

export interface GuestHostWish {
  /** A version prefix; absent: the default kernel. */
  readonly kernel?: string;
  readonly mode: 'deterministic' | 'fast';
  readonly cpus: number;
  /** Of the guest's own clock. */
  readonly seconds: number;
}

export interface GuestHostEnd {
  readonly release: string;
  /** What the command printed, the last 64 KiB of it. */
  readonly stdout: string;
  readonly stderr: string;
  /** Why there may be less of it than there should. */
  readonly trouble: string | undefined;
}

/** `words`: of the files that lie there, the command line of Node. A guest that stands still or dies is told of and tried once more: what its cases say is not. */
export async function inGuestHost(...wish: Parameters<typeof inOneGuestHost>): Promise<GuestHostEnd> {
  const end = await inOneGuestHost(...wish);
  if (end.trouble === undefined) return end;
  console.warn(
    `the guest did not come to its end, and is tried again: ${end.trouble}`,
    end.stderr.slice(-300),
  );
  return inOneGuestHost(...wish);
}

async function inOneGuestHost(
  wish: GuestHostWish,
  words: (files: { readonly suites: string; readonly runner: string }) => readonly string[],
  more: readonly string[] = [],
): Promise<GuestHostEnd> {
  const lab = await openLab(wish.kernel);
  const directory = mkdtempSync(join(tmpdir(), 'schedcp-host-'));
  try {
    const [suites, runner] = [join(directory, 'suites.mjs'), join(directory, 'runner')];
    await bundleSuites(suites);
    copyFileSync(lab.runner.file, runner);
    const objects = ['conformance', 'runner', 'deployment'].map((part) => `test/${part}/objects`);
    objects.push('policies', 'workloads');
    const files = [suites, runner, ...[...objects, ...more].map((path) => join(root, path))];
    const packed = await lab.vm.pack(process.execPath, files, { cwd: '/', path: '/usr/bin:/bin' });
    const workload = {
      kind: 'command' as const,
      name: 'in-guest-host',
      argv: [packed.executable, ...words({ suites, runner })],
      ...{ cwd: '/', env: {}, with: files, payload: packed.digest, runs: 1, patterns: {} },
    };
    const { mode, cpus, seconds } = wish;
    const asked = { arm: defaultArm, mode, cpus, limitMs: seconds * 1000, start: 'cold', workload } as const;
    const { output, finding } = await lab.vm.run(experiment(lab, asked));
    // that policies came and went meanwhile is what the command was for
    const trouble = finding === null || finding.code === 'not-present' ? undefined : JSON.stringify(finding);
    return {
      release: lab.kernel.release,
      stdout: output?.stdout ?? '',
      stderr: output?.stderr ?? '',
      trouble,
    };
  } finally {
    rmSync(directory, { recursive: true });
    lab.close();
  }
}

/** The built product and the packages that it needs, from the root of the checkout. */
export function productFiles(): string[] {
  const modules = readFileSync(join(root, 'package-lock.json'), 'utf8');
  const { packages } = JSON.parse(modules) as {
    packages: Record<string, { dev?: boolean; optional?: boolean }>;
  };
  const needed = Object.entries(packages).filter(
    ([path, { dev, optional }]) => path !== '' && !dev && !optional,
  );
  return ['bin', 'dist', 'probes', 'package.json', ...needed.map(([path]) => path)];
}

/** A line for each case: what it took, and every error it ended in, so that one that is beside itself now and then can be understood. */
export function linesOf(told: readonly Told[]): string {
  return told
    .map(({ part, name, ms, error, earlier = [] }) => {
      const title = part === '' ? name : `${part}: ${name}`;
      const errors = [...earlier, ...(error === undefined ? [] : [error])].map((one) => `\n   ${one}`);
      return `${error === undefined ? 'ok' : 'NO'} ${title} (${ms} ms)${errors.join('')}`;
    })
    .join('\n');
}

/** The lines of runAll(). */
export function toldCases(stdout: string): Told[] {
  const text = Buffer.from(stdout, 'latin1').toString('utf8');
  return text.split('\n').flatMap((line) => (line.startsWith('{"part"') ? [JSON.parse(line) as Told] : []));
}
