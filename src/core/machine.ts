// The contract of the machines: an Experiment in, an Outcome out. A machine never judges.

import type { Deploys } from './attachment.ts';
import type { Experiment, MachineRef, Outcome, WorkloadRef } from './records.ts';

/** `attach`, `attachments` and `adopt` are there where policies can stay in charge: the host, a guest that lives long. */
export interface Machine extends Partial<Deploys> {
  readonly name: MachineRef['name'];
  /** Why this machine cannot run the workload; empty when it can. */
  accepts(workload: WorkloadRef): string[];
  /**
   * Runs one experiment. An expected "no" is an outcome with a finding; a Fault means that the machine itself could not work
   * (no QEMU, no space, interrupted) and nothing can be said about the experiment.
   */
  run(experiment: Experiment, signal?: AbortSignal): Promise<Outcome>;
  /** How many experiments may run at once without disturbing one another. */
  readonly parallel: number;
}

/** Content by SHA-256: objects, expansions, workload files. */
export interface Blobs {
  get(digest: string): Promise<Uint8Array>;
  put(bytes: Uint8Array): Promise<string>;
}

/** Content-addressed JSON records. */
export interface Records {
  get(digest: string): Promise<unknown>;
  put(record: unknown): Promise<string>;
}
