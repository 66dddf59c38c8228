// All checkers that watch a run. (What the program itself does wrong, ejection and livelock are seen by run.ts.)

import type { CheckerName } from '../../core/scenario.ts';
import type { MakeChecker } from './checker.ts';
import { affinity } from './checkers/affinity.ts';
import { latency } from './checkers/latency.ts';
import { lostTask } from './checkers/lost-task.ts';
import { equalShares, weights } from './checkers/shares.ts';
import { starvation } from './checkers/starvation.ts';
import { workConservation } from './checkers/work-conservation.ts';

export const makers: readonly { readonly name: CheckerName; readonly make: MakeChecker }[] = [
  { name: 'lost-task', make: lostTask },
  { name: 'starvation', make: starvation },
  { name: 'affinity', make: affinity },
  { name: 'weights', make: weights },
  { name: 'equal-shares', make: equalShares },
  { name: 'latency', make: latency },
  { name: 'work-conservation', make: workConservation },
];
