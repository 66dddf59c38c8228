// Screening for tune: every policy with every parameter value worth trying, in the simulator; the best few go on to a real kernel.

import { Fault } from '../core/errors.ts';
import type { MachineRef, Screening } from '../core/records.ts';
import { rank } from '../judge/screen.ts';
import type { Goal } from '../judge/types.ts';
import type { Difference } from '../stages/replay.ts';
import { type Contender, type Screen, screen, screenAgain } from '../stages/screen.ts';
import type { Trial } from '../stages/trials.ts';
import { defaultEntrant, type Entrant, policyEntrant } from './arms.ts';
import type { Call } from './service.ts';
import { table } from './text.ts';
import { type Named, type Setting, trialOf, workloadOf } from './trials.ts';
import type { CostProfile, ReadyMachine, World } from './world.ts';

export interface ScreeningWish {
  readonly named: Exclude<Named, { kind: 'command' }>;
  readonly goal: Goal;
  readonly entrants: readonly Entrant[];
  readonly count: number;
  readonly seed: number;
  readonly cpus: number | undefined;
  readonly shape: Setting['shape'];
  readonly limitMs: number;
  readonly costs: CostProfile;
}

export interface Screened {
  /** The default scheduler, then the best. */
  readonly entrants: readonly Entrant[];
  readonly candidates: number;
  readonly runs: number;
  readonly seeds: number;
  readonly digest: string;
  /** What the simulator says of those that go on: relative change of the metric, by arm's name. */
  readonly predicted: Readonly<Record<string, number>>;
}

interface Member extends Contender {
  readonly entrant: Entrant;
}

export async function screenArms(world: World, wish: ScreeningWish, call: Call): Promise<Screened> {
  const { named, goal, entrants, count, seed, cpus, shape, limitMs } = wish;
  const all = [...entrants, ...(await Promise.all(entrants.map((one) => variants(world, one)))).flat()];
  const hinted = new Set<string>();
  const member = (entrant: Entrant): Member => {
    if (entrant.takesHints) hinted.add(entrant.arm.id);
    // the same policy with hints is the same code, and the model may be wrong about it in the same way
    const family = entrant.arm.policy?.object ?? entrant.arm.kind;
    return { arm: entrant.arm, hinted: entrant.takesHints, family, entrant };
  };
  const ready = await world.openMachine({ machine: 'simulator', costs: wish.costs }, call);
  const trial = await simulatedTrial({ world, ready, cpus, shape, limitMs, hinted, call }, named);
  const done = await screen<Member>({
    machine: ready.machine,
    ...{ signal: call.signal, trial, goal, seed, count },
    contenders: distinct(all).map(member),
    neighbours: (best) => merged(best.map(({ entrant }) => entrant)).map(member),
    progress: (text, at, total) => call.progress({ text, done: at, total }),
  });
  return report(done, await world.store.records.put(done.record), goal);
}

/** The workload of a screening on the simulator. */
function simulatedTrial(
  setting: Pick<Setting, 'world' | 'ready' | 'cpus' | 'shape' | 'limitMs' | 'hinted' | 'call'>,
  named: ScreeningWish['named'],
): Promise<Trial> {
  return trialOf({ ...setting, mode: 'auto', memoryMiB: 0 }, named);
}

/** Simulates a screening again: what comes out otherwise. @throws Fault unavailable, when the model is not the same. */
export async function replayScreening(world: World, record: Screening, call: Call): Promise<Difference[]> {
  const ready = await openAgain(world, record.machine, call);
  const named = workloadOf(await world.store.blobs.get(record.workload.file), record.workload.name);
  const hinted = new Set(record.arms.filter((one) => one.hinted).map(({ arm }) => arm.id));
  const { cpus, memoryMiB: _, ...shape } = record.topology;
  const setting = { world, ready, cpus, shape, limitMs: record.limitMs, hinted, call };
  const trial = await simulatedTrial(setting, named);
  return screenAgain(record, ready.machine, trial, call.signal);
}

