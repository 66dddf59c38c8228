// Which files a compilation has read, and whether it may have: who writes a source for others to compile sees nothing of their files. Source: what clang writes with -MD (a makefile's rule).

import { readFile, realpath } from 'node:fs/promises';
import { isAbsolute, relative } from 'node:path';
import { Fault } from '../core/errors.ts';

/** Paths of a makefile's rule, without its target. */
export function dependenciesIn(rule: string): string[] {
  const [, ...words] = rule.replaceAll('\\\n', ' ').match(/(?:\\.|[^\s\\])+/g) ?? [];
  return words.map((word) => word.replace(/\\([\s#\\])/g, '$1').replaceAll('$$', '$'));
}

/** Directories that files may lie below; `system`: of the compiler itself, whose text no author of a policy has written. */
export interface Allowed {
  readonly own: readonly string[];
  readonly system: readonly string[];
}

/** @throws Fault malformed: a file lies elsewhere, by its real path; or brings in files that clang does not list. */
export async function checkReads(source: string, files: readonly string[], allowed: Allowed): Promise<void> {
  const directories = await Promise.all([...allowed.own, ...allowed.system].map(realOf));
  const system = await Promise.all(allowed.system.map(realOf));
  for (const file of files) {
    const real = await realOf(file);
    if (real === undefined || !isBelow(real, directories))
      throw new Fault('malformed', `${source} reads ${file}, which is not beside it`, {
        next: `copy ${file} beside the source, or name its directory with --include`,
      });
    if (!isBelow(real, system) && bringsIn(await readFile(real, 'utf8')))
      throw new Fault('malformed', `${file} has an assembler's .incbin or .include in it`, {
        next: 'leave it out: a policy has no need of files beside its source',
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

/** Also where the word is put together of strings, or of characters' numbers. */
function bringsIn(text: string): boolean {
  const plain = text
    .replace(/\\\r?\n/g, '')
    .replace(/\\x([0-9a-f]{2})|\\([0-7]{2,3})/gi, (_, hex?: string, octal?: string) =>
      String.fromCharCode(hex === undefined ? Number.parseInt(octal!, 8) : Number.parseInt(hex, 16)),
    )
    .replace(/"\s*"/g, '');
  return /\.(incbin|include)\b/i.test(plain);
}
