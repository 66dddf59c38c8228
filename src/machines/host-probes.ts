// The standing watch as what the observation of delays asks: histograms where the probes may be loaded and nothing has to be fetched for it, else why not.

import { Fault } from '../core/errors.ts';
import type { Target } from '../core/observation.ts';
import { turns } from '../lib/turns.ts';
import type { Probes } from '../linux/host.ts';
import { whyNotRecord } from '../linux/recorder.ts';
import { type ObserverParts, observeHost } from './host-observer.ts';

/** `isReady`: the runner can be had without fetching its compiler; an observation that only reads must not. */
export function hostProbes(parts: ObserverParts, isReady: () => boolean): Probes {
  const inTurn = turns(1); // each loads programs that are called at every switch of the machine
  return async (subject, intervalMs, signal) => {
    const refused = whyNotRecord();
    if (refused !== undefined) return refused.message;
    if (!isReady()) return 'the compiler of the runner is not fetched yet (schedcp observe does it)';
    const target: Target =
      subject === 'machine'
        ? { what: 'machine' }
        : 'pid' in subject
          ? { what: 'process', pid: subject.pid }
          : { what: 'cgroup', path: subject.cgroup };
    try {
      const wish = { how: 'watch', seconds: intervalMs / 1000, events: 0 } as const;
      const { counters } = await inTurn(() => observeHost(parts, target, wish, signal));
      return counters ?? 'the probes counted nothing';
    } catch (error) {
      // Who asked for something that is not there, or has gone, is told so; else procfs still has an answer.
      if (signal.aborted || !(error instanceof Fault) || error.code === 'not-found') throw error;
      return error.message;
    }
  };
}
