// tune: run a workload under the default scheduler, under the default with other settings and under policies, and say which to use.

import type { z } from 'zod';
import { Fault } from '../core/errors.ts';
import { leastScenarios } from '../core/gauntlet.ts';
import type { Candidate } from '../core/records.ts';
import { createPlan } from '../judge/plan.ts';
import type { Goal } from '../judge/types.ts';
import { compareArms } from '../stages/compare.ts';
import type { Contestant, Trial } from '../stages/trials.ts';
import { parseWorkload } from '../workload/read.ts';
import { inGuestsForAgents } from './agents.ts';
import { defaultEntrant, type Entrant, policyEntrants, settingsEntrants } from './arms.ts';
import { type FirstLook, firstLook, firstLookText, goalInReplay } from './first-look.ts';
import { runGauntlet } from './gauntlet.ts';
import { agentTuneInput, tuneInput, tuneOutput } from './schemas.ts';
import { type Screened, screenArms } from './screening.ts';
import { type Call, type Reply, service } from './service.ts';
import {
  goalOf,
  type Named,
  namedWorkload,
  playedWorkload,
  type Setting,
  trialOf,
  usualCosts,
  wishedShape,
} from './trials.ts';
import { reply } from './tune/reply.ts';
import type { ReadyMachine, World } from './world.ts';

type Input = z.infer<typeof tuneInput>;
type Output = z.infer<typeof tuneOutput>;

export const tune = (world: World) =>
  inGuestsForAgents(
    service<Input, Output>({
      name: 'tune',
      effect: 'run',
      summary:
        'Find out which scheduler runs a workload best, with intervals, or that none is better than the default.',
      description:
        'Runs the workload in micro-VMs on a real sched_ext kernel under the default scheduler, the default with other settings, and policies; ' +
        'paired, interleaved, repeated until the answer is clear. First the workload is looked at once (its profile comes before the verdict; a command is recorded in a guest), and the simulator tries all policies with many parameter ' +
        'values on it; the best few go to the micro-VM. Takes minutes: a declared workload about 2 to 4, a command as long as it runs times 10 to 60. Answers accepted (use this policy), rejected (the default is good enough), inconclusive or invalid. Give a workload or a command.',
      input: tuneInput,
      output: tuneOutput,
      cli: {
        positional: [],
        rest: 'command',
        examples: [
          'schedcp tune --workload long-tail',
          'schedcp tune -- ./my-batch --threads 4',
          'schedcp tune --with gcc --with . -- make -j2',
          'schedcp tune --machine host --policies vtime -- ./my-batch --threads 4',
          "schedcp tune --policies vtime,deadline --metric 'latencyNsP99:request' --workload message-worker",
        ],
      },
      run: (input, call) => runTune(world, input, call),
    }),
    agentTuneInput,
  );

