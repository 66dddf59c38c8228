// Which machine this is, and which of its boots (machine-id(5), /proc/sys/kernel/random/boot_id; hashed in deployment/identity.ts). A machine without an id
// gets one of chance, which is kept.

import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { Fault } from '../core/errors.ts';
import { bootDigest, machineDigest } from '../deployment/identity.ts';
import { createDurably, isThere, makePrivateDirectory, readIfThere } from './durable.ts';
import { requirePrivate } from './private-files.ts';

export interface MachineIdentity {
  readonly machine: string;
  /** Absent where the kernel does not tell. */
  readonly boot?: string;
}

export interface IdentityFiles {
  /** Beside the keys. */
  readonly made: string;
  readonly machineId?: string;
  readonly bootId?: string;
}

/** A made-up id, once there is one, goes before what the system says: it must not change when the system gets an id later. */
export function machineIdentity({
  made,
  machineId = '/etc/machine-id',
  bootId = '/proc/sys/kernel/random/boot_id',
}: IdentityFiles): MachineIdentity {
  const id = isThere(made) ? readMade(made) : (systemId(machineId) ?? makeUp(made));
  const boot = contentOf(bootId);
  return { machine: machineDigest(id), ...(boot === undefined ? {} : { boot: bootDigest(boot) }) };
}

/** "uninitialized" and an id of zeros are none (machine-id(5), "First boot semantics"). */
function systemId(file: string): string | undefined {
  const id = contentOf(file);
  return id !== undefined && /^[0-9a-f]{32}$/.test(id) && !/^0+$/.test(id) ? id : undefined;
}

function contentOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return undefined;
  }
}

function makeUp(file: string): string {
  makePrivateDirectory(dirname(file));
  createDurably(file, `${randomBytes(16).toString('hex')}\n`);
  return readMade(file);
}

function readMade(file: string): string {
  requirePrivate(file, 'file', { what: 'the id of this machine', afterwards: 'and try again' });
  const id = readIfThere(file)?.trim();
  if (id !== undefined && /^[0-9a-f]{32}$/.test(id)) return id;
  throw new Fault('malformed', 'the id of this machine is damaged', {
    where: file,
    next: 'remove the file: a new one is made, and tokens issued so far are refused',
  });
}
