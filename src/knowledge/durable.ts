// Writing what must survive a crash: a file is whole or as it was, and on the disk when a function returns (fsync(2), rename(2), open(2) O_APPEND and O_EXCL).
// What the file system refuses is a fault that says what to do.

import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fsyncSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { Fault } from '../core/errors.ts';

/** All of `bytes`, or a fault; what was written before the disk was full stays. */
export function appendDurably(file: string, bytes: Uint8Array): void {
  explained(file, () => {
    const fd = openSync(file, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT, 0o600);
    try {
      writeAll(fd, bytes);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  });
}

/** Replaces a file as a whole; its directory exists. */
export function replaceDurably(file: string, text: string, mode = 0o600): void {
  explained(file, () => {
    const temporary = temporaryFile(file, text, mode);
    try {
      renameSync(temporary, file);
    } catch (error) {
      rmSync(temporary, { force: true });
      throw error;
    }
    syncDirectory(dirname(file));
  });
}

/** Makes a file as a whole if there is none; false when there is. One of several at once makes it. */
export function createDurably(file: string, text: string, mode = 0o600): boolean {
  return explained(file, () => {
    const temporary = temporaryFile(file, text, mode);
    try {
      linkSync(temporary, file);
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return false;
      throw error;
    } finally {
      rmSync(temporary, { force: true });
    }
    syncDirectory(dirname(file));
    return true;
  });
}

/** With its parents, for the owner alone. */
export function makePrivateDirectory(path: string): void {
  explained(path, () => makeDirectories(path, 0o700));
}

/** One by one: Node's own recursive mkdir never ends where a directory is there in which none can be made, and the kernel says ENOENT (/proc). */
export function makeDirectories(path: string, mode?: number, parents = true): void {
  try {
    mkdirSync(path, mode);
  } catch (error) {
    const above = dirname(path);
    if (codeOf(error) === 'EEXIST' && statSync(path).isDirectory()) return;
    if (codeOf(error) !== 'ENOENT' || !parents || above === path) throw error;
    makeDirectories(above, mode);
    makeDirectories(path, mode, false);
  }
}

/** Undefined where there is none. */
export function readIfThere(file: string): string | undefined {
  return explained(file, () => {
    try {
      return readFileSync(file, 'utf8');
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw error;
    }
  });
}

export function syncDirectory(path: string): void {
  const fd = openSync(path, constants.O_RDONLY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Whether there is anything of this name, a link to nowhere included. */
export function isThere(path: string): boolean {
  return explained(path, () => lstatSync(path, { throwIfNoEntry: false })) !== undefined;
}

export function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | null)?.code;
}

/** Runs `work`; what the file system says no to is told with the file and what to do. */
export function explained<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof Fault || codeOf(error) === undefined) throw error;
    throw explanation(file, codeOf(error)!, error);
  }
}

function explanation(file: string, code: string, cause: unknown): Fault {
  const place = { where: file, cause };
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    const next = 'free some space, or point XDG_DATA_HOME to a larger disk';
    return new Fault('unavailable', `no space left for ${file}`, { ...place, next });
  }
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    const next = 'make it readable and writable for you alone, or point XDG_DATA_HOME elsewhere';
    return new Fault('not-permitted', `${file} cannot be read or written (${code})`, { ...place, next });
  }
  return new Fault('unavailable', `${file} cannot be read or written (${code})`, {
    ...place,
    next: 'look at the disk, or point XDG_DATA_HOME elsewhere',
  });
}

function temporaryFile(file: string, text: string, mode: number): string {
  const name = `.${basename(file)}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`;
  const temporary = join(dirname(file), name);
  const fd = openSync(temporary, 'wx', mode);
  try {
    writeAll(fd, Buffer.from(text, 'utf8'));
    fsyncSync(fd);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
  return temporary;
}

/** write(2) may write less than it was given. */
function writeAll(fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done);
}
