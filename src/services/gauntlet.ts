// The gauntlet: every gate that a policy must pass, one after the other, and one verdict on record. An accepted one permits a deployment.

import { type BpfObject, readObject } from '../bpf/object.ts';
import { isKnob, parameters, patchParameters } from '../bpf/parameters.ts';
import { Fault } from '../core/errors.ts';
import type {
  GateEvidence,
  GateName,
  GauntletJudgement,
  GauntletPlan,
  GoalName,
  KnobEnd,
  KnobRanges,
  LoadName,
  waivableCheckers,
} from '../core/gauntlet.ts';
import type { Candidate, Verdict } from '../core/records.ts';
import { judgeGauntlet } from '../judge/gauntlet.ts';
import type { Entrant } from './arms.ts';
import { harmGate } from './gauntlet/harm.ts';
import { kernelGate, type Moved, watchdogMs } from './gauntlet/kernels.ts';
import { simulatorGate } from './gauntlet/simulator.ts';
import type { Call } from './service.ts';
import { passStaticGate, type StaticAnswer } from './static-gate.ts';
import type { World } from './world.ts';

export interface GauntletWish {
  readonly entrant: Entrant;
  readonly gates: readonly GateName[];
  readonly machine: 'micro-vm' | 'host';
  /** Version prefixes or paths; undefined: the usual one, or what the host runs. */
  readonly kernels: readonly (string | undefined)[];
  /** Of the gate `kernel`; those that fit the machine. */
  readonly loads: readonly LoadName[];
  /** Beside those on the library's card. */
  readonly knobs: KnobRanges;
  readonly goal: GoalName | null;
  readonly seed: number;
  readonly scenarios: number;
  readonly ignore: readonly (typeof waivableCheckers)[number][];
  /** A "no" does not end it. */
  readonly all: boolean;
}

export interface Gauntlet {
  readonly told: StaticAnswer;
  readonly evidence: readonly GateEvidence[];
  readonly judgement: GauntletJudgement;
  /** Of the verdict. */
  readonly digest: string;
}

export async function runGauntlet(world: World, wish: GauntletWish, call: Call): Promise<Gauntlet> {
  const { entrant, gates, goal, seed, scenarios, ignore, all } = wish;
  const { arm } = entrant;
  const knobs = { ...(await knobsOnCard(world, arm)), ...wish.knobs };
  const arms = await movedArms(world, entrant, knobs);
  const { contestant } = arms[0]!;
  const plan: GauntletPlan = {
    ...{ kind: 'gauntlet', by: await world.version(), gates: [...gates], kernels: [], knobs },
    ...{ seed, scenarios, loads: [...wish.loads], watchdogMs, goal },
  };
  const evidence: GateEvidence[] = [];
  const isOpen = (gate: GateName): boolean =>
    gates.includes(gate) && (all || judgeGauntlet(plan, arm.id, evidence).decision !== 'rejected');
  // with the values that are asked for: what the object says by itself is never run
  const { object, parameters: values } = arm.policy!;
  const given = patchParameters(await world.store.blobs.get(object), values);
  const told = passStaticGate(
    readObject(given),
    wish.kernels.flatMap((kernel) => kernel ?? []),
  );
  if (gates.includes('static')) evidence.push(staticEvidence(told));
  for (const moved of arms)
    if (isOpen('simulator'))
      evidence.push(await simulatorGate(world, { ...moved, seed, scenarios, ignore }, call));
  // Guests take other CPUs than the simulator does: what is left to simulate, is meanwhile.
  const failed = new AbortController();
  const until = { ...call, signal: AbortSignal.any([call.signal, failed.signal]) };
  const [asked, harm] = await Promise.all([
    isOpen('kernel') ? askKernels(world, wish, arms, until) : [],
    isOpen('harm') ? harmGate(world, contestant, { seed, goal }, until) : undefined,
  ]).catch((fault: unknown) => {
    failed.abort(fault);
    throw fault;
  });
  evidence.push(...asked, ...(harm === undefined ? [] : [harm]));
  plan.kernels = asked.map(({ release }) => release);
  const judgement = judgeGauntlet(plan, arm.id, evidence);
  const verdict: Verdict = {
    ...{ kind: 'verdict', version: 1, from: [contestant.candidate], plan, observations: evidence },
    outcomes: asked.flatMap(({ runs }) => runs.map(({ outcome }) => outcome)),
    ...{ others: [], candidates: { [arm.id]: contestant.candidate }, judgement },
  };
  return { told, evidence, judgement, digest: await world.store.records.put(verdict) };
}

