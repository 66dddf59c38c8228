// The machine that we run on, as the atomic observations see it: looked at, never touched. Each answer is bounded by its wish: an interval, a page of so many rows.

import type {
  Block,
  Capabilities,
  Cpus,
  Frequency,
  Pressure,
  Queues,
  SchedExt,
  Switches,
} from './observed-machine.ts';
import type { Cgroup, Delays, ProcessDetail, Processes } from './observed-tasks.ts';

export interface PageWish {
  /** Rows of a page; pages count from 1. */
  readonly limit: number;
  readonly page: number;
}

export interface IntervalWish extends PageWish {
  readonly intervalMs: number;
}

export interface QueuesWish extends IntervalWish {
  readonly samples: number;
}

/** A process with its descendants, or a cgroup (printable path) with those below it; neither: the machine. */
export interface SubjectWish extends IntervalWish {
  readonly pid?: number | undefined;
  readonly cgroup?: string | undefined;
}

export const processOrders = ['cpu', 'delay', 'memory', 'threads', 'pid', 'tree'] as const;

export interface ProcessesWish extends SubjectWish {
  readonly sort: (typeof processOrders)[number];
  /** A row for each thread. */
  readonly threads: boolean;
}

export interface ProcessWish extends IntervalWish {
  readonly pid: number;
}

export interface BlockWish extends IntervalWish {
  /** Also devices that have done nothing, and partitions. */
  readonly all: boolean;
}

export interface CgroupWish extends PageWish {
  readonly path: string;
}

/** A text file: where it really lies, its length in bytes, its lines; what does not print is written as \xNN. */
export interface ReadFile {
  readonly path: string;
  readonly bytes: number;
  readonly text: string;
}

/**
 * Faults: not-found (a process, group or file that is not there, or no longer), not-permitted, unsupported, unavailable (no procfs), interrupted (the signal).
 */
export interface Host {
  cpus(wish: IntervalWish, signal: AbortSignal): Promise<Cpus>;
  queues(wish: QueuesWish, signal: AbortSignal): Promise<Queues>;
  delays(wish: SubjectWish, signal: AbortSignal): Promise<Delays>;
  switches(wish: Omit<SubjectWish, 'cgroup'>, signal: AbortSignal): Promise<Switches>;
  pressure(wish: { readonly cgroup?: string | undefined }): Promise<Pressure>;
  cgroup(wish: CgroupWish, signal: AbortSignal): Promise<Cgroup>;
  processes(wish: ProcessesWish, signal: AbortSignal): Promise<Processes>;
  process(wish: ProcessWish, signal: AbortSignal): Promise<ProcessDetail>;
  workloadFile(path: string): Promise<ReadFile>;
  block(wish: BlockWish, signal: AbortSignal): Promise<Block>;
  frequency(wish: IntervalWish, signal: AbortSignal): Promise<Frequency>;
  schedExt(): Promise<SchedExt>;
  capabilities(signal: AbortSignal): Promise<Capabilities>;
}
