// A player for tests of sched classes: each task runs and sleeps in a loop, as the test says. No workload, no operations.

import { type Player, type Step, tickNs } from '../../src/simulator/model/contracts.ts';
import { Core } from '../../src/simulator/model/core.ts';
import { type Costs, free } from '../../src/simulator/model/costs.ts';
import { classNumber } from '../../src/simulator/model/flags.ts';
import type { SchedClass } from '../../src/simulator/model/sched-class.ts';
import { Tasks } from '../../src/simulator/model/tables.ts';
import { createTopology, maskWords, type Shape } from '../../src/simulator/model/topology.ts';

/** More than the clock's wheel can be asked for would be too much. */
const farAwayNs = 1e14;

/** What one task does. */
export interface Life {
  /** Work of each round; a function is asked once a round, from 0. Infinity: a day. */
  readonly runNs: number | ((round: number) => number);
  /** Sleep after each round; 0 goes on at once. Default 0. */
  readonly sleepNs?: number | ((round: number) => number);
  /** It exits after so many rounds. Default never. */
  readonly rounds?: number;
  /** sched_yield after each round. */
  readonly yields?: boolean;
  readonly startNs?: number;
  /** CPU on which it is forked. Default 0. */
  readonly startCpu?: number;
  readonly nice?: number;
  readonly policy?: number;
  readonly schedClass?: number;
  readonly cgroup?: number;
  /** CPUs that it may use. Default all. */
  readonly affinity?: readonly number[];
}

export class LittlePlayer implements Player {
  readonly core: Core;
  readonly lives: Life[] = [];
  readonly rounds: number[] = [];
  readonly #isNew: boolean[] = [];

  constructor(core: Core) {
    this.core = core;
    core.player = this;
  }

  add(life: Life): number {
    const { tasks, topology, classes } = this.core;
    const task = tasks.add();
    this.lives[task] = life;
    this.rounds[task] = 0;
    this.#isNew[task] = true;
    const allowed = life.affinity ?? Array.from({ length: topology.cpus }, (_, cpu) => cpu);
    tasks.mask.fill(0, task * maskWords, (task + 1) * maskWords);
    for (const cpu of allowed) tasks.mask[task * maskWords + (cpu >> 5)]! |= 1 << (cpu & 31);
    tasks.allowed[task] = allowed.length;
    tasks.nice[task] = life.nice ?? 0;
    tasks.policy[task] = life.policy ?? 0;
    tasks.schedClass[task] = life.schedClass ?? classNumber.fair;
    tasks.cgroup[task] = life.cgroup ?? -1;
    tasks.cpu[task] = life.startCpu ?? 0;
    classes[tasks.schedClass[task]!]!.fork(task);
    this.core.setTimer(task, life.startNs ?? 0);
    return task;
  }

  timer(task: number): void {
    const { tasks } = this.core;
    tasks.left[task] = this.#amount(task, this.lives[task]!.runNs);
    if (this.#isNew[task]) {
      this.#isNew[task] = false;
      this.core.wakeNew(task);
    } else this.core.wake(task);
  }

  advance(task: number): Step {
    const life = this.lives[task]!;
    const { core } = this;
    this.rounds[task]!++;
    if (this.rounds[task] === life.rounds) {
      core.tasks.exiting[task] = 1;
      core.tasks.state[task] = 3;
      return 'exit';
    }
    const sleepNs = this.#amount(task, life.sleepNs ?? 0);
    if (sleepNs > 0) {
      core.sleep(task);
      core.setTimer(task, core.now + sleepNs);
      return 'block';
    }
    core.tasks.left[task] = this.#amount(task, life.runNs);
    return life.yields === true ? 'yield' : 'run';
  }

  #amount(task: number, amount: number | ((round: number) => number)): number {
    return Math.min(typeof amount === 'number' ? amount : amount(this.rounds[task]!), farAwayNs);
  }

  /** What spare wheel slots do when they ring. */
  onSlot: ((slot: number) => void) | undefined;

  event(slot: number): void {
    this.onSlot?.(slot);
  }
}

/** A class that never has tasks. */
export const emptyClass: SchedClass = {
  enqueue() {},
  dequeue: () => true,
  pick: () => -1,
  putPrev() {},
  setNext() {},
  tick() {},
  wakeupPreempt() {},
  select: (_task, prevCpu) => prevCpu,
  yieldTask() {},
  visited() {},
  untilServed: () => Number.POSITIVE_INFINITY,
  updateCurr() {},
  fork() {},
  dead() {},
  enter() {},
  leave() {},
  reweighted() {},
  affinityChanged() {},
  migrate() {},
  online() {},
};

export interface World {
  readonly core: Core;
  readonly player: LittlePlayer;
}

/** A core with a player; the caller sets core.classes. Ticks begin at 4 ms. */
export function littlePlayer(
  shape: Shape,
  { tasks = 64, costs = free, spareSlots = 8 }: { tasks?: number; costs?: Costs; spareSlots?: number } = {},
): World {
  const core = new Core(new Tasks(tasks), createTopology(shape), costs, spareSlots);
  const player = new LittlePlayer(core);
  core.startTicks(tickNs);
  return { core, player };
}
