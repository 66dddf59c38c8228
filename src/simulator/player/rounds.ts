// The rounds of a workload: tasks are created, line up, start at their times and end; what happened comes out as the runner's events
// (docs/protocol.md section 3). After runner/play.c; the player itself runs in a real-time class there and takes no time here.

import type { RunEvent } from '../../core/metrics.ts';
import type { Expansion, ExpansionTask } from '../../core/workload.ts';
import { errorText } from '../maps/errno.ts';
import { setAffinity } from '../model/changes.ts';
import type { Core } from '../model/core.ts';
import { taskState } from '../model/flags.ts';
import { maskOf, maskWords } from '../model/topology.ts';
import { Player, type Rounds as PlayerRounds } from './player.ts';

/** Who creates and buries tasks: the kernel's side of fork and exit. */
export interface Births {
  /** `task` (all its columns set) exists from now on. Not 0: fork() has failed with this errno. */
  born(task: number, comm: string): number;
  /** sched_setattr() from outside: SCHED_* and nice value. */
  reschedule(task: number, policy: number, nice: number): void;
  /** It has ended and been waited for. */
  buried(task: number): void;
}

export interface Setting {
  readonly expansion: Expansion;
  /** Nuisances and settings of the experiment. */
  readonly startOffsetNs: number;
  readonly nice: number;
  readonly sched: 'batch' | 'idle' | undefined;
  /** Where the scheduler has the cgroup of this index in the expansion; −1 is none. */
  cgroupOf(index: number): number;
}

/** From the last fork to the start of the round: the last task goes to its start line. */
const lineUpNs = 1_000_000;
const restNs = 300_000;
const noTasks = new Int32Array(0);

export class Rounds implements PlayerRounds {
  startNs = 0;
  readonly player: Player;
  readonly events: RunEvent[] = [];
  readonly #core: Core;
  readonly #setting: Setting;
  readonly #births: Births;
  readonly #slot: number;
  #round = -1;
  /** When the first round started. */
  firstStartNs = 0;
  #phase: 'rest' | 'forking' | 'ready' | 'read' | 'running' = 'rest';
  /** Tasks of the round that the player starts, in order of their start, and how many have been. */
  #order: Int32Array = noTasks;
  #next = 0;
  /** Foreground tasks of the round that have not ended. */
  #remaining = 0;
  #failure: RunEvent | undefined;
  readonly #started: Float64Array;
  readonly #endedAt: Float64Array;
  readonly #cpuNs: Float64Array;
  /** When the last foreground task of the round ended; −1 while the round goes on, and once it has been told. */
  #roundEndNs = -1;
  readonly #before: { cpu: Float64Array; delay: Float64Array; vcsw: Int32Array; icsw: Int32Array };
  readonly #killed: Uint8Array;
  readonly #exists: Uint8Array;
  /** The experiment leaves nice values and classes as the workload has them. */
  readonly #setsNothing: boolean;

  /** `slot`: a wheel slot for the player's own timer. */
  constructor(core: Core, setting: Setting, births: Births, slot: number) {
    const count = setting.expansion.tasks.length;
    const { columns } = core.tasks;
    const times = (): Float64Array => columns.times(count);
    this.#core = core;
    this.#setting = setting;
    this.#births = births;
    this.#slot = slot;
    this.#setsNothing = setting.nice === 0 && setting.sched === undefined;
    this.player = new Player(core, setting.expansion, this);
    this.#started = times();
    this.#endedAt = times();
    this.#cpuNs = times();
    this.#before = { cpu: times(), delay: times(), vcsw: columns.ints(count), icsw: columns.ints(count) };
    this.#killed = columns.bytes(count);
    this.#exists = columns.bytes(count);
    core.tasks.add(count);
  }

