// Files and directories that nobody else may read: looked at before they are believed (mode and owner by lstat(2), so that a link is none).

import { lstatSync } from 'node:fs';
import { Fault } from '../core/errors.ts';
import { explained } from './durable.ts';

/** `what` in the fault's words; `afterwards`: what else to do once others can have read it. */
export interface Privacy {
  readonly what: string;
  readonly afterwards: string;
}

/** @throws Fault not-permitted when others may read or write it, when it is somebody else's, or not of its kind. */
export function requirePrivate(
  path: string,
  kind: 'file' | 'directory',
  { what, afterwards }: Privacy,
): void {
  const found = explained(path, () => lstatSync(path));
  const isKind = kind === 'file' ? found.isFile() : found.isDirectory();
  if (!isKind)
    throw refused(path, `${what} ${path} is no ${kind}`, `put a ${kind} of your own there, or remove it`);
  const mine = process.getuid?.();
  if (mine !== undefined && found.uid !== mine) {
    const next = `chown ${mine} ${path}; ${afterwards}`;
    throw refused(path, `${what} ${path} belongs to user ${found.uid}, we are ${mine}`, next);
  }
  const mode = found.mode & 0o7777;
  if ((mode & 0o077) === 0) return;
  const next = `chmod ${kind === 'file' ? '600' : '700'} ${path}; ${afterwards}`;
  throw refused(path, `${what} ${path} is open to others (mode ${mode.toString(8).padStart(4, '0')})`, next);
}

function refused(where: string, message: string, next: string): Fault {
  return new Fault('not-permitted', message, { where, next });
}
