// diff: the same experiment on two machines, call by call: where the simulator and a real kernel first part, and which differences come again and again.

import type { z } from 'zod';
import { type CallDiff, type Divergence, diffCalls, type Pattern, timeOf } from '../core/call-diff.ts';
import { divergenceText, heardMeanwhile } from '../core/call-diff-text.ts';
import type { Step } from '../core/call-sequences.ts';
import type { Traced } from '../core/calls.ts';
import { stepText } from '../core/calls-text.ts';
import { Fault } from '../core/errors.ts';
import { experimentOf, unrecorded } from '../stages/trials.ts';
import { perfettoTrace } from '../traces/perfetto-calls.ts';
import type { Entrant } from './arms.ts';
import { checkPlace } from './places.ts';
import { diffInput, diffOutput } from './run-schemas.ts';
import { type Call, type Reply, service } from './service.ts';
import { entrantOf, namesOf } from './simulate.ts';
import { table } from './text.ts';
import { type Expanded, playedWorkload, type Setting, trialOf } from './trials.ts';
import { findingLines } from './verify.ts';
import type { World } from './world.ts';

type Input = z.infer<typeof diffInput>;
type Output = z.infer<typeof diffOutput>;

export const diff = (world: World) =>
  service<Input, Output>({
    name: 'diff',
    effect: 'run',
    summary:
      'Run one experiment on the micro-VM and in the simulator, and show where their calls first part.',
    description:
      'Records every callback of the policy, every kfunc that it calls, switches and wake-ups on both machines, and compares them task by task (what is said about a task, ' +
      'in its order), then, if no task differs, the order in which tasks come to run. Says how much agrees, where the first divergence is, and which ones recur. ' +
      'Declared workloads only. The recording has room for 200,000 calls: use a short workload. Takes about 5 seconds.',
    input: diffInput,
    output: diffOutput,
    cli: {
      positional: [],
      examples: [
        'schedcp diff --workload long-tail --policy fifo',
        'schedcp diff --workload frames --policy vtime --cpus 2 --seed 3 --level cpus',
        'schedcp diff --workload long-tail --policy fifo --json',
      ],
    },
    run: (input, call) => run(world, input, call),
  });

interface Side {
  readonly name: string;
  readonly kernel: string;
  readonly traced: Traced;
  readonly comms: readonly string[];
}

async function run(world: World, input: Input, call: Call): Promise<Reply<Output>> {
  if (input.trace !== undefined) checkPlace(world, input.trace);
  const named = await playedWorkload(world, input.workload);
  const entrant = await entrantOf(world, input, call);
  const sideOn = (index: 0 | 1): Promise<Side> => sideOf(world, input, { index, named, entrant }, call);
  const sides = [await sideOn(0), await sideOn(1)] as const;
  const [a, b] = sides;
  const failed = sides.find(({ traced }) => traced.calls.length === 0);
  if (failed !== undefined) {
    const { finding } = failed.traced.outcome;
    throw new Fault(
      'unsupported',
      `the ${failed.name} recorded nothing: ${finding?.message ?? 'no reason'}`,
      {
        next: finding?.next ?? 'try schedcp verify with this policy',
      },
    );
  }
  if (input.trace !== undefined)
    for (const [index, side] of sides.entries())
      await world.writeFile(placeOf(input.trace, index, side), traceOf(side, headOf(input)));
  const cut = [a.traced.lost > 0, b.traced.lost > 0] as const;
  const result = diffCalls(a.traced.calls, b.traced.calls, input.level, cut);
  const output = outputOf(input, sides, result);
  return { output, exit: output.same ? 0 : 1, text: textOf(input, sides, result, output) };
}

async function sideOf(
  world: World,
  input: Input,
  { index, named, entrant }: { index: 0 | 1; named: Expanded; entrant: Entrant },
  call: Call,
): Promise<Side> {
  const name = input.machines.split(',')[index] as 'micro-vm' | 'simulator';
  call.progress({ text: `recording on the ${name}` });
  const ready = await world.openMachine({ machine: name, kernel: input.kernel, costs: input.costs }, call);
  if (ready.traced === undefined)
    throw new Fault('unsupported', `the ${name} records no calls`, { next: 'compare other machines' });
  const setting: Setting = {
    world,
    ready,
    mode: 'auto',
    cpus: input.cpus,
    memoryMiB: undefined,
    limitMs: input.limit * 1000,
    hinted: new Set(entrant.takesHints ? [entrant.arm.id] : []),
    call,
  };
  const trial = await trialOf(setting, named);
  const contestant = { arm: entrant.arm, candidate: unrecorded };
  const experiment = { ...(await experimentOf(trial, contestant, input.seed)), from: [] };
  return {
    name,
    kernel: trial.reference.kernel.release,
    traced: await ready.traced(experiment, call.signal),
    comms: await namesOf(world, experiment),
  };
}