/** The simulator that a record names, if it is still the same. */
export async function openAgain(world: World, machine: MachineRef, call: Call): Promise<ReadyMachine> {
  const costs = /costs ([a-z-]+)$/.exec(machine.emulator)?.[1] as CostProfile | undefined;
  const ready = await world.openMachine({ machine: 'simulator', costs }, call);
  const now = ready.reference('simulated', 'cold');
  if (
    now.emulator === machine.emulator &&
    now.runner === machine.runner &&
    now.kernel.image === machine.kernel.image
  )
    return ready;
  throw new Fault(
    'unavailable',
    'the simulator has changed since: another model, other costs or another kernel',
    {
      where: `recorded ${machine.emulator}, now ${now.emulator}`,
      next: 'run it anew, or use the version that made the record',
    },
  );
}

export function screeningRecordText({
  workload,
  goal,
  machine,
  topology,
  seeds,
  arms,
  chosen,
}: Screening): string {
  const base = baseOf(arms);
  const rows = arms.map(({ arm, values, why }) => {
    const [ranked] = rank(goal, base, [{ ...base, id: arm.id, values }]);
    const sign = goal.direction === 'lower' ? 1 : -1;
    const gain = ranked!.gain === null ? '-' : `${(100 * sign * ranked!.gain).toFixed(1)} %`;
    return [chosen.includes(arm.id) ? '*' : '', arm.name, String(values.length), gain, why ?? ''];
  });
  const where = `${machine.emulator}, kernel ${machine.kernel.release}, ${topology.cpus} CPUs, ${seeds.length} seeds`;
  return `${workload.name}: ${goal.metric}, ${goal.direction} is better; ${where}; * went on\n\n${table(['', 'arm', 'n', 'change', 'why'], rows)}`;
}

function baseOf(arms: Screening['arms']) {
  const values = arms.find(({ arm }) => arm.kind === 'default')?.values ?? [];
  return { id: 'default', family: '', changes: 0, values };
}

function report(done: Screen<Member>, digest: string, goal: Goal): Screened {
  const { chosen, runs, record } = done;
  const sign = goal.direction === 'lower' ? 1 : -1;
  const entrants = chosen.map(({ contender: { entrant }, gain }) => ({
    ...entrant,
    why: `${entrant.why} In the simulator ${goal.metric} changes by ${(100 * sign * gain).toFixed(1)} %.`,
    from: [digest],
  }));
  return {
    entrants: [defaultEntrant, ...entrants],
    candidates: record.arms.length - 1,
    seeds: record.seeds.length,
    runs,
    digest,
    predicted: Object.fromEntries(chosen.map(({ contender, gain }) => [contender.arm.name, sign * gain])),
  };
}

/** A policy of the library with one parameter changed: each value that its card calls worth trying. */
async function variants(world: World, { arm, how, takesHints }: Entrant): Promise<Entrant[]> {
  const { policy } = arm;
  if (policy === undefined || (how !== 'library' && how !== 'reconfigured')) return [];
  const { card } = await world.policies.get(policy.name);
  return card.parameters.flatMap(({ name, values = [], default: own }) =>
    values
      .filter((value) => value !== (policy.parameters[name] ?? own))
      .map((value) => {
        const parameters = { ...policy.parameters, [name]: value };
        return policyEntrant(
          policy.name,
          policy.object,
          parameters,
          'reconfigured',
          card.summary,
          takesHints,
        );
      }),
  );
}

/** Of the best arms, pairs of one policy: what each changed, together. The better one's value counts where both changed the same. */
function merged(best: readonly Entrant[]): Entrant[] {
  const few = best.slice(0, parents).filter(({ arm }) => arm.policy !== undefined);
  const children = few.flatMap((better, i) =>
    few
      .slice(i + 1)
      .filter(
        ({ arm, takesHints }) =>
          arm.policy!.object === better.arm.policy!.object && takesHints === better.takesHints,
      )
      .map((other) => {
        const { name, object, parameters } = better.arm.policy!;
        const both = { ...other.arm.policy!.parameters, ...parameters };
        const ordered = Object.fromEntries(Object.entries(both).sort(([a], [b]) => (a < b ? -1 : 1)));
        return policyEntrant(name, object, ordered, 'reconfigured', better.why, better.takesHints);
      }),
  );
  return distinct(children);
}

/** So many of the best are crossed with one another. */
const parents = 8;

function distinct(entrants: readonly Entrant[]): Entrant[] {
  return [...new Map(entrants.map((one) => [one.arm.id, one])).values()];
}
