// What is known of one KPI: the terms of its watch, and its state, which is plain JSON.
import type { Reference } from './reference.ts';
import type { Kpi } from './types.ts';

/** A KPI with everything that follows from the options; losses are on the log scale, as positive numbers. */
export interface Terms {
  readonly kpi: Kpi;
  readonly tolerated: number;
  /** So far from the reference may the level drift. */
  readonly drift: number;
  readonly windowsNs: readonly number[];
  readonly falseTrips: number;
  readonly watchedNs: number;
  readonly referenceNs: number;
  readonly constantNs: number;
}

export interface Crossing {
  readonly at: number;
  readonly windowNs: number;
  /** Gain from which the window trips, as a positive loss, and how many samples it had. */
  readonly limit: number;
  readonly n: number;
}

/** Plain JSON; times are steady. */
export interface WatchState {
  times: number[];
  values: number[];
  counter: { at: number; value: number } | null;
  equalSince: number;
  equalCount: number;
  /** Longest run of equal samples in the reference. */
  usualEqualNs: number;
  /** When the shortest window last had enough samples. */
  seenAt: number;
  /** Windows start here. */
  from: number;
  first: Reference | null;
  reference: Reference | null;
  crossing: Crossing | null;
}

export interface Watch {
  readonly terms: Terms;
  readonly state: WatchState;
  /** Gains of `state.values` against the reference, made of them. */
  gains: number[];
}
