// The circuit breaker's sequential test: KPIs under a policy against what they were before it, sample by sample. It must see a loss within seconds and may hardly ever be wrong for
// days: a *transient change* problem (Tartakovsky, Nikiforov and Basseville, "Sequential Analysis", 2014, chapter 11), for which a moving mean as long as the deadline misses least (Guépié,
// Fillatre and Nikiforov, "Sequential detection of transient changes", 2012). A CUSUM is best for the mean delay, and e-detectors (Shin, Ramdas and Rinaldo 2022) promise their error whatever the
// dependence; measured (`npm run bench -- breaker`, beside what no test can beat), the textbook's CUSUM trips on any noise that remembers, an e-detector on blocks trips on stalls and pauses, and at
// the same false trips it sees less through wide noise.
//
// KPIs of schedulers are not normal, so two questions have to be answered with yes (windows.ts). Is it beyond noise: the mean of the last two seconds, as log-ratios to the reference, clipped, with a standard
// error that knows how noise remembers; or has the level jumped? And is it a sudden loss that is worth a trip, against the ten seconds before: a level that drifts is not. Windows three and nine
// times as long see what is slow or hidden in noise. False trips are shared out over KPIs, windows and time (boundary.ts).
import { Fault } from '../core/errors.ts';
import { advance, type Clock } from './breaker/clock.ts';
import { evidenceOf, sightOf } from './breaker/evidence.ts';
import { standardError } from './breaker/reference.ts';
import type { Terms, Watch, WatchState } from './breaker/state.ts';
import type { BreakerOptions, Decision, Kpi, NoGoCode, Sight, Trip } from './breaker/types.ts';
import { isConstant, logLoss, makeReference, openWatch, setReference, take } from './breaker/watch.ts';
import { fractionOf, gainOf } from './compare.ts';
import { percent, quantity } from './text.ts';

export type {
  BreakerOptions,
  Decision,
  Evidence,
  Kpi,
  NoGo,
  NoGoCode,
  Sight,
  Trip,
} from './breaker/types.ts';

/** Everything a breaker knows, as plain JSON. */
export interface BreakerState {
  readonly version: 1;
  /** In the order of `watches`. */
  readonly kpis: readonly string[];
  readonly clock: Clock | null;
  readonly armedAt: number | null;
  readonly renewAt: number;
  readonly hard: { readonly at: number; readonly words: string } | null;
  readonly over: Exclude<Decision, 'ok'> | null;
  readonly watches: readonly WatchState[];
}

/**
 * Times are nanoseconds of one clock, monotonic at best; steps of it, and times in which nothing was called, are taken out. Whatever the breaker decides is final: open another one
 * for the next watch.
 */
export interface Breaker {
  /** A sample of a KPI and the end of the interval that it is about. What is no number is no sample. */
  sample(kpi: string, at: number, value: number): void;
  /**
   * The samples so far become the reference, and the watch begins: call it when the policy is attached. Called again it takes what was under the policy as
   * accepted and starts a new watch, with false trips of its own. Without a usable reference the decision is a no-go.
   */
  arm(at: number): Decision;
  /** A limit that needs no statistics was passed (a stall, an ejection, a control plane that is too late): trips. */
  hard(at: number, words: string): void;
  /** The decision at this moment; call it after each sample, and at least every 200 ms. */
  tick(now: number): Decision;
  /** What can be seen of each KPI; empty before `arm`. */
  sight(): Sight[];
  snapshot(): BreakerState;
}

/** Throws `malformed` on options that cannot be watched. `from`: a snapshot to go on from, taken with the same options. */
export function openBreaker(options: BreakerOptions, from?: BreakerState): Breaker {
  const all = termsOf(options);
  const names = all.map(({ kpi }) => kpi.name);
  if (from !== undefined && from.kpis.join('\n') !== names.join('\n'))
    throw malformed(`the snapshot is of ${from.kpis.join(', ')}, not of ${names.join(', ')}`);
  const watches = all.map((terms, i) => openWatch(terms, from && structuredClone(from.watches[i]!)));
  const intervals = options.kpis.map((kpi) => kpi.intervalNs);
  const gapNs = Math.max(1e9, 3 * Math.max(...intervals));
  const renewNs = options.renewNs ?? 900e9;
  let { clock, armedAt, renewAt, hard, over } = from ?? blank;

  // a time that is none stands still
  const steady = (told: number): number => {
    const raw = (Number.isFinite(told) ? told : (clock?.raw ?? 0)) + 0;
    clock = advance(clock, raw, gapNs, Math.min(...intervals));
    return raw + clock.shift;
  };
  const decide = (decision: Exclude<Decision, 'ok'>): Decision => {
    over = decision;
    return decision;
  };
  const noGo = (watch: Watch, code: NoGoCode, at: number): Decision =>
    decide({ noGo: { at, code, kpi: watch.terms.kpi.name, words: noGoWords(watch, code) } });

  function arm(raw: number): Decision {
    const at = steady(raw);
    if (over !== null) return over;
    for (const watch of watches) {
      const made = makeReference(watch, at);
      if (typeof made === 'string') return noGo(watch, `kpi-${made}`, raw);
      setReference(watch, made, at);
      watch.state.first ??= made;
      watch.state.seenAt = at;
    }
    [armedAt, renewAt] = [at, at + renewNs];
    return 'ok';
  }

  /** The recent past becomes the reference, unless it has come too far from the first or makes none. */
  function renew(at: number, raw: number): Decision {
    renewAt = at + renewNs;
    for (const watch of watches) {
      const made = makeReference(watch, at);
      if (typeof made === 'string') continue;
      const slow = slowTrip(watch, made.value, options, raw);
      if (slow !== null) return decide({ tripped: slow });
      setReference(watch, made, watch.state.from);
    }
    return 'ok';
  }

  function tick(raw: number): Decision {
    const now = steady(raw);
    if (over !== null) return over;
    if (hard !== null)
      return decide({ tripped: { at: hard.at, cause: 'hard', evidence: [], words: hard.words } });
    const crossed = watches.filter((watch) => watch.state.crossing !== null);
    if (crossed.length > 0) {
      const evidence = crossed.map((watch) => evidenceOf(watch, clock?.shift ?? 0));
      const words = evidence.map((one) => one.words).join('. ');
      return decide({ tripped: { at: raw, cause: 'loss', evidence, words } });
    }
    if (armedAt === null) return 'ok';
    for (const watch of watches) {
      const { times, from: since, seenAt } = watch.state;
      const missingNs = missingNsOf(options, watch.terms.kpi);
      if (now - Math.max(since, times.at(-1)!) > missingNs || now - seenAt > 3 * missingNs)
        return noGo(watch, 'kpi-missing', raw);
      if (isConstant(watch)) return noGo(watch, 'kpi-constant', raw);
    }
    return now >= renewAt ? renew(now, raw) : 'ok';
  }

  return {
    sample(kpi, raw, value) {
      const watch = watches.find(({ terms }) => terms.kpi.name === kpi);
      if (watch === undefined) throw malformed(`the breaker watches no KPI called ${kpi}`);
      const at = steady(raw);
      if (over === null) take(watch, at, value);
    },
    arm,
    hard(at, words) {
      hard ??= { at, words };
    },
    tick,
    sight: () => (armedAt === null ? [] : watches.map(sightOf)),
    snapshot: () =>
      structuredClone({
        version: 1,
        kpis: names,
        clock,
        armedAt,
        renewAt,
        hard,
        over,
        watches: watches.map(({ state }) => state),
      }),
  };
}

