// The door: one simulation, from an expansion and a scheduler to the events that a runner on a real kernel would have sent. One Simulator lives long:
// its memory, its kfuncs and the policies that it knows are made once.

import type { RunEvent } from '../core/metrics.ts';
import { TaskBirths } from './births.ts';
import { CallLog } from './calls/log.ts';
import { linux618 } from './kernel/linux-6.18.ts';
import { linux6_18 } from './kernel/versions.ts';
import { Columns } from './model/columns.ts';
import { type Player, type Step, tickNs } from './model/contracts.ts';
import { Core, mostAtOnce, type Pause } from './model/core.ts';
import type { Ext } from './model/ext/ext.ts';
import { FairClass } from './model/fair/fair-class.ts';
import { classNumber } from './model/flags.ts';
import { KernelThreads, ofWorkload, threadCount } from './model/kernel-threads.ts';
import { noTasks } from './model/no-tasks.ts';
import { RtClass } from './model/rt-class.ts';
import { SerialCore } from './model/serial-core.ts';
import { Tasks } from './model/tables.ts';
import { createTopology, type Shape, type Topology } from './model/topology.ts';
import { Rounds } from './player/rounds.ts';
import { PolicyHost } from './policy-host.ts';
import { SimFinding } from './program/instance.ts';
import { presence } from './run-events.ts';
import { settingsProblem } from './settings.ts';
import {
  fairSettings,
  groupsOf,
  type Model,
  type Simulated,
  type SimulationInput,
  settingOf,
} from './simulation.ts';

export { type CostProfile, costProfiles, costsOfRecording } from './model/cost-profiles.ts';
export type { Costs } from './model/costs.ts';
export { type Shape, shapeProblem } from './model/topology.ts';
export type { SimFinding } from './program/instance.ts';
export type { Model, PolicyInput, Simulated, SimulationInput } from './simulation.ts';

/** The kernel that the simulator claims to be, and everything that programs can find out about it. */
export const simulatedKernel = { release: linux6_18.release, facts: linux618 } as const;

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
  readonly #host: PolicyHost;
  readonly #columns = new Columns();
  /** Of the last simulation: the next one mostly has the same. */
  #topology: Topology | undefined;
  #shape = '';

  constructor(memoryBytes?: number) {
    this.#host = new PolicyHost(memoryBytes);
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
    this.#host.reset();
    const problem = settingsProblem(input.settings ?? {});
    if (problem !== undefined) return { ...problem, switches: 0, simulatedNs: 0, endNs: bootNs };
    this.#columns.restart();
    const run = new Run(this.#host, this.#columns, this.#topologyOf(input.shape), input);
    run.begin();
    let how: Pause = run.core.stopped ? 'stopped' : 'more';
    while (how === 'more') {
      how = run.goOn();
      if (how === 'more') yield;
    }
    return run.end(how);
  }

  #topologyOf(shape: Shape): Topology {
    const text = JSON.stringify(shape);
    if (this.#topology === undefined || text !== this.#shape) this.#topology = createTopology(shape);
    this.#shape = text;
    return this.#topology;
  }
}

/** One simulation: who plays on which model, and what comes of it. */
class Run implements Player {
  readonly core: Core;
  readonly #host: PolicyHost;
  readonly #input: SimulationInput;
  readonly #log: CallLog | undefined;
  /** Absent while sched_ext has all tasks. */
  #fair: FairClass | undefined;
  readonly #events: RunEvent[] = [];
  readonly #roundsSlot: number;
  readonly #watchdogSlot: number;
  readonly #periodsSlot: number;
  readonly #freeSlot: number;
  #model: Model | undefined;
  #ext: Ext | undefined;
  #rounds: Rounds | undefined;
  #threads: KernelThreads | undefined;
  #firstThread = Number.MAX_SAFE_INTEGER;
  /** The policy leaves the kernel threads. */
  #leaveThreads: (() => void) | undefined;
  #finding: SimFinding | undefined;
  /** The policy is not there, and the events say why. */
  #isRefused = false;

  constructor(host: PolicyHost, columns: Columns, topology: Topology, input: SimulationInput) {
    const { expansion, costs } = input;
    const CoreOf = costs.isSerial ? SerialCore : Core;
    const threads = costs.isSerial ? threadCount(topology.cpus) : 0;
    const tasks = new Tasks(expansion.tasks.length + threads, columns);
    const core = new CoreOf(tasks, topology, costs, spareSlots);
    const recorder = input.recorder && ofWorkload(input.recorder, expansion.tasks.length);
    core.now = bootNs;
    this.core = core;
    this.#host = host;
    this.#input = input;
    this.#log = input.calls && new CallLog(core, input.calls, recorder);
    core.recorder = this.#log ?? recorder;
    core.player = this;
    core.classes.push(new RtClass(core), noTasks);
    const first = core.firstFreeSlot;
    this.#roundsSlot = first;
    this.#watchdogSlot = first + 1;
    this.#periodsSlot = first + 2;
    this.#freeSlot = first + ownSlots + timerSlots;
  }

