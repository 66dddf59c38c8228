// The door of attack mode: seeded adversarial scenarios against one policy until something fails or the time is over; the failure shrunk to the smallest
// scenario. A failure is seed + version; what is kept of it is a JSON file that runs again.

import { readObject } from '../bpf/object.ts';
import { cpuTimelineText } from '../core/cpu-timeline.ts';
import { type CheckerName, maxScenarioCpus, maxScenarioTasks, type Scenario } from '../core/scenario.ts';
import { isAsGrave, type Violation } from './fuzz/checker.ts';
import { generate, type Range } from './fuzz/generate.ts';
import { type AttackedPolicy, type Ran, runScenario } from './fuzz/run.ts';
import { shrink } from './fuzz/shrink.ts';
import { Slices } from './fuzz/slices.ts';
import { scenarioText, sizeText } from './fuzz/text.ts';
import { Simulator } from './simulate.ts';

export type { AttackedPolicy } from './fuzz/run.ts';
export { readScenario } from './fuzz/scenario.ts';

export interface FuzzOptions {
  readonly firstSeed: number;
  /** At most so many scenarios; the time may end it sooner. */
  readonly scenarios?: number | undefined;
  /** Wall time for the search, and as much again at most for shrinking. */
  readonly seconds: number;
  /** This scenario instead of seeds. It is not shrunk. */
  readonly scenario?: Scenario | undefined;
  readonly parameters?: Scenario['parameters'] | undefined;
  readonly maxCpus?: number | undefined;
  readonly maxTasks?: number | undefined;
  /** Wall clock, ms. */
  readonly clock: () => number;
  /** Lets others have a turn, between runs. */
  readonly breathe: () => Promise<void>;
  readonly signal?: AbortSignal | undefined;
  readonly progress?: ((text: string, seconds: number) => void) | undefined;
  /** Hooked into every run; tests look whether the model is in order. */
  readonly prepare?: Parameters<typeof runScenario>[3]['prepare'];
}

export interface Failure {
  /** The gravest of the scenario that is left. */
  readonly violation: Violation;
  /** All that the scenario before shrinking did wrong. */
  readonly before: readonly Violation[];
  readonly seed: number;
  readonly found: Scenario;
  readonly scenario: Scenario;
  /** In words: how large they are, and what is left. */
  readonly sizes: { readonly found: string; readonly shrunk: string };
  readonly text: string;
  /** Runs that shrinking took. */
  readonly attempts: number;
  /** Who ran when, around the failure. */
  readonly timeline: string;
  /** Wall time until it was found, and then until it was shrunk. */
  readonly seconds: { readonly found: number; readonly shrunk: number };
}

export interface FuzzReport {
  readonly scenarios: number;
  /** How many scenarios had each attack in them. */
  readonly attacks: Readonly<Record<string, number>>;
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
const mostAttempts = 3000;

/**
 * @throws Fault malformed, when the object is none; not-found or unsupported for parameters that it does not have; the signal's reason.
 */
export async function fuzz(policy: AttackedPolicy, options: FuzzOptions): Promise<FuzzReport> {
  const { clock, seconds, scenario: given } = options;
  const search = new Search(policy, options);
  const startMs = clock();
  const range = rangeOf(policy, options);
  const most = given === undefined ? (options.scenarios ?? Number.POSITIVE_INFINITY) : 1;
  for (let count = 1; ; count++) {
    const scenario = given ?? generate((options.firstSeed + count - 1) >>> 0, range);
    const ran = search.run(scenario);
    const passedMs = clock() - startMs;
    const isOver = ran.unsupported !== undefined || count >= most || passedMs >= seconds * 1000;
    if (ran.violations.length === 0 && !isOver) {
      await search.pause(`${count} scenarios passed`, passedMs / 1000);
      continue;
    }
    const failure = ran.violations.length === 0 ? undefined : await search.explain(scenario, ran, passedMs);
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

  async pause(text: string, seconds: number): Promise<void> {
    const { progress, breathe, signal } = this.#options;
    progress?.(text, seconds);
    await breathe();
    signal?.throwIfAborted();
  }

  /** `until`: ends at the first violation that is at least as grave. */
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
    const before = ran.violations;
    const { checker } = before[0]!;
    const { clock, seconds } = this.#options;
    const startMs = clock();
    let attempts = 0;
    const fails = async (candidate: Scenario): Promise<boolean> => {
      if (attempts >= mostAttempts || clock() - startMs > seconds * 1000) return false;
      attempts++;
      await this.pause(
        `${checker} fails; shrinking, ${attempts} runs so far`,
        (foundMs + clock() - startMs) / 1000,
      );
      return this.#runOnce(candidate, checker).violations.some((one) => isAsGrave(one.checker, checker));
    };
    const scenario = this.#options.scenario === undefined ? await shrink(found, fails) : found;
    const slices = new Slices(scenario);
    const violation = this.#runOnce(scenario, checker, slices).violations[0] ?? before[0]!;
    return {
      violation,
      before,
      seed: found.seed,
      found,
      scenario,
      sizes: { found: sizeText(found), shrunk: sizeText(scenario) },
      text: scenarioText(scenario),
      attempts,
      timeline: cpuTimelineText(slices.around(violation)),
      seconds: { found: foundMs / 1000, shrunk: (clock() - startMs) / 1000 },
    };
  }

  report({ unsupported }: Ran, seconds: number): Omit<FuzzReport, 'failure'> {
    const place = unsupported === undefined || unsupported.place === '' ? '' : `, ${unsupported.place}`;
    return {
      scenarios: this.#scenarios,
      attacks: this.#attacks,
      cut: this.#cut,
      simulatedSeconds: this.#simulatedNs / 1e9,
      switches: this.#switches,
      seconds,
      unsupported: unsupported && `${unsupported.message}${place}`,
    };
  }
}

function rangeOf({ object }: AttackedPolicy, options: FuzzOptions): Range {
  const programs = readObject(object).structOps[0]?.programs;
  return {
    hotplug: programs?.has('cpu_online') === true && programs.has('cpu_offline'),
    maxCpus: Math.min(maxScenarioCpus, options.maxCpus ?? maxScenarioCpus),
    maxTasks: Math.min(maxScenarioTasks, options.maxTasks ?? maxScenarioTasks),
    parameters: options.parameters ?? {},
  };
}
