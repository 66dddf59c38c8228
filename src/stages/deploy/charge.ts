// A policy while it is in charge: beats, and three who may end it: the breaker, the kernel, the process that holds it.

import type { Attachment, AttachmentEnd } from '../../core/attachment.ts';
import type { Deployment } from '../../core/deployment.ts';
import type { Policy } from '../../core/records.ts';
import { type Breaker, type Kpi, openBreaker, type Trip } from '../../judge/breaker.ts';
import type { Clock } from './clock.ts';
import type { Samples } from './samples.ts';

export interface ChargeEnd {
  readonly how: Extract<Deployment['end']['how'], 'tripped' | 'ejected' | 'lost' | 'undone' | 'no-go'>;
  readonly words: string;
  readonly trip?: Trip;
  readonly exit?: Deployment['end']['exit'];
  /** Somebody has ended it from outside. */
  readonly isByHand?: boolean;
}

/** Whoever looks later than this is not in control: the control plane's own latency is a reason to let go. */
const latestLookNs = 2e9;

export class Charge {
  readonly #attachment: Attachment;
  readonly #clock: Clock;
  readonly #samples: Samples;
  readonly #breaker: Breaker;
  readonly #beatNs: number;
  #over: AttachmentEnd | undefined;
  #beatAt: number;
  readonly #sinceNs: number;
  #lookedAt: number;

  /** `watchedNs`: for how long the policy was in charge before; the breaker's false trips are shared out over all of it. */
  constructor(
    attachment: Attachment,
    clock: Clock,
    samples: Samples,
    { heartbeatMs, watchedNs }: { readonly heartbeatMs: number; readonly watchedNs: number },
  ) {
    this.#attachment = attachment;
    this.#clock = clock;
    this.#samples = samples;
    this.#beatNs = (heartbeatMs * 1e6) / 4;
    this.#breaker = openBreaker({ kpis: samples.kpis.map(kpiOf), watchedNs });
    for (const { kpi, at, value } of samples.reference()) this.#breaker.sample(kpi, at, value);
    this.#beatAt = this.#lookedAt = this.#sinceNs = clock.nowNs();
    void attachment.ended.then((end) => {
      this.#over = end;
    });
    attachment.beat();
  }

  /** The watch begins; an end where nothing can be watched. */
  arm(): ChargeEnd | undefined {
    const decision = this.#breaker.arm(this.#clock.nowNs());
    this.#samples.listener = ({ kpi, at, value }) => this.#breaker.sample(kpi, at, value);
    return endOf(decision);
  }

  set(knobs: Policy['parameters']): Promise<void> {
    return this.#attachment.set(knobs);
  }

  /** Call it every 50 ms or so. */
  async look(): Promise<ChargeEnd | undefined> {
    await undefined; // what has ended meanwhile is heard first
    const now = this.#clock.nowNs();
    if (this.#over !== undefined) return gone(this.#over);
    if (now - this.#lookedAt > latestLookNs)
      this.#breaker.hard(now, `the control plane looked ${((now - this.#lookedAt) / 1e9).toFixed(1)} s late`);
    this.#lookedAt = now;
    if (now - this.#beatAt >= this.#beatNs) {
      this.#attachment.beat();
      this.#beatAt = now;
    }
    const end = endOf(this.#breaker.tick(now));
    // numbers that came under the default scheduler and come no more are the worst loss of all
    return end?.how === 'no-go' ? { ...end, how: 'tripped' } : end;
  }

  /** So long in charge now. */
  inChargeNs(): number {
    return this.#clock.nowNs() - this.#sinceNs;
  }

  /** Resolves when the kernel is without the policy. */
  async letGo(): Promise<AttachmentEnd> {
    this.#samples.listener = undefined;
    return await this.#attachment.detach();
  }
}

export function kpiOf({ name, direction, unit, everyMs }: Samples['kpis'][number]): Kpi {
  return { name, better: direction, unit, intervalNs: everyMs * 1e6 };
}

function endOf(decision: ReturnType<Breaker['tick']>): ChargeEnd | undefined {
  if (decision === 'ok') return undefined;
  if ('noGo' in decision) return { how: 'no-go', words: decision.noGo.words };
  return { how: 'tripped', words: decision.tripped.words, trip: decision.tripped };
}

/** enum scx_exit_kind (kernel/sched/ext_internal.h, v6.18): SysRq-S. */
const exitBySysRq = 67;

function gone({ why, exit, detail }: AttachmentEnd): ChargeEnd {
  const said = exit === null ? detail : `${exit.reason}${exit.message === '' ? '' : `: ${exit.message}`}`;
  const isByHand = why === 'signal' || exit?.kind === exitBySysRq;
  if (why === 'ejected')
    return { how: 'ejected', words: `the kernel ended the policy: ${said}`, exit, isByHand };
  if (why === 'detached')
    return { how: 'undone', words: 'somebody has let go of the policy', exit, isByHand: true };
  return { how: 'lost', words: `the process that held the policy is gone (${why}): ${said}`, exit, isByHand };
}
