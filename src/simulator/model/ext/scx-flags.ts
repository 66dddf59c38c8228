// Numbers of sched_ext that policies and kfuncs use. Source: enums of kernel/sched/ext.c and ext_internal.h, v6.18.

export const scxFlag = {
  /** Low half of ops.flags. */
  ops: {
    keepBuiltinIdle: 1,
    enqLast: 2,
    enqExiting: 4,
    switchPartial: 8,
    enqMigrationDisabled: 16,
    allowQueuedWakeup: 32,
    builtinIdlePerNode: 64,
  },
  /** High half of enq_flags. */
  enqHigh: { preempt: 1, reenq: 1 << 8, last: 1 << 9, internal: 0xff000000 | 0 },
  kick: { idle: 1, preempt: 2, wait: 4 },
} as const;

/** Low and high half of SCX_DSQ_*. */
export const dsqId = {
  builtinHigh: 0x80000000 | 0,
  localOnHigh: 0xc0000000 | 0,
  globalLow: 1,
  localLow: 2,
} as const;
