// An initramfs: an uncompressed "newc" cpio archive (kernel: Documentation/driver-api/early-userspace/buffer-format.rst), byte-identical
// for identical content: sorted names, no times, owner root.

import { createHash } from 'node:crypto';
import { open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Fault } from '../core/errors.ts';

/** What stands at a path of the guest. */
export type Entry =
  | { readonly kind: 'file'; readonly from: string; readonly mode: number }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array; readonly mode: number }
  | { readonly kind: 'link'; readonly to: string }
  | { readonly kind: 'directory'; readonly mode: number };

/** Absolute guest path → entry. Parent directories are added as needed. */
export type Tree = Map<string, Entry>;

export interface Written {
  readonly digest: string;
  readonly bytes: number;
}

const typeBits = { file: 0o100000, bytes: 0o100000, link: 0o120000, directory: 0o040000 } as const;

const blockBytes = 8 << 20;

/** Writes the archive to `file`. */
export async function writeInitramfs(tree: Tree, file: string): Promise<Written> {
  const handle = await open(file, 'w');
  const hash = createHash('sha256');
  let bytes = 0;
  let pending: Uint8Array[] = [];
  let held = 0;
  const flush = async (): Promise<void> => {
    const block = Buffer.concat(pending);
    pending = [];
    held = 0;
    hash.update(block);
    await handle.writeFile(block); // goes on at the current position; write() may write less
  };
  const put = async (chunk: Uint8Array): Promise<void> => {
    pending.push(chunk);
    held += chunk.length;
    bytes += chunk.length;
    if (held >= blockBytes) await flush();
  };
  try {
    let inode = 1;
    for (const [path, entry] of [...withParents(tree)].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const content = await contentOf(entry);
      await put(header(path.slice(1), typeBits[entry.kind] | modeOf(entry), inode++, content.length));
      await put(content);
      await put(Buffer.alloc(-content.length & 3));
    }
    await put(header('TRAILER!!!', 0, 0, 0));
    await put(Buffer.alloc(-bytes & 511));
    await flush();
  } finally {
    await handle.close();
  }
  return { digest: hash.digest('hex'), bytes };
}

async function contentOf(entry: Entry): Promise<Uint8Array> {
  if (entry.kind === 'link') return Buffer.from(entry.to);
  if (entry.kind === 'bytes') return entry.bytes;
  return entry.kind === 'file' ? fileContent(entry.from) : Buffer.alloc(0);
}

async function fileContent(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    throw new Fault('not-permitted', `cannot read ${file}, which the guest would need (${code})`, {
      next: 'make it readable, or leave it out',
    });
  }
}

function withParents(tree: Tree): Tree {
  const all: Tree = new Map(tree);
  for (const path of tree.keys()) {
    for (let at = dirname(path); at !== '/' && at !== '.'; at = dirname(at)) {
      if (!all.has(at)) all.set(at, { kind: 'directory', mode: 0o755 });
    }
  }
  return all;
}

function modeOf(entry: Entry): number {
  return entry.kind === 'link' ? 0o777 : entry.mode;
}

/** 110 bytes of hexadecimal fields, the name, a NUL, padding to four bytes. */
function header(name: string, mode: number, inode: number, size: number): Buffer {
  const nameBytes = Buffer.from(`${name}\0`);
  const fields = [inode, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, nameBytes.length, 0];
  const text = `070701${fields.map((value) => value.toString(16).toUpperCase().padStart(8, '0')).join('')}`;
  const padding = Buffer.alloc(-(text.length + nameBytes.length) & 3);
  return Buffer.concat([Buffer.from(text), nameBytes, padding]);
}