function placeOf(directory: string, index: number, { name }: Side): string {
  return `${directory.replace(/\/+$/, '')}/${index + 1}-${name}.pftrace`;
}

function headOf({ policy, settings, workload, cpus, seed }: Input): string {
  return `policy ${policy ?? settings ?? 'default'}   workload ${workload}   cpus ${cpus}   seed ${seed}`;
}

function traceOf({ name, kernel, traced, comms }: Side, head: string): Uint8Array {
  return perfettoTrace(traced.calls, { comms, kernelRelease: kernel, title: `${name}   ${head}` });
}

// As JSON

const steps = { before: 4, apart: 8, after: 4 };
const mostPatterns = 8;

function outputOf(input: Input, sides: readonly [Side, Side], result: CallDiff): Output {
  const [first] = result.divergences;
  const same = first === undefined && result.order === undefined;
  return {
    same,
    level: input.level,
    sides: sides.map(({ name, kernel, traced }) => ({
      machine: name,
      kernel,
      calls: traced.calls.length,
      lost: traced.lost,
      finding: traced.outcome.finding?.message ?? null,
    })),
    agreement: Math.round(1e4 * result.agreement) / 1e4,
    divergences: result.divergences.length,
    first: first === undefined ? null : firstOf(sides, result, first),
    order: orderOf(sides[0].comms, result),
    patterns: result.patterns.slice(0, mostPatterns).map((pattern) => patternOf(sides[0].comms, pattern)),
    counts: countsOf(sides),
    next: nextSteps(input, sides, result),
  };
}

function firstOf([a]: readonly [Side, Side], result: CallDiff, divergence: Divergence) {
  const { task, at } = divergence;
  const [left, right] = result.sequences.map((side) => side.get(task) ?? []) as [Step[], Step[]];
  const said = (step: Step): string => stepText(step.call, task, a.comms);
  const ends = [at[0] + divergence.steps[0].length, at[1] + divergence.steps[1].length] as const;
  const ns = (all: readonly Step[], index: number): number | null => all[index]?.call.ns ?? null;
  return {
    task: nameOf(task, a.comms),
    at: [...at],
    atNs: [ns(left, at[0]), ns(right, at[1])],
    before: left.slice(Math.max(0, at[0] - steps.before), at[0]).map(said),
    instead: divergence.steps.map((side) => side.slice(0, steps.apart).map(said)),
    after: [
      left.slice(ends[0], ends[0] + steps.after).map(said),
      right.slice(ends[1], ends[1] + steps.after).map(said),
    ],
    meanwhile: heardMeanwhile(result, divergence, a.traced.calls).slice(0, 8),
  };
}

function orderOf(comms: readonly string[], { order }: CallDiff): Output['order'] {
  if (order === undefined) return null;
  return { at: order.at, tasks: order.tasks.map((task) => nameOf(task, comms)) };
}

/** Tasks of other rounds and copies may have the same comm: the number tells them apart. */
function nameOf(task: number, comms: readonly string[]): string {
  const comm = comms[task] ?? 'task';
  return comms.indexOf(comm) === comms.lastIndexOf(comm) ? comm : `${comm} (task ${task})`;
}

function patternOf(
  comms: readonly string[],
  { says, count, tasks, first }: Pattern,
): Output['patterns'][number] {
  return { says: [...says], count, tasks, task: nameOf(first.task, comms), atNs: timeOf(first) };
}

/** Calls about tasks of the workload, by what they are, where the numbers differ. */
function countsOf(sides: readonly [Side, Side]): Output['counts'] {
  const counted = sides.map(({ traced }) => {
    const found = new Map<string, number>();
    for (const { what, task } of traced.calls)
      if (typeof task === 'number') found.set(what, (found.get(what) ?? 0) + 1);
    return found;
  });
  return [...new Set(counted.flatMap((found) => [...found.keys()]))]
    .map((what) => ({ what, calls: counted.map((found) => found.get(what) ?? 0) }))
    .filter(({ calls: [x, y] }) => x !== y);
}

