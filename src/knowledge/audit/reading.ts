// Reading an audit as a stream: all of it to verify the chain, or its end to show it.

import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import { Fault } from '../../core/errors.ts';
import { chainReader, type Verified } from '../../deployment/audit-chain.ts';
import { type AuditLine, longestLine, readLine } from '../../deployment/audit-line.ts';
import { segments } from './segments.ts';

/** Beyond what a line or the remains of one can have; the rest of such a piece is not kept. */
const longestPiece = 8 * longestLine;

interface Piece {
  readonly bytes: Buffer;
  readonly line: number;
  readonly isLast: boolean;
}

/** `hasHead`: whether a head file stands beside the chain. */
export async function verifyLines(
  directory: string,
  known: ReadonlyMap<number, string>,
  hasHead: boolean,
  signal?: AbortSignal,
): Promise<Verified> {
  const reader = chainReader(known);
  const files = segments(directory);
  for (const path of files) {
    const file = basename(path);
    for await (const { bytes, line, isLast } of pieces(path)) {
      if (signal?.aborted) throw new Fault('interrupted', 'interrupted while the audit was being verified');
      reader.piece(bytes, { file, line }, isLast);
    }
  }
  const file = basename(files.at(-1) ?? 'head.json');
  const verified = reader.end(file);
  // after the first line a crash may come before the head; after the second there has been one
  if (hasHead || verified.lines < 2 || verified.broken !== null) return verified;
  const message = 'head.json is gone: lines may be missing from the end';
  return { ...verified, broken: { kind: 'truncated', seq: verified.lines, file, line: 0, message } };
}

/** All whole lines, oldest first. */
export async function* allLines(directory: string): AsyncGenerator<AuditLine> {
  for (const path of segments(directory)) {
    for await (const { bytes } of pieces(path)) {
      const line = readLine(bytes);
      if (line !== undefined) yield line;
    }
  }
}

/** The newest `count` whole lines, oldest first. */
export async function lastLines(
  directory: string,
  count: number,
  before = Number.POSITIVE_INFINITY,
): Promise<AuditLine[]> {
  const found: AuditLine[] = [];
  for (const path of segments(directory).toReversed()) {
    if (found.length >= count) break;
    const here: AuditLine[] = [];
    for await (const { bytes } of pieces(path)) {
      const line = readLine(bytes);
      if (line === undefined || line.seq >= before) continue;
      here.push(line);
      if (here.length > count) here.shift();
    }
    found.unshift(...here.slice(-(count - found.length)));
  }
  return found;
}

/** What stands between line ends; the last piece is what follows the last of them. */
async function* pieces(path: string): AsyncGenerator<Piece> {
  let held: Buffer[] = [];
  let length = 0;
  let line = 1;
  const keep = (part: Buffer): void => {
    length += part.length;
    if (length <= longestPiece) held.push(part);
  };
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 18 }) as AsyncIterable<Buffer>) {
    let from = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      keep(chunk.subarray(from, end));
      yield { bytes: Buffer.concat(held), line: line++, isLast: false };
      [held, length, from] = [[], 0, end + 1];
    }
    keep(chunk.subarray(from));
  }
  yield { bytes: Buffer.concat(held), line, isLast: true };
}
