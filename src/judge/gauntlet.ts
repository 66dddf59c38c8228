// The gauntlet's verdict from what each gate saw. Pure: the same plan and evidence give the same judgement, byte for byte.

import {
  type Change,
  type EvidenceOf,
  type GateAnswer,
  type GateEvidence,
  type GateName,
  type GauntletJudgement,
  type GauntletPlan,
  type GoalName,
  guestLoads,
  type HarmRow,
  type KernelRun,
  type KnobEnd,
  knobEndSchema,
  leastScenarios,
  loadNames,
} from '../core/gauntlet.ts';
import type { Finding } from '../core/records.ts';
import { harmClaim } from './harm.ts';
import type { Claim } from './types.ts';

/**
 * One "no" rejects; a gate that was asked and could not tell, or was not run, leaves it inconclusive; a machine that failed makes it invalid. `armId`: chosen when
 * it is accepted.
 */
export function judgeGauntlet(
  plan: GauntletPlan,
  armId: string,
  evidence: readonly GateEvidence[],
): GauntletJudgement {
  const rows = evidenceOf(evidence, 'harm')[0]?.rows;
  const changes = rows === undefined ? [] : changesOf(rows);
  const gates = [
    staticAnswer(evidenceOf(evidence, 'static')[0]),
    simulatorAnswer(plan, evidenceOf(evidence, 'simulator')),
    ...kernelAnswers(plan, evidenceOf(evidence, 'kernel')),
    harmAnswer(plan.goal, rows === undefined ? undefined : changes),
  ];
  const told = { kind: 'gauntlet', gates, changes } as const;
  const first = (passed: GateAnswer['passed']): GateAnswer | undefined =>
    gates.find((one) => one.passed === passed);
  const no = first('no');
  if (no !== undefined) return { ...told, decision: 'rejected', why: whyOf(no), chosen: null };
  if (hasBrokenMachine(evidence)) {
    const why = whyOf(first('unknown') ?? gates[0]!);
    return { ...told, decision: 'invalid', why, chosen: null };
  }
  const open = first('unknown') ?? first('not-run');
  if (open !== undefined) return { ...told, decision: 'inconclusive', why: whyOf(open), chosen: null };
  return { ...told, decision: 'accepted', why: 'every gate was passed', chosen: armId };
}

function evidenceOf<G extends GateName>(evidence: readonly GateEvidence[], gate: G): EvidenceOf<G>[] {
  return evidence.filter((one): one is EvidenceOf<G> => one.gate === gate);
}

const titles: Readonly<Record<GateName, string>> = {
  static: 'the static gate',
  simulator: 'the simulator',
  kernel: 'kernel',
  harm: 'no harm',
};

function whyOf({ gate, on, why }: GateAnswer): string {
  return `${titles[gate]}${on === null ? '' : ` ${on}`}: ${why}`;
}

const notRun = (gate: GateName, on: string | null = null): GateAnswer => ({
  ...{ gate, on },
  passed: 'not-run',
  why: 'not run',
});

function staticAnswer(seen: EvidenceOf<'static'> | undefined): GateAnswer {
  if (seen === undefined) return notRun('static');
  const [first] = seen.rejections;
  const warned = seen.warnings === 0 ? '' : `, ${counted(seen.warnings, 'warning')}`;
  if (first === undefined)
    return { gate: 'static', on: null, passed: 'yes', why: `nothing to reject${warned}` };
  const others = seen.rejections.length - 1;
  const why = `${first.code}${others === 0 ? '' : ` and ${others} more`}`;
  return { gate: 'static', on: null, passed: 'no', why };
}

