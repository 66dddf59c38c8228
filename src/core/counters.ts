// What was counted of a workload while it ran: the common form of in-kernel aggregation, of a recorded trace and of procfs. The room `profiles` makes
// a profile's numbers of it. Absent means not measured, never zero.

import type { WaitReason, WakeCause } from './trace.ts';

/** Counts of durations by power of two: element i counts those of [2^i, 2^(i+1)) ns; 40 elements. */
export type Histogram = readonly number[];
export const histogramSize = 40;

export interface TaskCounters {
  readonly tid: number;
  readonly tgid: number;
  /** Any bytes, each as one character (latin1). */
  readonly comm: string;
  readonly isKernel: boolean;
  /** Since the start of the observation; absent where it was there before, or still is at the end. */
  readonly bornNs?: number;
  readonly endedNs?: number;
  readonly ranNs: number;
  /** Runnable, but not on a CPU. */
  readonly delayNs?: number;
  readonly userNs?: number;
  readonly systemNs?: number;
  readonly bursts?: number;
  readonly voluntary?: number;
  readonly involuntary?: number;
  readonly migrations?: number;
  readonly forks?: number;
  readonly minorFaults?: number;
  readonly majorFaults?: number;
  readonly waits?: Readonly<Partial<Record<WaitReason, { readonly count: number; readonly ns: number }>>>;
  readonly wakes?: Readonly<Partial<Record<WakeCause, number>>>;
  /** Lengths of its CPU bursts, of its waits, of its delays from ready to running. */
  readonly runs?: Histogram;
  readonly sleeps?: Histogram;
  readonly delays?: Histogram;
}

/** What only a trace gives: the order of events. Shares are of the elapsed time. */
export interface TraceExtras {
  /**
   * The chain of CPU work and wakeups that ended last, followed backwards: its CPU time, how many tasks it goes through, and which most of it (indices
   * into `Counters.tasks`, the longest first).
   */
  readonly criticalPath?: {
    readonly ns: number;
    readonly tasks: number;
    readonly longest: readonly { readonly task: number; readonly ns: number }[];
  };
  /** Of the most regular wakeups by timer; `strength`: share of all intervals between wakeups by timer that keep this period. */
  readonly period?: { readonly ns: number; readonly strength: number };
  /** The last part of the time, in which at most one task is at work (running or ready), but for a twentieth of it. */
  readonly lastShare?: number;
  /** Tasks on CPUs at once: the mean of each 64th of the time. */
  readonly overTime?: readonly number[];
}

/** Observation of a command, a process tree, a cgroup or a machine. */
export interface Counters {
  readonly by: 'probes' | 'recording' | 'procfs';
  readonly observedNs: number;
  readonly cpus: number;
  readonly tasks: readonly TaskCounters[];
  /** Tasks that were not kept one by one (too many at once): their sum stands among `tasks`, with tid -1. */
  readonly folded: number;
  /** CPU time of all CPUs that somebody used, ours and others. */
  readonly busyNs?: number;
  /** Who woke whom how often: indices into tasks. The most frequent ones. */
  readonly edges?: readonly { readonly from: number; readonly to: number; readonly count: number }[];
  /** Time that so many of the observed tasks were on CPUs at once: element i is i tasks. */
  readonly parallelNs?: readonly number[];
  /** Time that so many of them were runnable and waited. */
  readonly queuedNs?: readonly number[];
  readonly extras?: TraceExtras;
  /** Of the observed tasks, or of the machine where that is all there is. */
  readonly blockIo?: {
    readonly reads: number;
    readonly writes: number;
    readonly readBytes: number;
    readonly writtenBytes: number;
  };
  readonly maxRssKiB?: number;
  /** Of all of its tasks, where they were not counted one by one: what the kernel says of a command that has ended. */
  readonly userNs?: number;
  readonly systemNs?: number;
  /** Only where there is a PMU. */
  readonly pmu?: { readonly cycles: number; readonly instructions: number; readonly cacheMisses: number };
  /** Events seen, and lost. */
  readonly events?: number;
  readonly lost?: number;
  /** Share of the time in which wakeups were sampled; absent: all of it. */
  readonly sampled?: number;
  /**
   * Share of the switches that were seen; absent: all of them. Waits, bursts and histograms of a task of which some were not are estimates then: in the
   * proportions that were seen, and as many as the kernel's own count of its switches says.
   */
  readonly switchesSeen?: number;
  /** What could not be observed, and why, in words. */
  readonly missing: readonly string[];
}
