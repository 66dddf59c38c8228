// The limit beside the measurements: the core, its clock and the player with the least scheduler that there can be, a queue in JavaScript. What a policy, sched_ext and
// the memory they share cost comes on top.

import type { Expansion } from '../../src/core/workload.ts';
import { Core } from '../../src/simulator/model/core.ts';
import type { Costs } from '../../src/simulator/model/costs.ts';
import type { SchedClass } from '../../src/simulator/model/sched-class.ts';
import { Tasks } from '../../src/simulator/model/tables.ts';
import { createTopology, maskWords } from '../../src/simulator/model/topology.ts';
import { Player } from '../../src/simulator/player/player.ts';

const ring = 1 << 14;

/** First come first served, no slices; the task that wakes gets an idle CPU when there is one. */
class OneQueue implements SchedClass {
  readonly #core: Core;
  readonly #tasks = new Int32Array(ring);
  #first = 0;
  #end = 0;

  constructor(core: Core) {
    this.#core = core;
  }

  enqueue(_cpu: number, task: number): void {
    this.#tasks[this.#end++ & (ring - 1)] = task;
    const { curr, needResched } = this.#core.cpus;
    for (let cpu = 0; cpu < curr.length; cpu++)
      if (curr[cpu]! < 0 && needResched[cpu] === 0) {
        this.#core.resched(cpu);
        return;
      }
  }

  pick(cpu: number): number {
    if (this.#first === this.#end) return -1;
    const { tasks, cpus } = this.#core;
    const task = this.#tasks[this.#first & (ring - 1)]!;
    cpus.nrRunning[tasks.cpu[task]!]!--;
    tasks.cpu[task] = cpu;
    cpus.nrRunning[cpu]!++;
    return task;
  }

  setNext(): void {
    this.#first++;
  }

  putPrev(cpu: number): void {
    this.#core.account(cpu);
  }

  dequeue(): boolean {
    return true;
  }

  select(_task: number, prevCpu: number): number {
    return prevCpu;
  }

  untilServed(): number {
    return Number.POSITIVE_INFINITY;
  }

  visited(): void {}
  tick(): void {}
  wakeupPreempt(): void {}
  yieldTask(): void {}
  updateCurr(): void {}
  fork(): void {}
  dead(): void {}
  enter(): void {}
  leave(): void {}
  reweighted(): void {}
  affinityChanged(): void {}
  migrate(): void {}
  online(): void {}
}

/** Runs the expansion to its end; switches. */
export function runBare(expansion: Expansion, cpus: number, costs: Costs): number {
  const { tasks } = expansion;
  const core = new Core(new Tasks(tasks.length), createTopology({ cpus }), costs, 4);
  const player = new Player(core, expansion, {
    startNs: 0,
    fork: () => true,
    ended() {
      core.stopped = true;
    },
    failed() {},
  });
  core.player = Object.assign(player, { event: () => {} });
  core.classes.push(new OneQueue(core));
  for (const _task of tasks) {
    const task = core.tasks.add();
    core.tasks.mask.set(core.topology.allMask, task * maskWords);
    core.tasks.allowed[task] = cpus;
    core.wakeNew(task);
  }
  core.run(Number.MAX_SAFE_INTEGER);
  return core.switches;
}
