// What the tests of the cache share: roots of their own, entries of a known size and age, and a maker that takes its time.

import { execFileSync } from 'node:child_process';
import { utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openCache } from '../../src/linux/cache.ts';
import { script, temporaryDirectory } from './support.ts';

/** A temporary directory, and names in it that nobody has used. */
export function freshRoots(): { readonly base: string; fresh(): string } {
  const base = temporaryDirectory();
  let count = 0;
  return { base, fresh: () => join(base, String(count++)) };
}

export const fill =
  (text: string) =>
  async (directory: string): Promise<void> =>
    writeFileSync(join(directory, 'content'), text);

/** An entry of so many KiB that was last used so long ago. */
export async function old(root: string, name: string, kib: number, hours: number): Promise<void> {
  const entry = await openCache(root).entry(name, fill('x'.repeat(kib * 1024)));
  const then = (Date.now() - hours * 3_600_000) / 1000;
  utimesSync(entry, then, then);
}

/** A process that makes `tools/slow`, says when it has begun, and takes its time. */
export const slowMaker = (root: string, ms: number) =>
  script(
    `const { openCache } = await room('linux/cache.ts');
     const { writeFileSync } = await import('node:fs');
     const entry = await openCache(args[0]).entry('tools/slow', async (directory) => {
       writeFileSync(directory + '/half', 'half');
       console.log('making');
       await new Promise((resolve) => setTimeout(resolve, Number(args[1])));
       writeFileSync(directory + '/maker', String(process.pid));
     });
     console.log('got ' + (await import('node:fs')).readFileSync(entry + '/maker', 'utf8'));`,
    [root, String(ms)],
  );

/** A process id that was in use and is not. */
export const deadPid = (): number => Number(execFileSync('sh', ['-c', 'echo $$'], { encoding: 'utf8' }));
