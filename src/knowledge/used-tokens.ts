// Which tokens were used. One file, only ever appended to (open(2) O_APPEND: two lines never mix) and on the disk before a deployment starts; of two that spend
// the same id at once, the one whose line comes first has it. A line begins and ends with a line end, so that one which was cut off spoils no other.

import { randomBytes } from 'node:crypto';
import { dirname } from 'node:path';
import { digestOf } from '../core/canonical.ts';
import { appendDurably, makePrivateDirectory, readIfThere } from './durable.ts';

export interface UsedTokens {
  has(id: string): boolean;
  /** True: it is spent now, by this call. False: it was before. Faults: unavailable (no space), not-permitted; then it must count as spent. */
  spend(id: string, atMs: number): boolean;
  /** The latest time at which one was spent; 0 when none was. */
  latestMs(): number;
}

interface Line {
  readonly id: string;
  readonly claim: string;
  readonly atMs: number;
}

/** Reads the file anew with every question: other processes write it too. */
export function openUsedTokens(file: string): UsedTokens {
  const lines = (): Line[] => parse(readIfThere(file) ?? '');
  return {
    has: (id) => lines().some((line) => line.id === id),
    spend(id, atMs) {
      makePrivateDirectory(dirname(file));
      if (lines().some((line) => line.id === id)) return false;
      const claim = randomBytes(8).toString('hex');
      appendDurably(file, Buffer.from(`\n${sealed(`${id} ${claim} ${atMs}`)}\n`, 'ascii'));
      return lines().find((line) => line.id === id)?.claim === claim;
    },
    latestMs: () => lines().reduce((latest, { atMs }) => Math.max(latest, atMs), 0),
  };
}

const sealed = (text: string): string => `${text} ${digestOf(text).slice(0, 8)}`;

/** A line that was cut off counts as spent when its id is whole, whatever else is missing. */
function parse(text: string): Line[] {
  return text.split('\n').flatMap((line) => {
    const [id = '', claim = '', time = ''] = line.split(' ');
    if (!/^[0-9a-f]{32}$/.test(id)) return [];
    const isWhole = line === sealed(`${id} ${claim} ${time}`);
    return [isWhole ? { id, claim, atMs: Number(time) } : { id, claim: '', atMs: 0 }];
  });
}