/** With the knobs as given, then at each end: the first that does not pass is the answer. */
function simulatorAnswer(plan: GauntletPlan, all: EvidenceOf<'simulator'>[]): GateAnswer {
  if (all.length === 0) return notRun('simulator');
  const answers = all.map((one) => oneSimulatorAnswer(one, plan.scenarios));
  const [given] = answers;
  const not = answers.find(({ passed }) => passed !== 'yes');
  if (not !== undefined) return not;
  const lacking = endsOf(plan).find((end) => !all.some(({ knobs }) => knobs === end));
  if (lacking !== undefined) return { ...given!, passed: 'unknown', why: untried(lacking) };
  return hasKnobs(plan) ? { ...given!, why: `${given!.why}; its knobs at both ends too` } : given!;
}

const hasKnobs = ({ knobs }: GauntletPlan): boolean => Object.keys(knobs).length > 0;

/** Where the knobs must have stood. */
const endsOf = (plan: GauntletPlan): readonly KnobEnd[] =>
  hasKnobs(plan) ? knobEndSchema.options : ['given'];

const untried = (end: KnobEnd): string =>
  end === 'given' ? 'it was not tried as given' : `it was not tried with its knobs at the ${end} end`;

function oneSimulatorAnswer(seen: EvidenceOf<'simulator'>, scenarios: number): GateAnswer {
  const at = endWords(seen.knobs);
  const answer = (passed: GateAnswer['passed'], why: string): GateAnswer => ({
    ...{ gate: 'simulator', on: null, passed },
    why: `${at}${why}`,
  });
  const failed = seen.standard.find(({ finding }) => finding !== null);
  if (failed !== undefined) {
    const { code, message } = failed.finding!;
    return answer(code === 'unsupported' ? 'unknown' : 'no', `${failed.workload}: ${message}`);
  }
  const { attack } = seen;
  if (attack === null) return answer('unknown', 'it was not attacked');
  if (attack.unsupported !== null) return answer('unknown', `not modelled: ${attack.unsupported}`);
  if (attack.violation !== null)
    return answer('no', `${attack.violation.checker}: ${attack.violation.message}`);
  if (attack.scenarios < scenarios)
    return answer(
      'unknown',
      `attack mode ended after ${attack.scenarios} of ${counted(scenarios, 'scenario')}`,
    );
  if (attack.cut > 0)
    return answer(
      'unknown',
      `${attack.cut} of ${counted(attack.scenarios, 'scenario')} took too long and were cut off`,
    );
  if (scenarios < leastScenarios)
    return answer(
      'unknown',
      `${counted(scenarios, 'scenario')} of attack mode; ${leastScenarios} are the least`,
    );
  const loads = counted(seen.standard.length, 'standard workload');
  return answer('yes', `${loads}, ${counted(attack.scenarios, 'scenario')} of attack mode`);
}

const endWords = (knobs: KnobEnd): string =>
  knobs === 'given' ? '' : `with its knobs at the ${knobs} end, `;

/** Kernels may share a release: each of them answers. */
function kernelAnswers(plan: GauntletPlan, seen: EvidenceOf<'kernel'>[]): GateAnswer[] {
  const { gates, kernels } = plan;
  if (!gates.includes('kernel') || kernels.length === 0) return [notRun('kernel')];
  return [...new Set(kernels)].flatMap((release) => {
    const mine = seen.filter((one) => one.release === release);
    const asked = kernels.filter((one) => one === release).length;
    const lacking = Array.from({ length: Math.max(0, asked - mine.length) }, () => notRun('kernel', release));
    return [...mine.map((one) => kernelAnswer(plan, one)), ...lacking];
  });
}