async function runTune(world: World, input: Input, call: Call): Promise<Reply<Output>> {
  const named = await whatToRun(world, input, call);
  const all = [
    defaultEntrant,
    ...settingsEntrants(input.settings),
    // hints go by comm, which tasks of real programs share
    ...(await policyEntrants(world, input.policies, named.kind === 'declared', call)),
  ];
  const patterns = named.kind === 'command' ? Object.keys(named.command.patterns) : [];
  const metric = input.metric ?? Object.keys(input.patterns)[0] ?? named.goal.metric;
  const goal = goalOf(metric, input.direction, named.goal, patterns);
  if (input.machine === 'host') await checkGiven(world, all, call);
  const { ready, instead } = await whereToRun(world, input, named, call);
  const shape = shapeOf(input, ready);
  const plain: Setting = {
    world,
    ready,
    mode: input.mode,
    cpus: input.cpus,
    memoryMiB: ready.machine.name === 'simulator' ? undefined : input.memory,
    shape,
    limitMs: input.limit * 1000,
    hinted: new Set(),
    call,
  };
  const look = await firstLook(plain, named, input.seed);
  const screened = await screening(world, input, { named, look, goal, entrants: all, shape, call });
  const entrants = screened?.entrants ?? all;
  const setting: Setting = {
    ...plain,
    hinted: new Set(entrants.filter((item) => item.takesHints).map((item) => item.arm.id)),
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
  const costs = await costEnds(setting, named);
  const lab = { machine: ready.machine, records: world.store.records, signal: call.signal };
  const progress = (text: string, done: number, total: number): void => call.progress({ text, done, total });
  const contestants = await Promise.all(entrants.map((entrant) => recordCandidate(world, entrant)));
  const comparison = await compareArms({ lab, plan, trial, contestants, others, costs, progress });
  await world.tidy();
  const profileText = await firstLookText(plain, look);
  return reply({ comparison, contestants, trial, named, screened, instead, look, profileText });
}

/** On the machine itself only what the gates let pass that need no kernel. @throws Fault not-permitted */
async function checkGiven(world: World, entrants: readonly Entrant[], call: Call): Promise<void> {
  for (const entrant of entrants) {
    if (entrant.how !== 'given') continue;
    const { judgement, digest } = await runGauntlet(
      world,
      {
        ...{ entrant, gates: ['static', 'simulator'], machine: 'host', kernels: [], loads: [] },
        ...{ knobs: {}, goal: null, seed: 1, scenarios: leastScenarios, ignore: [], all: false },
      },
      call,
    );
    if (judgement.decision !== 'rejected') continue;
    throw new Fault('not-permitted', `${entrant.arm.name} is not tried on this machine; ${judgement.why}`, {
      where: `verdict ${digest.slice(0, 12)}`,
      next: 'mend it: verify says what to write instead',
    });
  }
}

/** The machine that was asked for; where micro-VMs cannot be had and nobody insists, the simulator, and why. */
async function whereToRun(
  world: World,
  { machine, kernel, costs: wish, cpus, ...input }: Input,
  named: Named,
  call: Call,
): Promise<{ ready: ReadyMachine; instead?: string | undefined }> {
  const costs = wish ?? usualCosts(named, cpus, wishedShape(input));
  const simulator = (): Promise<ReadyMachine> => world.openMachine({ machine: 'simulator', costs }, call);
  if (machine === 'simulator') return { ready: await simulator() };
  if (machine === 'host') return { ready: await world.openMachine({ machine }, call) };
  try {
    return { ready: await world.openMachine({ machine: 'micro-vm', kernel }, call) };
  } catch (error) {
    const isPossible = machine === 'auto' && named.kind !== 'command' && kernel === undefined;
    if (!isPossible || !(error instanceof Fault) || !instead.has(error.code)) throw error;
    const why = `no micro-VM can be had here: ${error.message}`;
    call.progress({ text: `${why}; using the simulator` });
    return { ready: await simulator(), instead: why };
  }
}

/** Caches, nodes and threads, which guests do not have. */
function shapeOf(input: Input, { machine }: ReadyMachine): NonNullable<Setting['shape']> {
  const shape = wishedShape(input);
  if (machine.name === 'simulator' || Object.keys(shape).length === 0) return shape;
  const whose = machine.name === 'host' ? 'this machine has its own' : 'guests have no';
  throw new Fault('unsupported', `${whose} ${Object.keys(shape).join(', ')}`, {
    next: 'use --machine simulator',
  });
}

/** Faults that say that this is not a machine for micro-VMs. */
const instead: ReadonlySet<Fault['code']> = new Set([
  'unavailable',
  'unsupported',
  'not-found',
  'not-permitted',
]);

async function screening(
  world: World,
  { screen, policies, settings, seed, cpus, limit, costs: wished }: Input,
  wish: {
    named: Named;
    look: FirstLook;
    goal: Goal;
    entrants: readonly Entrant[];
    shape: Setting['shape'];
    call: Call;
  },
): Promise<Screened | undefined> {
  const { named, look, goal, entrants, shape, call } = wish;
  const count = screen ?? (policies === undefined && settings === undefined ? usualCount : 0);
  if (count === 0) return undefined;
  const played = named.kind === 'command' ? look.recorded : named;
  const asked = named.kind === 'command' ? goalInReplay(goal) : goal;
  if (played !== undefined && asked !== undefined) {
    const costs = wished ?? usualCosts(played, cpus, shape);
    const limitMs = limit * 1000;
    return screenArms(
      world,
      { named: played, goal: asked, entrants, count, seed, cpus, shape, costs, limitMs },
      call,
    );
  }
  if (screen === undefined) return undefined;
  const why = asked === undefined ? `it has no ${goal.metric}` : (look.why ?? 'there is no recording of it');
  throw new Fault('unsupported', `the simulator cannot replay ${named.name}: ${why}`, {
    next: 'leave --screen out',
  });
}

const usualCount = 4;

async function whatToRun(world: World, input: Input, call: Call): Promise<Named> {
  const { workload, command = [] } = input;
  if (workload !== undefined)
    return input.machine === 'simulator'
      ? playedWorkload(world, workload)
      : namedWorkload(world, workload, call);
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
    from: [...(entrant.from ?? [])],
    arm: entrant.arm,
    how: entrant.how,
    why: entrant.why,
  };
  return { arm: entrant.arm, candidate: await world.store.records.put(candidate) };
}

/** Other declared workloads of the standard set with the same goal. A command's are those for makespan, which is what elapsed time is. */
/** A simulated machine whose costs are ranges: the trial at both ends of them. */
async function costEnds(setting: Setting, named: Named): Promise<{ name: string; trial: Trial }[]> {
  const { world, ready, call } = setting;
  if (ready.machine.name !== 'simulator') return [];
  if (!ready.reference('simulated', 'cold').emulator.endsWith('costs hardware')) return [];
  const ends: { name: string; trial: Trial }[] = [];
  for (const costs of ['hardware-low', 'hardware-high'] as const) {
    const other = await world.openMachine({ machine: 'simulator', costs }, call);
    ends.push({ name: `costs ${costs}`, trial: await trialOf({ ...setting, ready: other }, named) });
  }
  return ends;
}

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
