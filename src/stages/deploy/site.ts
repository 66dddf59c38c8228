// Where a deployment happens, and who hears of it.

import type { Deploys, ForeignScheduler } from '../../core/attachment.ts';
import type { Deployment, DeploymentStep } from '../../core/deployment.ts';
import { Fault } from '../../core/errors.ts';
import type { KpiSample, KpiSpec } from '../../core/kpi.ts';
import type { Policy } from '../../core/records.ts';
import type { Who } from '../../deployment/audit-line.ts';
import type { SwitchbackBlock } from '../../judge/switchback.ts';
import type { Clock } from './clock.ts';

export type DeploymentNews =
  | { readonly what: 'reference'; readonly words: string }
  /** The policy takes charge for the first time. */
  | { readonly what: 'attached'; readonly words: string; readonly ops: string; readonly enableSeq: number }
  | { readonly what: 'block'; readonly block: SwitchbackBlock; readonly value: number | null }
  | { readonly what: 'step'; readonly step: DeploymentStep; readonly place: number }
  | { readonly what: 'kept'; readonly words: string; readonly ops: string; readonly enableSeq: number }
  | { readonly what: 'moved'; readonly words: string; readonly who: Who }
  /** Somebody else has changed the scheduler. */
  | { readonly what: 'by-hand'; readonly words: string; readonly ops: string; readonly enableSeq: number }
  | { readonly what: 'over'; readonly words: string };

/** Somebody wants knobs to be set while the policy stays. */
export interface KnobWish {
  readonly who: Who;
  readonly values: Policy['parameters'];
  answer(done: boolean, words: string): void;
}

export interface Presence {
  readonly state: string;
  readonly ops: string;
  readonly enableSeq?: number;
}

/** What a deployment happens on. */
export interface Site {
  readonly machine: Deploys & { readonly name: Deployment['machine']['name'] };
  readonly clock: Clock;
  /** Starts reading; Fault when a KPI cannot be read at all. */
  openKpis(kpis: readonly KpiSpec[], hear: (sample: KpiSample) => void): Promise<{ close(): Promise<void> }>;
  /** What the kernel says now: the proof that the machine has its scheduler back. Fault: nobody answers. */
  presence(): Promise<Presence>;
  /** Somebody else's scheduler that is in charge; undefined: nobody's. */
  foreign(): Promise<ForeignScheduler | undefined>;
  /** Makes it leave; false: it stays. What it was must be remembered before. */
  unload(foreign: ForeignScheduler): Promise<boolean>;
  hear(news: DeploymentNews): void | Promise<void>;
  /** Keeps, durably, whom a machine is to be given back to: before it is taken. */
  remember?(foreign: ForeignScheduler): void;
  /** Asked every 50 ms: what somebody wants now. */
  wish?(): KnobWish | undefined;
  /** Gives a machine back to somebody else's scheduler; says what came of it. */
  startAgain(foreign: ForeignScheduler): Promise<string>;
}

/** What a fault says of presence: a machine that no longer answers. Throws what is none. */
export function unknown(error: unknown): Presence {
  if (!(error instanceof Fault)) throw error;
  return { state: 'unknown', ops: '' };
}
