// A recorded stream held against the breaker: what it would have decided, and when. For benches, for recordings of real guests, and for judging a deployment again from its record.
import { type BreakerOptions, type BreakerState, type Decision, openBreaker } from './breaker.ts';

export interface StreamSample {
  readonly kpi: string;
  /** End of the interval that the sample is about, ns. */
  readonly at: number;
  readonly value: number;
}

export interface StreamJudgement {
  readonly decision: Decision;
  /** The moment of the decision on the stream's clock; null while it is `ok`. */
  readonly at: number | null;
  readonly samples: number;
  readonly state: BreakerState;
}

export interface StreamOptions {
  /** When the policy was attached; null where the state given was armed already. */
  readonly armAt: number | null;
  /** The breaker is asked at least so often. Default 100 ms. */
  readonly tickNs?: number;
  /** Samples reach the breaker so long after their time. Default 0. */
  readonly lagNs?: number;
  /** A jump of the stream's times beyond it is one of the clock, or a time in which nobody asked; the breaker is not asked in between. Default 60 s. */
  readonly gapNs?: number;
  readonly from?: BreakerState;
}

/** Samples in the order in which they were taken; the breaker is asked after each, between them, and up to `untilNs`. */
export function judgeStream(
  options: BreakerOptions,
  samples: readonly StreamSample[],
  untilNs: number,
  stream: StreamOptions,
): StreamJudgement {
  const { armAt, tickNs = 100e6, lagNs = 0, gapNs = 60e9, from } = stream;
  const breaker = openBreaker(options, from);
  let armed = armAt === null;
  let last = from?.clock?.raw ?? samples[0]?.at ?? armAt ?? 0;
  let used = 0;
  const done = (decision: Decision, at: number | null): StreamJudgement => ({
    decision,
    at,
    samples: used,
    state: breaker.snapshot(),
  });
  /** Asks until `now`, arming on the way; the time at which it was over, or undefined. */
  const askUntil = (now: number): { decision: Decision; at: number } | undefined => {
    const jumped = now < last || now - last > gapNs;
    for (let at = jumped ? now : Math.min(last + tickNs, now); at <= now; at += tickNs) {
      if (!armed && at >= armAt!) {
        armed = true;
        const decision = breaker.arm(armAt!);
        if (decision !== 'ok') return { decision, at: armAt! };
      }
      const decision = breaker.tick(at);
      if (decision !== 'ok') return { decision, at };
    }
    last = now;
    return undefined;
  };
  for (let i = 0; i < samples.length; ) {
    const { at } = samples[i]!;
    const before = askUntil(at + lagNs);
    if (before !== undefined) return done(before.decision, before.at);
    // all of one moment before the question, so that their order says nothing
    for (; i < samples.length && samples[i]!.at === at; i++, used++)
      breaker.sample(samples[i]!.kpi, at, samples[i]!.value);
    const decision = breaker.tick(at + lagNs);
    if (decision !== 'ok') return done(decision, at + lagNs);
  }
  const end = untilNs >= last ? askUntil(untilNs) : undefined;
  return end === undefined ? done('ok', null) : done(end.decision, end.at);
}
