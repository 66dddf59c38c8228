// Seeded random numbers that are bit-identical on every engine and machine. Only uint32 operations and the IEEE
// operations that ECMAScript specifies exactly (+ − × ÷, comparison) are used: no Math.log, no Math.exp, so
// *everything* here, exponential and normal included, may feed a workload's identity.
import { assert } from './assert.ts';

export interface Random {
  /** Uniform integer in [0, 2³²). */
  uint32(): number;
  /** Uniform integer in [0, limit), without bias; limit in [1, 2³²]. */
  below(limit: number): number;
  /** Uniform in [0, 1), 53 random bits. */
  uniform(): number;
  /** Exponential with mean 1, a multiple of 2⁻³². Multiply by the mean and round for Poisson arrivals. */
  exponential(): number;
  /** Normal with mean 0 and deviation 1. */
  normal(): number;
  /** A shuffled copy (Fisher–Yates). */
  shuffle<T>(items: readonly T[]): T[];
}

const two32 = 2 ** 32;

/** A bijection of the uint32 (the finalizer of MurmurHash3): different inputs give different, unrelated outputs. */
export function mix32(value: number): number {
  let h = value >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** The seed (uint32) of an independent stream named by `labels`: FNV-1a over seed and labels, then mix32. */
export function derive(seed: number, ...labels: readonly (string | number)[]): number {
  let h = mix32(seed ^ 0x811c9dc5);
  for (const label of labels) {
    for (const character of `${label}\0`) h = Math.imul(h ^ character.codePointAt(0)!, 0x01000193);
  }
  return mix32(h);
}

/** The stream of a seed (an integer; its low 32 bits count). */
export function createRandom(seed: number): Random {
  assert(Number.isSafeInteger(seed), `seed ${seed} is not an integer`);
  const state = [1, 2, 3, 4].map((i) => mix32(seed + Math.imul(i, 0x9e3779b9)));
  return fromUint32(xoshiro128(state));
}

/** xoshiro128** 1.1 (Blackman and Vigna, "Scrambled linear pseudorandom number generators", 2021). */
export function xoshiro128(state: readonly number[]): () => number {
  let [a = 0, b = 0, c = 0, d = 0] = state;
  assert((a | b | c | d) !== 0, 'xoshiro128 state is all zero');
  const rotate = (x: number, by: number) => (x << by) | (x >>> (32 - by));
  return () => {
    const out = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotate(d, 11);
    return out;
  };
}

function fromUint32(uint32: () => number): Random {
  function below(limit: number): number {
    assert(Number.isInteger(limit) && limit >= 1 && limit <= two32, `limit ${limit} is outside [1, 2^32]`);
    const fair = two32 - (two32 % limit);
    let x = uint32();
    while (x >= fair) x = uint32();
    return x % limit;
  }

  // von Neumann 1951, "Various techniques used in connection with random digits": a descending run that starts at u
  // has odd length with probability e^−u; a run of even length adds one to the whole part.
  function exponential(): number {
    for (let whole = 0; ; whole++) {
      const first = uint32();
      let last = first;
      let odd = true;
      for (let next = uint32(); next < last; next = uint32()) {
        last = next;
        odd = !odd;
      }
      if (odd) return whole + first / two32;
    }
  }

  // Rejection from the exponential: |z| = x is kept with probability e^−(x−1)²/2.
  function normal(): number {
    for (;;) {
      const x = exponential();
      if (2 * exponential() >= (x - 1) * (x - 1)) return uint32() >= two32 / 2 ? x : -x;
    }
  }

  function shuffle<T>(items: readonly T[]): T[] {
    const out = [...items];
    for (let i = out.length - 1; i > 0; i--) {
      const j = below(i + 1);
      [out[i], out[j]] = [out[j]!, out[i]!];
    }
    return out;
  }

  const uniform = () => ((uint32() >>> 5) * 2 ** 26 + (uint32() >>> 6)) / 2 ** 53;
  return { uint32, below, uniform, exponential, normal, shuffle };
}
