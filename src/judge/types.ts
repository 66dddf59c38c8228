// What the judge reads and what it says. All of it is plain JSON: a plan and its observations can be recorded and
// judged again, byte for byte.

/** What is wanted: a metric whose values are positive, and which way is better. */
export interface Goal {
  readonly metric: string;
  readonly direction: 'lower' | 'higher';
  /** "ns" values are shown scaled; any other unit is shown as it is. */
  readonly unit: string;
}

/** One thing to compare. A plan has exactly one `default`; `settings` are the default scheduler with other settings. */
export interface ArmSpec {
  readonly id: string;
  readonly name: string;
  readonly kind: 'default' | 'settings' | 'policy';
}

export type Phase = 'screen' | 'confirm';

/** One round: every arm named runs once with this seed, in this order. */
export interface Block {
  /** Number of the block within the plan, from 0; screening and confirmation count on. */
  readonly block: number;
  /** uint32, different for every block of a plan. */
  readonly seed: number;
  readonly order: readonly string[];
}

/** How one run ended. `value` counts only when `valid`; `why` says why it does not. */
export interface Observation {
  readonly armId: string;
  readonly block: number;
  readonly phase: Phase;
  readonly seed: number;
  /** Position within the block as it was run. */
  readonly order: number;
  readonly value: number | null;
  readonly valid: boolean;
  readonly why?: string;
}

/** The stopping rule, as data. Made by `createPlan`. */
export interface Plan {
  readonly version: 1;
  readonly seed: number;
  readonly goal: Goal;
  readonly arms: readonly ArmSpec[];
  /** Error of the two-sided interval of one comparison over all its looks. */
  readonly alpha: number;
  /** Smallest relative improvement worth a change, 0.02 = 2 %. */
  readonly margin: number;
  /** Pairs per arm after which screening drops arms; the last one ends it. */
  readonly screenStages: readonly number[];
  /** Pairs after which confirmation may stop; the last one ends it. */
  readonly confirmLooks: readonly number[];
  /** So many blocks may be lost to failures of the default scheduler's own runs. */
  readonly maxLostBlocks: number;
}

/** Change of the metric relative to the default: −0.1 is 10 % less of it. The interval contains `relative`. */
export interface Effect {
  readonly relative: number;
  readonly low: number;
  readonly high: number;
  /** Two-sided, of this one interval; 0.95 in confirmation, whatever n gives in screening. */
  readonly confidence: number;
}

export type ClaimKind =
  | 'better-than-default'
  | 'not-distinguishable'
  | 'default-within'
  | 'better-than-settings'
  | 'presence'
  | 'no-harm'
  | 'cost-range';

/** A sentence about numbers that may fail. */
export interface Claim {
  readonly kind: ClaimKind;
  readonly armId: string;
  /** What the arm is held against: an arm's id, or the name of a workload, a bystander or an end of the cost ranges. */
  readonly against: string;
  readonly holds: boolean | 'unknown';
  readonly n: number;
  readonly effect: Effect | null;
  /** The number that the claim is about: gain, difference or loss, as a fraction. */
  readonly bound: number | null;
  /** What `bound` is held against, as a fraction. */
  readonly limit: number | null;
  readonly why?: string;
}

export interface ArmReport {
  readonly id: string;
  readonly name: string;
  readonly kind: ArmSpec['kind'];
  readonly status: 'ok' | 'dropped' | 'failed';
  readonly why?: string;
  /** Which phase `n`, `median` and `effect` come from; null before the first pair. */
  readonly phase: Phase | null;
  readonly n: number;
  readonly median: number | null;
  readonly effect: Effect | null;
}

export type Decision = 'accepted' | 'rejected' | 'inconclusive' | 'invalid';

export interface Judgement {
  readonly decision: Decision;
  /** One clause that says what decided. */
  readonly why: string;
  /** The accepted arm. */
  readonly chosen: string | null;
  /** The arm that was confirmed and that `effect` is about. */
  readonly candidate: string | null;
  readonly metric: string;
  readonly direction: Goal['direction'];
  readonly unit: string;
  readonly margin: number;
  readonly effect: Effect | null;
  readonly claims: readonly Claim[];
  readonly arms: readonly ArmReport[];
}

/** The chosen arm beside the default on something that was not the goal, or at other costs. A null value is a run that failed. */
export interface OtherWorkload {
  readonly name: string;
  /** `bystander`: measured in the very runs of confirmation, in their order. `workload`: a fixed number of runs of its own.
   * `costs`: the same workload on a simulated machine with the costs of `name`. */
  readonly scope: 'workload' | 'bystander' | 'costs';
  readonly goal: Goal;
  readonly pairs: readonly {
    readonly value: number | null;
    readonly base: number | null;
    readonly why?: string;
    /** The outcomes on record that the two numbers come from; judging does not read them, replay does. */
    readonly outcomes?: readonly [value: string, base: string];
  }[];
}
