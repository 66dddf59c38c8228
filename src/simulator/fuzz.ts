// The door of attack mode: seeded adversarial scenarios against one policy until something fails or the time is over; the failure shrunk to the smallest
// scenario. A failure is seed + version; what is kept of it is a JSON file that runs again.

import { readObject } from '../bpf/object.ts';
import { cpuTimelineText } from '../core/cpu-timeline.ts';
import { type CheckerName, checkerNames, type Violation } from './fuzz/checker.ts';
import { generate, type Range } from './fuzz/generate.ts';
import { type AttackedPolicy, type Ran, runScenario } from './fuzz/run.ts';
import { maxScenarioCpus, maxScenarioTasks, type Scenario } from './fuzz/scenario.ts';
import { shrink } from './fuzz/shrink.ts';
import { Slices } from './fuzz/slices.ts';
import { Simulator } from './simulate.ts';

export type { AttackedPolicy } from './fuzz/run.ts';
export { readScenario, type Scenario, sizeText } from './fuzz/scenario.ts';

export interface FuzzOptions {
  readonly firstSeed: number;
  /** At most so many; the budget may end it sooner. */
  readonly seeds?: number;
  /** Wall time for the search, and as much again at most for shrinking. */
  readonly seconds: number;
  /** This scenario instead of seeds. It is not shrunk. */
  readonly scenario?: Scenario | undefined;
  readonly parameters?: Scenario['parameters'];
  readonly maxCpus?: number;
  readonly maxTasks?: number;
  /** Wall clock, ms. */
  readonly clock: () => number;
  /** Lets others have a turn, between scenarios. */
  readonly breathe: () => Promise<void>;
  readonly signal?: AbortSignal;
  readonly progress?: (scenarios: number, seconds: number) => void;
  /** Hooked into every run; tests look whether the model is in order. */
  readonly prepare?: Parameters<typeof runScenario>[3]['prepare'];
}

export interface Failure {
  /** The gravest, which was shrunk. */
  readonly violation: Violation;
  /** What else the scenario before shrinking did wrong. */
  readonly others: readonly Violation[];
  readonly seed: number;
  readonly found: Scenario;
  readonly scenario: Scenario;
  /** Runs that shrinking took. */
  readonly attempts: number;
  /** Who ran when, around the failure. */
  readonly timeline: string;
  /** Wall time until it was found, and until it was shrunk. */
  readonly seconds: { readonly found: number; readonly shrunk: number };
}

export interface FuzzReport {
  readonly scenarios: number;
  /** How many scenarios had each attack in them. */
  readonly attacks: Readonly<Record<string, number>>;
  readonly skipped: readonly { readonly checker: string; readonly why: string }[];
  /** Runs cut off because they took too long on the wall clock. */
  readonly cut: number;
  readonly simulatedSeconds: number;
  readonly switches: number;
  readonly seconds: number;
  readonly failure: Failure | undefined;
  /** What the policy asks for and the model lacks; nothing was tested then. */
  readonly unsupported: string | undefined;
}

/** One scenario takes a fraction of a second; policies that compute all the time get this much. */
const mostWallMs = 10_000;
/** Nobody waits for the last detail of a scenario. */
const mostAttempts = 600;

/**
 * @throws Fault malformed, when the object is none; interrupted by `signal`.
 */
export async function fuzz(policy: AttackedPolicy, options: FuzzOptions): Promise<FuzzReport> {
  const { clock, seconds } = options;
  const search = new Search(policy, options);
  const startMs = clock();
  const range = rangeOf(policy, options);
  for (let count = 0; ; count++) {
    const scenario = options.scenario ?? generate((options.firstSeed + count) >>> 0, range);
    const ran = search.run(scenario);
    const isOver =
      ran.violations.length > 0 ||
      ran.unsupported !== undefined ||
      options.scenario !== undefined ||
      count + 1 >= (options.seeds ?? Number.POSITIVE_INFINITY) ||
      clock() - startMs >= seconds * 1000;
    if (!isOver) {
      options.progress?.(count + 1, (clock() - startMs) / 1000);
      await options.breathe();
      options.signal?.throwIfAborted();
      continue;
    }
    const foundMs = clock() - startMs;
    const failure = ran.violations.length === 0 ? undefined : await search.explain(scenario, ran, foundMs);
    return { ...search.report(ran, (clock() - startMs) / 1000), failure };
  }
}

