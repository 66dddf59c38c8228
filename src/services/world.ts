// What the services receive from main.ts: the parts that touch the world, behind narrow interfaces.

import type { ForeignScheduler } from '../core/attachment.ts';
import type { Call as RecordedCall, Traced } from '../core/calls.ts';
import type { Host } from '../core/host.ts';
import type { Machine } from '../core/machine.ts';
import type { Observation, ObservationWish, Target } from '../core/observation.ts';
import type { Experiment, MachineRef, Outcome, Policy } from '../core/records.ts';
import type { CheckerName, Ignored, Scenario } from '../core/scenario.ts';
import type { Trace } from '../core/trace.ts';
import type { ExportedFile, KeepParts } from '../deployment/manifest.ts';
import type { Keeping } from '../knowledge/keeping.ts';
import type { PolicyLibrary } from '../knowledge/policies.ts';
import type { RunningList } from '../knowledge/running.ts';
import type { ScriptLibrary } from '../knowledge/scripts.ts';
import type { Store } from '../knowledge/store.ts';
import type { Program, WorkloadLibrary } from '../knowledge/workloads.ts';
import type { RunScript } from '../sandbox/script.ts';
import type { DeploymentSite, SiteWish } from './deploy/site.ts';
import type { Call } from './service.ts';

export type Mode = MachineRef['mode'];

export interface MachineWish {
  /** A version prefix, a file, or nothing: the newest good packaged kernel. */
  readonly kernel?: string | undefined;
  readonly machine?: 'micro-vm' | 'simulator' | 'host' | undefined;
  /** Of the simulator. */
  readonly costs?: CostProfile | undefined;
}

export type CostProfile = 'free' | 'tcg' | 'recorded' | 'hardware' | 'hardware-low' | 'hardware-high';

/** Told what a simulated machine does. Times are ns since it booted; tasks are positions in the expansion, −1 is idle. */
export interface Watch {
  readonly recorder?: {
    switched(cpu: number, prev: number, next: number, atNs: number): void;
    woke(task: number, cpu: number, atNs: number, from: number): void;
  };
  readonly mode?: 'checked' | 'fast';
  /** Filled with what kernel and policy call. */
  readonly calls?: RecordedCall[];
  /** Told when the run was over. */
  readonly ended?: (atNs: number) => void;
  readonly signal?: AbortSignal;
}

