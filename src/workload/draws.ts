// Amounts drawn from a seed, stratified: of the n draws of one phase each falls into its own n-th of the distribution,
// in random order. Seeds then differ in who gets what, hardly in the sum. Rational arithmetic: no float rounding.
import type { Amount, Duration, PlainAmount } from '../core/workload.ts';
import { assert } from '../lib/assert.ts';
import type { Random } from '../lib/random.ts';
import { durationNs } from './duration.ts';

/** A position in the distribution: numerator ÷ denominator in [0, 1). */
interface Position {
  readonly num: bigint;
  readonly den: bigint;
}

/** Does every draw give the same value? */
export function isFixed(amount: Amount): boolean {
  return typeof amount === 'string' || typeof amount === 'number';
}

/** `count` draws of the amount in ns. */
export function drawAmounts(amount: Amount, count: number, random: Random): number[] {
  if (isFixed(amount)) return new Array(count).fill(durationNs(amount as Duration));
  const den = BigInt(count) << 32n;
  const strata = random.shuffle(Array.from({ length: count }, (_, i) => i));
  return strata.map((stratum) =>
    valueAt(amount, { num: (BigInt(stratum) << 32n) + BigInt(random.uint32()), den }),
  );
}

/** The value at the very start (0) or end (1) of the distribution; for bounds and views. */
export function amountBounds(amount: Amount): { lowNs: number; highNs: number } {
  const at = (num: bigint) => ('mix' in Object(amount) ? num : valueAt(amount, { num, den: 1n }));
  const [low, high] = [at(0n), at(1n)];
  if (typeof low === 'number' && typeof high === 'number') return { lowNs: low, highNs: high };
  const parts = (amount as { mix: { amount: PlainAmount }[] }).mix.map((part) => amountBounds(part.amount));
  return {
    lowNs: Math.min(...parts.map((part) => part.lowNs)),
    highNs: Math.max(...parts.map((part) => part.highNs)),
  };
}

function valueAt(amount: Amount, position: Position): number {
  if (typeof amount === 'string' || typeof amount === 'number') return durationNs(amount);
  if ('about' in amount) return aroundAt(durationNs(amount.about), amount.spread, position);
  if ('from' in amount) {
    const [low, high] = [BigInt(durationNs(amount.from)), BigInt(durationNs(amount.to))];
    return Number(amount.shape === 'pareto' ? paretoAt(low, high, position) : uniformAt(low, high, position));
  }
  return mixAt(amount.mix, position);
}

function aroundAt(aboutNs: number, spread: number, position: Position): number {
  const half = (BigInt(aboutNs) * BigInt(Math.round(spread * 1e6))) / 1_000_000n;
  return Number(uniformAt(BigInt(aboutNs) - half, BigInt(aboutNs) + half, position));
}

function uniformAt(low: bigint, high: bigint, { num, den }: Position): bigint {
  return low + ((high - low) * num) / den;
}

/** Bounded Pareto with exponent 1, which has a rational inverse: low·high ÷ (high − u·(high − low)). */
function paretoAt(low: bigint, high: bigint, { num, den }: Position): bigint {
  const divisor = high * den - num * (high - low);
  return divisor === 0n ? high : (low * high * den) / divisor;
}

function mixAt(mix: readonly { share: number; amount: PlainAmount }[], { num, den }: Position): number {
  const total = BigInt(mix.reduce((sum, part) => sum + part.share, 0));
  let rest = num * total;
  for (const part of mix) {
    const width = den * BigInt(part.share);
    if (rest < width) return valueAt(part.amount, { num: rest, den: width });
    rest -= width;
  }
  assert(false, 'a position beyond its mix');
}
