// A reader of "newc" cpio archives, written from the format's description alone, and a way to put one on disk.

import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export interface CpioEntry {
  readonly name: string;
  readonly inode: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly links: number;
  readonly time: number;
  readonly content: Buffer;
}

export function readCpio(archive: Buffer): CpioEntry[] {
  const entries: CpioEntry[] = [];
  for (let at = 0; ; ) {
    if (archive.subarray(at, at + 6).toString() !== '070701') throw new Error(`no header at ${at}`);
    const field = (index: number): number => {
      const text = archive.subarray(at + 6 + 8 * index, at + 14 + 8 * index).toString();
      if (!/^[0-9A-F]{8}$/.test(text)) throw new Error(`no number at ${at}: ${text}`);
      return Number.parseInt(text, 16);
    };
    const [nameSize, size] = [field(11), field(6)];
    const name = archive.subarray(at + 110, at + 110 + nameSize - 1).toString('utf8');
    if (archive[at + 110 + nameSize - 1] !== 0) throw new Error(`name without an end at ${at}`);
    const start = (at + 110 + nameSize + 3) & ~3;
    if (name === 'TRAILER!!!') return entries;
    const content = archive.subarray(start, start + size);
    if (content.length !== size) throw new Error(`${name} is cut off`);
    const [inode, mode, uid, gid, links, time] = [field(0), field(1), field(2), field(3), field(4), field(5)];
    entries.push({ name, inode, mode, uid, gid, links, time, content });
    at = (start + size + 3) & ~3;
  }
}

/** As the kernel does it: in order, and nothing is made on the way to a path. */
export function unpackCpio(archive: Buffer, root: string): void {
  for (const { name, mode, content } of readCpio(archive)) {
    const path = join(root, name);
    if (dirname(name) === '.') mkdirSync(root, { recursive: true });
    if ((mode & 0o170000) === 0o040000) mkdirSync(path);
    else if ((mode & 0o170000) === 0o120000) symlinkSync(content, path);
    else writeFileSync(path, content);
    if ((mode & 0o170000) !== 0o120000) chmodSync(path, mode & 0o7777);
  }
}
