// The latest time ever seen here, kept so that a clock which is moved back is noticed and nothing that has expired comes to life again.

import { dirname } from 'node:path';
import { Fault } from '../core/errors.ts';
import { makePrivateDirectory, readIfThere, replaceDurably } from './durable.ts';

export interface HighWater {
  /** ms since 1970; 0 before the first. Faults: malformed. */
  latestMs(): number;
  /** Keeps `nowMs` if it is later. */
  advance(nowMs: number): void;
}

export function openHighWater(file: string): HighWater {
  const latestMs = (): number => {
    const text = readIfThere(file);
    if (text === undefined) return 0;
    if (/^\d{1,16}\n$/.test(text)) return Number(text);
    throw new Fault('malformed', 'the latest time seen is damaged', {
      where: file,
      next: 'set the clock right, then remove the file',
    });
  };
  return {
    latestMs,
    advance(nowMs) {
      if (!Number.isSafeInteger(nowMs) || nowMs <= latestMs()) return;
      makePrivateDirectory(dirname(file));
      replaceDurably(file, `${nowMs}\n`);
    },
  };
}
