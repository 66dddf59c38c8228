// Durations and rates: text to integer nanoseconds, exactly, and back. The grammar is core/workload.ts's.
import type { Duration } from '../core/workload.ts';
import { assert } from '../lib/assert.ts';

const unitNs: Record<string, bigint> = { ns: 1n, us: 1_000n, ms: 1_000_000n, s: 1_000_000_000n };

/** Floor of a × b ÷ c, without loss on the way. */
export function mulDiv(a: number, b: number, c: number): number {
  return Number((BigInt(a) * BigInt(b)) / BigInt(c));
}

/** Nanoseconds of a valid duration; a fraction of a nanosecond is cut off. */
export function durationNs(duration: Duration): number {
  if (typeof duration === 'number') return duration;
  const [, whole, fraction = '', unit] = duration.match(/^(\d+)(?:\.(\d+))?(ns|us|ms|s)$/) ?? [];
  assert(whole !== undefined && unit !== undefined, `duration ${duration}`);
  return Number((BigInt(whole + fraction) * unitNs[unit]!) / 10n ** BigInt(fraction.length));
}

/** The time that `count` arrivals at this rate take on average; at least 1 ns. */
export function spanNs(rate: string, count: number): number {
  const [, whole, fraction = '', unit] = rate.match(/^(\d+)(?:\.(\d+))?\/(s|ms)$/) ?? [];
  assert(whole !== undefined && unit !== undefined, `rate ${rate}`);
  const scaled = BigInt(whole + fraction);
  assert(scaled > 0n, `rate ${rate} is zero`);
  const ns = (BigInt(count) * unitNs[unit]! * 10n ** BigInt(fraction.length)) / scaled;
  return ns < 1n ? 1 : Number(ns);
}

/** "37ms", "1.5us", "0": three decimals at most, for people. */
export function durationText(ns: number | bigint): string {
  const value = Number(ns);
  if (value === 0) return '0';
  const [unit, size] = (
    [
      ['s', 1e9],
      ['ms', 1e6],
      ['us', 1e3],
    ] as const
  ).find(([, size]) => value >= size) ?? ['ns', 1];
  return `${Math.round((value / size) * 1000) / 1000}${unit}`;
}
