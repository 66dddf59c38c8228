// The simulator as a machine: an Experiment in, the Outcome out that a runner's events would have given. It needs no kernel, no root and no emulator.

import { patchParameters } from '../bpf/parameters.ts';
import { type Call, mostCalls, type Traced } from '../core/calls.ts';
import { canonicalJson, digestOf } from '../core/canonical.ts';
import { Fault } from '../core/errors.ts';
import type { Blobs, Machine } from '../core/machine.ts';
import type { Experiment, Finding, MachineRef, Outcome, TopologyRef } from '../core/records.ts';
import type { Trace } from '../core/trace.ts';
import type { Expansion } from '../core/workload.ts';
import {
  type CostProfile,
  type Costs,
  costProfiles,
  costsOfRecording,
  type Shape,
  type SimFinding,
  type Simulated,
  type SimulationInput,
  Simulator,
  shapeProblem,
  simulatedKernel,
} from '../simulator/simulate.ts';
import { decodeTrace } from '../traces/file.ts';
import { recordedCosts } from '../traces/recorded-costs.ts';
import { SimulatedTrace } from '../traces/simulated.ts';
import { decode } from '../workload/encoding.ts';
import { inlineMore } from './compiler.ts';
import { hintMaps } from './hints.ts';
import { toOutcome } from './outcome.ts';

/** Raised whenever the model changes what comes out. */
const modelVersion = 4;

export interface SimulatorMachine extends Machine {
  reference(profile: CostProfile): MachineRef;
  /** As run(), with what the model did beside the outcome. */
  observe(experiment: Experiment, watch: Watch): Promise<Outcome>;
  /** As run(), and records the calls between the kernel and the policy. */
  runTraced(experiment: Experiment, signal?: AbortSignal): Promise<Traced>;
  /** As run(), and records what the scheduler does, with the true reasons of waits and wakes. */
  recordTrace(experiment: Experiment, signal?: AbortSignal): Promise<{ outcome: Outcome; trace: Trace }>;
}

/** What an observer may ask of a run. */
export type Watch = Pick<SimulationInput, 'recorder' | 'calls' | 'prepare'> & {
  readonly mode?: SimulationInput['mode'];
  /** Told when the run was over, on the clock of the recorder. */
  readonly ended?: (atNs: number) => void;
  readonly signal?: AbortSignal;
};

/** Without a workload a policy is attached for a moment, and leaves. */
const nothing: Expansion = {
  semaphores: 0,
  locks: 0,
  pipes: 0,
  rounds: 0,
  warmupRounds: 0,
  series: [],
  cgroups: [],
  tasks: [],
};

export function openSimulator(blobs: Blobs): SimulatorMachine {
  inlineMore();
  const simulator = new Simulator();
  const alone = queue();
  /** Of the recording that was replayed last. */
  let measured: { readonly digest: string; readonly costs: Costs } | undefined;
  const costsOf = async ({ machine, workload }: Experiment): Promise<Costs> => {
    const profile = profileOf(machine);
    if (profile !== 'recorded' || workload?.kind !== 'recorded') return costProfiles[profile];
    if (measured?.digest !== workload.trace) {
      const { idleWakesNs, lookNs } = recordedCosts(decodeTrace(await blobs.get(workload.trace)));
      measured = { digest: workload.trace, costs: costsOfRecording(idleWakesNs, lookNs) };
    }
    return measured.costs;
  };
  const observe = async (experiment: Experiment, watch: Watch): Promise<Outcome> => {
    const { workload } = experiment;
    if (workload?.kind === 'command')
      throw new Fault('unsupported', 'the simulator runs declared and recorded workloads only', {
        next: 'use a micro-VM (--machine micro-vm) for commands',
      });
    const expansion = workload === null ? undefined : decode(await blobs.get(workload.expansion));
    const input: SimulationInput = {
      ...(await inputOf(experiment, expansion ?? nothing, blobs)),
      costs: await costsOf(experiment),
      mode: watch.mode ?? 'checked',
      ...(watch.recorder === undefined ? {} : { recorder: watch.recorder }),
      ...(watch.calls === undefined ? {} : { calls: watch.calls }),
      ...(watch.prepare === undefined ? {} : { prepare: watch.prepare }),
    };
    const simulated = await alone(() => steps(simulator, input, watch.signal));
    watch.ended?.(simulated.endNs);
    return outcomeOf(experiment, simulated, expansion);
  };
  return {
    name: 'simulator',
    parallel: 1,
    accepts: (workload) =>
      workload.kind === 'command' ? ['the simulator runs declared and recorded workloads, not commands'] : [],
    reference,
    observe,
    async runTraced(experiment, signal) {
      const calls: Call[] = [];
      const outcome = await observe(experiment, { calls, ...(signal && { signal }) });
      return { outcome, calls, lost: calls.length < mostCalls ? 0 : 1 };
    },
    async recordTrace(experiment, signal) {
      const { workload, topology } = experiment;
      const isKnown = workload !== null && workload.kind !== 'command';
      const expansion = isKnown ? decode(await blobs.get(workload.expansion)) : nothing;
      const { release } = simulatedKernel;
      const recorder = new SimulatedTrace(expansion, {
        name: workload?.name ?? '',
        cpus: topology.cpus,
        release,
      });
      let endNs = 0;
      const ended = (atNs: number): void => {
        endNs = atNs;
      };
      const outcome = await observe(experiment, { recorder, ended, ...(signal && { signal }) });
      return { outcome, trace: recorder.finish(endNs) };
    },
    run: (experiment, signal) => observe(experiment, { ...(signal && { signal }) }),
  };
}

