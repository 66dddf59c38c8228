// The audit on disk: append-only, hash-chained JSON lines, in files that are rotated by size. One writer at a time among all processes; a line is on the
// disk when `append` returns. Beside it `head.json` says where the chain has come to, and every few lines an anchor says so among the records, so that
// lines which are cut from the end are missed. Nothing is ever taken out: what a crash has torn stays, and the next line says so.

import { join } from 'node:path';
import { z } from 'zod';
import { Fault } from '../core/errors.ts';
import type { Verified } from '../deployment/audit-chain.ts';
import { type AuditLine, auditLine, type Entry, type Head, whoSchema } from '../deployment/audit-line.ts';
import { allLines, lastLines, verifyLines } from './audit/reading.ts';
import { readTail, segmentName, type Tail } from './audit/segments.ts';
import { type Claim, claim, sweepClaims } from './claims.ts';
import { appendDurably, makePrivateDirectory, readIfThere, replaceDurably } from './durable.ts';

export interface Audit {
  /** Faults: unavailable (no space; another process does not let go), not-permitted. After a fault the line may be there all the same. */
  append(entry: Entry): Promise<Head>;
  /** By the file beside the chain; null before the first line. */
  head(): Head | null;
  /** The newest `count`, oldest first; those before line `before` only. */
  last(count: number, before?: number): Promise<AuditLine[]>;
  /** All whole lines, oldest first. */
  lines(): AsyncIterable<AuditLine>;
  /** Reads all of it. `known`: further heads that were kept elsewhere. */
  verify(known?: readonly Head[], signal?: AbortSignal): Promise<Verified>;
}

export interface AuditOptions {
  /** Clock, ms since 1970. */
  readonly now: () => number;
  /** Told of every sixteenth head, and of each with which a file ends: keeps it elsewhere. */
  readonly anchor?: (head: Head) => Promise<unknown>;
  /** Bytes of one file. */
  readonly segmentBytes?: number;
  /** So long is another writer waited for. */
  readonly patienceMs?: number;
}

const headSchema = z.strictObject({ seq: z.int().min(0), hash: z.string().regex(/^[0-9a-f]{64}$/) });
const anchorEvery = 16;
const program = whoSchema.parse({ kind: 'program', name: 'schedcp' });

export function openAudit(directory: string, options: AuditOptions): Audit {
  let queue: Promise<unknown> = Promise.resolve();
  return {
    append(entry) {
      const appended = queue.then(() => append(directory, entry, options));
      queue = appended.catch(() => {});
      return appended;
    },
    head: () => readHead(directory),
    lines: () => allLines(directory),
    last: (count, before) => lastLines(directory, count, before),
    verify(known = [], signal) {
      const head = readHead(directory);
      const heads = head === null ? known : [head, ...known];
      return verifyLines(
        directory,
        new Map(heads.map(({ seq, hash }) => [seq, hash])),
        head !== null,
        signal,
      );
    },
  };
}

/** A chain that was torn or cut gets a line that says so first, then the one that was asked for. */
async function append(directory: string, entry: Entry, options: AuditOptions): Promise<Head> {
  makePrivateDirectory(directory);
  for (;;) {
    const { written, head } = await appendNext(directory, entry, options);
    if (head.seq % anchorEvery === anchorEvery - 1) await options.anchor?.(head);
    if (written === 'asked') return head;
  }
}

async function appendNext(
  directory: string,
  entry: Entry,
  { now, anchor, segmentBytes = 8 << 20, patienceMs = 30_000 }: AuditOptions,
): Promise<{ written: 'asked' | 'repair'; head: Head }> {
  const { tail, turn } = await myTurn(directory, patienceMs);
  try {
    const previous = tail.last;
    const isFull = tail.rest === null && tail.bytes >= segmentBytes;
    if (isFull && previous !== null) await anchor?.({ seq: previous.seq, hash: previous.hash });
    const repair = repairOf(tail, readHead(directory));
    const { text, head } = auditLine(repair ?? entry, previous, now());
    const file = tail.file === undefined || isFull ? join(directory, segmentName(head.seq)) : tail.file;
    const isOpen = file === tail.file && (tail.isOpen || tail.rest !== null);
    appendDurably(file, Buffer.from(`${isOpen ? '\n' : ''}${text}\n`, 'utf8'));
    replaceDurably(join(directory, 'head.json'), JSON.stringify(head));
    if (head.seq % 64 === 0) sweepClaims(join(directory, 'claims'), head.seq - 64);
    return { written: repair === undefined ? 'asked' : 'repair', head };
  } finally {
    turn.release();
  }
}

/** What must be said before anything else. */
function repairOf({ last, rest }: Tail, head: Head | null): Entry | undefined {
  const about = { ...(rest ?? {}) };
  const isLost =
    head !== null &&
    (last === null || last.seq < head.seq || (last.seq === head.seq && last.hash !== head.hash));
  if (isLost) {
    const why = `the chain ended at line ${last?.seq ?? 'none'}, but line ${head.seq} had been written`;
    return { who: program, what: 'lines-lost', why, about: { ...about, known: { ...head } } };
  }
  if (rest === null) return undefined;
  const why = 'a write was cut off by a crash or a full disk; what is left of it stays in the line before';
  return { who: program, what: 'set-aside', why, about };
}

/** Waits for its turn, then reads the end of the chain again: the next line is ours to write. */
async function myTurn(directory: string, patienceMs: number): Promise<{ tail: Tail; turn: Claim }> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const seen = readTail(directory);
    const turn = claim(join(directory, 'claims'), nextSeq(seen));
    if ('heldBy' in turn) {
      if (performance.now() > deadline) throw notOurTurn(directory, turn.heldBy);
      await new Promise((resolve) => setTimeout(resolve, 2 + (process.pid % 5)));
      continue;
    }
    const tail = readTail(directory);
    if (nextSeq(tail) === nextSeq(seen)) return { tail, turn };
    turn.release();
  }
}

const nextSeq = ({ last }: Tail): number => (last === null ? 0 : last.seq + 1);

function notOurTurn(directory: string, owner: string): Fault {
  const pid = Number.parseInt(owner, 10);
  return new Fault('unavailable', `process ${pid} does not finish a line of the audit`, {
    where: join(directory, 'claims'),
    next: `let it go on, or end it: kill ${pid}`,
  });
}

/** Null when there is none, or it is damaged: then the chain is judged by itself. */
function readHead(directory: string): Head | null {
  const text = readIfThere(join(directory, 'head.json'));
  if (text === undefined) return null;
  try {
    return headSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}
