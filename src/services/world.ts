// What the services receive from main.ts: the parts that touch the world, behind narrow interfaces.

import type { Traced } from '../core/calls.ts';
import type { Machine } from '../core/machine.ts';
import type { Experiment, MachineRef, Outcome } from '../core/records.ts';
import type { PolicyLibrary } from '../knowledge/policies.ts';
import type { Store } from '../knowledge/store.ts';
import type { Program, WorkloadLibrary } from '../knowledge/workloads.ts';
import type { Call } from './service.ts';

export type Mode = MachineRef['mode'];

export interface MachineWish {
  /** A version prefix, a file, or nothing: the newest good packaged kernel. */
  readonly kernel?: string | undefined;
  readonly machine?: 'micro-vm' | 'simulator' | undefined;
  /** Of the simulator. */
  readonly costs?: CostProfile | undefined;
}

export type CostProfile = 'free' | 'tcg' | 'hardware';

/** Told what a simulated machine does. Times are ns since it booted; tasks are positions in the expansion, −1 is idle. */
export interface Watch {
  readonly recorder?: {
    switched(cpu: number, prev: number, next: number, atNs: number): void;
    woke(task: number, cpu: number, atNs: number): void;
  };
  readonly mode?: 'checked' | 'fast';
  /** Told when the run was over. */
  readonly ended?: (atNs: number) => void;
}

/** A machine that is ready, with what planning needs to know of it. */
export interface ReadyMachine {
  readonly machine: Machine;
  readonly cpus: number;
  reference(mode: Mode, start: MachineRef['start']): MachineRef;
  /** `auto`: deterministic for declared workloads; for commands kvm where a probe boot works, else fast. */
  chooseMode(wish: Mode | 'auto', workload: 'declared' | 'command', call: Call): Promise<Mode>;
  /** Packs a command's files; the digest identifies them. */
  pack(
    command: string,
    withPaths: readonly string[],
    options: { cwd: string; env: Readonly<Record<string, string>>; call: Call },
  ): Promise<Packed>;
  memoryFor(payload: string | undefined): number;
  /** Runs an experiment and records the calls between kernel and policy, where the machine can. Takes time of its own: no data to compare. */
  traced?(experiment: Experiment, signal: AbortSignal): Promise<Traced>;
}

export interface Packed {
  readonly digest: string;
  readonly executable: string;
  readonly bytes: number;
}

/** A program of the standard set with its tools fetched and its words replaced. */
export interface ReadyProgram {
  readonly argv: readonly string[];
  readonly with: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
}

export interface Check {
  readonly what: string;
  readonly ok: boolean | 'unknown';
  readonly detail: string;
  readonly next?: string;
}

export interface World {
  readonly store: Store;
  readonly policies: PolicyLibrary;
  readonly workloads: WorkloadLibrary;
  readonly cwd: string;
  /** Throws Fault('not-found') with the path in it. */
  readFile(path: string): Promise<Uint8Array>;
  exists(path: string): boolean;
  openMachine(wish: MachineWish, call: Call): Promise<ReadyMachine>;
  /** Runs an experiment of the simulator and tells what it does. */
  simulate(experiment: Experiment, watch: Watch): Promise<Outcome>;
  /** Builds C source to an object. A compiler's "no" is a Fault('malformed') with its diagnostics. */
  compile(file: string, include: readonly string[], call: Call): Promise<Uint8Array>;
  readyProgram(program: Program, call: Call): Promise<ReadyProgram>;
  doctor(probe: boolean, call: Call): Promise<Check[]>;
  /** Removes the cache, and the records when asked; returns what was removed. */
  uninstall(records: boolean): Promise<{ directory: string; bytes: number }[]>;
  /** Called after long work: brings the cache below its limit. */
  tidy(): Promise<void>;
}