/** A simulation waits for nothing: whoever is to interrupt it, or to do something else meanwhile, needs a turn. */
async function steps(simulator: Simulator, input: SimulationInput, signal?: AbortSignal): Promise<Simulated> {
  const running = simulator.steps(input);
  for (;;) {
    await new Promise((resolve) => setImmediate(resolve));
    if (signal?.aborted === true) throw new Fault('interrupted', 'interrupted in a simulation');
    const { done, value } = running.next();
    if (done === true) return value;
  }
}

/** One after the other: a simulator has one memory. */
function queue(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const mine = last.then(work);
    last = mine.catch(() => {});
    return mine;
  };
}

function reference(profile: CostProfile): MachineRef {
  return {
    name: 'simulator',
    mode: 'simulated',
    start: 'cold',
    kernel: {
      release: simulatedKernel.release,
      image: digestOf(Buffer.from(canonicalJson(simulatedKernel.facts))),
    },
    emulator: `schedcp model ${modelVersion}, costs ${profile}`,
    runner: digestOf(Buffer.from(canonicalJson(costProfiles[profile]))),
  };
}

/** "schedcp model 1, costs tcg" → tcg. */
function profileOf({ emulator }: MachineRef): CostProfile {
  const name = emulator.split('costs ')[1] ?? '';
  if (Object.hasOwn(costProfiles, name)) return name as CostProfile;
  throw new Fault('not-found', `no cost profile ${JSON.stringify(name)}`, {
    next: `there are: ${Object.keys(costProfiles).join(', ')}`,
  });
}

async function inputOf(
  experiment: Experiment,
  expansion: Expansion,
  blobs: Blobs,
): Promise<Omit<SimulationInput, 'mode' | 'costs'>> {
  const { arm, nuisance, limitMs, seed, watchdogMs = 5000 } = experiment;
  const { policy, settings } = arm;
  return {
    expansion,
    shape: shapeOf(experiment.topology),
    seed,
    startOffsetNs: nuisance.startOffsetNs,
    pidOffset: nuisance.pidOffset,
    limitNs: limitMs * 1_000_000,
    timeoutMs: watchdogMs,
    ...(settings === undefined ? {} : { settings }),
    ...(policy === undefined
      ? {}
      : {
          policy: {
            object: patchParameters(await blobs.get(policy.object), policy.parameters),
            maps: policy.hints === undefined ? [] : hintMaps(policy.hints),
          },
        }),
  };
}

/** A micro-VM's CPUs share one LLC (its cacheinfo says so); so do ours unless told otherwise. */
function shapeOf({ cpus, nodes, llcs, threads, capacities }: TopologyRef): Shape {
  const shape: Shape = {
    cpus,
    llcs: llcs ?? nodes ?? 1,
    ...(nodes === undefined ? {} : { nodes }),
    ...(threads === undefined ? {} : { threads }),
    ...(capacities === undefined ? {} : { capacities }),
  };
  const problem = shapeProblem(shape);
  if (problem !== undefined) throw new Fault('malformed', `no machine has this topology: ${problem}`);
  return shape;
}

function outcomeOf(experiment: Experiment, simulated: Simulated, expansion: Expansion | undefined): Outcome {
  const ended = {
    events: simulated.events as unknown as Parameters<typeof toOutcome>[1]['events'],
    end: { how: 'exited', detail: '' },
    console: '',
  };
  return toOutcome(experiment, ended, expansion, simulated.finding && findingOf(simulated.finding));
}

function findingOf({ code, message, place }: SimFinding): Finding {
  const next =
    code === 'bad-program'
      ? 'the kernel’s verifier would not load this program: mend what the place shows'
      : 'the simulator does not model this: use a micro-VM for this policy';
  return { code, message, next, ...(place === '' ? {} : { detail: place }) };
}
