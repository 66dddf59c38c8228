// A text file of the workload (makefile, unit file, source), read within roots that were allowed at the start. The path is resolved first, opened without
// following a link, and what was opened is looked at again through /proc/self/fd: a link that is put there meanwhile leads nowhere. Its bytes are data.

import { constants } from 'node:fs';
import { lstat, open, readlink, realpath } from 'node:fs/promises';
import { basename, isAbsolute, join, resolve, sep } from 'node:path';
import { Fault } from '../../core/errors.ts';
import type { ReadFile } from '../../core/host.ts';
import { printable } from '../../lib/printable.ts';

/** Bytes of the largest file that is read. */
export const largestFile = 1 << 20;

const within = (path: string, root: string): boolean =>
  path === root || path.startsWith(root.endsWith(sep) ? root : root + sep);

/** `path`: absolute, or below the first root. Faults: not-found, not-permitted (outside of the roots, or our rights), unsupported (no text, too large, no regular file). */
export async function readWorkloadFile(roots: readonly string[], path: string): Promise<ReadFile> {
  const shown = printable(Buffer.from(path, 'utf8').toString('latin1'));
  if (path.includes('\0')) throw new Fault('malformed', 'a path has no NUL byte', { next: 'check the path' });
  const real = await realRoots(roots);
  const wanted = isAbsolute(path) ? path : join(roots[0] ?? '/', path);
  // Said before looking whether it exists: what lies outside is nobody's business here.
  const lexical = resolve(wanted);
  if (![...real, ...roots.map((root) => resolve(root))].some((root) => within(lexical, root)))
    throw outside(shown, roots);
  const target = await realpath(wanted).catch((error: NodeJS.ErrnoException) =>
    Promise.reject(unreadable(shown, error)),
  );
  if (!real.some((root) => within(target, root))) throw outside(shown, roots);
  await mustBeFile(target, shown);
  return readChecked(target, shown, real, roots);
}

async function realRoots(roots: readonly string[]): Promise<string[]> {
  const found = await Promise.all(roots.map((root) => realpath(root).catch(() => undefined)));
  return found.filter((root) => root !== undefined);
}

/** Before opening: to open a device, a pipe or a socket may do something. */
async function mustBeFile(target: string, shown: string): Promise<void> {
  const stat = await lstat(target).catch((error: NodeJS.ErrnoException) =>
    Promise.reject(unreadable(shown, error)),
  );
  if (!stat.isFile())
    throw new Fault('unsupported', `${shown} is no regular file`, {
      next: stat.isDirectory() ? 'name a file in it' : 'name a text file',
    });
}

async function readChecked(
  target: string,
  shown: string,
  real: readonly string[],
  roots: readonly string[],
): Promise<ReadFile> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;
  const file = await open(target, flags).catch((error: NodeJS.ErrnoException) =>
    Promise.reject(error.code === 'ELOOP' ? outside(shown, roots) : unreadable(shown, error)),
  );
  try {
    const opened = await readlink(`/proc/self/fd/${file.fd}`).catch(() => undefined);
    if (opened !== undefined && !real.some((root) => within(opened, root))) throw outside(shown, roots);
    const stat = await file.stat();
    if (!stat.isFile())
      throw new Fault('unsupported', `${shown} is no regular file`, { next: 'name a text file' });
    if (stat.size > largestFile)
      throw new Fault('unsupported', `${shown} has ${stat.size} bytes; at most ${largestFile} are read`, {
        next: 'name a smaller file',
      });
    const buffer = Buffer.alloc(largestFile + 1);
    let size = 0;
    for (;;) {
      const { bytesRead } = await file.read(buffer, size, buffer.length - size, size);
      if (bytesRead === 0 || size + bytesRead > largestFile) break;
      size += bytesRead;
    }
    const bytes = buffer.subarray(0, size);
    if (bytes.includes(0))
      throw new Fault('unsupported', `${shown} is no text: it has NUL bytes`, { next: 'name a text file' });
    return {
      path: printable(Buffer.from(opened ?? target, 'utf8').toString('latin1')),
      bytes: size,
      text: linesOf(bytes),
    };
  } finally {
    await file.close();
  }
}

/** Backslashes stay single here: this is the text of a file, and only what does not print is written otherwise. */
function linesOf(bytes: Buffer): string {
  return bytes
    .toString('latin1')
    .replaceAll('\r\n', '\n')
    .split(/([\n\t\\])/)
    .map((part) => (part === '\n' || part === '\t' || part === '\\' ? part : printable(part)))
    .join('');
}

function outside(shown: string, roots: readonly string[]): Fault {
  const names = roots.length === 0 ? 'there are none' : roots.join(', ');
  return new Fault('not-permitted', `${shown} lies outside of the directories that may be read (${names})`, {
    next: 'start schedcp in the directory of the workload, or name it in SCHEDCP_READ (directories, with : between them)',
  });
}

function unreadable(shown: string, error: NodeJS.ErrnoException): Fault {
  const code = error.code === 'ENOENT' || error.code === 'ENOTDIR' ? 'not-found' : 'not-permitted';
  const name = basename(shown);
  return code === 'not-found'
    ? new Fault(code, `no such file: ${shown}`, {
        next: `look where ${name} is: the process observation tells a command's directory`,
      })
    : new Fault(code, `cannot read ${shown} (${error.code ?? 'unknown error'})`, {
        next: 'check its permissions',
      });
}
