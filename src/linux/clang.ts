// Policies from source: clang as policies/build uses it, with the compiler's own words when it refuses.

import { mkdtemp, readFile, realpath, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { Fault } from '../core/errors.ts';
import { CompilerRefusal } from '../core/gate.ts';
import { withoutDebug } from '../lib/elf-debug.ts';
import { type Finished, run } from './process.ts';
import type { Runner } from './runner.ts';
import type { Tools } from './tools.ts';

/** Of x86-64 (its psABI): the kernel starts programs by it. */
const loader = '/lib64/ld-linux-x86-64.so.2';
/** The runner's exit code when it could not start clang as it was told to. */
const notConfined = 125;
/** Of clang: five times what a policy needs that includes all types of a kernel. */
const memoryBytes = 2 ** 31;

export interface PolicyCompiler {
  readonly clang: Tools;
  readonly runner: Runner;
}

export interface CompileOptions {
  /** Include directories, first to last. */
  readonly include: readonly string[];
  /** Of the object. Default: 256 MiB. */
  readonly mostBytes?: number;
  readonly signal?: AbortSignal;
}

/**
 * Compiles one policy to an object with BTF and without DWARF. The object does not depend on where the source lies. Whoever wrote it sees nothing of our files: clang can open what lies
 * in its directory and below, below the include directories and in clang's own tree, and nothing else (runner/confine.c).
 * Throws Fault('malformed') with clang's diagnostics when it does not compile; all of them, fixes included, are its `cause` (CompilerRefusal).
 * Throws it, too, when the object is above `mostBytes`, or when clang needs more than 2 GiB of memory for it; Fault('unavailable') where the kernel has no Landlock.
 */
export async function compilePolicy(
  { clang, runner }: PolicyCompiler,
  path: string,
  options: CompileOptions,
): Promise<Uint8Array> {
  const { mostBytes = 2 ** 28 } = options;
  const source = join(await realpath(dirname(path)), basename(path));
  if (!(await stat(source)).isFile())
    throw new Fault('malformed', `${path} is no file`, { next: 'write the source into a file' });
  const own = await Promise.all(options.include.map((one) => realpath(one).catch(() => resolve(one))));
  const directory = await mkdtemp(join(resolve(tmpdir()), 'schedcp-'));
  const object = join(directory, 'policy.bpf.o');
  const include = [...own, join(clang.root, 'usr/include')];
  const confined = [
    ...[source, dirname(source), ...include, clang.root, loader].flatMap((one) => ['--read', one]),
    ...['--write', directory, '--', clang.program('clang')],
  ];
  const flags = [
    '-target',
    'bpf',
    '-mcpu=v3',
    '-O2',
    '-g',
    '-Wall',
    '-fdebug-compilation-dir=.',
    ...own.map((one) => `-ffile-prefix-map=${one}=include`),
    `-ffile-prefix-map=${dirname(source)}=.`,
    '-fno-color-diagnostics',
    '-fdiagnostics-parseable-fixits',
    ...include.flatMap((one) => ['-I', one]),
  ];
  try {
    const done = await run(runner.file, ['confine', ...confined, ...flags, '-c', '-o', object, source], {
      // neither the time nor what lies where we are comes into an object
      ...{ env: { ...clang.env, SOURCE_DATE_EPOCH: '0' }, cwd: directory, limitMs: 60_000 },
      // DWARF is about as large as the rest
      most: { memoryBytes, fileBytes: 4 * mostBytes },
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    if (done.timedOut) throw new Fault('unavailable', `clang did not finish ${source} within a minute`);
    if (done.code === notConfined || isUsage(done)) throw notStarted(done.stderr.trim());
    if (gaveUp(done)) throw tooMuch(source, 4 * mostBytes);
    if (done.code !== 0) throw refused(source, done.stderr);
    const stripped = withoutDebug(await readFile(object));
    if (stripped.length <= mostBytes) return stripped;
    throw new Fault(
      'malformed',
      `${source} becomes an object of ${stripped.length} bytes; ${mostBytes} is the limit`,
    );
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Of a runner that does not know `confine`: one that was brought. */
function isUsage({ code, stderr }: Finished): boolean {
  return code === 2 && stderr.startsWith('usage: ');
}

function notStarted(why: string): Fault {
  if (why.startsWith('confine: Landlock'))
    return new Fault('unavailable', `this kernel cannot keep clang from your files: ${why}`, {
      next: 'one since 5.13 with Landlock can (cat /sys/kernel/security/lsm); or compile it yourself, as policies/build does, and give the object',
    });
  return new Fault('unavailable', `the runner does not start clang: ${why}`, {
    next: 'leave out SCHEDCP_RUNNER, or bring a runner of this version',
  });
}

/** It has reached a limit, or a mistake of its own: it then asks for a report, and shows its stack. */
function gaveUp({ code, signal, stderr }: Finished): boolean {
  return signal !== null || (code !== 0 && /^(LLVM ERROR: |PLEASE submit a bug report)/m.test(stderr));
}

function tooMuch(source: string, fileBytes: number): Fault {
  const most = `${memoryBytes / 2 ** 30} GiB of memory, ${fileBytes / 2 ** 20} MiB of an object with debugging information`;
  return new Fault('malformed', `clang gives up on ${source}: it may have ${most}`, {
    next: 'make tables, macros and their expansions smaller',
  });
}

function refused(source: string, stderr: string): Fault {
  const lines = stderr
    .trim()
    .split('\n')
    .filter((line) => !line.startsWith('fix-it:'));
  const shown = lines.slice(0, 30).join('\n');
  const more = lines.length > 30 ? `\n[${lines.length - 30} more lines]` : '';
  return new Fault('malformed', `${source} does not compile:\n${shown}${more}`, {
    next: /: Permission denied$/m.test(stderr)
      ? 'what it reads has to lie beside it, or in a directory that --include names'
      : 'mend the first error; policies/include/policy.h is what a policy may use, --include adds directories',
    cause: new CompilerRefusal(stderr),
  });
}