class Search {
  readonly #policy: AttackedPolicy;
  readonly #options: FuzzOptions;
  readonly #simulator = new Simulator();
  readonly #attacks: Record<string, number> = {};
  #scenarios = 0;
  #cut = 0;
  #simulatedNs = 0;
  #switches = 0;

  constructor(policy: AttackedPolicy, options: FuzzOptions) {
    this.#policy = policy;
    this.#options = options;
  }

  run(scenario: Scenario): Ran {
    const ran = this.#runOnce(scenario, undefined);
    this.#scenarios++;
    this.#simulatedNs += ran.simulatedNs;
    this.#switches += ran.switches;
    if (ran.isCut) this.#cut++;
    for (const attack of scenario.attacks) this.#attacks[attack] = (this.#attacks[attack] ?? 0) + 1;
    return ran;
  }

  #runOnce(scenario: Scenario, until: CheckerName | undefined, recorder?: Slices): Ran {
    const { clock, prepare } = this.#options;
    return runScenario(this.#simulator, this.#policy, scenario, {
      clock,
      until,
      recorder,
      prepare,
      wallMs: mostWallMs,
    });
  }

  /** Shrinks (not a scenario that was given) and looks closely. */
  async explain(found: Scenario, ran: Ran, foundMs: number): Promise<Failure> {
    const [first, ...others] = ran.violations;
    const { checker } = first!;
    const { clock, seconds } = this.#options;
    const startMs = clock();
    let attempts = 0;
    const fails = (candidate: Scenario): boolean => {
      if (attempts >= mostAttempts || clock() - startMs > seconds * 1000) return false;
      attempts++;
      return this.#runOnce(candidate, checker).violations.some((one) => one.checker === checker);
    };
    const scenario = this.#options.scenario === undefined ? shrink(found, fails) : found;
    await this.#options.breathe();
    const slices = new Slices(scenario);
    const again = this.#runOnce(scenario, checker, slices);
    const violation = again.violations.find((one) => one.checker === checker) ?? first!;
    const shrunkMs = clock() - startMs;
    return {
      violation,
      others,
      seed: found.seed,
      found,
      scenario,
      attempts,
      timeline: cpuTimelineText(slices.around(violation)),
      seconds: { found: foundMs / 1000, shrunk: shrunkMs / 1000 },
    };
  }

  report(last: Ran, seconds: number): Omit<FuzzReport, 'failure'> {
    const { name, ignores } = this.#policy;
    const { unsupported } = last;
    return {
      scenarios: this.#scenarios,
      attacks: this.#attacks,
      skipped: checkerNames
        .filter((checker) => ignores.includes(checker))
        .map((checker) => ({ checker, why: `${name} says that it ignores it` })),
      cut: this.#cut,
      simulatedSeconds: this.#simulatedNs / 1e9,
      switches: this.#switches,
      seconds,
      unsupported:
        unsupported && `${unsupported.message}${unsupported.place === '' ? '' : `, ${unsupported.place}`}`,
    };
  }
}

function rangeOf({ object }: AttackedPolicy, options: FuzzOptions): Range {
  const [ops] = readObject(object).structOps;
  return {
    hotplug: ops !== undefined && ops.programs.has('cpu_online') && ops.programs.has('cpu_offline'),
    maxCpus: Math.min(maxScenarioCpus, options.maxCpus ?? maxScenarioCpus),
    maxTasks: Math.min(maxScenarioTasks, options.maxTasks ?? maxScenarioTasks),
    parameters: options.parameters ?? {},
  };
}
