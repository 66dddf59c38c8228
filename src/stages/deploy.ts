// Puts a policy in charge of a machine by steps, watches it, and gives the machine back. Record in (a plan that is already permitted), record out: a Deployment, however it ended.
// First the KPIs are read under the default scheduler; then each step lets default and candidate take turns (judge/switchback.ts) on its part of the machine; when the
// last has said go the policy stays. Whenever it is attached the breaker (judge/breaker.ts) looks at every KPI and the kernel at the policy; beats stop with us, and
// so does the policy. Clock, machine and KPIs are arguments.

import type { Attached, AttachScope, Deploys, ForeignScheduler } from '../core/attachment.ts';
import type { Deployment, DeploymentStep } from '../core/deployment.ts';
import { Fault } from '../core/errors.ts';
import type { KnobRanges } from '../core/gauntlet.ts';
import type { KpiSample, KpiSpec } from '../core/kpi.ts';
import type { Policy } from '../core/records.ts';
import type { Who } from '../deployment/audit-line.ts';
import { knobProblem } from '../deployment/check-token.ts';
import type { Trip } from '../judge/breaker.ts';
import {
  blockOf,
  blockValue,
  judgeSwitchback,
  type MeasuredBlock,
  planSwitchback,
  type SwitchbackBlock,
  type SwitchbackPlan,
} from '../judge/switchback.ts';
import { Charge, type ChargeEnd } from './deploy/charge.ts';
import type { Clock } from './deploy/clock.ts';
import { Samples } from './deploy/samples.ts';

export interface DeploymentStepPlan {
  readonly scope: AttachScope;
  /** `better` asks for a gain, `no-harm` for no loss of more than `limit`. */
  readonly question: 'no-harm' | 'better';
  readonly limit?: number;
  readonly blockMs: number;
  readonly washoutMs: number;
  /** Not left before. */
  readonly dwellMs: number;
}

export interface DeploymentPlan {
  readonly policy: Policy;
  /** Digests that the record names, the verdict first. */
  readonly from: readonly string[];
  readonly by: string;
  readonly startedMs: number;
  readonly level: number;
  readonly tokenId: string;
  readonly kernel: string;
  /** The first one is what steps are judged by; the breaker looks at all. */
  readonly kpis: readonly KpiSpec[];
  /** Under the default scheduler, before anything is attached; at least 10 s. */
  readonly referenceMs: number;
  readonly steps: readonly DeploymentStepPlan[];
  /** After the last step's go: so long, or until the signal. */
  readonly keepMs: number | null;
  readonly keepScope: AttachScope;
  readonly seed: number;
  readonly heartbeatMs: number;
  readonly timeoutMs: number;
  readonly replace: boolean;
  /** What may move, and how far: as the token says. */
  readonly knobs: KnobRanges;
}

export type DeploymentNews =
  | { readonly what: 'reference'; readonly words: string }
  | { readonly what: 'block'; readonly block: SwitchbackBlock; readonly value: number | null }
  | { readonly what: 'step'; readonly step: DeploymentStep; readonly place: number }
  | { readonly what: 'kept'; readonly words: string; readonly ops: string; readonly enableSeq: number }
  | { readonly what: 'moved'; readonly words: string; readonly who: Who }
  | { readonly what: 'over'; readonly words: string };

/** Somebody wants knobs to be set while the policy stays. */
export interface KnobWish {
  readonly who: Who;
  readonly values: Policy['parameters'];
  answer(done: boolean, words: string): void;
}

/** What a deployment happens on. */
export interface Site {
  readonly machine: Deploys & { readonly name: Deployment['machine']['name'] };
  readonly clock: Clock;
  /** Starts reading; Fault when a KPI cannot be read at all. */
  openKpis(kpis: readonly KpiSpec[], hear: (sample: KpiSample) => void): Promise<{ close(): Promise<void> }>;
  /** What the kernel says now: the proof that the machine has its scheduler back. */
  presence(): Promise<{ readonly state: string; readonly ops: string }>;
  hear(news: DeploymentNews): void | Promise<void>;
  /** Asked every 50 ms: what somebody wants now. */
  wish?(): KnobWish | undefined;
  /** Gives a machine back to somebody else's scheduler; says what came of it. */
  startAgain(foreign: ForeignScheduler): Promise<string>;
}

