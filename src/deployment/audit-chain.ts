// Whether a chain of audit lines is whole: a reader that is fed piece after piece, as they stand between line ends, and says at which one the chain breaks
// first, and how. What a crash has torn stays where it is; the next line names its digest, and then it is no break.

import { createHash, type Hash } from 'node:crypto';
import { type AuditLine, type Head, isJson, origin, readLine } from './audit-line.ts';

/**
 * changed: a line is not what its hash says; removed: lines are missing before it; inserted: a line that comes a second time; reordered: the missing one
 * comes later; rewritten: it does not follow from the line before, or is not what was known of it elsewhere; truncated: lines that were there are gone from the end.
 */
export type BreakKind = 'changed' | 'removed' | 'inserted' | 'reordered' | 'rewritten' | 'truncated';

export interface Break {
  readonly kind: BreakKind;
  /** Of the line that should be there. */
  readonly seq: number;
  readonly file: string;
  /** In the file, from 1; 0 where there is no line. */
  readonly line: number;
  readonly message: string;
}

export interface Verified {
  /** Whole lines up to the end or the break. */
  readonly lines: number;
  readonly head: Head | null;
  readonly broken: Break | null;
  /** Places where a write was cut off by a crash or a full disk, and the chain has gone on. */
  readonly torn: readonly { readonly file: string; readonly line: number; readonly bytes: number }[];
}

interface Place {
  readonly file: string;
  readonly line: number;
}

interface Pending extends Place {
  readonly hash: Hash;
  bytes: number;
  hasWhole: boolean;
}

export interface ChainReader {
  /** A piece between two line ends. `isLast`: no line end follows. */
  piece(bytes: Uint8Array, place: Place, isLast: boolean): void;
  /** `file`: the last one. */
  end(file: string): Verified;
}

/** `known`: heads that were kept elsewhere, by seq. */
export function chainReader(known: ReadonlyMap<number, string>): ChainReader {
  let head: Head | null = null;
  let broken: Break | null = null;
  let pending: Pending | null = null;
  const torn: { file: string; line: number; bytes: number }[] = [];

  const next = (): number => (head === null ? 0 : head.seq + 1);
  const breakAt = (kind: BreakKind, place: Place, message: string): void => {
    broken ??= { kind, seq: next(), ...place, message };
    pending = null;
  };

  function hold(bytes: Uint8Array, place: Place): void {
    if (pending === null) pending = { ...place, hash: createHash('sha256'), bytes: 0, hasWhole: false };
    else pending.hash.update('\n');
    pending.bytes += bytes.length + (pending.file === place.file && pending.line === place.line ? 0 : 1);
    pending.hash.update(bytes);
    pending.hasWhole ||= isJson(bytes);
  }

  /** Whether this line says of the pieces before it that they were torn, and they are such. */
  function accounts(line: AuditLine, held: Pending): boolean {
    const { bytes, digest } = line.about;
    return (
      line.what === 'set-aside' &&
      !held.hasWhole &&
      bytes === held.bytes &&
      digest === held.hash.digest('hex')
    );
  }

  function problemOf(line: AuditLine): readonly [BreakKind, string] | undefined {
    const seq = next();
    if (line.seq > seq) return ['removed', `line ${seq} is missing; this one is ${line.seq}`];
    if (line.seq < seq) return ['inserted', `line ${line.seq} comes a second time`];
    if (line.previous !== (head?.hash ?? origin))
      return ['rewritten', `line ${seq} does not follow from the one before it`];
    if (known.has(seq) && known.get(seq) !== line.hash)
      return ['rewritten', `line ${seq} is not the one that is on record elsewhere`];
    if (pending === null && line.what === 'set-aside')
      return ['removed', `line ${seq} sets something aside that is not there`];
    if (line.what === 'lines-lost')
      return ['truncated', `when line ${seq} was written, lines before it were gone`];
    return undefined;
  }

  function follow(line: AuditLine, place: Place): void {
    const held = pending;
    const isAccounted = held === null || accounts(line, held);
    const problem = isAccounted ? problemOf(line) : undefined;
    if (!isAccounted)
      breakAt('changed', { file: held!.file, line: held!.line }, `line ${next()} is not what was written`);
    else if (problem !== undefined) breakAt(problem[0], place, problem[1]);
    else {
      if (held !== null) torn.push({ file: held.file, line: held.line, bytes: held.bytes });
      pending = null;
      head = { seq: line.seq, hash: line.hash };
    }
  }

  return {
    piece(bytes, place, isLast) {
      if (isLast && bytes.length === 0) return;
      const line = readLine(bytes);
      if (broken !== null) {
        // only whether what is missing comes later
        if (broken.kind === 'removed' && line?.seq === broken.seq) broken = { ...broken, kind: 'reordered' };
      } else if (line === undefined) hold(bytes, place);
      else follow(line, place);
    },
    end(file) {
      if (pending !== null) {
        const { hasWhole, bytes, line } = pending;
        if (hasWhole)
          breakAt('changed', { file: pending.file, line }, `line ${next()} is not what was written`);
        else torn.push({ file: pending.file, line, bytes });
      }
      const last = Math.max(-1, ...known.keys());
      if (last >= next())
        breakAt(
          'truncated',
          { file, line: 0 },
          `the chain ends at line ${next() - 1}, but line ${last} is on record`,
        );
      return { lines: next(), head, broken, torn };
    },
  };
}
