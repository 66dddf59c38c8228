// Policies from source: clang as policies/build uses it, with the compiler's own words when it refuses.

import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Fault } from '../core/errors.ts';
import { CompilerRefusal } from '../core/gate.ts';
import { withoutDebug } from '../lib/elf-debug.ts';
import { checkReads, dependenciesIn } from './clang-reads.ts';
import { run } from './process.ts';
import type { Tools } from './tools.ts';

export interface CompileOptions {
  /** Include directories, first to last. */
  readonly include: readonly string[];
  /** Of the object. Default: any. */
  readonly mostBytes?: number;
  readonly signal?: AbortSignal;
}

/**
 * Compiles one policy to an object with BTF and without DWARF. The object does not depend on where the source lies.
 * Throws Fault('malformed') with clang's diagnostics when it does not compile; all of them, fixes included, are its `cause` (CompilerRefusal).
 * Throws it, too, and quotes nothing, when a file was read that lies neither beside the source nor below an include directory, or when the object is above `mostBytes`.
 */
export async function compilePolicy(
  clang: Tools,
  source: string,
  options: CompileOptions,
): Promise<Uint8Array> {
  const directory = await mkdtemp(join(tmpdir(), 'schedcp-'));
  const [object, rule] = [join(directory, 'policy.bpf.o'), join(directory, 'policy.d')];
  const limits = {
    env: clang.env,
    limitMs: 60_000,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  };
  try {
    const allowed = { own: [dirname(source), ...options.include], system: [clang.root] };
    const include = [...options.include, join(clang.root, 'usr/include')].flatMap((path) => ['-I', path]);
    const flags = [
      '-target',
      'bpf',
      '-mcpu=v3',
      '-O2',
      '-g',
      '-Wall',
      '-fdebug-compilation-dir=.',
      ...options.include.map((path) => `-ffile-prefix-map=${path}=include`),
      `-ffile-prefix-map=${dirname(source)}=.`,
      '-fno-color-diagnostics',
      '-fdiagnostics-parseable-fixits',
    ];
    const compile = (...more: string[]) =>
      run(clang.program('clang'), [...flags, ...include, ...more, '-MF', rule, source], limits);
    const done = await compile('-MD', '-c', '-o', object);
    if (done.timedOut) throw new Fault('unavailable', `clang did not finish ${source} within a minute`);
    // After a fatal error, as a missing header is one, only the preprocessor says what was read.
    if (!existsSync(rule)) await compile('-M', '-MG', '-MT', object);
    if (!existsSync(rule)) throw new Fault('malformed', `${source} does not compile, not even its #includes`);
    const read = dependenciesIn(await readFile(rule, 'utf8'));
    await checkReads(
      source,
      read.filter((file) => existsSync(file)),
      allowed,
    );
    if (done.code !== 0) throw refused(source, done.stderr);
    const { mostBytes = Number.POSITIVE_INFINITY } = options;
    const { size } = await stat(object);
    // DWARF is about as large as the rest: what is much larger is not even read
    const stripped = size > 4 * mostBytes ? undefined : withoutDebug(await readFile(object));
    if (stripped !== undefined && stripped.length <= mostBytes) return stripped;
    const bytes = stripped?.length ?? size;
    throw new Fault('malformed', `${source} becomes an object of ${bytes} bytes; ${mostBytes} is the limit`);
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
