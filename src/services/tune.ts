// tune: run a workload under the default scheduler, under the default with other settings and under policies, and say which to use.

import type { z } from 'zod';
import type { Arm, Candidate } from '../core/records.ts';
import { createPlan } from '../judge/plan.ts';
import { judgementText } from '../judge/text.ts';
import type { Goal, Judgement } from '../judge/types.ts';
import { type Comparison, compareArms } from '../stages/compare.ts';
import type { Contestant, Trial } from '../stages/trials.ts';
import { parseWorkload } from '../workload/read.ts';
import { defaultEntrant, type Entrant, policyEntrants, settingsEntrants } from './arms.ts';
import { tuneInput, tuneOutput } from './schemas.ts';
import { type Call, type Reply, service } from './service.ts';
import { goalOf, type Named, namedWorkload, type Setting, trialOf } from './trials.ts';
import { findingLines } from './verify.ts';
import type { World } from './world.ts';

type Input = z.infer<typeof tuneInput>;
type Output = z.infer<typeof tuneOutput>;

export const tune = (world: World) =>
  service<Input, Output>({
    name: 'tune',
    effect: 'run',
    summary:
      'Find out which scheduler runs a workload best, with intervals, or that none is better than the default.',
    description:
      'Runs the workload in micro-VMs on a real sched_ext kernel under the default scheduler, the default with other settings, and policies; ' +
      'paired, interleaved, repeated until the answer is clear. Takes minutes: a declared workload over all arms about 3 to 6, a command as long as ' +
      'it runs times 10 to 60. Answers accepted (use this policy), rejected (the default is good enough), inconclusive or invalid. Give a workload or a command.',
    input: tuneInput,
    output: tuneOutput,
    cli: {
      positional: [],
      rest: 'command',
      examples: [
        'schedcp tune --workload long-tail',
        'schedcp tune -- ./my-batch --threads 4',
        'schedcp tune --with gcc --with . -- make -j2',
        "schedcp tune --policies vtime,deadline --metric 'latencyNsP99:request' --workload message-worker",
      ],
    },
    run: (input, call) => runTune(world, input, call),
  });

async function runTune(world: World, input: Input, call: Call): Promise<Reply<Output>> {
  const named = await whatToRun(world, input, call);
  const declared = named.kind === 'declared';
  const entrants = [
    defaultEntrant,
    ...settingsEntrants(input.settings),
    ...(await policyEntrants(world, input.policies, declared, call)),
  ];
  const patterns = named.kind === 'command' ? Object.keys(named.command.patterns) : [];
  const metric = input.metric ?? Object.keys(input.patterns)[0] ?? named.goal.metric;
  const goal = goalOf(metric, input.direction, named.goal, patterns);
  const ready = await world.openMachine({ kernel: input.kernel }, call);
  const setting: Setting = {
    world,
    ready,
    mode: input.mode,
    cpus: input.cpus,
    memoryMiB: input.memory,
    limitMs: input.limit * 1000,
    hinted: new Set(entrants.filter((item) => item.takesHints).map((item) => item.arm.id)),
    call,
  };
  const trial = await trialOf(setting, named);
  const plan = createPlan({
    seed: input.seed,
    goal,
    arms: entrants.map(({ arm }) => ({ id: arm.id, name: arm.name, kind: arm.kind })),
    profile: ['deterministic', 'simulated'].includes(trial.reference.mode) ? 'deterministic' : 'fast',
    margin: input.margin,
    ...(input.blocks === undefined ? {} : { maxConfirmBlocks: input.blocks }),
  });
  const others = input.harm ? await harmTrials(setting, named, goal) : [];
  const lab = { machine: ready.machine, records: world.store.records, signal: call.signal };
  const progress = (text: string, done: number, total: number): void => call.progress({ text, done, total });
  const contestants = await Promise.all(entrants.map((entrant) => recordCandidate(world, entrant)));
  const comparison = await compareArms({ lab, plan, trial, contestants, others, progress });
  await world.tidy();
  return reply(comparison, contestants, trial, named);
}

async function whatToRun(world: World, input: Input, call: Call): Promise<Named> {
  const { workload, command = [] } = input;
  if (workload !== undefined) return namedWorkload(world, workload, call);
  const { with: withPaths, env, patterns, runs } = input;
  const cwd = input.cwd ?? world.cwd;
  const name = command.join(' ').slice(0, 60);
  return {
    kind: 'command',
    name,
    command: { name, argv: command, with: withPaths, env, cwd, patterns, runs },
    goal: { metric: 'elapsedNs', direction: 'lower' },
  };
}