function nextSteps(input: Input, sides: readonly [Side, Side], { divergences, order }: CallDiff): string[] {
  const found: string[] = [];
  const same = divergences.length === 0 && order === undefined;
  const finer = { order: 'cpus', cpus: 'numbers', numbers: undefined }[input.level];
  if (same && finer !== undefined) found.push(`--level ${finer} compares more`);
  if (!same)
    found.push(
      'what recurs is semantics or costs; what happens once may be a task of the machine (meanwhile)',
    );
  if (sides.some(({ traced }) => traced.lost > 0))
    found.push('a recording is incomplete: fewer or shorter tasks, or fewer rounds, fit');
  const releases = sides.map(({ kernel }) => kernel.split('.').slice(0, 2).join('.'));
  if (releases[0] !== releases[1])
    found.push(
      `kernel ${releases[0]} against ${releases[1]}: versions differ, too; --kernel 6.18 is what the simulator models`,
    );
  if (!same && input.trace === undefined)
    found.push('--trace DIRECTORY keeps both recordings for ui.perfetto.dev');
  return found;
}

// As text

const mostShown = 6;
const compared = {
  order: 'names, queues, flags and answers',
  cpus: 'names, queues, flags, answers and CPUs',
  numbers: 'names, queues, flags, answers, CPUs, slices and virtual times',
} as const;

function textOf(input: Input, sides: readonly [Side, Side], result: CallDiff, output: Output): string {
  const [a, b] = sides;
  const [first] = result.divergences;
  const head = sides.map(
    ({ name, kernel, traced }) =>
      `${name.padEnd(10)} kernel ${kernel}, ${traced.calls.length} calls${traced.lost > 0 ? `, ${traced.lost} more were not recorded` : ''}\n`,
  );
  const findings = sides.flatMap(({ name, traced }) =>
    traced.outcome.finding === null ? [] : [`${name}: ${findingLines(traced.outcome.finding).join('\n')}\n`],
  );
  const share = `${(100 * result.agreement).toFixed(1)} % of what the ${a.name} says of the workload’s tasks the ${b.name} says, too, in the same order (${compared[input.level]}).\n`;
  const parts = [`${headOf(input)}\n`, ...head, ...findings, '\n', share];
  if (first !== undefined) {
    const meanwhile = output.first?.meanwhile ?? [];
    parts.push(
      `\nFirst divergence of ${result.divergences.length}: ${nameOf(first.task, a.comms)}, after ${first.at[0]} steps that agree.\n\n`,
      divergenceText(result, first, a.comms, [a.name, b.name]),
      meanwhile.length > 0
        ? `The ${a.name}’s own tasks, in the 2 ms before or since the last step that agrees: ${meanwhile.join(', ')}.\n`
        : '',
      '\nHow often, in how many tasks, and what:\n',
      ...result.patterns.slice(0, mostShown).map((pattern) => patternText(pattern, [a.name, b.name])),
    );
  } else if (output.order !== null)
    parts.push(
      `\nNo task’s sequence differs. The order of switches does, at number ${output.order.at}: ${output.order.tasks.join(` on the ${a.name}, `)} on the ${b.name}.\n`,
    );
  else parts.push('\nNo divergence.\n');
  if (output.counts.length > 0)
    parts.push(
      '\nCalls about tasks of the workload, where their numbers differ:\n',
      table(
        ['', a.name, b.name],
        output.counts.map(({ what, calls }) => [what, ...calls.map(String)]),
      ),
    );
  if (input.trace !== undefined)
    parts.push('\n', ...sides.map((side, i) => `trace ${placeOf(input.trace!, i, side)}\n`));
  return parts.join('') + output.next.map((text) => `next: ${text}\n`).join('');
}

function patternText({ says, count, tasks }: Pattern, names: readonly [string, string]): string {
  const side = (index: 0 | 1): string =>
    `      ${names[index].padEnd(10)} ${says[index] === '' ? 'nothing' : says[index]}\n`;
  return `${String(count).padStart(4)} in ${tasks}\n${side(0)}${side(1)}`;
}