function kernelAnswer(plan: GauntletPlan, { release, machine, runs }: EvidenceOf<'kernel'>): GateAnswer {
  const answer = (passed: GateAnswer['passed'], why: string): GateAnswer => ({
    ...{ gate: 'kernel', on: release, passed, why },
  });
  const failed = runs.filter((run) => run.finding !== null && !isExcused(run));
  const no = failed.find(({ finding }) => !isOfTheMachine(finding!));
  const told = no ?? failed[0];
  if (told !== undefined)
    return answer(
      no === undefined ? 'unknown' : 'no',
      `${endWords(told.knobs)}${told.load}: ${told.finding!.message}`,
    );
  const given = runs.filter(({ knobs }) => knobs === 'given');
  const moved = hasKnobs(plan) ? ', its knobs at both ends too' : '';
  const lasted = `still in charge after ${given.map(({ load }) => load).join(', ')}`;
  const lacking = loadNames.filter(
    (load) => !(machine === 'host' && guestLoads.has(load)) && !given.some((run) => run.load === load),
  );
  if (lacking.length > 0) return answer('not-run', `${lasted}; not run: ${lacking.join(', ')}`);
  const under = loadNames.filter((load) => !guestLoads.has(load));
  const untriedEnd = endsOf(plan).find(
    (end) => !under.every((load) => runs.some((run) => run.load === load && run.knobs === end)),
  );
  if (untriedEnd !== undefined) return answer('unknown', untried(untriedEnd));
  const left = runs.some(isExcused)
    ? '; it leaves in order when a CPU comes or goes, and has to be deployed again then'
    : '';
  return answer('yes', `${lasted}${moved}${left}`);
}

/** CPUs come and go under one load alone; who says that it left for that under another one did not. */
function isExcused({ load, left }: KernelRun): boolean {
  return left && load === 'hotplug';
}

/** A kernel or a guest that failed says nothing about the policy. */
function isOfTheMachine({ code }: Finding): boolean {
  return code === 'kernel-broken' || code === 'guest-failed';
}

function hasBrokenMachine(evidence: readonly GateEvidence[]): boolean {
  return evidenceOf(evidence, 'kernel').some(({ runs }) =>
    runs.some((run) => run.finding !== null && !isExcused(run) && isOfTheMachine(run.finding)),
  );
}

function harmAnswer(goal: GoalName | null, changes: readonly Change[] | undefined): GateAnswer {
  if (changes === undefined) return notRun('harm');
  const answer = (passed: GateAnswer['passed'], why: string): GateAnswer => ({
    ...{ gate: 'harm', on: null, passed, why },
  });
  if (goal === null) return answer('not-judged', 'measured only: nobody said what it is for');
  const own = changes.filter((change) => change.goal === goal);
  const named = (harm: Change['harm']): string =>
    own
      .filter((one) => one.harm === harm)
      .map(({ workload }) => workload)
      .join(', ');
  const all = counted(own.length, 'workload');
  if (named('harm') !== '') return answer('no', `it loses more than 5 % of ${goal} on ${named('harm')}`);
  if (named('unknown') !== '') return answer('unknown', `a loss of 5 % is possible on ${named('unknown')}`);
  return answer('yes', `no loss of 5 % on any of ${all} for ${goal}`);
}

/** One line a workload: the interval over all costs that were simulated, and harm where all of them say so. */
function changesOf(rows: readonly HarmRow[]): Change[] {
  const workloads = [...new Set(rows.map(({ workload, metric }) => `${workload}\0${metric}`))];
  return workloads.map((key) => {
    const own = rows.filter(({ workload, metric }) => `${workload}\0${metric}` === key);
    const { workload, goalName: goal, metric, direction } = own[0]!;
    const claims = own.map((row) => claimOf(row));
    const effects = claims.flatMap(({ effect }) => (effect === null ? [] : [effect]));
    const isWhole = effects.length === claims.length;
    return {
      ...{ workload, goal, metric, direction },
      low: isWhole ? Math.min(...effects.map(({ low }) => low)) : null,
      high: isWhole ? Math.max(...effects.map(({ high }) => high)) : null,
      harm: claims.every(({ holds }) => holds === true)
        ? 'none'
        : claims.every(({ holds }) => holds === false)
          ? 'harm'
          : 'unknown',
    };
  });
}

function claimOf({ workload, metric, direction, pairs }: HarmRow): Claim {
  const goal = { metric, direction, unit: '' };
  return harmClaim({ id: 'candidate', name: 'the policy' }, { name: workload, goal, pairs });
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
