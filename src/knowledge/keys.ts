// The keys that sign tokens: made at first start, in a directory for the owner alone. `<key id>.key` is private (PKCS #8, PEM), `<key id>.pub` public (SPKI,
// PEM), `keys.json` says which one signs and until when the others verify. A key that no longer signs loses its private half. Nothing of a private key is
// in any error: causes that might quote the file are left out.

import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { Fault } from '../core/errors.ts';
import { keyIdOf, type Signer, signerOf, type Verifiers, verifierOf } from '../deployment/signing.ts';
import { claim } from './claims.ts';
import {
  codeOf,
  createDurably,
  explained,
  isThere,
  makePrivateDirectory,
  replaceDurably,
  syncDirectory,
} from './durable.ts';
import { type Privacy, requirePrivate } from './private-files.ts';

export interface Keys {
  readonly signer: Signer;
  readonly verifiers: Verifiers;
}

const listSchema = z.strictObject({
  signs: z.string().regex(/^[0-9a-f]{16}$/),
  /** Key id → ms since 1970 at which it is refused. */
  retired: z.record(z.string().regex(/^[0-9a-f]{16}$/), z.int().min(0)),
});
type List = z.infer<typeof listSchema>;

const privacy: Privacy = {
  what: 'the key',
  afterwards: 'and since others may have read it, sign with a new one: see docs/deployment.md, "Keys"',
};

/** Opens the keys in `directory`, made first where there are none. Faults: not-permitted (open to others), malformed (damaged), unavailable. */
export function openKeys(directory: string): Keys {
  if (!isThere(directory)) firstKeys(directory);
  requirePrivate(directory, 'directory', { ...privacy, what: 'the directory of keys' });
  const list = readList(directory);
  const key = readPrivate(directory, list.signs);
  const verifiers = new Map([[list.signs, verifierOf(key, null)]]);
  for (const [id, untilMs] of Object.entries(list.retired))
    verifiers.set(id, verifierOf(readPublic(directory, id), untilMs));
  return { signer: signerOf(key), verifiers };
}

/**
 * A new key signs from now on; the one that did verifies until `untilMs`, those before it no longer than that either: with 0, because others may have read
 * them, no token issued so far holds. Keys whose time was over at `nowMs` are forgotten. A crash in the middle leaves the old state. One at a time among all processes: Fault unavailable while another does it.
 */
export function rotateKeys(directory: string, times: { nowMs: number; untilMs: number }): Keys {
  requirePrivate(directory, 'directory', { ...privacy, what: 'the directory of keys' });
  const turn = claim(join(directory, 'claims'), 0);
  if ('heldBy' in turn)
    throw new Fault('unavailable', 'another process is just making a new key', {
      where: directory,
      next: 'try again',
    });
  try {
    return rotate(directory, times);
  } finally {
    turn.release();
  }
}

function rotate(directory: string, { nowMs, untilMs }: { nowMs: number; untilMs: number }): Keys {
  const { signs, retired } = readList(directory);
  const kept = Object.fromEntries(
    Object.entries({ ...retired, [signs]: untilMs })
      .map(([id, until]) => [id, Math.min(until, untilMs)] as const)
      .filter(([, until]) => until > nowMs),
  );
  const id = writeKey(directory);
  writeList(directory, { signs: id, retired: kept });
  for (const name of explained(directory, () => readdirSync(directory))) {
    const [old, part] = name.split('.');
    const isOld =
      (part === 'key' && old !== id) || (part === 'pub' && old !== id && !Object.hasOwn(kept, old!));
    if (isOld) rmSync(join(directory, name), { force: true });
  }
  return openKeys(directory);
}

/** All at once, by rename: of two that start at the same time one makes them. */
function firstKeys(directory: string): void {
  const parent = dirname(directory);
  makePrivateDirectory(parent);
  explained(directory, () => {
    const staging = mkdtempSync(join(parent, '.keys-')); // 0700
    try {
      writeList(staging, { signs: writeKey(staging), retired: {} });
      renameSync(staging, directory);
      syncDirectory(parent);
    } catch (error) {
      if (codeOf(error) !== 'ENOTEMPTY' && codeOf(error) !== 'EEXIST') throw error;
    } finally {
      rmSync(staging, { recursive: true, force: true });
    }
  });
}

function writeKey(directory: string): string {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const id = keyIdOf(publicKey);
  explained(directory, () => mkdirSync(directory, { recursive: true, mode: 0o700 }));
  createDurably(join(directory, `${id}.pub`), publicKey.export({ type: 'spki', format: 'pem' }).toString());
  createDurably(join(directory, `${id}.key`), privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
  return id;
}

function writeList(directory: string, list: List): void {
  replaceDurably(join(directory, 'keys.json'), JSON.stringify(list));
}

function readList(directory: string): List {
  const file = join(directory, 'keys.json');
  try {
    return listSchema.parse(JSON.parse(readPrivateFile(file)));
  } catch (error) {
    throw error instanceof Fault ? error : damaged(file);
  }
}

function readPrivate(directory: string, id: string): KeyObject {
  return readKey(join(directory, `${id}.key`), id, createPrivateKey);
}

function readPublic(directory: string, id: string): KeyObject {
  return readKey(join(directory, `${id}.pub`), id, createPublicKey);
}

function readKey(file: string, id: string, parse: (pem: string) => KeyObject): KeyObject {
  const pem = readPrivateFile(file);
  try {
    const key = parse(pem);
    if (key.asymmetricKeyType === 'ed25519' && keyIdOf(key) === id) return key;
  } catch {
    // what is wrong with it stands in no error: it might quote the key
  }
  throw damaged(file);
}

function readPrivateFile(file: string): string {
  if (!isThere(file)) throw damaged(file);
  requirePrivate(file, 'file', privacy);
  return explained(file, () => readFileSync(file, 'utf8'));
}

function damaged(where: string): Fault {
  return new Fault('malformed', 'the keys are damaged: a file is missing or is not what it should be', {
    where,
    next: `put the directory back from a copy, or remove ${dirname(where)}: new keys are made, and tokens issued so far are refused`,
  });
}
