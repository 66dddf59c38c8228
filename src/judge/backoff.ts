// When a policy that was undone may be tried again: waits that double up to a limit (as systemd.service(5) with RestartSteps= and RestartMaxDelaySec=), and after so many failures in a row
// quarantine, which only a human ends. A pure function of the history of the policy, which the audit keeps.

export interface Attempt {
  /** ns on the clock of the records. */
  readonly at: number;
  /** `failed`: tripped, no-go, ejected, died. `kept`: it stayed to the end of its last step. `released`: a human ended the quarantine. */
  readonly how: 'failed' | 'kept' | 'released';
}

export interface BackOff {
  /** After the first failure; each further one in a row waits `factor` times as long, at most `mostNs`. */
  readonly firstNs: number;
  readonly factor: number;
  readonly mostNs: number;
  /** The failure in a row that ends in quarantine. */
  readonly cap: number;
  /** A failure so long after the one before it begins a new row. */
  readonly forgetNs: number;
}

export const usualBackOff: BackOff = {
  firstNs: 10e9,
  factor: 2,
  mostNs: 600e9,
  cap: 5,
  forgetNs: 86_400e9,
};

export type Restart =
  | { readonly kind: 'now'; readonly failures: number }
  | { readonly kind: 'wait'; readonly failures: number; readonly untilAt: number }
  | { readonly kind: 'quarantined'; readonly failures: number; readonly sinceAt: number };

/**
 * Attempts in the order in which they were recorded, whatever their times say: a clock that was moved back neither lengthens a wait nor shortens a row. `now` is on the
 * same clock.
 */
export function restartAfter(
  history: readonly Attempt[],
  now: number,
  options: BackOff = usualBackOff,
): Restart {
  let [failures, last] = [0, Number.NEGATIVE_INFINITY];
  let sinceAt: number | null = null;
  for (const { at, how } of history) {
    if (how === 'released') [failures, sinceAt] = [0, null];
    else if (sinceAt !== null) continue;
    else if (how === 'kept') failures = 0;
    else {
      failures = at - last > options.forgetNs ? 1 : failures + 1;
      last = at;
      if (failures >= options.cap) sinceAt = at;
    }
  }
  if (sinceAt !== null) return { kind: 'quarantined', failures, sinceAt };
  if (failures === 0) return { kind: 'now', failures };
  const waitNs = Math.min(options.mostNs, options.firstNs * options.factor ** (failures - 1));
  const untilAt = Math.min(last, now) + waitNs;
  return now >= untilAt ? { kind: 'now', failures } : { kind: 'wait', failures, untilAt };
}
