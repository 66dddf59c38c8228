// Puts a policy in charge of a machine by steps, watches it, and gives the machine back. Record in (a plan that is already permitted), record out: a Deployment, however it ended.
// First the KPIs are read under the default scheduler; then each step lets default and candidate take turns (judge/switchback.ts) on its part of the machine; when the
// last has said go the policy stays. Whenever it is attached the breaker (judge/breaker.ts) looks at every KPI and the kernel at the policy; beats stop with us, and
// so does the policy. Clock, machine and KPIs are arguments.

import type { Attached, AttachScope, ForeignScheduler } from '../core/attachment.ts';
import type { Deployment, DeploymentStep } from '../core/deployment.ts';
import { Fault } from '../core/errors.ts';
import { knobProblem } from '../deployment/check-token.ts';
import {
  blockOf,
  blockValue,
  judgeSwitchback,
  type MeasuredBlock,
  type SwitchbackBlock,
  type SwitchbackPlan,
} from '../judge/switchback.ts';
import { Charge, type ChargeEnd } from './deploy/charge.ts';
import { deploymentOf, type RunEnd, since } from './deploy/ended.ts';
import { type DeploymentPlan, type DeploymentStepPlan, switchbackOf } from './deploy/plan.ts';
import { Samples } from './deploy/samples.ts';
import { sightOf } from './deploy/sight.ts';
import { type DeploymentNews, type Site, unknown } from './deploy/site.ts';

export { checkPlan, type DeploymentPlan, type DeploymentStepPlan } from './deploy/plan.ts';
export type { DeploymentNews, KnobWish, Presence, Site } from './deploy/site.ts';

/**
 * Aborting the signal ends it in order: `undone`, or `kept` after the last go. However it ends, by a Fault of machine, KPIs or audit too: the policy is let go of, somebody else's
 * scheduler started again, and the end is a record.
 */
export async function deploy(site: Site, plan: DeploymentPlan, signal: AbortSignal): Promise<Deployment> {
  const run = new Run(site, plan, signal);
  let end: RunEnd;
  try {
    end = await run.all();
  } catch (error) {
    end = run.failed(error);
  } finally {
    await run.giveBack();
  }
  return run.record(end);
}

