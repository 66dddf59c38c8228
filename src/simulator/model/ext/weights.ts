// Weights of tasks: the scheduler's own by nice value, and the scale of cgroups (100 is nice 0) that policies see. Source: sched_prio_to_weight in
// kernel/sched/core.c and sched_weight_to_cgroup() in kernel/sched/sched.h, v6.18.

/** nice −20 … 19. Each step is a factor of about 1.25. */
export const niceWeights: readonly number[] = [
  88761, 71755, 56483, 46273, 36291, 29154, 23254, 18705, 14949, 11916, 9548, 7620, 6100, 4904, 3906, 3121,
  2501, 1991, 1586, 1277, 1024, 820, 655, 526, 423, 335, 272, 215, 172, 137, 110, 87, 70, 56, 45, 36, 29, 23,
  18, 15,
];
export const idleWeight = 3;

/** 1 … 10000. */
export function weightOf(nice: number, isIdle: boolean): number {
  const weight = isIdle ? idleWeight : niceWeights[nice + 20]!;
  return Math.max(1, Math.min(10_000, Math.round((weight * 100) / 1024)));
}
