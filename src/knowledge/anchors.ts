// Anchors: heads of the audit among the records. Who cuts the audit short, and the head beside it, leaves these behind.

import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Anchor, anchorSchema } from '../core/records.ts';
import type { Head } from '../deployment/audit-line.ts';
import type { Store } from './store.ts';

/** An anchor is shorter; longer records are not opened. */
const longestAnchor = 256;

export function anchorOf({ seq, hash }: Head): Anchor {
  return { kind: 'anchor', version: 1, from: [], seq, hash };
}

/** All that can be read, in no order. */
export async function anchors({ root, records }: Pick<Store, 'root' | 'records'>): Promise<Head[]> {
  const at = join(root, 'records');
  const names = (await readdir(at, { recursive: true }).catch(() => [])).filter((name) =>
    name.endsWith('.json'),
  );
  const found = await Promise.all(
    names.map((name) => anchorIn(join(at, name), name.slice(-69, -5), records)),
  );
  return found.flat();
}

async function anchorIn(file: string, digest: string, records: Store['records']): Promise<Head[]> {
  const size = (await stat(file).catch(() => undefined))?.size ?? longestAnchor + 1;
  if (size > longestAnchor || !(await readFile(file, 'utf8').catch(() => '')).includes('"anchor"')) return [];
  const read = anchorSchema.safeParse(await records.get(digest).catch(() => undefined));
  return read.success ? [{ seq: read.data.seq, hash: read.data.hash }] : [];
}
