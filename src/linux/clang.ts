// Policies from source: clang and llvm-strip as policies/build uses them, with the compiler's own words when it refuses.

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Fault } from '../core/errors.ts';
import { CompilerRefusal } from '../core/gate.ts';
import { run } from './process.ts';
import type { Tools } from './tools.ts';

export interface CompileOptions {
  /** Include directories, first to last. */
  readonly include: readonly string[];
  readonly signal?: AbortSignal;
}

/**
 * Compiles one policy to an object with BTF and without DWARF. The object does not depend on where the source lies.
 * Throws Fault('malformed') with clang's diagnostics when it does not compile; all of them, fixes included, are its `cause` (CompilerRefusal).
 */
export async function compilePolicy(
  clang: Tools,
  source: string,
  options: CompileOptions,
): Promise<Uint8Array> {
  const directory = await mkdtemp(join(tmpdir(), 'schedcp-'));
  const object = join(directory, 'policy.bpf.o');
  const limits = {
    env: clang.env,
    limitMs: 60_000,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  };
  try {
    const include = [...options.include, join(clang.root, 'usr/include')].flatMap((path) => ['-I', path]);
    const flags = [
      '-target',
      'bpf',
      '-mcpu=v3',
      '-O2',
      '-g',
      '-Wall',
      '-fdebug-compilation-dir=.',
      '-fno-color-diagnostics',
      '-fdiagnostics-parseable-fixits',
    ];
    const done = await run(
      clang.program('clang'),
      [...flags, ...include, '-c', source, '-o', object],
      limits,
    );
    if (done.timedOut) throw new Fault('unavailable', `clang did not finish ${source} within a minute`);
    if (done.code !== 0) throw refused(source, done.stderr);
    const stripped = await run(clang.program('llvm-strip'), ['-g', object], limits);
    if (stripped.code !== 0) throw new Fault('unavailable', `llvm-strip failed: ${stripped.stderr.trim()}`);
    return await readFile(object);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function refused(source: string, stderr: string): Fault {
  const lines = stderr
    .trim()
    .split('\n')
    .filter((line) => !line.startsWith('fix-it:'));
  const shown = lines.slice(0, 30).join('\n');
  const more = lines.length > 30 ? `\n[${lines.length - 30} more lines]` : '';
  return new Fault('malformed', `${source} does not compile:\n${shown}${more}`, {
    next: 'mend the first error; policies/include/policy.h is what a policy may use, --include adds directories',
    cause: new CompilerRefusal(stderr),
  });
}