  /** Sets the first round going. */
  begin(): void {
    const { wheel, now } = this.#core;
    wheel.set(this.#slot, now + restNs + this.#setting.startOffsetNs);
  }

  /** The player's timer. */
  event(): void {
    this.#core.visit(0);
    if (this.#phase === 'rest' && this.#rests()) {
      this.bury();
      this.#planRound();
    }
    if (this.#phase === 'forking') this.#forkNext();
    else if (this.#phase === 'ready' || this.#phase === 'read') this.#startRound();
    else if (this.#phase === 'running') this.#release();
    this.#core.leave();
  }

  /** False: tasks of the last round are not gone yet, or there is none to come. */
  #rests(): boolean {
    const { tasks, cpus, wheel, now } = this.#core;
    const { first, end } = this.#range;
    for (let task = first; task < end; task++) {
      const isHere = tasks.onRq[task] === 1 || cpus.curr[tasks.cpu[task]!] === task;
      if (!isHere || !this.#isOfRound(task)) continue;
      wheel.set(this.#slot, now + restNs);
      return false;
    }
    this.#emitRound();
    this.#core.stopped = this.hasEnded;
    return !this.#core.stopped;
  }

  #planRound(): void {
    this.#round++;
    const { starters, foreground } = this.player.rounds[this.#round]!;
    this.#order = starters;
    this.#next = 0;
    this.#remaining = foreground;
    this.#phase = 'forking';
  }

  /** Where the tasks of the round are. */
  get #range(): { readonly first: number; readonly end: number } {
    return this.player.rounds[this.#round] ?? { first: 0, end: 0 };
  }

  #isOfRound(task: number): boolean {
    return this.#setting.expansion.tasks[task]!.round === this.#round;
  }

  /** One fork each forkNs, or all at once when forks are free. */
  #forkNext(): void {
    const { wheel, costs, now } = this.#core;
    while (this.#next < this.#order.length) {
      const task = this.#order[this.#next++]!;
      this.player.lineUp(task);
      const errno = this.#create(task);
      if (errno !== 0) {
        this.#stop({ event: 'fault', message: `cannot fork task ${task}: ${errorText(errno)}` });
        return;
      }
      if (costs.forkNs === 0 || this.#next === this.#order.length) continue;
      wheel.set(this.#slot, now + Math.round(this.#core.cost) + costs.forkNs);
      return;
    }
    this.#phase = 'ready';
    wheel.set(this.#slot, now + Math.round(this.#core.cost) + lineUpNs);
  }

  /** fork() by the player (`parent` −1) or a task, which hand on what they have, and attributes_apply(). The errno of a fork that failed, else 0. */
  #create(task: number, parent = -1): number {
    const { tasks, topology } = this.#core;
    const what = this.#setting.expansion.tasks[task]!;
    tasks.policy[task] = parent < 0 ? 0 : tasks.policy[parent]!;
    tasks.nice[task] = parent < 0 ? 0 : tasks.nice[parent]!;
    tasks.cgroup[task] = this.#setting.cgroupOf(what.cgroup);
    for (let i = 0; i < maskWords; i++)
      tasks.mask[task * maskWords + i] =
        parent < 0 ? topology.allMask[i]! : tasks.mask[parent * maskWords + i]!;
    tasks.allowed[task] = parent < 0 ? topology.cpus : tasks.allowed[parent]!;
    tasks.cpu[task] = this.#core.execCpu;
    this.#started[task] = this.#core.now;
    const errno = this.#births.born(task, what.comm);
    if (errno !== 0) return errno;
    this.#exists[task] = 1;
    if (this.#setsNothing && this.player.isPlain[task] === 1) return 0;
    this.#apply(task, what);
    return 0;
  }

  /** The runner changes its tasks from outside, when they have been forked (runner/task.c: attributes_apply). */
  #apply(task: number, what: ExpansionTask): void {
    const policy = this.#policyOf(what);
    const nice = Math.max(-20, Math.min(19, what.nice + this.#setting.nice));
    const { allMask } = this.#core.topology;
    if (what.forked || nice !== 0 || policy !== 0) this.#births.reschedule(task, policy, nice);
    if (what.cpus === 0n && !what.forked) return;
    const wanted = what.cpus === 0n ? allMask : maskOf(what.cpus);
    const mask = wanted.map((word, i) => word & allMask[i]!);
    if (mask.some((word) => word !== 0)) {
      setAffinity(this.#core, task, mask);
      return;
    }
    const text = `task ${task} (${what.comm}) cannot be given its class, nice value or affinity`;
    this.#stop({ event: 'fault', message: text });
  }

  #policyOf({ schedClass }: ExpansionTask): number {
    if (schedClass === 'fifo') return 1;
    const asked = schedClass === 'other' ? this.#setting.sched : schedClass;
    return asked === 'batch' ? 3 : asked === 'idle' ? 5 : 0;
  }

  #startRound(): void {
    const { tasks, now, wheel, costs } = this.#core;
    if (this.#order.some((task) => tasks.state[task] === taskState.runnable)) {
      wheel.set(this.#slot, now + lineUpNs); // they have not all come to the line
      return;
    }
    if (this.#phase === 'ready' && costs.readNs > 0) {
      this.#phase = 'read';
      wheel.set(this.#slot, now + this.#order.length * costs.readNs);
      return;
    }
    this.startNs = now;
    if (this.#round === 0) this.firstStartNs = now;
    this.#next = 0;
    for (const task of this.#order) this.#remember(task);
    this.#phase = 'running';
    this.#release();
  }

  #remember(task: number): void {
    const { sumExec, delay, vcsw, icsw } = this.#core.tasks;
    this.#before.cpu[task] = sumExec[task]!;
    this.#before.delay[task] = delay[task]!;
    this.#before.vcsw[task] = vcsw[task]!;
    this.#before.icsw[task] = icsw[task]!;
  }

  #release(): void {
    const { tasks } = this.#setting.expansion;
    const { wheel, now, costs } = this.#core;
    // the player is woken, runs, and sleeps again
    this.#core.charge(2 * costs.switchNs + 2 * costs.syscallNs);
    for (; this.#next < this.#order.length; this.#next++) {
      const task = this.#order[this.#next]!;
      const due = this.startNs + tasks[task]!.startNs;
      if (due > now) {
        wheel.set(this.#slot, due);
        return;
      }
      this.#started[task] = now;
      this.player.release(task);
    }
  }

  /** A task's FORK operation. */
  fork(task: number, parent: number): boolean {
    if (!this.#setting.expansion.tasks[task]!.background) this.#remaining++;
    return this.#create(task, parent) === 0;
  }

  ended(task: number): void {
    const { now, tasks } = this.#core;
    this.#endedAt[task] = now;
    this.#core.account(tasks.cpu[task]!);
    this.#cpuNs[task] = tasks.sumExec[task]!; // what it reads itself, before it exits
    if (this.#setting.expansion.tasks[task]!.background) return;
    this.#remaining--;
    if (this.#remaining === 0) this.#endRound();
  }

  failed(task: number, op: number, what: string): void {
    const { comm } = this.#setting.expansion.tasks[task]!;
    this.#stop({ event: 'fault', message: `task ${task} (${comm}), operation ${op}: ${what}` });
  }

  #stop(failure: RunEvent): void {
    this.#failure ??= failure;
    this.#core.stopped = true;
  }

  #endRound(): void {
    const { first, end } = this.#range;
    for (let task = first; task < end; task++) {
      if (this.#exists[task] === 0 || this.player.ended[task] === 1 || !this.#isOfRound(task)) continue;
      this.#killed[task] = 1;
      this.#endedAt[task] = this.#core.now;
      this.player.kill(task);
    }
    this.#phase = 'rest';
    this.#roundEndNs = this.#core.now;
    this.#core.wheel.set(this.#slot, this.#core.now + restNs);
  }

  /** Once its tasks are gone: only then is all counted. */
  #emitRound(): void {
    if (this.#roundEndNs < 0) return;
    const startNs = this.startNs - this.firstStartNs;
    const endNs = this.#roundEndNs - this.firstStartNs;
    this.#roundEndNs = -1;
    this.events.push({ event: 'round', round: this.#round, startNs, endNs, makespanNs: endNs - startNs });
    const { first, end } = this.#range;
    for (let task = first; task < end; task++)
      if (this.#exists[task] === 1 && this.#isOfRound(task)) this.events.push(this.#taskEvent(task));
  }

  #taskEvent(task: number): RunEvent {
    const { tasks, cpus } = this.#core;
    const cpu = tasks.cpu[task]!;
    if (cpus.curr[cpu] === task) this.#core.account(cpu);
    return {
      event: 'task',
      task,
      startNs: this.#started[task]! - this.startNs,
      endNs: this.#endedAt[task]! - this.startNs,
      cpuNs: (this.#killed[task] === 1 ? tasks.sumExec[task]! : this.#cpuNs[task]!) - this.#before.cpu[task]!,
      delayNs: tasks.delay[task]! - this.#before.delay[task]!,
      vcsw: tasks.vcsw[task]! - this.#before.vcsw[task]!,
      icsw: tasks.icsw[task]! - this.#before.icsw[task]!,
      cpu,
      killed: this.#killed[task] === 1,
    };
  }

  /** The tasks of the round that has ended are waited for and gone. */
  bury(): void {
    const { first, end } = this.#range;
    for (let task = first; task < end; task++)
      if (this.#exists[task] === 1 && this.#isOfRound(task)) this.#births.buried(task);
  }

  /** What the runner would say of the whole run, `done` last. `inOrder`: nothing else has gone wrong. */
  finish(inOrder: boolean): RunEvent[] {
    this.#emitRound();
    const { samples } = this.player;
    const status = inOrder && this.#failure === undefined && this.hasEnded ? 'ok' : 'failed';
    const lines = samples.map((values, series) => ({ event: 'samples', series, values }));
    const failure = this.#failure === undefined ? [] : [this.#failure];
    return [...this.events, ...(status === 'ok' ? lines : failure), { event: 'done', status }];
  }

  get hasEnded(): boolean {
    return this.#round + 1 === this.#setting.expansion.rounds && this.#phase === 'rest';
  }
}