/** A machine that is ready, with what planning needs to know of it. */
export interface ReadyMachine {
  readonly machine: Machine;
  readonly cpus: number;
  reference(mode: Mode, start: MachineRef['start']): MachineRef;
  /** `auto`: deterministic for declared workloads; for commands kvm where a probe boot works, else fast. A host has one mode. */
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
  /** Runs an experiment and records what the scheduler does with its tasks; `events`: room for it. */
  recorded?(
    experiment: Experiment,
    events: number,
    signal: AbortSignal,
  ): Promise<{ readonly outcome: Outcome; readonly trace: Trace }>;
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

/** A policy that is to be attacked. */
export interface Attacked {
  readonly name: string;
  readonly object: Uint8Array;
  readonly parameters: Scenario['parameters'];
  /** What it does not promise. */
  readonly ignores: readonly Ignored[];
}

export interface Attack {
  readonly attacked: Attacked;
  /** Of the first scenario. */
  readonly seed: number;
  /** Wall time of the search. */
  readonly seconds: number;
  readonly scenarios?: number | undefined;
  readonly maxCpus?: number | undefined;
  /** This one instead; `where` it was read. */
  readonly scenario?: { readonly text: string; readonly where: string } | undefined;
}

export interface Violation {
  readonly checker: CheckerName;
  readonly message: string;
  /** Simulated time from the start. */
  readonly atNs: number;
  readonly tasks: readonly number[];
}

export interface AttackFailure {
  /** Of the scenario that is left, and all those before shrinking. */
  readonly violation: Violation;
  readonly before: readonly Violation[];
  readonly seed: number;
  readonly scenario: Scenario;
  readonly sizes: { readonly found: string; readonly shrunk: string };
  /** The scenario in words; who ran when. */
  readonly text: string;
  readonly timeline: string;
  readonly attempts: number;
  readonly seconds: { readonly found: number; readonly shrunk: number };
}

export interface AttackReport {
  readonly scenarios: number;
  readonly attacks: Readonly<Record<string, number>>;
  readonly cut: number;
  readonly simulatedSeconds: number;
  readonly seconds: number;
  readonly failure: AttackFailure | undefined;
  readonly unsupported: string | undefined;
}

export interface Check {
  readonly what: string;
  readonly ok: boolean | 'unknown';
  readonly detail: string;
  readonly next?: string;
}

/** The scheduler of this machine, seen and undone from outside of any deployment. */
export interface Charge {
  /** Undefined: the kernel has no sched_ext. */
  now(): { readonly state: string; readonly ops: string; readonly enableSeq: number } | undefined;
  /** Whose the scheduler in charge is; `unknown`: nobody is found who holds it, as without root. */
  whose(): Promise<'nobody' | 'ours' | 'foreign' | 'unknown'>;
  /** Addresses of the holders of policies of ours. Throws Fault('not-permitted') where only root sees them. */
  holders(): Promise<readonly string[]>;
  /** Makes a holder let go; how it ended, in words: by then, whatever it does. */
  release(address: string, limitMs: number): Promise<string>;
  /** Makes the kernel leave sched_ext, whoever is in charge (SysRq-S). True when it has. */
  leave(): Promise<boolean>;
  /** Gives the machine back to somebody else's scheduler; says what came of it. */
  startAgain(foreign: ForeignScheduler): Promise<string>;
}

export interface World {
  readonly store: Store;
  readonly policies: PolicyLibrary;
  readonly workloads: WorkloadLibrary;
  /** Scripts of the reader, by name. */
  readonly scripts: ScriptLibrary;
  /** What makes deployments permitted and accountable. */
  readonly keeping: Keeping;
  /** Deployments that are under way on this machine. */
  readonly running: RunningList;
  /** Where a policy can stay in charge. Faults: not-permitted, unsupported, unavailable. */
  openSite(wish: SiteWish, call: Call): Promise<DeploymentSite>;
  /** What is in charge of this machine. */
  readonly charge: Charge;
  /** Who sits at the command line: their name, as this machine knows them. */
  person(): string;
  /** In advice mode agents do everything but deploy. */
  readonly mode: 'normal' | 'advice';
  readonly cwd: string;
  /** The machine that we run on, looked at. */
  readonly host: Host;
  /** Throws Fault('not-found') with the path in it. */
  readFile(path: string): Promise<Uint8Array>;
  exists(path: string): boolean;
  /** Writes a file that the user has asked for, and makes the directory it lies in, but none above that. */
  writeFile(path: string, bytes: Uint8Array): Promise<void>;
  /** Fills a directory that is empty or not there: all files or none. Gives its absolute path. Faults: not-permitted, unavailable (no space). */
  fillDirectory(directory: string, files: readonly ExportedFile[]): Promise<string>;
  /** What keeps this policy on a machine without us. */
  keepParts(policy: Policy, call: Call): Promise<KeepParts>;
  openMachine(wish: MachineWish, call: Call): Promise<ReadyMachine>;
  /** Runs an experiment of the simulator and tells what it does. */
  simulate(experiment: Experiment, watch: Watch): Promise<Outcome>;
  /** Observes on this host. Faults: not-permitted, unsupported (why it cannot be observed so), not-found (it is gone). */
  observe(target: Target, wish: ObservationWish, call: Call): Promise<Observation>;
  /** Runs a script of the reader apart from everything else. */
  readonly runScript: RunScript;
  /** Of SchedCP. */
  version(): Promise<string>;
  /** Attack mode. Faults: malformed for a scenario that is none. */
  attack(attack: Attack, call: Call): Promise<AttackReport>;
  /** Writes a failure of attack mode to a file or directory, else beside the records; returns the path. */
  writeFailure(name: string, text: string, place: string | undefined): Promise<string>;
  /** Builds C source to an object. A compiler's "no" is a Fault('malformed') with its diagnostics. */
  compile(file: string, include: readonly string[], call: Call): Promise<Uint8Array>;
  readyProgram(program: Program, call: Call): Promise<ReadyProgram>;
  doctor(probe: boolean, call: Call): Promise<Check[]>;
  /** Removes the cache, and the records when asked; returns what was removed. */
  uninstall(records: boolean): Promise<{ directory: string; bytes: number }[]>;
  /** Called after long work: brings the cache below its limit. */
  tidy(): Promise<void>;
}
