// The door: one simulation, from an expansion and a scheduler to the events that a runner on a real kernel would have sent. One Simulator lives long:
// its memory and its kfuncs are made once.

import { readObject } from '../bpf/object.ts';
import type { Call } from '../core/calls.ts';
import type { RunEvent } from '../core/metrics.ts';
import type { Settings } from '../core/records.ts';
import type { Expansion } from '../core/workload.ts';
import { TaskBirths } from './births.ts';
import { CallLog } from './calls/log.ts';
import { createHelpers } from './helpers/table.ts';
import { Timers } from './helpers/timers.ts';
import { linux618 } from './kernel/linux-6.18.ts';
import { linux6_18 } from './kernel/versions.ts';
import { KfuncWorld } from './kfuncs/kfunc.ts';
import { type KfuncTable, kfuncTable } from './kfuncs/table.ts';
import { SimMemory } from './memory.ts';
import { type Recorder, tickNs } from './model/contracts.ts';
import { Core, mostAtOnce, type Pause } from './model/core.ts';
import type { Costs } from './model/costs.ts';
import { CgroupMemory } from './model/ext/cgroup-memory.ts';
import { type Exit, exitKind, exitReason } from './model/ext/exit.ts';
import { Ext } from './model/ext/ext.ts';
import { ExtClass } from './model/ext/ext-class.ts';
import { Scx, type ScxEvents } from './model/ext/scx.ts';
import { TaskMemory } from './model/ext/task-memory.ts';
import { FairClass } from './model/fair/fair-class.ts';
import { RtClass } from './model/rt-class.ts';
import { SerialCore } from './model/serial-core.ts';
import { Tasks } from './model/tables.ts';
import { createTopology, type Shape } from './model/topology.ts';
import { LoadRefusal } from './ops-checks.ts';
import type { Player } from './player/player.ts';
import { Rounds } from './player/rounds.ts';
import { type LoadedPolicy, loadPolicy } from './policy-loading.ts';
import { type Native, SimFinding } from './program/instance.ts';
import { modelledFeatures, settingsProblem } from './settings.ts';
import { Surroundings } from './surroundings.ts';

export { type CostProfile, costProfiles } from './model/cost-profiles.ts';
export { type Shape, shapeProblem } from './model/topology.ts';
export type { SimFinding } from './program/instance.ts';

/** The kernel that the simulator claims to be, and everything that programs can find out about it. */
export const simulatedKernel = { release: linux6_18.release, facts: linux618 } as const;

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

/** BPF instructions that one callback may execute: what the kernel's verifier would at most have looked at. */
const budget = 1_000_000;
/** Some tens of milliseconds of wall time. */
const eventsPerStep = 65_536;
/** The machine has been up for a while. */
const bootNs = 10_000_000_000;
/** Wheel slots beyond CPUs and tasks: the player, the watchdog, periods of cpu.max; BPF timers; and some for who watches or disturbs. */
const timerSlots = 256;
const freeSlots = 64;
const ownSlots = 3;
const spareSlots = ownSlots + timerSlots + freeSlots;

export class Simulator {
  readonly #memory: SimMemory;
  readonly #world: KfuncWorld;
  readonly #table: KfuncTable;
  readonly #resultHigh: number;
  readonly #surroundings: Surroundings;
  readonly #timers: Timers;
  /** By name, without the prefix. */
  readonly #helpers: ReadonlyMap<string, Native>;
  /** Of the run at hand, if it is recorded. */
  #log: CallLog | undefined;

