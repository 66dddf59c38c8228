// Files in a directory of their own, all of them or none: open(2) with O_EXCL, fsync(2).

import { mkdir, open, readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Fault } from '../core/errors.ts';

export interface NewFile {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly mode: number;
}

/** Makes the directory where it is missing, and gives its path back. Throws Fault: not-permitted (it is not empty, it cannot be written), unavailable (no space); then nothing is left in it. */
export async function fillDirectory(directory: string, files: readonly NewFile[]): Promise<string> {
  const made: string[] = [];
  let first: string | undefined;
  try {
    first = await makeDirectories(directory);
    const there = await readdir(directory);
    if (there.length > 0)
      throw new Fault('not-permitted', `${directory} is not empty (${there[0]})`, {
        next: 'name a directory that is empty, or none yet',
      });
    for (const { name, bytes, mode } of files) {
      const path = join(directory, name);
      const file = await open(path, 'wx', mode);
      made.push(path);
      try {
        await file.chmod(mode); // whatever the umask says
        await file.writeFile(bytes);
        await file.sync();
      } finally {
        await file.close();
      }
    }
    return directory;
  } catch (thrown) {
    for (const path of made) await rm(path, { force: true });
    if (first !== undefined) await rm(first, { recursive: true, force: true });
    if (thrown instanceof Fault) throw thrown;
    const { code = '' } = thrown as NodeJS.ErrnoException;
    throw new Fault(
      code === 'ENOSPC' ? 'unavailable' : 'not-permitted',
      `cannot write ${directory}: ${code}`,
      {
        next: code === 'ENOSPC' ? 'free some space' : 'name a directory that you may write',
        cause: thrown,
      },
    );
  }
}

/** The first that was made, if any. One by one: Node's own recursive mkdir never ends below /proc. */
async function makeDirectories(path: string, parents = true): Promise<string | undefined> {
  try {
    await mkdir(path);
    return path;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const above = dirname(path);
    if (code === 'EEXIST') return undefined; // who looks into it finds out what it is
    if (code !== 'ENOENT' || !parents || above === path) throw error;
    const first = await makeDirectories(above);
    const last = await makeDirectories(path, false);
    return first ?? last;
  }
}
