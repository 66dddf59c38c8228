// Weights of tasks: by nice value, on the scale of cgroups (100 is nice 0) that policies see, and what a weight makes of time. Source:
// kernel/sched/core.c (sched_prio_to_weight), sched.h (sched_weight_to_cgroup) and fair.c (__calc_delta), v6.18: each nice step is a factor of about
// 1.25, so that one step moves the share of two tasks by ten points.

export const niceZeroWeight = 1024;
/** Weight of a SCHED_IDLE task. */
export const idleWeight = 3;

// Facts of the interface: nice(2)'s steps as the kernel rounds them, from −20 to 19.
const niceWeights: readonly number[] = [
  88761, 71755, 56483, 46273, 36291, 29154, 23254, 18705, 14949, 11916, 9548, 7620, 6100, 4904, 3906, 3121,
  2501, 1991, 1586, 1277, 1024, 820, 655, 526, 423, 335, 272, 215, 172, 137, 110, 87, 70, 56, 45, 36, 29, 23,
  18, 15,
];

/** @throws Error outside of −20 … 19. */
export function niceWeight(nice: number): number {
  const weight = niceWeights[nice + 20];
  if (weight === undefined) throw new Error(`bug: nice ${nice}`);
  return weight;
}

/** A weight on the scale of cpu.weight: 1 … 10000. */
export function cgroupWeight(nice: number, isIdle: boolean): number {
  const weight = isIdle ? idleWeight : niceWeight(nice);
  return Math.max(1, Math.min(10_000, Math.round((weight * 100) / niceZeroWeight)));
}

/**
 * By what to multiply run time to get virtual time. The kernel divides by multiplying with a 32-bit inverse, twice rounded down; so is this, and
 * the product floor(ns × factor) is the kernel's below 2 ms, and off by at most 1 ns above.
 */
export function virtualFactor(weight: number): number {
  if (weight === niceZeroWeight) return 1;
  let fact = niceZeroWeight * Math.floor(0xffff_ffff / weight);
  let shifted = 4_294_967_296;
  while (fact >= 4_294_967_296) {
    fact = Math.floor(fact / 2);
    shifted /= 2;
  }
  return fact / shifted;
}
