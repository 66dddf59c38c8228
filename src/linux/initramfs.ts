// An initramfs: an uncompressed "newc" cpio archive (kernel: Documentation/driver-api/early-userspace/buffer-format.rst), byte-identical
// for identical content: sorted names, no times, owner root.

import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, type WriteStream } from 'node:fs';
import { lstat } from 'node:fs/promises';
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

/** Writes the archive to `file`. A host file that changes its size meanwhile is a Fault('unavailable'). */
export async function writeInitramfs(tree: Tree, file: string): Promise<Written> {
  const out = createWriteStream(file);
  const hash = createHash('sha256');
  let bytes = 0;
  const put = async (chunk: Uint8Array): Promise<void> => {
    hash.update(chunk);
    bytes += chunk.length;
    if (!out.write(chunk)) await drained(out);
  };
  try {
    let inode = 1;
    for (const [path, entry] of [...withParents(tree)].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const size = await entrySize(entry);
      await put(header(path.slice(1), typeBits[entry.kind] | modeOf(entry), inode++, size));
      await putContent(entry, size, put);
      await put(Buffer.alloc(-size & 3));
    }
    await put(header('TRAILER!!!', 0, 0, 0));
    await put(Buffer.alloc(-bytes & 511));
  } finally {
    await closed(out);
  }
  return { digest: hash.digest('hex'), bytes };
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

async function entrySize(entry: Entry): Promise<number> {
  if (entry.kind === 'directory') return 0;
  if (entry.kind === 'link') return Buffer.byteLength(entry.to);
  if (entry.kind === 'bytes') return entry.bytes.length;
  return (await lstat(entry.from)).size;
}

async function putContent(
  entry: Entry,
  size: number,
  put: (chunk: Uint8Array) => Promise<void>,
): Promise<void> {
  if (entry.kind === 'link') await put(Buffer.from(entry.to));
  if (entry.kind === 'bytes') await put(entry.bytes);
  if (entry.kind !== 'file' || size === 0) return;
  let seen = 0;
  for await (const chunk of createReadStream(entry.from, { highWaterMark: 1 << 20 })) {
    seen += (chunk as Buffer).length;
    await put(chunk as Buffer);
  }
  if (seen !== size) {
    throw new Fault('unavailable', `${entry.from} changed while it was copied`, {
      next: 'try again when nothing writes to it',
    });
  }
}

/** 110 bytes of hexadecimal fields, the name, a NUL, padding to four bytes. */
function header(name: string, mode: number, inode: number, size: number): Buffer {
  const nameBytes = Buffer.from(`${name}\0`);
  const fields = [inode, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, nameBytes.length, 0];
  const text = `070701${fields.map((value) => value.toString(16).toUpperCase().padStart(8, '0')).join('')}`;
  const padding = Buffer.alloc(-(text.length + nameBytes.length) & 3);
  return Buffer.concat([Buffer.from(text), nameBytes, padding]);
}

function drained(out: WriteStream): Promise<void> {
  return new Promise((resolve, reject) => {
    out.once('drain', resolve);
    out.once('error', reject);
  });
}

function closed(out: WriteStream): Promise<void> {
  return new Promise((resolve, reject) => {
    out.once('error', reject);
    out.end(resolve);
  });
}
