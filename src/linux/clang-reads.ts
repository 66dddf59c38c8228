// Which files a compilation has read, and whether it may have: who writes a source for others to compile sees nothing of their files. Source: what clang writes with -MD (a makefile's rule).

import { realpath } from 'node:fs/promises';
import { isAbsolute, relative } from 'node:path';
import { Fault } from '../core/errors.ts';

/** Paths of a makefile's rule, without its target. */
export function dependenciesIn(rule: string): string[] {
  const [, ...words] = rule.replaceAll('\\\n', ' ').match(/(?:\\.|[^\s\\])+/g) ?? [];
  return words.map((word) => word.replace(/\\([\s#\\])/g, '$1').replaceAll('$$', '$'));
}

/** @throws Fault malformed: one of the files lies below none of the directories, by its real path. */
export async function checkReads(
  source: string,
  files: readonly string[],
  allowed: readonly string[],
): Promise<void> {
  const directories = await Promise.all(allowed.map(realOf));
  for (const file of files) {
    const real = await realOf(file);
    if (real === undefined || !isBelow(real, directories))
      throw new Fault('malformed', `${source} reads ${file}, which is not beside it`, {
        next: `copy ${file} beside the source, or name its directory with --include`,
      });
  }
}

function realOf(path: string): Promise<string | undefined> {
  return realpath(path).catch(() => undefined);
}

function isBelow(file: string, directories: readonly (string | undefined)[]): boolean {
  return directories.some((directory) => {
    const way = directory === undefined ? '..' : relative(directory, file);
    return way !== '..' && !way.startsWith('../') && !isAbsolute(way);
  });
}

/** A string, a comment, or the text of an assembly: language reference of LLVM 19, "Module-Level Inline Assembly" and "Inline Assembler Expressions". Quotation marks in strings are \\22. */
const irTokens = /\basm\b[a-z\s]*"(?<assembly>[^"]*)"|(?<global>@)?"(?<text>[^"]*)"|;[^\n]*/g;

/**
 * What of a source an assembler could take for a file's name, so that it reads that file and clang does not list it (.incbin, .include): the name has to be in quotation marks, and they come
 * into the assembly by the source's own text, or by an operand whose symbol has a name that the assembler quotes. `ir`: LLVM's, as text, before any pass.
 */
export function quotedInAssembly(ir: string): string | undefined {
  for (const { groups } of ir.matchAll(irTokens)) {
    if (groups!.assembly?.includes('\\22')) return 'inline assembly with a quotation mark in it';
    // \01: as it is, what asm("name") asks for
    if (groups!.global !== undefined && /[^\w.$@]/.test(groups!.text!.replace(/^\\01/, '')))
      return 'a symbol whose name is more than letters, digits, _, . and $';
  }
  return undefined;
}
