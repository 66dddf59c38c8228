// A class without tasks: the fair one, while sched_ext has them all (scx_switched_all(), kernel/sched/ext.h, v6.18: the core does not ask it for any).

import type { SchedClass } from './sched-class.ts';

export const noTasks: SchedClass = {
  enqueue: () => isEmpty(),
  dequeue: () => isEmpty(),
  pick: () => -1,
  putPrev: () => isEmpty(),
  setNext: () => isEmpty(),
  visited() {},
  tick: () => isEmpty(),
  wakeupPreempt: () => isEmpty(),
  select: () => isEmpty(),
  yieldTask: () => isEmpty(),
  untilServed: () => isEmpty(),
  updateCurr: () => isEmpty(),
  fork: () => isEmpty(),
  dead: () => isEmpty(),
  enter: () => isEmpty(),
  leave: () => isEmpty(),
  reweighted: () => isEmpty(),
  affinityChanged: () => isEmpty(),
  migrate: () => isEmpty(),
  online() {},
};

function isEmpty(): never {
  throw new Error('bug: a task of a class that has none');
}
