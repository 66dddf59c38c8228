// No task lost: what the policy took with ops.enqueue it gives back. A task that is in none of the kernel's queues, is overdue, and has still not run at
// the end is lost.

import { type MakeChecker, timeText } from '../checker.ts';
import { isHeldByPolicy, limitText, overdue, waitOf } from './starvation.ts';

export const lostTask: MakeChecker = (watched, report) => ({
  name: 'lost-task',
  end() {
    for (const task of overdue(watched))
      if (isHeldByPolicy(watched, task))
        report(
          `${watched.nameOf(task)} is runnable and in no queue: the policy took it in ops.enqueue ${timeText(waitOf(watched, task))} ago ` +
            `and has not dispatched it; ${limitText(watched, task)}`,
          [task],
        );
  },
});