  constructor(memoryBytes?: number) {
    this.#memory = new SimMemory(memoryBytes);
    this.#resultHigh = this.#memory.allocate(8, 'none');
    this.#memory.mark();
    this.#world = new KfuncWorld(this.#memory, this.#resultHigh);
    this.#world.finding = (text) => {
      throw new SimFinding('bad-program', text);
    };
    this.#surroundings = new Surroundings(this.#memory, this.#resultHigh);
    this.#timers = new Timers(this.#surroundings);
    const helpers = Object.values(createHelpers(this.#surroundings, this.#timers));
    this.#helpers = new Map(helpers.map((helper) => [helper.name.replace(/^bpf_/, ''), helper]));
    this.#table = kfuncTable(this.#world);
  }

  /** @throws Fault malformed, when the object is none. */
  run(input: SimulationInput): Simulated {
    const steps = this.steps(input);
    for (;;) {
      const { done, value } = steps.next();
      if (done === true) return value;
    }
  }

  /** As run(), and stops now and then so that somebody else may have a turn; but only one simulation at a time. */
  *steps(input: SimulationInput): Generator<undefined, Simulated> {
    this.#memory.reset();
    const { expansion, policy, recorder } = input;
    const problem = settingsProblem(input.settings ?? {});
    if (problem !== undefined) return { ...problem, switches: 0, simulatedNs: 0, endNs: bootNs };
    const topology = createTopology(input.shape);
    const CoreOf = input.costs.isSerial ? SerialCore : Core;
    const core = new CoreOf(new Tasks(expansion.tasks.length), topology, input.costs, spareSlots);
    core.now = bootNs;
    this.#log = input.calls && new CallLog(core, input.calls, recorder);
    core.recorder = this.#log ?? recorder;
    const fair = new FairClass(core, fairSettings(input));
    fair.createGroups(groupsOf(input));
    core.classes.push(new RtClass(core), fair);
    const first = core.firstFreeSlot;
    const slots = { rounds: first, watchdog: first + 1, periods: first + 2 };
    fair.bandwidth.useSlot(slots.periods);
    const events: RunEvent[] = [];
    let ext: Ext | undefined;
    let finding: SimFinding | undefined;
    const take = (error: unknown): void => {
      if (error instanceof SimFinding) finding = error;
      else if (error instanceof WebAssembly.RuntimeError)
        finding = new SimFinding('bad-program', error.message);
      else throw error;
    };
    let rounds: Rounds | undefined;
    try {
      if (policy === undefined) events.push(presence('before', ''));
      else {
        const attached = this.#attach(core, policy, input, slots.watchdog, events);
        if (attached === undefined) return ended(events, undefined, core);
        ext = attached;
      }
      const own = ext;
      const births = new TaskBirths(core, own, this.#world.cgroups, this.#surroundings.maps, input.pidOffset);
      rounds = new Rounds(core, settingOf(input), births, slots.rounds);
      const model: Model = {
        core,
        ext,
        player: rounds.player,
        freeSlot: first + ownSlots + timerSlots,
        freeSlots,
        onSlot: undefined,
      };
      core.player = {
        advance: (task) => rounds!.player.advance(task),
        timer: (task) => rounds!.player.timer(task),
        event: (slot) => {
          if (slot === slots.rounds) rounds!.event();
          else if (slot === slots.watchdog) own!.watchdog.check();
          else if (slot === slots.periods) fair.bandwidth.timer();
          else if (slot >= model.freeSlot) model.onSlot?.(slot);
          else this.#fireTimer(core, slot);
        },
      };
      input.prepare?.(model);
      rounds.begin();
      core.startTicks(Math.ceil(core.now / tickNs) * tickNs);
      let how: Pause = core.stopped ? 'stopped' : 'more';
      while (how === 'more') {
        how = core.run(bootNs + input.limitNs, eventsPerStep);
        if (how === 'more') yield;
      }
      if (how === 'livelock') finding = livelock(ext);
      if (how === 'limit' || how === 'nothing left')
        events.push({
          event: 'limit',
          what: 'wall',
          detail: `the workload had not ended after ${input.limitNs / 1e6} ms`,
        });
    } catch (error) {
      take(error);
    }
    const ejected = ext?.scx.exit !== undefined;
    if (rounds !== undefined) events.push(...rounds.finish(finding === undefined && !ejected));
    if (ext === undefined) events.push(presence('during', ''), presence('after', ''));
    else this.#detach(ext, rounds, events, take);
    this.#log?.finish(rounds?.firstStartNs ?? bootNs);
    return ended(events, finding, core);
  }

  /** Undefined: it did not load or attach, and the events say why. */
  #attach(
    core: Core,
    policy: PolicyInput,
    input: SimulationInput,
    slot: number,
    events: RunEvent[],
  ): Ext | undefined {
    const memory = new TaskMemory(this.#memory, core);
    const timers = Array.from({ length: timerSlots }, (_, i) => core.firstFreeSlot + ownSlots + i);
    this.#surroundings.begin(core, memory, input.seed, timers);
    this.#timers.reset();
    let loaded: LoadedPolicy;
    try {
      loaded = this.#load(core, policy, input.mode);
    } catch (error) {
      if (!(error instanceof LoadRefusal)) throw error;
      const { stage, errno, error: name, message: log } = error;
      events.push({ event: 'load', ok: false, stage, errno, error: name, log });
      events.push({ event: 'done', status: 'failed' });
      return undefined;
    }
    events.push({ event: 'load', ok: true, programs: loaded.linked.entries.size });
    for (const { name, key, value } of policy.maps)
      loaded.maps.find((map) => map.name === name)?.put(key, value);
    const timeoutMs = Math.min(loaded.values.timeoutMs || 30_000, input.timeoutMs);
    const scx = new Scx(core, this.#memory, memory, loaded.program, { ...loaded.values, timeoutMs });
    this.#log?.attach({ memory: this.#memory, tasks: memory, entries: loaded.program.entries });
    scx.ops.recorder = this.#log;
    const ext = new Ext(scx, this.#memory, slot);
    core.classes.push(new ExtClass(ext));
    core.switchedAll = true;
    core.idleListener = ext;
    core.afterwards = ext;
    core.onAccount = (task) => memory.accounted(task);
    core.onAttributes = (task) => memory.attributesChanged(task);
    const cgroups = this.#cgroups(input);
    ext.cpuMemory.placeIdleTasks(cgroups.cssSetOf(-1), cgroups.taskGroupOf(-1));
    Object.assign(this.#world, { core, scx, ext, dispatch: ext.dispatch, tasks: memory, cgroups });
    this.#surroundings.attached(ext, cgroups, loaded.maps);
    if (ext.attach(cgroups)) {
      events.push(presence('before', scx.values.name));
      return ext;
    }
    events.push(exitEvent(scx.exit!), { event: 'done', status: 'failed' });
    return undefined;
  }

  #cgroups({ expansion }: SimulationInput): CgroupMemory {
    const names = expansion.cgroups.map(({ name }) => name);
    const weights = expansion.cgroups.map(({ weight }) => weight);
    const quotasUs = expansion.cgroups.map(({ maxNs }) => Math.floor(maxNs / 1000));
    return new CgroupMemory(this.#memory, names, { weights, quotasUs });
  }

  /** A BPF timer is due: its callback runs on the CPU that armed it. */
  #fireTimer(core: Core, slot: number): void {
    const due = this.#surroundings.dueTimer(slot);
    if (due === undefined) return;
    core.execCpu = due.cpu;
    this.#timers.fire(due.timer);
    core.settle(due.cpu);
  }

  #load(core: Core, policy: PolicyInput, mode: 'checked' | 'fast'): LoadedPolicy {
    const memory = this.#memory;
    return loadPolicy(readObject(policy.object), {
      kernel: linux6_18,
      memory,
      maps: {
        memory,
        cpus: core.topology.cpus,
        forgetTimer: (address) => this.#timers.forget(address),
        dropKptr: this.#table.dropKptr,
        finding: this.#world.finding,
      },
      mode,
      budget,
      resultHigh: this.#resultHigh,
      ksym: (name) => this.#surroundings.ksym(name),
      native: (what, name) => (what === 'kfunc' ? this.#kfunc(name) : this.#helpers.get(name)),
    });
  }

  #kfunc(name: string): Native | undefined {
    const kfunc = this.#table.kfuncs[name];
    return this.#log === undefined || kfunc === undefined ? kfunc : this.#log.watched(name, kfunc);
  }

  /** The policy leaves, if it has not been thrown out; its exit and its counters are told. */
  #detach(ext: Ext, rounds: Rounds | undefined, events: RunEvent[], take: (error: unknown) => void): void {
    const { scx } = ext;
    try {
      scx.ops.abandon();
      rounds?.bury();
      ext.detach();
    } catch (error) {
      take(error);
    }
    if (scx.exit === undefined || scx.exit.kind === exitKind.unreg)
      events.push(presence('during', scx.values.name), presence('after', scx.values.name));
    events.push(exitEvent(scx.exit ?? { kind: exitKind.unreg, code: '0', message: '' }));
    events.push({ event: 'events', values: kernelNames(scx.events) });
  }
}

/** Only a policy may make the CPUs reschedule for ever; it can where the kernel's work costs nothing. */
function livelock(ext: Ext | undefined): SimFinding {
  const message = `${mostAtOnce} events without the clock moving: CPUs reschedule in vain, over and over`;
  if (ext === undefined) throw new Error(`bug: ${message}`);
  return new SimFinding('bad-program', message);
}

function fairSettings({ settings, seed }: SimulationInput) {
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
function groupsOf({ expansion, settings }: SimulationInput) {
  const weight = settings?.cpuWeight;
  const parent = weight === undefined ? -1 : 0;
  const own = expansion.cgroups.map((group) => ({ parent, weight: group.weight, quotaNs: group.maxNs }));
  if (weight === undefined) return own;
  return [{ parent: -1, weight, quotaNs: 0 }, ...own, { parent, weight: 100, quotaNs: 0 }];
}

/** "selectCpuFallback" → SCX_EV_SELECT_CPU_FALLBACK. */
function kernelNames(events: ScxEvents): Record<string, number> {
  const name = (key: string): string =>
    `SCX_EV_${key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
  return Object.fromEntries(Object.entries(events).map(([key, value]) => [name(key), value]));
}

function settingOf({ expansion, settings, startOffsetNs }: SimulationInput) {
  const isWeighted = settings?.cpuWeight !== undefined;
  const cgroupOf = (index: number): number => {
    if (!isWeighted) return index;
    return index < 0 ? expansion.cgroups.length + 1 : index + 1;
  };
  return { expansion, startOffsetNs, nice: settings?.nice ?? 0, sched: settings?.sched, cgroupOf };
}

/** `ops`: '' while no policy is attached. */
function presence(when: string, ops: string): RunEvent {
  const isEnabled = ops !== '';
  const state = isEnabled ? 'enabled' : 'disabled';
  return { event: 'presence', when, state, ops, enableSeq: isEnabled ? 1 : 0, nrRejected: 0 };
}

function exitEvent({ kind, code, message }: Exit): RunEvent {
  const small = Number(code);
  const exact = Number.isSafeInteger(small) ? small : code;
  return { event: 'exit', kind, code: exact, reason: exitReason(kind), message, dump: '', source: 'record' };
}

function ended(events: RunEvent[], finding: SimFinding | undefined, core: Core): Simulated {
  return { events, finding, switches: core.switches, simulatedNs: core.now - bootNs, endNs: core.now };
}
