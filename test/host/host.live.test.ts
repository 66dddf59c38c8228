// The host machine where it has all rights and a kernel with sched_ext: a guest's own. Runs that are killed and policies that stay, on two CPUs that are emulated side by side, as on a real machine
// nothing waits for anybody.

import { guestCases } from './guest-cases.ts';

guestCases(
  'what a run changes is undone',
  '^: undo',
  [
    'undo: a run that ends well',
    'undo: a limit',
    'undo: called off; until then tasks are as nice as the workload says, not as we are',
    'undo: called off while it is stopped',
    'undo: kill -9 of who does it',
    'undo: kill -9 of who keeps him',
    'undo: kill -9 of both at once: the next start',
    'undo: kill -9 of the control plane',
    'undo: two at once: the second waits, and is refused',
    'undo: what a human sets meanwhile stays',
  ],
  { seconds: 240, mode: 'fast', cpus: 2 },
);

guestCases(
  'policies that stay',
  '^: hold',
  [
    'hold: attached, beaten, detached',
    'hold: who falls silent loses it',
    'hold: left, adopted, detached',
    'hold: kill -9 of the holder',
    'hold: the holder is frozen',
    'hold: SIGTERM to the holder',
    'hold: knobs move while it runs',
    'hold: the kernel ejects it',
    'hold: what the verifier refuses',
    'hold: what is none',
    'hold: another scheduler is loaded: refused; unloaded, the machine is free',
    'hold: only cgroups',
    'hold: only processes',
    'hold: only a cgroup, and kill -9 of the holder',
  ],
  { seconds: 240, mode: 'fast', cpus: 2 },
);
