// Observing what runs: whom, how, and what comes of it. The room `machines` does it on this host; services ask for it.

import type { Counters } from './counters.ts';
import type { Profile } from './profile.ts';
import type { Trace } from './trace.ts';

/** What is to be observed. Others than commands are there already, and are looked at for some time. */
export type Target =
  | { readonly what: 'command'; readonly command: ObservedCommand }
  | { readonly what: 'process'; readonly pid: number }
  | { readonly what: 'cgroup'; readonly path: string }
  | { readonly what: 'machine' };

export interface ObservedCommand {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
}

export interface ObservationWish {
  /** record: event by event; watch: counted in the kernel, for long times; procfs: what everybody may see; auto: the first of them that is possible. */
  readonly how: 'auto' | 'record' | 'watch' | 'procfs';
  /** How long, at most. */
  readonly seconds: number;
  /** Room of a recording. */
  readonly events: number;
  /** The recording itself is wanted: without one nothing is started. */
  readonly mustRecord?: boolean;
}

/** What came of it: a recording, or what was counted. */
export interface Observation {
  readonly trace?: Trace;
  readonly counters?: Counters;
  readonly machine: Profile['machine'];
  /** Of a command: how it ended, and the last of what it wrote. */
  readonly output?: {
    readonly stdout: string;
    readonly stderr: string;
    readonly exit: string;
    /** A limit of ours ended it. */
    readonly wasEnded?: boolean;
    /** What the kernel accounted to it, where it is not in the counters. */
    readonly usage?: { readonly userNs: number; readonly systemNs: number; readonly maxRssKiB: number };
  };
}