/** Aborting the signal ends it in order: `undone`, or `kept` after the last go. */
export async function deploy(site: Site, plan: DeploymentPlan, signal: AbortSignal): Promise<Deployment> {
  const run = new Run(site, plan, signal);
  const samples = new Samples(plan.kpis, () => site.clock.nowNs());
  const reader = await site.openKpis(plan.kpis, (sample) => samples.hear(sample));
  let end: RunEnd;
  try {
    end = await run.all(samples);
  } finally {
    await run.giveBack();
    await reader.close();
  }
  return run.record(end);
}

interface RunEnd {
  readonly how: Deployment['end']['how'];
  readonly words: string;
  readonly trip?: Trip;
  readonly exit?: Deployment['end']['exit'];
  /** When it was decided. */
  readonly atNs: number;
}

class Run {
  readonly #site: Site;
  readonly #plan: DeploymentPlan;
  readonly #signal: AbortSignal;
  readonly #startNs: number;
  readonly #steps: DeploymentStep[] = [];
  #kernelEvents: Record<string, number> = {};
  #charge: Charge | undefined;
  #watchedNs = 0;
  /** As the kernel calls what we have attached; it need not be the policy's name here. */
  #ops: string | undefined;
  #enableSeq = -1;
  #backNs: number | undefined;
  #isKept = false;
  readonly #moved: Deployment['moved'] = [];
  #replaced: ForeignScheduler | undefined;

  constructor(site: Site, plan: DeploymentPlan, signal: AbortSignal) {
    this.#site = site;
    this.#plan = plan;
    this.#signal = signal;
    this.#startNs = site.clock.nowNs();
  }

  async all(samples: Samples): Promise<RunEnd> {
    const { clock } = this.#site;
    await clock.sleep(this.#plan.referenceMs, this.#signal);
    if (this.#signal.aborted) return this.#over('undone', 'it was ended before the policy was attached');
    const unusable = samples.problem(this.#plan.referenceMs);
    if (unusable !== undefined) return this.#over('no-go', unusable);
    await this.#site.hear({ what: 'reference', words: samples.words() });
    for (const [place, step] of this.#plan.steps.entries()) {
      const end = await this.#step(place, step, samples);
      if (end !== undefined) return end;
    }
    return await this.#keep(samples);
  }

  /** Undefined: go on. */
  async #step(place: number, step: DeploymentStepPlan, samples: Samples): Promise<RunEnd | undefined> {
    const { clock } = this.#site;
    const switchback = this.#switchback(place, step);
    const measured: MeasuredBlock[] = [];
    const startNs = clock.nowNs();
    let judged = judgeSwitchback(switchback, measured);
    while (judged.next !== null && judged.decision === 'undecided') {
      const block = judged.next;
      const end = await this.#block(block, step, startNs, samples);
      if (end !== undefined) {
        this.#note(step, switchback, measured, startNs, {
          decision: 'no-go',
          words: end.words,
          n: judged.n,
          effect: judged.effect,
        });
        return end;
      }
      const [kpi] = this.#plan.kpis;
      const own = samples.between(kpi!.name, startNs + block.startNs, startNs + block.endNs);
      const at = own.map((sample) => ({ at: sample.at - startNs, value: sample.value }));
      const value = blockValue(block, at, kpi!.everyMs * 1e6);
      measured.push(value);
      await this.#site.hear({ what: 'block', block, value: value.value });
      judged = judgeSwitchback(switchback, measured);
    }
    await this.#letGo();
    const noted = this.#note(step, switchback, measured, startNs, judged);
    await this.#site.hear({ what: 'step', step: noted, place: place + 1 });
    if (judged.decision === 'go') return undefined;
    return this.#over('no-go', `step ${place + 1}: ${judged.words}`);
  }