async function recordCandidate(world: World, entrant: Entrant): Promise<Contestant> {
  const candidate: Candidate = {
    kind: 'candidate',
    version: 1,
    from: [],
    arm: entrant.arm,
    how: entrant.how,
    why: entrant.why,
  };
  return { arm: entrant.arm, candidate: await world.store.records.put(candidate) };
}

/** Other declared workloads of the standard set with the same goal. A command's are those for makespan, which is what elapsed time is. */
async function harmTrials(
  setting: Setting,
  named: Named,
  goal: Goal,
): Promise<{ trial: Trial; goal: Goal }[]> {
  const wanted = (metric: string): string =>
    metric === 'elapsedNs' ? 'makespanNs' : (metric.split(':')[0] ?? metric);
  const found: { trial: Trial; goal: Goal }[] = [];
  for (const standard of await setting.world.workloads.list()) {
    if (standard.kind !== 'declared' || standard.name === named.name) continue;
    const file = parseWorkload(standard.text, standard.name);
    if (wanted(file.goal.metric) !== wanted(goal.metric)) continue;
    const other: Named = { kind: 'declared', name: file.name, file, goal: file.goal };
    const plain: Setting = { ...setting, mode: 'auto', cpus: undefined, memoryMiB: undefined };
    found.push({ trial: await trialOf(plain, other), goal: goalOf(file.goal.metric, undefined, file.goal) });
  }
  return found;
}

function reply(
  comparison: Comparison,
  contestants: readonly Contestant[],
  trial: Trial,
  named: Named,
): Reply<Output> {
  const { judgement, verdict, digest, failures } = comparison;
  const armOf = (id: string): Arm | undefined => contestants.find((item) => item.arm.id === id)?.arm;
  const nameOf = (id: string): string => armOf(id)?.name ?? id;
  const best = judgement.chosen ?? judgement.candidate;
  const output: Output = {
    verdict: {
      decision: judgement.decision,
      policy: best === null ? null : nameOf(best),
      metric: judgement.metric,
      direction: judgement.direction,
      effect: judgement.effect,
      why: judgement.why,
      claims: judgement.claims.map((claim) => ({
        kind: claim.kind,
        arm: nameOf(claim.armId),
        against: nameOf(claim.against),
        holds: claim.holds,
        n: claim.n,
        bound: claim.bound,
        limit: claim.limit,
        ...(claim.why === undefined ? {} : { why: claim.why }),
      })),
    },
    arms: judgement.arms.map((report) => ({
      policy: report.name,
      kind: report.kind,
      status: report.status,
      n: report.n,
      median: report.median,
      effect: report.effect,
      ...(report.why === undefined ? {} : { why: report.why }),
      ...(failures.has(report.id) ? { finding: failures.get(report.id) } : {}),
      ...identity(armOf(report.id)),
    })),
    machine: {
      name: trial.reference.name,
      mode: trial.reference.mode,
      kernel: trial.reference.kernel.release,
      cpus: trial.topology.cpus,
      memoryMiB: trial.topology.memoryMiB,
    },
    workload: { name: named.name, kind: named.kind },
    records: [
      { kind: 'verdict', digest },
      ...verdict.outcomes.map((outcome) => ({ kind: 'outcome', digest: outcome })),
    ],
  };
  return { output, exit: exitOf(judgement), text: textOf(output, judgement) };
}

function identity(arm: Arm | undefined): Pick<Output['arms'][number], 'parameters' | 'settings'> {
  return {
    ...(arm?.policy === undefined ? {} : { parameters: arm.policy.parameters }),
    ...(arm?.settings === undefined ? {} : { settings: arm.settings }),
  };
}

function exitOf(judgement: Judgement): 0 | 1 | 3 {
  if (judgement.decision === 'accepted') return 0;
  return judgement.decision === 'invalid' ? 3 : 1;
}

function textOf(output: Output, judgement: Judgement): string {
  const { machine, workload, records } = output;
  const where = `${workload.name} on kernel ${machine.kernel}, ${machine.cpus} CPUs, ${machine.name} (${machine.mode})`;
  return `${where}\n\n${judgementText(judgement)}${failuresText(output)}\nrecord ${records[0]?.digest.slice(0, 12)}   schedcp show ${records[0]?.digest.slice(0, 12)}\n`;
}

/** The first failed run of each arm, shortly; the same failure of several arms once. */
function failuresText(output: Output): string {
  const seen = new Set<string>();
  const lines: string[] = [];
  for (const { policy, finding } of output.arms) {
    if (finding === undefined || seen.has(finding.message)) continue;
    seen.add(finding.message);
    const detail = finding.detail?.trimEnd().split('\n').slice(-8).join('\n');
    lines.push(
      '',
      `${policy}:`,
      ...findingLines({ ...finding, ...(detail === undefined ? {} : { detail }) }),
    );
  }
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}
