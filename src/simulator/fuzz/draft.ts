// A scenario in the making: adds tasks and disturbances within limits.

import type { Disturbance, ScenarioOp, ScenarioTask } from '../../core/scenario.ts';
import type { Random } from '../../lib/random.ts';

export const ms = 1_000_000;

export class Draft {
  readonly random: Random;
  readonly cpus: number;
  /** An attack may need longer. */
  lengthNs: number;
  readonly tasks: ScenarioTask[] = [];
  readonly disturbances: Disturbance[] = [];
  readonly #maxTasks: number;

  constructor(random: Random, cpus: number, maxTasks: number, lengthNs: number) {
    this.random = random;
    this.cpus = cpus;
    this.#maxTasks = maxTasks;
    this.lengthNs = lengthNs;
  }

  /** An integer from `from` to `to`, both included. */
  between(from: number, to: number): number {
    return from + this.random.below(to - from + 1);
  }

  chance(share: number): boolean {
    return this.random.uniform() < share;
  }

  one<T>(items: readonly T[]): T {
    return items[this.random.below(items.length)]!;
  }

  get room(): number {
    return this.#maxTasks - this.tasks.length;
  }

  /** Its number; −1 when there is no room. */
  task(name: string, ops: ScenarioOp[], more: Partial<ScenarioTask> = {}): number {
    if (this.room <= 0) return -1;
    const index = this.tasks.length;
    const plain = { startNs: 0, nice: 0, class: 'other', cpus: [], forked: false, times: 'forever' } as const;
    this.tasks.push({ ...plain, comm: `${name}${index}`, cpus: [], ops, ...more } as ScenarioTask);
    return index;
  }

  /** Never sleeps. */
  hog(more: Partial<ScenarioTask> = {}): number {
    return this.task('hog', [{ run: 1000 * ms }], more);
  }

  /** Runs briefly, sleeps longer. */
  sleeper(more: Partial<ScenarioTask> = {}): number {
    const run = this.between(50, 2000) * 1000;
    return this.task('sleeper', [{ run }, { sleep: run * this.between(5, 20) }], more);
  }

  /**
   * A little of everything, so that there is something to disturb: about `perCpu` runnable tasks a CPU, and sleepers. The tasks made, or all there are
   * when there is no room for more.
   */
  load(perCpu: number): number[] {
    const made: number[] = [];
    const hogs = Math.max(1, Math.round(this.cpus * perCpu));
    for (let i = 0; i < hogs; i++) made.push(this.hog({ startNs: this.between(0, 50) * ms }));
    for (let i = this.between(1, 6); i > 0; i--)
      made.push(this.sleeper({ startNs: this.between(0, 50) * ms }));
    const fit = made.filter((task) => task >= 0);
    return fit.length > 0 ? fit : [...this.tasks.keys()];
  }

  /** A time in the first two thirds: what goes wrong has time to show. */
  early(): number {
    return this.between(10, Math.floor((this.lengthNs * 2) / 3 / ms)) * ms + this.random.below(ms);
  }

  /** Some of the CPUs, at least one. */
  someCpus(): number[] {
    const chosen = Array.from({ length: this.cpus }, (_, cpu) => cpu).filter(() => this.chance(0.5));
    return chosen.length > 0 ? chosen : [this.random.below(this.cpus)];
  }
}