/** What the library's card says may move: of the same object, whatever it is called. */
export async function knobsOnCard(
  world: World,
  { policy }: Pick<Entrant['arm'], 'policy'>,
): Promise<KnobRanges> {
  const card = await world.policies.cardOf(policy!.object);
  return Object.fromEntries(
    (card?.parameters ?? []).flatMap(({ name, moves }) => (moves === undefined ? [] : [[name, moves]])),
  );
}

/** The policy as given, and, where it has knobs, with all of them at each end. @throws Fault not-found, malformed: it has no such knob. */
async function movedArms({ store }: World, { arm, how, why }: Entrant, knobs: KnobRanges): Promise<Moved[]> {
  const policy = arm.policy!;
  checkKnobs(readObject(await store.blobs.get(policy.object)), knobs);
  const ends: readonly KnobEnd[] = Object.keys(knobs).length === 0 ? ['given'] : ['given', 'low', 'high'];
  const moved: Moved[] = [];
  for (const end of ends) {
    const values = end === 'given' ? [] : Object.entries(knobs).map(([name, range]) => [name, range[end]]);
    const parameters = { ...policy.parameters, ...(Object.fromEntries(values) as typeof policy.parameters) };
    const own = end === 'given' ? arm : { ...arm, policy: { ...policy, parameters } };
    const candidate: Candidate = { kind: 'candidate', version: 1, from: [], arm: own, how, why };
    moved.push({ knobs: end, contestant: { arm: own, candidate: await store.records.put(candidate) } });
  }
  return moved;
}

function checkKnobs(object: BpfObject, knobs: KnobRanges): void {
  const known = parameters(object).filter(isKnob);
  for (const [name, { low, high }] of Object.entries(knobs)) {
    if (!known.some((one) => one.name === name))
      throw new Fault('not-found', `the object has no knob ${name}: a volatile global that starts above 0`, {
        next: `it has: ${known.map((one) => one.name).join(', ') || 'none'}`,
      });
    if (BigInt(low) > BigInt(high))
      throw new Fault('malformed', `${name}: ${low} is above ${high}`, {
        next: `give it in knobs as ${name}=LOW..HIGH`,
      });
  }
}

function staticEvidence(told: StaticAnswer): GateEvidence {
  const rejections = told.findings.filter(({ severity }) => severity === 'reject');
  return {
    gate: 'static',
    rejections: rejections.map(({ code, why }) => ({ code, why })),
    warnings: told.findings.length - rejections.length,
  };
}

async function askKernels(
  world: World,
  { kernels, machine, loads }: GauntletWish,
  arms: readonly Moved[],
  call: Call,
) {
  const answers: Awaited<ReturnType<typeof kernelGate>>[] = [];
  for (const kernel of kernels) {
    const ready = await world.openMachine({ machine, kernel }, call);
    answers.push(await kernelGate(world, arms, loads, ready, call));
  }
  return answers;
}

/** The judgement of a verdict, if it is one of the gauntlet. */
export function gauntletOf({ judgement }: Verdict): GauntletJudgement | undefined {
  return (judgement as { kind?: unknown }).kind === 'gauntlet' ? (judgement as GauntletJudgement) : undefined;
}
