// Which of many progress reports are worth telling.

import type { Progress } from '../../services/service.ts';

/** "run 3 of 40" and "run 4 of 40" are of one kind. */
const kindOf = (text: string): string => text.replace(/[0-9]+([.,][0-9]+)*/g, '#');

/**
 * Says yes to a report of a new kind, then to one every `step` of the way, and after `silenceMs` without any.
 * Kinds that alternate count as new only once per step.
 */
export function worthTelling(now: () => number, step = 0.05, silenceMs = 30_000): (p: Progress) => boolean {
  let told = Number.NEGATIVE_INFINITY;
  let fraction = 0;
  let kinds = new Set<string>();
  return (progress) => {
    const at = fractionOf(progress);
    const moved = at !== undefined && (at - fraction >= step || (at >= 1 && fraction < 1));
    const kind = kindOf(progress.text);
    if (!moved && kinds.has(kind) && now() - told < silenceMs) return false;
    if (moved) {
      kinds = new Set();
      fraction = at;
    }
    kinds.add(kind);
    told = now();
    return true;
  };
}

export function fractionOf(progress: Progress): number | undefined {
  if (progress.done === undefined || progress.total === undefined || progress.total <= 0) return undefined;
  return Math.min(1, progress.done / progress.total);
}