type Judged = ReturnType<typeof judgeSwitchback>;

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
  /** What came of giving the machine back to it. */
  #replacedWords = '';
  /** How the last one left that did not let go in order. */
  #leftWords = '';
  readonly #samples: Samples;
  #reader: { close(): Promise<void> } | undefined;
  #checkedNs = Number.NEGATIVE_INFINITY;

  constructor(site: Site, plan: DeploymentPlan, signal: AbortSignal) {
    this.#site = site;
    this.#plan = plan;
    this.#signal = signal;
    this.#startNs = site.clock.nowNs();
    this.#samples = new Samples(plan.kpis, () => site.clock.nowNs());
  }

  async all(): Promise<RunEnd> {
    const samples = this.#samples;
    const stays = await this.#takeOver();
    if (stays !== undefined) return stays;
    this.#reader = await this.#site.openKpis(this.#plan.kpis, (sample) => samples.hear(sample));
    const referenceNs = this.#plan.referenceMs * 1e6;
    const end = await this.#watch(referenceNs);
    if (end !== undefined) return end;
    // the reference is as long as was asked for from the first number on
    const lateEnd = await this.#watch((samples.firstNs() ?? 0) + referenceNs - this.#site.clock.nowNs());
    if (lateEnd !== undefined) return lateEnd;
    const unusable = samples.problem(this.#plan.referenceMs);
    if (unusable !== undefined) return this.#over('no-go', unusable);
    const sight = sightOf(samples, this.#site.clock.nowNs());
    if ('blind' in sight) return this.#over('no-go', sight.blind);
    await this.#site.hear({ what: 'reference', words: `${samples.words()}; ${sight.words}` });
    for (const [place, step] of this.#plan.steps.entries()) {
      const end = await this.#step(place, step);
      if (end !== undefined) return end;
    }
    return await this.#keep();
  }

  /** A Fault that has ended it; throws what is none. */
  failed(error: unknown): RunEnd {
    if (!(error instanceof Fault)) throw error;
    if (this.#signal.aborted) return this.#over('undone', 'somebody asked for the end');
    return this.#over(this.#reader === undefined ? 'no-go' : 'undone', error.message);
  }

  /** What is the default's reference must be the default's: somebody else leaves before it. */
  async #takeOver(): Promise<RunEnd | undefined> {
    const foreign = await this.#site.foreign();
    if (foreign === undefined) return undefined;
    const { replaces } = this.#plan;
    if (replaces?.ops !== foreign.ops || replaces.enableSeq !== foreign.enableSeq)
      return this.#over('refused', `somebody else's scheduler is loaded: ${foreign.ops}`);
    this.#site.remember?.(foreign);
    this.#replaced = foreign;
    if (await this.#site.unload(foreign)) return undefined;
    return this.#over('refused', `${foreign.ops} could not be unloaded`);
  }

  /** Undefined: go on. */
  async #step(place: number, step: DeploymentStepPlan): Promise<RunEnd | undefined> {
    const { clock } = this.#site;
    const samples = this.#samples;
    const switchback = switchbackOf(this.#plan, place, step);
    const measured: MeasuredBlock[] = [];
    const startNs = clock.nowNs();
    // while an arm is made ready the schedule waits: loading a policy may take longer than a block
    let waitedNs = 0;
    let judged = judgeSwitchback(switchback, measured);
    while (judged.next !== null && judged.decision === 'undecided') {
      const block = judged.next;
      const askedNs = clock.nowNs();
      const notReady = await this.#ready(block.arm, step);
      waitedNs += clock.nowNs() - askedNs;
      const fromNs = startNs + waitedNs;
      const end = notReady ?? (await this.#watch(fromNs + block.endNs - clock.nowNs()));
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
      const own = samples.between(kpi!.name, fromNs + block.startNs, fromNs + block.endNs);
      const at = own.map((sample) => ({ at: sample.at - fromNs, value: sample.value }));
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

  /** The arm is in charge; an end when it cannot be. */
  async #ready(
    arm: SwitchbackBlock['arm'],
    { scope, washoutMs }: DeploymentStepPlan,
  ): Promise<RunEnd | undefined> {
    if (arm === 'candidate') return this.#charge === undefined ? await this.#attach(scope) : undefined;
    await this.#letGo();
    this.#samples.under('default', this.#site.clock.nowNs() + washoutMs * 1e6);
    return undefined;
  }

  async #attach(scope: AttachScope): Promise<RunEnd | undefined> {
    const { machine, clock } = this.#site;
    const { policy, heartbeatMs, timeoutMs } = this.#plan;
    let attached: Attached;
    this.#samples.under('neither');
    try {
      attached = await machine.attach(policy, scope, { heartbeatMs, timeoutMs, signal: this.#signal });
    } catch (error) {
      if (!(error instanceof Fault) || this.#signal.aborted) throw error;
      return this.#over('lost', `the policy could not be attached: ${error.message}`);
    }
    if (!attached.ok) {
      const { code, message } = attached.finding;
      // when it began nobody was there
      return code === 'foreign-scheduler'
        ? { ...this.#over('undone', message), isByHand: true }
        : this.#over('refused', message);
    }
    const isFirst = this.#ops === undefined;
    const { ops, enableSeq, isFreezeNoticed } = attached.attachment;
    this.#ops = ops;
    this.#enableSeq = enableSeq;
    this.#samples.under('candidate');
    this.#charge = new Charge(attached.attachment, clock, this.#samples, {
      heartbeatMs,
      watchedNs: this.#watchedNs,
    });
    if (isFirst)
      await this.#site.hear({
        what: 'attached',
        words: `the policy takes charge for the first time${isFreezeNoticed ? '' : '; if the cgroup of this process is frozen, nobody takes it away'}`,
        ops,
        enableSeq,
      });
    const ready = this.#charge.arm();
    return ready === undefined ? undefined : this.#ended(ready);
  }

  /** Looks every 50 ms, for so long; an end when the charge is over, somebody else has taken the machine, or somebody asks. */
  async #watch(ns: number): Promise<RunEnd | undefined> {
    const { clock } = this.#site;
    const until = clock.nowNs() + ns;
    while (clock.nowNs() < until) {
      await clock.sleep(Math.min(lookMs, (until - clock.nowNs()) / 1e6), this.#signal);
      const end = this.#charge === undefined ? await this.#checkDefault() : await this.#charge.look();
      if (end !== undefined) return 'atNs' in end ? end : this.#ended(end);
      await this.#moveKnobs();
      if (this.#signal.aborted) return this.#over('undone', 'somebody asked for the end');
    }
    return undefined;
  }

  /** Once a second: what is measured as the default scheduler is it. */
  async #checkDefault(): Promise<RunEnd | undefined> {
    const now = this.#site.clock.nowNs();
    if (now - this.#checkedNs < 1e9) return undefined;
    this.#checkedNs = now;
    const { state, ops, enableSeq = -1 } = await this.#site.presence().catch(unknown);
    if (state === 'unknown') return this.#over('lost', 'the machine no longer says who schedules it');
    if (ops === '') return undefined;
    if (ops === this.#ops && enableSeq === this.#enableSeq)
      return this.#over('lost', `the kernel has not let go of ${ops}`);
    const words = `somebody has loaded ${ops} meanwhile`;
    return { ...this.#over('undone', words), isByHand: true };
  }

  async #keep(): Promise<RunEnd> {
    const { keepMs, keepScope } = this.#plan;
    const refused = await this.#attach(keepScope);
    if (refused !== undefined) return refused;
    await this.#site.hear({
      ...{ what: 'kept', words: 'the last step said go: the policy stays' },
      ...{ ops: this.#ops!, enableSeq: this.#enableSeq },
    });
    this.#isKept = true;
    const end = await this.#watch(keepMs === null ? Number.POSITIVE_INFINITY : keepMs * 1e6);
    if (end !== undefined && (end.how !== 'undone' || end.isByHand === true)) return end;
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
    this.#moved.push({
      atNs: since(this.#site.clock.nowNs(), this.#startNs),
      by: who.name,
      values: { ...values },
    });
    const words = Object.entries(values)
      .map(([name, value]) => `${name} = ${value}`)
      .join(', ');
    await this.#site.hear({ what: 'moved', words, who });
    wanted.answer(true, words);
  }

  #ended(end: ChargeEnd): RunEnd {
    const { how, words, trip, exit, isByHand = false } = end;
    return {
      ...this.#over(how, words),
      ...(trip && { trip }),
      ...(exit !== undefined && { exit }),
      isByHand: isByHand && !this.#signal.aborted, // who asks for the end may hurry it
    };
  }

  #over(how: RunEnd['how'], words: string): RunEnd {
    return { how, words, atNs: this.#site.clock.nowNs() };
  }

  async #letGo(): Promise<void> {
    const charge = this.#charge;
    this.#charge = undefined;
    if (charge === undefined) return;
    this.#watchedNs += charge.inChargeNs();
    const { kernelEvents, why, detail } = await charge.letGo();
    if (why === 'gone') this.#leftWords = detail;
    for (const [name, count] of Object.entries(kernelEvents))
      this.#kernelEvents[name] = (this.#kernelEvents[name] ?? 0) + count;
  }

  /** Whatever has happened: nothing of ours is attached any more, and who was there before is there again. */
  async giveBack(): Promise<void> {
    try {
      await this.#letGo();
    } finally {
      this.#backNs = this.#site.clock.nowNs();
      if (this.#replaced !== undefined) this.#replacedWords = await this.#startAgain(this.#replaced);
      await this.#reader?.close();
    }
  }

  /** Not over the head of somebody who has loaded another meanwhile. */
  async #startAgain(foreign: ForeignScheduler): Promise<string> {
    const { ops } = await this.#site.presence().catch(unknown);
    if (ops === foreign.ops) return `${ops} has not left`;
    if (ops !== '') return `${foreign.ops} is not started again: ${ops} is in charge`;
    return await this.#site.startAgain(foreign);
  }

  #note(
    { scope }: DeploymentStepPlan,
    switchback: SwitchbackPlan,
    measured: readonly MeasuredBlock[],
    startNs: number,
    { n: pairs, decision, words, effect }: Pick<Judged, 'decision' | 'words' | 'n' | 'effect'>,
  ): DeploymentStep {
    const blocks = measured.map(({ block, value }) => ({ arm: blockOf(switchback, block).arm, value }));
    const step: DeploymentStep = {
      scope: structuredClone(scope) as DeploymentStep['scope'],
      ...{ decision, words, pairs, effect, blocks },
      ...{ startNs: since(startNs, this.#startNs), endNs: since(this.#site.clock.nowNs(), this.#startNs) },
    };
    this.#steps.push(step);
    return step;
  }

  /** Who cannot hear any more keeps no record from being made; what they said. */
  async #tell(news: DeploymentNews): Promise<string> {
    try {
      await this.#site.hear(news);
      return '';
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      return error.message;
    }
  }

  async record(end: RunEnd): Promise<Deployment> {
    const { state, ops, enableSeq = -1 } = await this.#site.presence().catch(unknown);
    const untold = [
      ...(end.isByHand === true
        ? [await this.#tell({ what: 'by-hand', words: end.words, ops, enableSeq })]
        : []),
      await this.#tell({ what: 'over', words: `${end.how}: ${end.words}` }),
    ];
    const foreign = this.#replaced;
    return deploymentOf(this.#plan, {
      ...{ machine: this.#site.machine.name, startNs: this.#startNs, backNs: this.#backNs! },
      ...{
        end,
        words: [end.words, this.#leftWords, ...new Set(untold)].filter((one) => one !== '').join('; '),
      },
      ...{ steps: this.#steps, kernelEvents: this.#kernelEvents, moved: this.#moved, state, ops },
      verified: this.#ops === undefined || (state !== 'unknown' && ops !== this.#ops),
      replaced: foreign === undefined ? null : { ops: foreign.ops, words: this.#replacedWords },
    });
  }
}

const lookMs = 50;
