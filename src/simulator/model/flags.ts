// The kernel's numbers that classes and the core hand to one another, and that BPF programs see in enq_flags, deq_flags and wake_flags.
// Source: kernel/sched/sched.h, v6.18.

export const enqueueFlag = {
  wakeup: 0x01,
  restore: 0x02,
  move: 0x04,
  noclock: 0x08,
  head: 0x10,
  migrated: 0x40,
  initial: 0x80,
  migrating: 0x100,
  delayed: 0x200,
  rqSelected: 0x400,
} as const;

export const dequeueFlag = {
  sleep: 0x01,
  save: 0x02,
  move: 0x04,
  noclock: 0x08,
  special: 0x10,
  migrating: 0x100,
} as const;

export const wakeFlag = {
  exec: 0x02,
  fork: 0x04,
  ttwu: 0x08,
  sync: 0x10,
  migrated: 0x20,
  currentCpu: 0x40,
  rqSelected: 0x80,
} as const;

/** Number of each sched class, in order of priority: a smaller one runs first. */
export const classNumber = { rt: 0, fair: 1, ext: 2, idle: 3 } as const;

/** The kernel's SCHED_* policies. */
export const schedPolicy = { normal: 0, fifo: 1, batch: 3, idle: 5, ext: 7 } as const;

export const taskState = { none: 0, runnable: 1, sleeping: 2, dead: 3 } as const;
