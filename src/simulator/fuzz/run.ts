// One scenario under one policy: what the checkers have to say of it.

import { patchParameters } from '../../bpf/parameters.ts';
import type { RunEvent } from '../../core/metrics.ts';
import { type CheckerName, checkerNames, type Ignored, type Scenario } from '../../core/scenario.ts';
import type { Recorder } from '../model/contracts.ts';
import { free } from '../model/costs.ts';
import { exitKind } from '../model/ext/exit.ts';
import type { SimFinding } from '../program/instance.ts';
import type { Model, Simulated, Simulator } from '../simulate.ts';
import { type Checker, isAsGrave, type Violation } from './checker.ts';
import { makers } from './checkers.ts';
import { Disturber } from './disturb.ts';
import { expansionOf } from './expansion.ts';
import { Watch } from './watch.ts';

/** Half a tick: what lasts for two ticks is seen in time. */
const sampleNs = 2_000_000;
/** Scenarios are shorter; the policy's own timeout may be less. */
const watchdogMs = 5000;
/** More events than this without the clock moving: CPUs that ask one another, or themselves, to reschedule for ever. */
const mostEventsAtOnce = 100_000;
/** How often the wall clock is read. */
const eventsPerLook = 4096;

export interface AttackedPolicy {
  readonly name: string;
  readonly object: Uint8Array;
  /** What it does not promise. */
  readonly ignores: readonly Ignored[];
}

export interface RunOptions {
  /** End the run at the first violation that is at least as grave as this. */
  readonly until?: CheckerName | undefined;
  readonly recorder?: Recorder | undefined;
  /** Wall time, ms; a run that takes longer than `wallMs` is cut off and says nothing. */
  readonly clock: () => number;
  readonly wallMs: number;
  /** Tests look whether the model is in order. */
  readonly prepare?: ((model: Model) => void) | undefined;
}

export interface Ran {
  /** The gravest first; of each checker the first that it saw. */
  readonly violations: readonly Violation[];
  /** The policy asks for what is not modelled; that is nobody's failure. */
  readonly unsupported: SimFinding | undefined;
  /** The wall time was over. */
  readonly isCut: boolean;
  readonly switches: number;
  readonly simulatedNs: number;
}

/** @throws Fault malformed, when the object is none; not-found or unsupported for parameters that it does not have. */
export function runScenario(
  simulator: Simulator,
  policy: AttackedPolicy,
  scenario: Scenario,
  options: RunOptions,
): Ran {
  const found = new Map<CheckerName, Violation>();
  const guard = { isCut: false };
  const simulated = simulator.run({
    expansion: expansionOf(scenario),
    shape: { cpus: scenario.cpus, llcs: scenario.llcs, threads: scenario.threads },
    costs: free,
    policy: { object: patchParameters(policy.object, scenario.parameters), maps: [] },
    mode: 'checked',
    seed: scenario.seed,
    startOffsetNs: 0,
    pidOffset: 0,
    limitNs: scenario.lengthNs,
    timeoutMs: watchdogMs,
    prepare(model) {
      attach(model, policy, scenario, options, found);
      options.prepare?.(model);
      guardAgainstEndlessness(model, options, found, guard);
    },
  });
  return outcomeOf(simulated, found, guard.isCut);
}

function isIgnored(name: CheckerName, { ignores }: AttackedPolicy, { llcs, attacks }: Scenario): boolean {
  const concerns = (only: string): boolean => (only === 'several-llcs' ? llcs > 1 : attacks.includes(only));
  return ignores.some(({ checker, only }) => checker === name && (only === undefined || concerns(only)));
}

function attach(
  model: Model,
  policy: AttackedPolicy,
  scenario: Scenario,
  options: RunOptions,
  found: Map<CheckerName, Violation>,
): void {
  const { core } = model;
  const watch = new Watch(scenario, core, model.ext!, options.recorder);
  watch.checkers = makers
    .filter(({ name }) => !isIgnored(name, policy, scenario))
    .map(
      ({ name, make }): Checker =>
        make(watch, (message, tasks) => {
          if (found.has(name)) return;
          found.set(name, { checker: name, message, tasks, atNs: core.now - watch.startNs });
          if (options.until !== undefined && isAsGrave(name, options.until)) core.stopped = true;
        }),
    );
  core.recorder = watch;
  const slots = { sample: model.freeSlot, disturb: model.freeSlot + 1 };
  const disturber = new Disturber(model, slots.disturb, scenario, watch);
  const endNs = core.now + scenario.lengthNs;
  const plan = (): void => core.wheel.set(slots.sample, Math.min(core.now + sampleNs, endNs));
  plan();
  model.onSlot = (slot) => {
    if (slot === slots.disturb) disturber.event();
    if (slot !== slots.sample) return;
    watch.sample();
    if (core.now < endNs) plan();
    else watch.end();
  };
}

function guardAgainstEndlessness(
  { core }: Model,
  { clock, wallMs }: RunOptions,
  found: Map<CheckerName, Violation>,
  guard: { isCut: boolean },
): void {
  const startNs = core.now;
  const until = clock() + wallMs;
  const before = core.afterEvent;
  let [last, atOnce, events] = [core.now, 0, 0];
  core.afterEvent = () => {
    before?.();
    atOnce = core.now === last ? atOnce + 1 : 0;
    last = core.now;
    if (atOnce > mostEventsAtOnce) {
      const message = `${mostEventsAtOnce} events without the clock moving: CPUs reschedule in vain, over and over`;
      found.set('livelock', { checker: 'livelock', message, atNs: core.now - startNs, tasks: [] });
      core.stopped = true;
    }
    if (++events % eventsPerLook === 0 && clock() > until) {
      guard.isCut = true;
      core.stopped = true;
    }
  };
}

function outcomeOf(simulated: Simulated, found: Map<CheckerName, Violation>, isCut: boolean): Ran {
  const { finding, switches, simulatedNs } = simulated;
  const add = (checker: CheckerName, message: string): void => {
    found.set(checker, { checker, message, atNs: simulatedNs, tasks: [] });
  };
  if (finding?.code === 'bad-program')
    add('program', `${finding.message}${finding.place === '' ? '' : `, ${finding.place}`}`);
  const refused = refusalIn(simulated.events);
  if (refused !== undefined) add('program', refused);
  const ejected = ejectionIn(simulated.events);
  if (ejected !== undefined && finding === undefined) add('ejected', ejected);
  const gravity = (one: Violation): number => checkerNames.indexOf(one.checker);
  return {
    violations: [...found.values()].sort((a, b) => gravity(a) - gravity(b)),
    unsupported: finding?.code === 'unsupported' ? finding : undefined,
    isCut,
    switches,
    simulatedNs,
  };
}

function refusalIn(events: readonly RunEvent[]): string | undefined {
  const load = events.find(({ event }) => event === 'load') as { ok?: boolean; log?: string } | undefined;
  return load?.ok === false ? `it does not load: ${load.log}` : undefined;
}

/** The kernel's words. Policies that leave by themselves, or because a CPU went that they cannot follow, are not thrown out. */
function ejectionIn(events: readonly RunEvent[]): string | undefined {
  const exit = events.find(({ event }) => event === 'exit') as
    | { kind: number; reason: string; message: string }
    | undefined;
  if (exit === undefined || exit.kind < exitKind.error) return undefined;
  return `the kernel throws the policy out: ${exit.reason} (kind ${exit.kind}): ${exit.message}`;
}
