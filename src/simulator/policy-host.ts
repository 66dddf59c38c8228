// The engine's side of policies: one memory, one set of kfuncs and helpers, to which a policy is loaded and attached, and from which it leaves again. Source:
// scx_enable() and scx_disable_workfn(), kernel/sched/ext.c, v6.18.

import type { RunEvent } from '../core/metrics.ts';
import type { CallLog } from './calls/log.ts';
import { createHelpers } from './helpers/table.ts';
import { Timers } from './helpers/timers.ts';
import { linux6_18 } from './kernel/versions.ts';
import { KfuncWorld } from './kfuncs/kfunc.ts';
import { type KfuncTable, kfuncTable } from './kfuncs/table.ts';
import type { SimMap } from './maps/map.ts';
import { SimMemory } from './memory.ts';
import type { Core } from './model/core.ts';
import { CgroupMemory } from './model/ext/cgroup-memory.ts';
import { exitKind } from './model/ext/exit.ts';
import { Ext } from './model/ext/ext.ts';
import { ExtClass } from './model/ext/ext-class.ts';
import { Scx } from './model/ext/scx.ts';
import { scxFlag } from './model/ext/scx-flags.ts';
import { TaskMemory } from './model/ext/task-memory.ts';
import { errno, LoadRefusal } from './ops-checks.ts';
import { type LoadedPolicy, loadPolicy } from './policy-loading.ts';
import { type Native, SimFinding } from './program/instance.ts';
import { Remembered } from './program/remembered.ts';
import { words } from './program/words.ts';
import { countersEvent, exitEvent, presence } from './run-events.ts';
import type { PolicyInput, SimulationInput } from './simulation.ts';
import { Surroundings } from './surroundings.ts';

/** BPF instructions that one callback may execute: what the kernel's verifier would at most have looked at. */
const budget = 1_000_000;

/** Wheel slots of a policy: the watchdog's, and those of BPF timers. */
export interface PolicySlots {
  readonly watchdog: number;
  readonly firstTimer: number;
  readonly timers: number;
}

export class PolicyHost {
  readonly #memory: SimMemory;
  readonly #world: KfuncWorld;
  readonly #table: KfuncTable;
  readonly #resultHigh: number;
  readonly #surroundings: Surroundings;
  readonly #timers: Timers;
  readonly #remembered = new Remembered();
  /** By name, without the prefix. */
  readonly #helpers: ReadonlyMap<string, Native>;

