// The three questions to a window. Is its mean beyond what noise does? Has the level jumped in it, seen through noise that remembers? Is it below the seconds before it? All pure
// functions of gains (reference.ts) and of the noise of the reference.
import { median } from '../../lib/stats.ts';
import { allowedRate, boundaryAt, studentised } from './boundary.ts';
import { freedomOf, type Reference, standardError } from './reference.ts';
import type { Terms, Watch } from './state.ts';

/** How the allowed false trips are shared: most to the window of the deadline, where they buy the most; a part of that to the jump, where noise remembers. */
const shares = { mean: 0.6, jump: 0.3, longer: 0.05 } as const;
/** Correlation from which a jump tells more than a mean. */
const remembers = 0.3;

export interface Limit {
  /** Quantile times standard error: what the mean of noise alone reaches as rarely as is allowed. */
  readonly bound: number;
  /** The loss from which the window trips. */
  readonly loss: number;
}

/** Of window `index` with n samples. */
export function limitOf(
  terms: Terms,
  reference: Reference,
  index: number,
  n: number,
  elapsedNs: number,
): Limit {
  const both = reference.correlation >= remembers;
  const share = index > 0 ? shares.longer : shares.mean + (both ? 0 : shares.jump);
  const rate = allowedRate(terms.falseTrips * share, elapsedNs);
  const z = studentised(boundaryAt(rate, terms.windowsNs[index]!, n), freedomOf(reference));
  const bound = z * standardError(reference, n);
  return { bound, loss: Math.max(bound, index === 0 ? terms.tolerated : terms.drift) };
}

/**
 * Whether the level fell at some sample from `start` on, by generalised likelihood ratio on the innovations of the AR(1) (Willsky and Jones 1976; Basseville and Nikiforov 1993, chapter 7): where noise
 * remembers, a fall shows in the one step in which it happens as much as in all that follows.
 */
export function hasJumped({ state, terms, gains }: Watch, start: number, elapsedNs: number): boolean {
  const reference = state.reference!;
  const { correlation: r, deviation, excess } = reference;
  if (r < remembers) return false;
  const z = boundaryAt(allowedRate(terms.falseTrips * shares.jump, elapsedNs), terms.windowsNs[0]!);
  const bound = studentised(z, freedomOf(reference)) * deviation * Math.sqrt(excess * (1 - r * r));
  let later = 0;
  for (let i = gains.length - 1; i >= Math.max(1, start); i--) {
    const innovation = gains[i]! - r * gains[i - 1]!;
    const after = gains.length - 1 - i;
    const fall = -innovation - (1 - r) * later;
    if (after >= leastAfter && fall > bound * Math.sqrt(1 + after * (1 - r) ** 2)) return true;
    later += innovation;
  }
  return false;
}

const leastAfter = 4;

/** The seconds before a window that it is held against. */
const beforeNs = 10e9;

/** Whether the samples from `start` on are below those before them by more than is tolerated; clipped, so that it takes most of them. */
export function isSudden({ state, terms, gains }: Watch, start: number): boolean {
  const { times, reference } = state;
  const first = times.findIndex((at) => at > times[start]! - beforeNs);
  const level = median(gains.slice(Math.min(first, start - 1), start));
  const clip = Math.max(1.5 * terms.tolerated, 2 * reference!.deviation);
  let sum = 0;
  for (let i = start; i < gains.length; i++) sum += Math.min(clip, Math.max(-clip, gains[i]! - level));
  return -sum / (gains.length - start) > terms.tolerated;
}
