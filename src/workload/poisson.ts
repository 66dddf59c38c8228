// Poisson arrivals. Given their number, the arrivals of a Poisson process in a window are independent uniform times in
// order: so the number (the work of a round) stays fixed while the gaps are random, and no logarithm is needed.
import type { Random } from '../lib/random.ts';
import { mulDiv, spanNs } from './duration.ts';

/** `count` arrival times in ns, ascending, in a window of count ÷ rate. */
export function poissonArrivals(random: Random, rate: string, count: number): number[] {
  const windowNs = spanNs(rate, count);
  const times = Array.from({ length: count }, () => mulDiv(windowNs, fraction48(random), 2 ** 48));
  return times.sort((a, b) => a - b);
}

function fraction48(random: Random): number {
  return random.uint32() * 2 ** 16 + random.below(2 ** 16);
}
