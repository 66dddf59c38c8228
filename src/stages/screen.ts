// Screening: many candidates on a machine that costs milliseconds a run, over a few seeds; the best of them, and neighbours of the best, remain. What is kept is
// one record from which all of it repeats.

import { Fault } from '../core/errors.ts';
import type { Machine } from '../core/machine.ts';
import type { Arm, Screening } from '../core/records.ts';
import { choose, type Ranked, rank, type Screened } from '../judge/screen.ts';
import type { Goal } from '../judge/types.ts';
import { derive } from '../lib/random.ts';
import type { Difference } from './replay.ts';
import { experimentOf, type Trial, unrecorded } from './trials.ts';

export interface Contender {
  readonly arm: Arm;
  readonly hinted: boolean;
  /** Arms that differ in parameters only share one. */
  readonly family: string;
}

export interface ScreenInput<C extends Contender> {
  readonly machine: Machine;
  readonly signal: AbortSignal;
  readonly trial: Trial;
  readonly goal: Goal;
  readonly seed: number;
  /** The default scheduler is one of them. */
  readonly contenders: readonly C[];
  /** New ones made of the best, best first; asked until it has none, at most `generations` times. */
  readonly neighbours: (best: readonly C[]) => readonly C[];
  /** How many go on. */
  readonly count: number;
  readonly progress: (text: string, done: number, total: number) => void;
}

export interface Screen<C extends Contender> {
  /** Best first. */
  readonly chosen: readonly { readonly contender: C; readonly gain: number }[];
  readonly runs: number;
  readonly record: Screening;
}

/** Seeds that everybody runs, and that the better ones run. */
const [firstSeeds, allSeeds] = [2, 6];
/** How many of the first round stay for all seeds. */
const [survivors, survivorsOfFamily] = [16, 4];
const generations = 2;
const perFamily = 2;

export async function screen<C extends Contender>(input: ScreenInput<C>): Promise<Screen<C>> {
  const { contenders, goal, neighbours, count } = input;
  const heat = new Heat(input);
  const base = contenders.find(({ arm }) => arm.kind === 'default');
  if (base === undefined) throw new Error('bug: screening needs the default scheduler');
  await heat.run([base], allSeeds);
  let entered = contenders.filter((one) => one !== base);
  await heat.run(entered, firstSeeds);
  const ranked = (): Ranked[] =>
    rank(
      goal,
      heat.row(base),
      [...heat.known(allSeeds)].filter(({ id }) => id !== base.arm.id),
    );
  const first = rank(
    goal,
    heat.row(base),
    entered.map((one) => heat.row(one)),
  );
  await heat.run(
    choose(first, survivors, survivorsOfFamily).map(({ id }) => heat.contender(id)),
    allSeeds,
  );
  for (let generation = 0; generation < generations; generation++) {
    entered = neighbours(ranked().map(({ id }) => heat.contender(id))).filter(({ arm }) => !heat.has(arm.id));
    if (entered.length === 0) break;
    await heat.run(entered, allSeeds);
  }
  const chosen = choose(ranked(), count, perFamily);
  return {
    chosen: chosen.map(({ id, gain }) => ({ contender: heat.contender(id), gain: gain! })),
    runs: heat.runs,
    record: await heat.record(
      rank(goal, heat.row(base), heat.known(0)),
      chosen.map(({ id }) => id),
    ),
  };
}

/** Who has run with which seeds. */
class Heat<C extends Contender> {
  readonly #input: ScreenInput<C>;
  readonly #seeds: readonly number[];
  readonly #contenders = new Map<string, C>();
  readonly #values = new Map<string, (number | null)[]>();
  readonly #why = new Map<string, string>();
  runs = 0;

  constructor(input: ScreenInput<C>) {
    this.#input = input;
    this.#seeds = Array.from({ length: allSeeds }, (_, i) => derive(input.seed, 'screening', i));
  }

  has(id: string): boolean {
    return this.#contenders.has(id);
  }

  contender(id: string): C {
    return this.#contenders.get(id)!;
  }

  row({ arm, family }: C): Screened {
    const changes = Object.keys(arm.policy?.parameters ?? {}).length;
    return { id: arm.id, family, changes, values: this.#values.get(arm.id) ?? [] };
  }

  /** Those that ran with at least so many seeds. */
  known(seeds: number): Screened[] {
    return [...this.#contenders.values()]
      .map((one) => this.row(one))
      .filter(({ values }) => values.length >= seeds);
  }

  /** Until each has run with the first `seeds`; one that has failed runs no more. */
  async run(contenders: readonly C[], seeds: number): Promise<void> {
    const { progress } = this.#input;
    for (const [index, one] of contenders.entries()) {
      this.#contenders.set(one.arm.id, one);
      progress(`simulating ${one.arm.name}`, index, contenders.length);
      const values = this.#values.get(one.arm.id) ?? [];
      this.#values.set(one.arm.id, values);
      while (values.length < seeds)
        values.push(values.includes(null) ? null : await this.#value(one, this.#seeds[values.length]!));
    }
  }

  async #value({ arm }: C, seed: number): Promise<number | null> {
    this.runs++;
    const { value, why } = await simulated(this.#input, arm, seed, this.#input.goal.metric);
    if (value === null) this.#why.set(arm.id, why);
    return value;
  }

  async record(ranked: readonly Ranked[], chosen: readonly string[]): Promise<Screening> {
    const { trial, goal } = this.#input;
    const { name, reference: machine, topology, limitMs } = trial;
    const workload = await trial.workload(this.#seeds[0]!);
    if (workload.kind === 'command') throw new Error('bug: a command is not screened');
    return {
      kind: 'screening',
      version: 1,
      from: [],
      workload: { name, file: workload.kind === 'recorded' ? workload.trace : workload.file },
      goal: { ...goal },
      ...{ machine, topology, limitMs },
      seeds: [...this.#seeds],
      arms: ranked.map(({ id, values }) => {
        const { arm, hinted } = this.contender(id);
        const why = this.#why.get(id);
        return { arm, hinted, values: [...values], ...(why === undefined ? {} : { why }) };
      }),
      chosen: [...chosen],
    };
  }
}

/** Simulates a screening again, run by run. Values that come out otherwise are differences; none means that it repeats. */
export async function screenAgain(
  record: Screening,
  machine: Machine,
  trial: Trial,
  signal: AbortSignal,
): Promise<Difference[]> {
  const differences: Difference[] = [];
  for (const { arm, values } of record.arms)
    for (const [index, recorded] of values.entries()) {
      const { value: now } = await simulated(
        { machine, trial, signal },
        arm,
        record.seeds[index]!,
        record.goal.metric,
      );
      if (recorded !== now)
        differences.push({ what: `${arm.name}, seed ${record.seeds[index]}`, recorded, now });
      if (now === null) break;
    }
  return differences;
}

async function simulated(
  { machine, trial, signal }: Pick<ScreenInput<Contender>, 'machine' | 'trial' | 'signal'>,
  arm: Arm,
  seed: number,
  metric: string,
): Promise<
  { readonly value: number; readonly why?: undefined } | { readonly value: null; readonly why: string }
> {
  if (signal.aborted) throw new Fault('interrupted', 'interrupted between two simulations');
  const experiment = await experimentOf(trial, { arm, candidate: unrecorded }, seed);
  const { finding, metrics } = await machine.run({ ...experiment, from: [] }, signal);
  const value = metrics[metric];
  if (finding === null && value !== undefined) return { value };
  return { value: null, why: finding?.message ?? `the run has no metric ${metric}` };
}
