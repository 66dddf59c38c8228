// Policies from source: clang as policies/build uses it, with the compiler's own words when it refuses.

import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Fault } from '../core/errors.ts';
import { CompilerRefusal } from '../core/gate.ts';
import { withoutDebug } from '../lib/elf-debug.ts';
import { checkReads, dependenciesIn, quotedInAssembly } from './clang-reads.ts';
import { type Finished, run } from './process.ts';
import type { Tools } from './tools.ts';

/** Of clang: five times what a policy needs that includes all types of a kernel. */
const memoryBytes = 2 ** 31;

export interface CompileOptions {
  /** Include directories, first to last. */
  readonly include: readonly string[];
  /** Of the object. Default: 256 MiB. */
  readonly mostBytes?: number;
  readonly signal?: AbortSignal;
}

/**
 * Compiles one policy to an object with BTF and without DWARF. The object does not depend on where the source lies.
 * Throws Fault('malformed') with clang's diagnostics when it does not compile; all of them, fixes included, are its `cause` (CompilerRefusal).
 * Throws it, too, and quotes nothing, when a file was read that lies neither beside the source nor below an include directory, when the object is above `mostBytes`, or when clang
 * needs more than 2 GiB of memory for it.
 */
export async function compilePolicy(
  clang: Tools,
  source: string,
  options: CompileOptions,
): Promise<Uint8Array> {
  const directory = await mkdtemp(join(tmpdir(), 'schedcp-'));
  const named = (name: string): string => join(directory, name);
  const [object, rule, ir] = [named('policy.bpf.o'), named('policy.d'), named('policy.ll')];
  const { mostBytes = 2 ** 28 } = options;
  const limits = {
    // what time it is would let a source be another one each time
    ...{ env: { ...clang.env, SOURCE_DATE_EPOCH: '0' }, limitMs: 60_000 },
    // DWARF is about as large as the rest
    most: { memoryBytes, fileBytes: 4 * mostBytes },
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  };
  try {
    const allowed = [dirname(source), ...options.include, clang.root];
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
      run(clang.program('clang'), [...flags, ...include, ...more, source], limits);
    // Side by side: what is in the object, and what an assembler was given for it.
    const [done, read] = await Promise.all([
      compile('-MD', '-MF', rule, '-c', '-o', object),
      compile('-S', '-emit-llvm', '-Xclang', '-disable-llvm-passes', '-o', ir),
    ]);
    if (done.timedOut || read.timedOut)
      throw new Fault('unavailable', `clang did not finish ${source} within a minute`);
    if (gaveUp(read)) throw tooMuch(source, 4 * mostBytes);
    // After a fatal error, as a missing header is one, only the preprocessor says what was read.
    if (!existsSync(rule)) await compile('-M', '-MG', '-MT', object, '-MF', rule);
    if (!existsSync(rule)) throw new Fault('malformed', `${source} does not compile, not even its #includes`);
    const files = dependenciesIn(await readFile(rule, 'utf8'));
    await checkReads(
      source,
      files.filter((file) => existsSync(file)),
      allowed,
    );
    // The assembler quotes what it cannot read: its words are shown only once it is known that all of it is the source's own.
    if (read.code !== 0) throw refused(source, read.stderr);
    checkAssembly(source, await readFile(ir, 'utf8'));
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

function checkAssembly(source: string, ir: string): void {
  const quoted = quotedInAssembly(ir);
  if (quoted === undefined) return;
  throw new Fault('malformed', `${source} has ${quoted}: an assembler could be told of files by it`, {
    next: 'leave it out: instructions need no strings, and symbols no other names',
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
    next: 'mend the first error; policies/include/policy.h is what a policy may use, --include adds directories',
    cause: new CompilerRefusal(stderr),
  });
}
