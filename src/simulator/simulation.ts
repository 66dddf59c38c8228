// What a simulation is asked and what it gives, and what follows for the scheduler and the tasks from an experiment's settings.

import type { Call } from '../core/calls.ts';
import type { RunEvent } from '../core/metrics.ts';
import type { Settings } from '../core/records.ts';
import type { Expansion } from '../core/workload.ts';
import type { Recorder } from './model/contracts.ts';
import type { Core } from './model/core.ts';
import type { Costs } from './model/costs.ts';
import type { Ext } from './model/ext/ext.ts';
import type { Shape } from './model/topology.ts';
import type { Player } from './player/player.ts';
import type { SimFinding } from './program/instance.ts';
import { modelledFeatures } from './settings.ts';

export interface PolicyInput {
  /** The object's bytes, parameters patched in. */
  readonly object: Uint8Array;
  /** Entries of its maps, put in before it is attached. */
  readonly maps: readonly { readonly name: string; readonly key: Uint8Array; readonly value: Uint8Array }[];
}

export interface SimulationInput {
  readonly expansion: Expansion;
  readonly shape: Shape;
  readonly costs: Costs;
  /** Of the default scheduler. */
  readonly settings?: Settings;
  readonly policy?: PolicyInput;
  readonly mode: 'checked' | 'fast';
  readonly startOffsetNs: number;
  readonly pidOffset: number;
  /** Of what programs call random. */
  readonly seed: number;
  /** Simulated time, ns. */
  readonly limitNs: number;
  /** The policy's own timeout is lowered to this. */
  readonly timeoutMs: number;
  readonly recorder?: Recorder;
  /** Filled with what kernel and policy call, and with switches and wake-ups. */
  readonly calls?: Call[];
  /** Given the model before its first event: checkers and disturbers hook themselves in. */
  readonly prepare?: (model: Model) => void;
}

/** The running model, for those who watch or disturb it. */
export interface Model {
  readonly core: Core;
  readonly ext: Ext | undefined;
  readonly player: Player;
  /** First wheel slot that nobody uses, and how many there are. */
  readonly freeSlot: number;
  readonly freeSlots: number;
  /** Told of events of these slots. */
  onSlot: ((slot: number) => void) | undefined;
}

export interface Simulated {
  /** As docs/protocol.md section 3 lists them. */
  readonly events: RunEvent[];
  /** The policy did what no verifier lets through, or what is not modelled. */
  readonly finding: SimFinding | undefined;
  readonly switches: number;
  readonly simulatedNs: number;
  /** The clock at the end; recorders were told times of the same clock. */
  readonly endNs: number;
}

export function fairSettings({ settings, seed }: SimulationInput) {
  return {
    seed,
    ...(settings?.baseSliceNs === undefined ? {} : { baseSliceNs: settings.baseSliceNs }),
    ...(settings?.features === undefined ? {} : { features: modelledFeatures(settings.features) }),
  };
}

/**
 * The workload's cgroups. With the setting cpuWeight there is one of that weight first, which holds them and, last, one for tasks that
 * are in none of them.
 */
export function groupsOf({ expansion, settings }: SimulationInput) {
  const weight = settings?.cpuWeight;
  const parent = weight === undefined ? -1 : 0;
  const own = expansion.cgroups.map((group) => ({ parent, weight: group.weight, quotaNs: group.maxNs }));
  if (weight === undefined) return own;
  return [{ parent: -1, weight, quotaNs: 0 }, ...own, { parent, weight: 100, quotaNs: 0 }];
}

export function settingOf({ expansion, settings, startOffsetNs }: SimulationInput) {
  const isWeighted = settings?.cpuWeight !== undefined;
  const cgroupOf = (index: number): number => {
    if (!isWeighted) return index;
    return index < 0 ? expansion.cgroups.length + 1 : index + 1;
  };
  return { expansion, startOffsetNs, nice: settings?.nice ?? 0, sched: settings?.sched, cgroupOf };
}
