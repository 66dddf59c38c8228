// No task lost: what the policy took with ops.enqueue it gives back. A task that is in none of the kernel's queues and overdue is lost: only the policy could
// bring it back, and has not.

import { type MakeChecker, timeText } from '../checker.ts';
import { isHeldByPolicy, overdue, waitOf } from './starvation.ts';

export const lostTask: MakeChecker = (watched, report) => ({
  name: 'lost-task',
  sample() {
    for (const task of overdue(watched))
      if (isHeldByPolicy(watched, task))
        report(
          `${watched.nameOf(task)} is runnable and in no queue: the policy took it in ops.enqueue ${timeText(waitOf(watched, task))} ago ` +
            'and has not dispatched it; at its weight it should have had a CPU by now',
          [task],
        );
  },
});
