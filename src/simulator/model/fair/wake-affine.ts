// Where to look for a CPU for a task that wakes: near the waker or where it ran before. Source: kernel/sched/fair.c (record_wakee, wake_wide,
// wake_affine_idle, wake_affine_weight), v6.18.

import type { Machine } from './machine.ts';

const flipDecayNs = 1_000_000_000;

export class WakeAffine {
  readonly #machine: Machine;
  /** By task, then by CPU for what wakes from idle CPUs. */
  readonly #lastWakee: Int32Array;
  readonly #flips: Int32Array;
  readonly #decayedAt: Float64Array;

  constructor(machine: Machine) {
    this.#machine = machine;
    const { tasks, topology } = machine.core;
    const count = tasks.capacity + topology.cpus;
    this.#lastWakee = new Int32Array(count).fill(-1);
    this.#flips = new Int32Array(count);
    this.#decayedAt = new Float64Array(count);
  }

  clear(task: number): void {
    this.#lastWakee[task] = -1;
    this.#flips[task] = 0;
    this.#decayedAt[task] = this.#machine.core.now;
  }

  /** What runs on the CPU wakes `wakee`. */
  record(cpu: number, wakee: number): void {
    const waker = this.#current(cpu);
    const { now } = this.#machine.core;
    if (now > this.#decayedAt[waker]! + flipDecayNs) {
      this.#flips[waker]! >>= 1;
      this.#decayedAt[waker] = now;
    }
    if (this.#lastWakee[waker] === wakee) return;
    this.#lastWakee[waker] = wakee;
    this.#flips[waker]!++;
  }

  #current(cpu: number): number {
    const { core } = this.#machine;
    const running = core.cpus.curr[cpu]!;
    return running >= 0 ? running : core.tasks.capacity + cpu;
  }

  /** The waker wakes more different tasks than fit beside it: they are not pulled to it. */
  isWide(cpu: number, wakee: number): boolean {
    const size = this.#machine.llcSize;
    const a = this.#flips[this.#current(cpu)]!;
    const b = this.#flips[wakee]!;
    return Math.min(a, b) >= size && Math.max(a, b) >= Math.min(a, b) * size;
  }

  /** This CPU or the previous one. `sync`: the waker is about to sleep. */
  choose(task: number, here: number, prev: number, imbalancePct: number, sync: boolean): number {
    const { features } = this.#machine;
    if (features.WA_IDLE) {
      const target = this.#idle(here, prev, sync);
      if (target >= 0) return target === here ? here : prev;
    }
    return features.WA_WEIGHT && this.#isLighter(task, here, prev, imbalancePct, sync) ? here : prev;
  }

  #idle(here: number, prev: number, sync: boolean): number {
    const machine = this.#machine;
    if (machine.isIdle(here) && machine.sharesLlc(here, prev)) return machine.isIdle(prev) ? prev : here;
    if (sync) {
      const { hQueued, hRunnable } = machine.queues;
      const delayed = hQueued[here]! - hRunnable[here]!;
      if (machine.running(here) - delayed === 1) return here;
    }
    return machine.isIdle(prev) ? prev : -1;
  }

  #isLighter(task: number, here: number, prev: number, imbalancePct: number, sync: boolean): boolean {
    const { loads, features, core } = this.#machine;
    const { capacity } = core.topology;
    let own = loads.cpuLoad(here);
    if (sync) {
      const running = core.cpus.curr[here]!;
      const load = running >= 0 ? loads.taskLoad(running) : 0;
      if (load > own) return true;
      own -= load;
    }
    const load = loads.taskLoad(task);
    const bias = features.WA_BIAS;
    const ownLoad = (own + load) * (bias ? 100 : 1) * capacity[prev]!;
    const other = Math.max(0, loads.cpuLoad(prev) - load);
    const pct = bias ? 100 + Math.floor((imbalancePct - 100) / 2) : 1;
    return ownLoad < other * pct * capacity[here]! + (sync ? 1 : 0);
  }
}