  /** One block under its arm; an end when the deployment is over within it. */
  async #block(
    block: SwitchbackBlock,
    step: DeploymentStepPlan,
    startNs: number,
    samples: Samples,
  ): Promise<RunEnd | undefined> {
    const { clock } = this.#site;
    if (block.arm === 'default') {
      await this.#letGo();
      samples.under('default');
    } else if (this.#charge === undefined) {
      const end = await this.#attach(step.scope, samples);
      if (end !== undefined) return end;
    }
    return await this.#watch(startNs + block.endNs - clock.nowNs());
  }

  async #attach(scope: AttachScope, samples: Samples): Promise<RunEnd | undefined> {
    const { machine, clock } = this.#site;
    const { policy, heartbeatMs, timeoutMs, replace } = this.#plan;
    const attached: Attached = await machine.attach(policy, scope, {
      ...{ heartbeatMs, timeoutMs, replace, signal: this.#signal },
    });
    if (!attached.ok) return this.#over('refused', attached.finding.message);
    this.#replaced ??= attached.attachment.replaced ?? undefined;
    this.#ops = attached.attachment.ops;
    this.#enableSeq = attached.attachment.enableSeq;
    samples.under('candidate');
    this.#charge = new Charge(attached.attachment, clock, samples, {
      heartbeatMs,
      watchedNs: this.#watchedNs,
    });
    const ready = this.#charge.arm();
    return ready === undefined ? undefined : this.#ended(ready);
  }

  /** Looks every 50 ms, for so long; an end when the charge is over or somebody asks. */
  async #watch(ns: number): Promise<RunEnd | undefined> {
    const { clock } = this.#site;
    const until = clock.nowNs() + ns;
    while (clock.nowNs() < until) {
      await clock.sleep(Math.min(lookMs, (until - clock.nowNs()) / 1e6), this.#signal);
      const end = await this.#charge?.look();
      if (end !== undefined) return this.#ended(end);
      await this.#moveKnobs();
      if (this.#signal.aborted) return this.#over('undone', 'somebody asked for the end');
    }
    return undefined;
  }

  async #keep(samples: Samples): Promise<RunEnd> {
    const { keepMs, keepScope } = this.#plan;
    const refused = await this.#attach(keepScope, samples);
    if (refused !== undefined) return refused;
    await this.#site.hear({
      ...{ what: 'kept', words: 'the last step said go: the policy stays' },
      ...{ ops: this.#ops!, enableSeq: this.#enableSeq },
    });
    this.#isKept = true;
    const end = await this.#watch(keepMs === null ? Number.POSITIVE_INFINITY : keepMs * 1e6);
    if (end !== undefined && end.how !== 'undone') return end;
    return this.#over(
      'kept',
      end === undefined ? 'it stayed as long as was asked' : 'it stayed until somebody asked for the end',
    );
  }

  /** While it is measured nothing moves: what was measured would be something else. */
  async #moveKnobs(): Promise<void> {
    const wanted = this.#site.wish?.();
    if (wanted === undefined) return;
    const { who, values } = wanted;
    const problems = Object.entries(values).flatMap(
      ([name, value]) => knobProblem(this.#plan.knobs, name, value) ?? [],
    );
    if (problems.length > 0) return wanted.answer(false, problems.join('; '));
    if (!this.#isKept || this.#charge === undefined)
      return wanted.answer(false, 'the policy is still being measured: its knobs move once it stays');
    try {
      await this.#charge.set(values);
    } catch (fault) {
      if (!(fault instanceof Fault)) throw fault;
      return wanted.answer(false, fault.message);
    }
    this.#moved.push({ atNs: this.#since(this.#site.clock.nowNs()), by: who.name, values: { ...values } });
    const words = Object.entries(values)
      .map(([name, value]) => `${name} = ${value}`)
      .join(', ');
    await this.#site.hear({ what: 'moved', words, who });
    wanted.answer(true, words);
  }

  #ended(end: ChargeEnd): RunEnd {
    const { how, words, trip, exit } = end;
    return { ...this.#over(how, words), ...(trip && { trip }), ...(exit !== undefined && { exit }) };
  }

  #over(how: RunEnd['how'], words: string): RunEnd {
    return { how, words, atNs: this.#site.clock.nowNs() };
  }

  async #letGo(): Promise<void> {
    const charge = this.#charge;
    this.#charge = undefined;
    if (charge === undefined) return;
    this.#watchedNs += charge.inChargeNs();
    const { kernelEvents } = await charge.letGo();
    for (const [name, count] of Object.entries(kernelEvents))
      this.#kernelEvents[name] = (this.#kernelEvents[name] ?? 0) + count;
  }

  /** Whatever has happened: nothing of ours is attached any more. */
  async giveBack(): Promise<void> {
    await this.#letGo();
    this.#backNs = this.#site.clock.nowNs();
  }

  #switchback(place: number, step: DeploymentStepPlan): SwitchbackPlan {
    const [kpi] = this.#plan.kpis;
    return planSwitchback({
      ...{ seed: this.#plan.seed, step: place, steps: this.#plan.steps.length, question: step.question },
      goal: { metric: kpi!.name, direction: kpi!.direction, unit: kpi!.unit },
      ...(step.limit !== undefined && { limit: step.limit }),
      ...{ blockNs: step.blockMs * 1e6, washoutNs: step.washoutMs * 1e6, dwellNs: step.dwellMs * 1e6 },
    });
  }

  #note(
    { scope }: DeploymentStepPlan,
    switchback: SwitchbackPlan,
    measured: readonly MeasuredBlock[],
    startNs: number,
    {
      decision,
      words,
      n,
      effect,
    }: Pick<ReturnType<typeof judgeSwitchback>, 'decision' | 'words' | 'n' | 'effect'>,
  ): DeploymentStep {
    const blocks = measured.map(({ block, value }) => ({ arm: blockOf(switchback, block).arm, value }));
    const step: DeploymentStep = {
      ...{
        scope: structuredClone(scope) as DeploymentStep['scope'],
        decision,
        words,
        pairs: n,
        effect,
        blocks,
      },
      ...{ startNs: this.#since(startNs), endNs: this.#since(this.#site.clock.nowNs()) },
    };
    this.#steps.push(step);
    return step;
  }

  #since(ns: number): number {
    return Math.max(0, Math.round(ns - this.#startNs));
  }

  async record(end: RunEnd): Promise<Deployment> {
    const { policy, from, by, startedMs, level, tokenId, kernel, kpis, seed, keepScope } = this.#plan;
    const foreign = this.#replaced;
    const words = foreign && (await this.#site.startAgain(foreign));
    const { state, ops } = await this.#site.presence();
    const evidence = (end.trip?.evidence ?? []).map(({ kpi, effect, sinceAt, words }) => ({
      ...{ kpi, effect: { ...effect }, sinceNs: sinceAt - this.#startNs, words },
    }));
    await this.#site.hear({ what: 'over', words: `${end.how}: ${end.words}` });
    return {
      ...{ kind: 'deployment', version: 1, from: [...from], by, startedMs, level, tokenId, policy, seed },
      scope: structuredClone(keepScope) as Deployment['scope'],
      machine: { name: this.#site.machine.name, kernel },
      kpis: [...kpis],
      steps: this.#steps,
      end: {
        ...{ how: end.how, atNs: this.#since(end.atNs), words: end.words, evidence, exit: end.exit ?? null },
      },
      restored: {
        ...{ verified: this.#ops === undefined || ops !== this.#ops, state, ops },
        tookNs: Math.max(0, Math.round(this.#backNs! - end.atNs)),
        replaced: foreign === undefined ? null : { ops: foreign.ops, words: words! },
      },
      kernelEvents: this.#kernelEvents,
      moved: this.#moved,
    };
  }
}

const lookMs = 50;
