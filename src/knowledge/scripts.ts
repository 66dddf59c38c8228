// Scripts that are kept under a name: <root>/scripts/<name>.json tells the digest of the text, which lies among the blobs. Saving a name again gives it
// another text; the old one stays, under its digest.

import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { digestSchema } from '../core/digest.ts';
import { Fault } from '../core/errors.ts';
import { type Store, writeAtomic } from './store.ts';

/** No dots and slashes: a name is a file's name. */
export const scriptNameSchema = z.string().regex(/^[a-z][a-z0-9-]{0,39}$/, {
  error: 'a name starts with a-z and has at most 40 of a-z, 0-9 and "-"',
});
const entrySchema = z.strictObject({ digest: digestSchema, about: z.string(), bytes: z.int() });

export interface KeptScript extends z.infer<typeof entrySchema> {
  readonly name: string;
}

export interface ScriptLibrary {
  /** By name. What is no longer readable is left out. */
  list(): Promise<KeptScript[]>;
  /** Faults: not-found, with the names there are; malformed for a name that is none, and for a damaged entry. */
  get(name: string): Promise<{ readonly digest: string; readonly source: string }>;
  /** Returns the digest of the text. Faults: malformed for a name that is none; unavailable when it cannot be written. */
  save(name: string, source: string): Promise<string>;
  /** Faults: not-found. */
  remove(name: string): Promise<void>;
}

export function openScripts(store: Pick<Store, 'root' | 'blobs'>): ScriptLibrary {
  const directory = join(store.root, 'scripts');
  const fileOf = (name: string): string => {
    if (scriptNameSchema.safeParse(name).success) return join(directory, `${name}.json`);
    throw new Fault(
      'malformed',
      'the name of a script is a letter, then letters, digits and -, at most 40, all small',
      {
        next: 'choose another name',
      },
    );
  };
  const list = async (): Promise<KeptScript[]> => {
    const files = await readdir(directory).catch(() => []);
    const names = files.flatMap((file) => /^(.*)\.json$/.exec(file)?.[1] ?? []);
    const read = names.filter((name) => scriptNameSchema.safeParse(name).success).sort();
    const all = await Promise.all(read.map((name) => entry(fileOf(name)).catch(() => undefined)));
    return all.flatMap((one, index) => (one === undefined ? [] : [{ name: read[index]!, ...one }]));
  };
  const missing = async (name: string): Promise<Fault> => {
    const names = (await list()).map((one) => one.name);
    const next = names.length === 0 ? 'none are kept: save one' : `there are: ${names.join(', ')}`;
    return new Fault('not-found', `no script ${name} is kept`, { next });
  };
  return {
    list,
    async get(name) {
      const found = await entry(fileOf(name));
      if (found === undefined) throw await missing(name);
      const source = Buffer.from(await store.blobs.get(found.digest)).toString('utf8');
      return { digest: found.digest, source };
    },
    async save(name, source) {
      const file = fileOf(name);
      const digest = await store.blobs.put(Buffer.from(source));
      const text = JSON.stringify({ digest, about: aboutOf(source), bytes: Buffer.byteLength(source) });
      await writeAtomic(file, text);
      return digest;
    },
    async remove(name) {
      const file = fileOf(name);
      await rm(file).catch(async (error: NodeJS.ErrnoException) => {
        throw error.code === 'ENOENT' ? await missing(name) : error;
      });
    },
  };
}

/** The first line, where it is a comment. */
function aboutOf(source: string): string {
  return (/^\s*\/\/\s*([^\n]*)/.exec(source)?.[1] ?? '').trim().slice(0, 120);
}

/** Undefined when there is none. */
async function entry(file: string): Promise<z.infer<typeof entrySchema> | undefined> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  try {
    return entrySchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new Fault('malformed', 'the entry of this script is damaged', {
      where: file,
      next: 'save it again',
      cause,
    });
  }
}
