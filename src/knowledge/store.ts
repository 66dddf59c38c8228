// Records and blobs on disk, content-addressed: <root>/records/ab/<digest>.json and <root>/blobs/ab/<digest>. Writing is atomic
// (a temporary file, then a rename), and reading checks the digest, so a torn or edited file is noticed.

import { randomBytes } from 'node:crypto';
import { readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { canonicalJson, digestOf } from '../core/canonical.ts';
import { Fault } from '../core/errors.ts';
import type { Blobs, Records } from '../core/machine.ts';
import { makeDirectories } from './durable.ts';

export interface Store {
  readonly root: string;
  readonly records: Records & {
    find(prefix: string): Promise<string>;
    /** The last written, newest first; experiments, which each outcome names, are left out. */
    newest(count: number): Promise<{ digest: string; kind: string }[]>;
  };
  readonly blobs: Blobs;
  /** Removes every record and blob. */
  remove(): Promise<void>;
}

export function storeDirectory(env: NodeJS.ProcessEnv = process.env): string {
  const base = env.XDG_DATA_HOME;
  return join(base?.startsWith('/') ? base : join(homedir(), '.local', 'share'), 'schedcp');
}

export function openStore(root: string = storeDirectory()): Store {
  const recordPath = (digest: string): string => join(root, 'records', digest.slice(0, 2), `${digest}.json`);
  const blobPath = (digest: string): string => join(root, 'blobs', digest.slice(0, 2), digest);
  return {
    root,
    records: {
      async get(digest) {
        return JSON.parse((await readChecked(recordPath(digest), digest, 'record')).toString('utf8'));
      },
      async put(record) {
        const text = canonicalJson(record);
        const digest = digestOf(text);
        await writeAtomic(recordPath(digest), text);
        return digest;
      },
      newest: (count) => newestRecords(join(root, 'records'), count),
      find: (prefix) => findRecord(join(root, 'records'), prefix),
    },
    remove: () => rm(root, { recursive: true, force: true }),
    blobs: {
      get: (digest) => readChecked(blobPath(digest), digest, 'blob'),
      async put(bytes) {
        const digest = digestOf(bytes);
        await writeAtomic(blobPath(digest), bytes);
        return digest;
      },
    },
  };
}

async function readChecked(file: string, digest: string, what: string): Promise<Buffer> {
  const bytes = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    throw new Fault('not-found', `no ${what} ${digest}`, {
      where: file,
      next: 'list the records with: schedcp show',
    });
  });
  if (digestOf(bytes) !== digest) {
    throw new Fault('malformed', `the ${what} ${digest} has been changed since it was written`, {
      where: file,
      next: 'remove the file; a record cannot be trusted after an edit',
    });
  }
  return bytes;
}

export async function writeAtomic(file: string, content: Uint8Array | string): Promise<void> {
  const temporary = `${file}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`;
  try {
    makeDirectories(dirname(file));
    await writeFile(temporary, content);
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw new Fault(
      'unavailable',
      `cannot write ${file}: ${(error as NodeJS.ErrnoException).code ?? String(error)}`,
      {
        next: 'free some space, or point XDG_DATA_HOME to a directory that can be written',
        cause: error,
      },
    );
  }
}

async function newestRecords(root: string, count: number): Promise<{ digest: string; kind: string }[]> {
  const names = (await readdir(root, { recursive: true }).catch(() => [])).filter((name) =>
    name.endsWith('.json'),
  );
  const dated = await Promise.all(
    names.map(async (name) => ({
      name,
      time: (await stat(join(root, name)).catch(() => null))?.mtimeMs ?? 0,
    })),
  );
  const found: { digest: string; kind: string }[] = [];
  for (const { name } of dated.sort((a, b) => b.time - a.time || (a.name < b.name ? -1 : 1))) {
    if (found.length >= count) break;
    const kind = await kindOf(join(root, name));
    if (kind !== undefined && kind !== 'experiment') found.push({ digest: name.slice(-69, -5), kind });
  }
  return found;
}

/** Undefined for a file that is torn or gone: `get` tells. */
async function kindOf(file: string): Promise<string | undefined> {
  try {
    return (JSON.parse(await readFile(file, 'utf8')) as { kind?: string }).kind;
  } catch {
    return undefined;
  }
}

/** The record whose digest starts with `prefix` (at least four digits). Throws Fault: not-found, malformed (ambiguous). */
async function findRecord(root: string, prefix: string): Promise<string> {
  if (!/^[0-9a-f]{4,64}$/.test(prefix)) {
    throw new Fault(
      'malformed',
      `${prefix} is not a record: give at least four hexadecimal digits of its digest`,
      { next: 'list the records with: schedcp show' },
    );
  }
  const all = (await readdir(join(root, prefix.slice(0, 2))).catch(() => [])).filter((name) =>
    name.endsWith('.json'),
  );
  const found = all.map((name) => name.slice(0, -5)).filter((digest) => digest.startsWith(prefix));
  if (found.length === 1 && found[0] !== undefined) return found[0];
  if (found.length === 0)
    throw new Fault('not-found', `no record ${prefix}`, { next: 'list the records with: schedcp show' });
  throw new Fault('malformed', `${found.length} records start with ${prefix}`, { next: 'give more digits' });
}
