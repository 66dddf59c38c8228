// How many standard errors a window's mean must be off before it trips. A moving mean of w ns of noise with independent samples crosses z upwards
// about φ(z) z / w times a nanosecond (Siegmund, "Sequential Analysis", 1985; Bauer and Hackl 1978 for moving sums), so z follows from the false trips that are
// allowed. They are spent as time passes: most in the first minutes, when a bad policy shows, and in ever smaller parts later, so that a day's watch is not a
// lottery.

/** Scale of the spending: as many false trips are allowed in the first minute as in each doubling after it. */
const minuteNs = 60e9;
const leastZ = 2;

/** Allowed false trips per nanosecond, `elapsedNs` after arming: its integral over the first minute is `falseTrips`. */
export function allowedRate(falseTrips: number, elapsedNs: number): number {
  return falseTrips / Math.LN2 / (minuteNs + Math.max(0, elapsedNs));
}

/**
 * The z at which a moving mean of `samples` independent values over `windowNs` crosses `rate` times a nanosecond; at least 2. Samples come in steps, and a step jumps over the boundary: fewer
 * crossings by exp(−0.583 z √(2/n)) (Siegmund's correction). Infinitely many samples: none.
 */
export function boundaryAt(rate: number, windowNs: number, samples = Number.POSITIVE_INFINITY): number {
  const crossings = rate * windowNs * Math.sqrt(2 * Math.PI);
  const step = 0.583 * Math.sqrt(2 / samples);
  // z φ(z) exp(−step z) = crossings, by Newton's method on the logarithm
  let z = 4;
  for (let i = 0; i < 8; i++) {
    const over = Math.log(z / crossings) - (z * z) / 2 - step * z;
    z = Math.max(leastZ, z + over / (z + step - 1 / z));
  }
  return z;
}

/** The same quantile where the standard error is an estimate with `freedom` degrees: two terms of the expansion of Student's t (Fisher 1925). */
export function studentised(z: number, freedom: number): number {
  const first = (z ** 3 + z) / 4;
  const second = (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96;
  return z + first / freedom + second / freedom ** 2;
}
