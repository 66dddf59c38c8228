// Who ran when, as the timeline of a failure wants it.

import type { CpuTimeline, Slice } from '../../core/cpu-timeline.ts';
import type { Scenario } from '../../core/scenario.ts';
import type { Recorder } from '../model/contracts.ts';
import type { Violation } from './checker.ts';

/** What is shown: so much before the failure, and a little after. */
const beforeNs = 400_000_000;
const afterNs = 20_000_000;

export class Slices implements Recorder {
  readonly #scenario: Scenario;
  readonly #slices: Slice[] = [];
  readonly #running: ({ task: number; since: number } | undefined)[];
  #startNs = -1;

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
    this.#running = Array.from({ length: scenario.cpus }, () => undefined);
  }

  switched(cpu: number, _prev: number, next: number, atNs: number): void {
    if (this.#startNs < 0) this.#startNs = atNs;
    const running = this.#running[cpu];
    if (running !== undefined)
      this.#slices.push({ cpu, task: running.task, fromNs: running.since, toNs: atNs });
    this.#running[cpu] = next < 0 ? undefined : { task: next, since: atNs };
  }

  woke(): void {}

  /** The stretch that ends with the violation; what runs then goes on to its end. */
  around({ atNs }: Violation): CpuTimeline {
    const origin = Math.max(0, this.#startNs);
    const toNs = origin + atNs + afterNs;
    const fromNs = Math.max(origin, toNs - beforeNs);
    const open = this.#running.flatMap((running, cpu) =>
      running === undefined ? [] : [{ cpu, task: running.task, fromNs: running.since, toNs }],
    );
    const slices = [...this.#slices, ...open].filter((one) => one.toNs > fromNs && one.fromNs < toNs);
    return {
      cpus: this.#scenario.cpus,
      slices,
      names: this.#scenario.tasks.map(({ comm }) => comm),
      fromNs,
      toNs,
    };
  }
}