  /** The scheduler comes, and the first round is set going; the core is stopped when that was all. */
  begin(): void {
    try {
      if (this.#attach()) {
        if (!this.core.switchedAll) this.#createFair();
        this.#play();
      } else this.core.stopped = true;
    } catch (error) {
      this.#take(error);
      this.core.stopped = true;
    }
  }

  /** False: the policy did not load or attach, and the events say why. */
  #attach(): boolean {
    const { policy } = this.#input;
    if (policy === undefined) {
      this.#events.push(presence('before', ''));
      return true;
    }
    const firstTimer = this.#roundsSlot + ownSlots;
    const slots = { watchdog: this.#watchdogSlot, firstTimer, timers: timerSlots };
    this.#ext = this.#host.attach(this.core, policy, this.#input, slots, this.#events, this.#log);
    this.#isRefused = this.#ext === undefined;
    return !this.#isRefused;
  }

  #createFair(): void {
    const fair = new FairClass(this.core, fairSettings(this.#input));
    fair.createGroups(groupsOf(this.#input));
    fair.bandwidth.useSlot(this.#periodsSlot);
    this.core.classes[classNumber.fair] = fair;
    this.#fair = fair;
  }

  #play(): void {
    const { core } = this;
    const { cgroups, maps } = this.#host;
    const births = new TaskBirths(core, this.#ext, cgroups, maps, this.#input.pidOffset);
    this.#rounds = new Rounds(core, settingOf(this.#input), births, this.#roundsSlot);
    if (core instanceof SerialCore) this.#createThreads(core, births);
    this.#model = {
      core,
      ext: this.#ext,
      player: this.#rounds.player,
      freeSlot: this.#freeSlot,
      freeSlots,
      onSlot: undefined,
    };
    this.#input.prepare?.(this.#model);
    this.#rounds.begin();
    core.startTicks(Math.ceil(core.now / tickNs) * tickNs);
  }

  #createThreads(core: SerialCore, births: TaskBirths): void {
    const first = core.tasks.count;
    const comms: string[] = [];
    if (this.#log !== undefined) this.#log.commOf = (task) => comms[task - first];
    const threads = new KernelThreads(core, (task, comm) => {
      comms.push(comm);
      births.adopted(task, comm);
    });
    births.onBuried = () => threads.buried();
    core.threads = threads;
    this.#threads = threads;
    this.#firstThread = first;
    this.#leaveThreads = () => {
      for (let i = 0; i < comms.length; i++) births.left(first + i);
    };
  }

  goOn(): Pause {
    try {
      return this.core.run(bootNs + this.#input.limitNs, eventsPerStep);
    } catch (error) {
      this.#take(error);
      return 'stopped';
    }
  }

  end(how: Pause): Simulated {
    if (this.#isRefused) return this.#simulated();
    if (how === 'livelock') this.#finding = livelock(this.#ext);
    if (how === 'limit' || how === 'nothing left')
      this.#events.push({
        event: 'limit',
        what: 'wall',
        detail: `the workload had not ended after ${this.#input.limitNs / 1e6} ms`,
      });
    if (this.core.hung !== undefined) {
      this.#events.push({ event: 'limit', what: 'wall', detail: this.core.hung }); // and nobody leaves
      return this.#simulated();
    }
    const isEjected = this.#ext?.scx.exit !== undefined;
    const rounds = this.#rounds;
    if (rounds !== undefined) this.#events.push(...rounds.finish(this.#finding === undefined && !isEjected));
    if (this.#ext === undefined) this.#events.push(presence('during', ''), presence('after', ''));
    else
      this.#host.detach(
        this.#ext,
        () => {
          rounds?.bury();
          this.#leaveThreads?.();
        },
        this.#events,
        (error) => this.#take(error),
      );
    this.#log?.finish(rounds?.firstStartNs ?? bootNs);
    return this.#simulated();
  }

  #simulated(): Simulated {
    const { switches, now } = this.core;
    const [events, finding] = [this.#events, this.#finding];
    return { events, finding, switches, simulatedNs: now - bootNs, endNs: now };
  }

  #take(error: unknown): void {
    if (error instanceof SimFinding) this.#finding = error;
    else if (error instanceof WebAssembly.RuntimeError)
      this.#finding = new SimFinding('bad-program', error.message);
    else throw error;
  }

  // Player

  advance(task: number): Step {
    if (task >= this.#firstThread) return this.#threads!.advance(task);
    return this.#rounds!.player.advance(task);
  }

  timer(task: number): void {
    this.#rounds!.player.timer(task);
  }

  event(slot: number): void {
    if (slot === this.#roundsSlot) this.#rounds!.event();
    else if (slot === this.#watchdogSlot) this.#ext!.watchdog.check();
    else if (slot === this.#periodsSlot) this.#fair!.bandwidth.timer();
    else if (slot >= this.#freeSlot) this.#model!.onSlot?.(slot);
    else this.#host.fireTimer(this.core, slot);
  }
}

/** Only a policy may make the CPUs reschedule for ever; it can where the kernel's work costs nothing. */
function livelock(ext: Ext | undefined): SimFinding {
  const message = `${mostAtOnce} events without the clock moving: CPUs reschedule in vain, over and over`;
  if (ext === undefined) throw new Error(`bug: ${message}`);
  return new SimFinding('bad-program', message);
}
