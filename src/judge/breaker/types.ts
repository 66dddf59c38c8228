// What the circuit breaker is told and what it says. Everything is plain JSON, so that a watch can be recorded, judged again and taken over by a restarted
// control plane. Times are nanoseconds of one clock, the caller's; losses are fractions of the level of the reference period.
import type { Effect } from '../types.ts';

export interface Kpi {
  readonly name: string;
  readonly better: 'higher' | 'lower';
  /** "ns" values are shown scaled; any other unit is shown as it is. */
  readonly unit: string;
  /** How often a sample is due; at least 10 ms. */
  readonly intervalNs: number;
  /** `value`: each sample stands for itself. `counter`: it counts up, its rate per second is the KPI, and it may be reset. Default `value`. */
  readonly kind?: 'value' | 'counter';
  /** A sudden loss that never trips, however certain; a level that slides may go 1.7 times as far (log scale). Default 0.15 less where higher is better, 0.4 more where lower is. */
  readonly tolerated?: number;
  /** Whether equal samples are believed: of a frame rate, say. Default false. */
  readonly mayBeConstant?: boolean;
}

export interface BreakerOptions {
  readonly kpis: readonly Kpi[];
  /** From a change to the decision, collection of the samples included. Default 2 s: a third second is for detaching and restoring. */
  readonly deadlineNs?: number;
  /** How long a sample may need from the end of its interval to `sample`. Default 50 ms. */
  readonly collectNs?: number;
  /** Chance of a false trip, over all KPIs, in the first minute of a watch; twice that in three minutes, six times in an hour, ten times in a day. Default 0.004. */
  readonly falseTrips?: number;
  /** So long has this policy been watched before, by other breakers (a switchback opens one for each of its turns): the false trips are spent on from there. Default 0. */
  readonly watchedNs?: number;
  /** The part of what came before `arm` that is the reference. Default 60 s: half of it costs a twentieth of what is seen in wide noise. At least 10 s and 20 samples of it must be there. */
  readonly referenceNs?: number;
  /** Without a usable sample for so long, or with too few for a window for three times as long, nobody sees anything. Default: `deadlineNs`, or four intervals of a slow KPI. */
  readonly missingNs?: number;
  /** Equal samples for so long are no measurement. Default 5 s. */
  readonly constantNs?: number;
  /** After so long without a trip the recent past becomes the reference, so that a day's ebb and flow does not trip. Default 15 min. */
  readonly renewNs?: number;
  /** So far below the first reference the renewed ones may come. Default 0.3 (lower is better: 1); null: as far as it goes. */
  readonly slowLoss?: number | null;
}

/** What one KPI shows: how far it is from its reference and since when. */
export interface Evidence {
  readonly kpi: string;
  /** Relative to the reference; the interval holds at whatever moment the breaker trips. */
  readonly effect: Effect;
  /** Estimated moment of the change. */
  readonly sinceAt: number;
  readonly referenceValue: number;
  readonly samples: number;
  /** Loss, as a fraction, from which this window trips. */
  readonly limit: number;
  readonly windowNs: number;
  readonly words: string;
}

export interface Trip {
  readonly at: number;
  /** `slow-loss`: renewed references have come too far from the first. */
  readonly cause: 'loss' | 'slow-loss' | 'hard';
  /** Every KPI beyond its limit at that moment, by name; none for a hard limit. */
  readonly evidence: readonly Evidence[];
  readonly words: string;
}

export type NoGoCode =
  | 'kpi-constant'
  | 'kpi-missing'
  /** Values of which no ratio can be made: mostly zero. */
  | 'kpi-unusable';

export interface NoGo {
  readonly at: number;
  readonly code: NoGoCode;
  readonly kpi: string;
  readonly words: string;
}

export type Decision = 'ok' | { readonly tripped: Trip } | { readonly noGo: NoGo };

/** What the breaker can see of a KPI within its deadline, from the noise of the reference period. */
export interface Sight {
  readonly kpi: string;
  readonly referenceValue: number;
  /** Standard deviation of a sample on the log scale, and correlation with the next one. */
  readonly noise: number;
  readonly correlation: number;
  /** Smallest loss that trips in 99 of 100 cases within the deadline. */
  readonly seenWithinDeadline: number;
  /** The same with as much time as the longest window has. */
  readonly seenAtAll: number;
}