  constructor(memoryBytes?: number) {
    this.#memory = new SimMemory(memoryBytes);
    this.#resultHigh = this.#memory.allocate(words.bytes, 'none');
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

  /** Forgets the policy of the last simulation. */
  reset(): void {
    this.#memory.reset();
  }

  /** Of the policy that is attached. */
  get maps(): readonly SimMap[] {
    return this.#surroundings.maps;
  }

  get cgroups(): CgroupMemory {
    return this.#world.cgroups;
  }

  /** Undefined: it did not load or attach, and the events say why. @throws SimFinding; Fault when the object is malformed. */
  attach(
    core: Core,
    policy: PolicyInput,
    input: SimulationInput,
    slots: PolicySlots,
    events: RunEvent[],
    log: CallLog | undefined,
  ): Ext | undefined {
    this.#surroundings.begin(core, input.seed, slots.firstTimer, slots.timers);
    this.#timers.reset();
    let loaded: LoadedPolicy;
    try {
      loaded = this.#load(core, policy, input.mode, log);
      fillMaps(loaded, policy.maps);
    } catch (error) {
      if (!(error instanceof LoadRefusal)) throw error;
      const { stage, errno, error: name, message } = error;
      events.push({ event: 'load', ok: false, stage, errno, error: name, log: message });
      events.push({ event: 'done', status: 'failed' });
      return undefined;
    }
    events.push({ event: 'load', ok: true, programs: loaded.linked.entries.size });
    const ext = this.#join(core, loaded, input, slots.watchdog, log);
    if (ext.attach(this.cgroups)) {
      events.push(presence('before', ext.scx.values.name));
      return ext;
    }
    events.push(exitEvent(ext.scx.exit!), { event: 'done', status: 'failed' });
    return undefined;
  }

  /** The loaded policy as a sched class of the core. */
  #join(
    core: Core,
    loaded: LoadedPolicy,
    input: SimulationInput,
    slot: number,
    log: CallLog | undefined,
  ): Ext {
    const { program, maps } = loaded;
    const tasks = new TaskMemory(this.#memory, core);
    const timeoutMs = Math.min(loaded.values.timeoutMs || 30_000, input.timeoutMs);
    const scx = new Scx(core, this.#memory, tasks, program, { ...loaded.values, timeoutMs });
    log?.attach({ memory: this.#memory, tasks, entries: program.entries });
    scx.ops.recorder = log;
    const ext = new Ext(scx, this.#memory, slot);
    core.classes.push(new ExtClass(ext));
    core.switchedAll = (scx.flags & scxFlag.ops.switchPartial) === 0;
    core.idleListener = ext;
    core.afterwards = ext;
    core.accounts = tasks;
    core.onAttributes = (task) => tasks.attributesChanged(task);
    const cgroups = this.#createCgroups(input);
    ext.cpuMemory.placeIdleTasks(cgroups.cssSetOf(-1), cgroups.taskGroupOf(-1));
    this.#world.begin(ext, cgroups);
    this.#surroundings.attached(ext, cgroups, maps);
    return ext;
  }

  #createCgroups({ expansion }: SimulationInput): CgroupMemory {
    const names = expansion.cgroups.map(({ name }) => name);
    const weights = expansion.cgroups.map(({ weight }) => weight);
    const quotasUs = expansion.cgroups.map(({ maxNs }) => Math.floor(maxNs / 1000));
    return new CgroupMemory(this.#memory, names, { weights, quotasUs });
  }

  #load(core: Core, policy: PolicyInput, mode: 'checked' | 'fast', log: CallLog | undefined): LoadedPolicy {
    const memory = this.#memory;
    const kfunc = (name: string): Native | undefined => {
      const own = this.#table.kfuncs[name];
      return log === undefined || own === undefined ? own : log.watched(name, own);
    };
    return loadPolicy(this.#remembered.read(policy.object), {
      kernel: linux6_18,
      memory,
      remembered: this.#remembered,
      isPlain: log === undefined,
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
      native: (what, name) => (what === 'kfunc' ? kfunc(name) : this.#helpers.get(name)),
    });
  }

  /** A BPF timer is due: its callback runs on the CPU that armed it. */
  fireTimer(core: Core, slot: number): void {
    const due = this.#surroundings.dueTimer(slot);
    if (due === undefined) return;
    core.execCpu = due.cpu;
    this.#timers.fire(due.timer);
    core.settle(due.cpu);
  }

  /** The policy leaves, if it has not been thrown out; `bury` ends the tasks that are still there. Its exit and its counters are told. */
  detach(ext: Ext, bury: () => void, events: RunEvent[], take: (error: unknown) => void): void {
    const { scx } = ext;
    try {
      scx.ops.abandon();
      ext.takeDump();
      bury();
      ext.detach();
    } catch (error) {
      take(error);
    }
    if (scx.exit === undefined || scx.exit.kind === exitKind.unreg)
      events.push(presence('during', scx.values.name), presence('after', scx.values.name));
    events.push(exitEvent(scx.exit ?? { kind: exitKind.unreg, code: '0', message: '' }));
    events.push(countersEvent(scx.events));
  }
}

/** Before it is attached, as the runner does it and in its words (runner/load.c: fill_maps). */
function fillMaps({ maps }: LoadedPolicy, entries: PolicyInput['maps']): void {
  for (const [at, { name, key, value }] of entries.entries()) {
    const map = maps.find((one) => one.name === name);
    if (map === undefined) throw new LoadRefusal(`the object has no map called ${name}\n`, 'map');
    if (key.length !== map.keyBytes || value.length !== map.valueBytes)
      throw new LoadRefusal(
        `map ${name} has keys of ${map.keyBytes} and values of ${map.valueBytes} bytes; the job's line ${at + 1} does not\n`,
        'map',
      );
    const result = map.put(key, value);
    if (result !== 0)
      throw new LoadRefusal(
        `map ${name}, the job's line ${at + 1}: the kernel refuses the update\n`,
        'map',
        result === -errno.E2BIG ? 'E2BIG' : 'EINVAL',
      );
  }
}