const blank: Omit<BreakerState, 'version' | 'kpis' | 'watches'> = {
  clock: null,
  armedAt: null,
  renewAt: 0,
  hard: null,
  over: null,
};

/** A level may drift so many times as far as it may fall at once. */
const driftOver = 1.7;

/** By name: the order in which KPIs are listed changes nothing. */
function termsOf(options: BreakerOptions): Terms[] {
  const { kpis, deadlineNs = 2e9, collectNs = 50e6, falseTrips = 0.004 } = options;
  if (kpis.length === 0) throw malformed('there is no KPI to watch');
  if (new Set(kpis.map(({ name }) => name)).size !== kpis.length) throw malformed('two KPIs have one name');
  if (!(falseTrips > 0 && falseTrips < 0.5)) throw malformed(`${falseTrips} false trips are not in (0, 0.5)`);
  return [...kpis]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map((kpi) => {
      const { intervalNs, better, name } = kpi;
      if (!(intervalNs >= 10e6 && intervalNs <= 60e9))
        throw malformed(`the interval of ${name}, ${intervalNs} ns, is not between 10 ms and 60 s`);
      const tolerated = kpi.tolerated ?? (better === 'higher' ? 0.15 : 0.4);
      if (!(tolerated > 0 && (better === 'lower' || tolerated < 1)))
        throw malformed(`the tolerated loss of ${name}, ${tolerated}, is not a fraction of it`);
      const shortest = Math.max(deadlineNs - intervalNs - collectNs, 4 * intervalNs);
      return {
        kpi,
        tolerated: logLoss(better, tolerated),
        drift: driftOver * logLoss(better, tolerated),
        windowsNs: [shortest, 3 * shortest, 9 * shortest],
        falseTrips: falseTrips / kpis.length,
        watchedNs: options.watchedNs ?? 0,
        referenceNs: Math.max(options.referenceNs ?? 60e9, 20 * intervalNs),
        constantNs: options.constantNs ?? 5e9,
      };
    });
}

function missingNsOf({ missingNs, deadlineNs = 2e9 }: BreakerOptions, kpi: Kpi): number {
  return missingNs ?? Math.max(deadlineNs, 4 * kpi.intervalNs);
}

function slowTrip(watch: Watch, value: number, options: BreakerOptions, at: number): Trip | null {
  const { kpi } = watch.terms;
  const { slowLoss = kpi.better === 'higher' ? 0.3 : 1 } = options;
  const first = watch.state.first!;
  const gain = gainOf(kpi.better, { value, base: first.value });
  if (slowLoss === null || -gain <= logLoss(kpi.better, slowLoss) + standardError(first, first.n))
    return null;
  const words =
    `${kpi.name} has gone from ${quantity(first.value, kpi.unit)} to ${quantity(value, kpi.unit)} little by little since the watch began: ` +
    `worse by ${percent(-fractionOf(kpi.better, gain))}, and ${percent(slowLoss)} is where it trips`;
  return { at, cause: 'slow-loss', evidence: [], words };
}

function noGoWords({ terms, state }: Watch, code: NoGoCode): string {
  const { name, unit } = terms.kpi;
  const when = state.reference === null ? 'before the policy was attached' : 'under the policy';
  switch (code) {
    case 'kpi-missing':
      return `${name} could not be read often enough ${when}: nobody would see a loss`;
    case 'kpi-constant':
      return `${name} was ${quantity(state.values.at(-1) ?? 0, unit)} in every sample of seconds ${when}: this is no measurement`;
    case 'kpi-unusable':
      return `${name} was mostly zero ${when}: no loss of it can be told`;
  }
}

function malformed(message: string): Fault {
  return new Fault('malformed', message, {
    tried: 'open a circuit breaker',
    next: 'give each KPI a name, an interval and which way is better',
  });
}
