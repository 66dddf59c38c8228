// A C compiler is more than its driver: what `--with gcc` brings along, found by asking the driver itself.

import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import { run } from './process.ts';

/** True for gcc, cc, gcc-12, x86_64-linux-gnu-gcc… */
export function isCompiler(program: string): boolean {
  return /^(x86_64-linux-gnu-)?(gcc|cc)(-\d+)?$/.test(basename(program));
}

/**
 * The files and directories that this compiler needs to compile and link C programs. Missing ones are left out. `find` looks up a
 * program in PATH, where many compilers expect assembler and linker.
 */
export async function compilerParts(
  driver: string,
  env: Readonly<Record<string, string>>,
  find: (name: string) => string | undefined,
  flags: readonly string[] = [],
): Promise<string[]> {
  const ask = async (...args: string[]): Promise<string> =>
    (await run(driver, [...flags, ...args], { env })).stdout.trim();
  const found: string[] = [];
  for (const name of ['cc1', 'collect2', 'as', 'ld', 'lto-wrapper', 'liblto_plugin.so', 'libgcc_s.so.1']) {
    const path = await ask(`-print-${name.includes('.so') ? 'file' : 'prog'}-name=${name}`);
    const file = isAbsolute(path) ? resolve(path) : find(path);
    if (file !== undefined) found.push(file);
  }
  const libgcc = dirname(await ask('-print-libgcc-file-name'));
  for (const name of await readdir(libgcc).catch(() => [])) {
    if (/^(crt.*\.o|libgcc\.a|libgcc_eh\.a|libgcc_s\.so.*|include.*)$/.test(name))
      found.push(join(libgcc, name));
  }
  const libc = dirname(resolve(await ask('-print-file-name=crt1.o')));
  for (const name of await readdir(libc).catch(() => [])) {
    if (
      /^(crt[1in]\.o|[SM]crt1\.o|lib(c|m|mvec|pthread|dl|rt|c_nonshared)\.(so|a)(\.\d+)?)$/.test(name) &&
      name !== 'libc.a' &&
      name !== 'libm.a'
    ) {
      found.push(join(libc, name));
    }
  }
  found.push(...(await includeDirectories(driver, env, flags)));
  return found.filter((path) => existsSync(path));
}

/** Between the two marker lines of `gcc -E -v`: the directories that `#include <…>` searches. */
async function includeDirectories(
  driver: string,
  env: Readonly<Record<string, string>>,
  flags: readonly string[],
): Promise<string[]> {
  const { stderr } = await run(driver, [...flags, '-E', '-v', '-x', 'c', '/dev/null', '-o', '/dev/null'], {
    env,
  });
  const listing = /search starts here:\n([\s\S]*?)End of search list/.exec(stderr)?.[1] ?? '';
  const lines = listing.split('\n').map((line) => line.trim());
  const directories = lines.filter((line) => isAbsolute(line)).map((line) => resolve(line));
  const libc = await packageFiles(['libc6-dev', 'linux-libc-dev', 'libcrypt-dev']);
  // All of /usr/include may be hundreds of megabytes; where dpkg knows the C library's own headers, only they come along.
  return directories
    .flatMap((path) => (libc.length > 0 && path.startsWith('/usr/include') ? [] : [path]))
    .concat(directories.some((path) => path.startsWith('/usr/include')) ? libc : []);
}

/** Headers of installed packages; nothing where they are not installed or there is no dpkg. */
async function packageFiles(packages: readonly string[]): Promise<string[]> {
  const { stdout } = await run('dpkg-query', ['-L', ...packages]).catch(() => ({ stdout: '' }));
  return stdout.split('\n').filter((path) => path.startsWith('/usr/include/') && path.endsWith('.h'));
}
