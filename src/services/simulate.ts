// simulate: one run in the simulator, under a policy or the default scheduler, with what it looked like.

import type { z } from 'zod';
import { mostCalls, type Call as RecordedCall } from '../core/calls.ts';
import { cpuTimelineText, type Slice } from '../core/cpu-timeline.ts';
import type { Experiment, Outcome } from '../core/records.ts';
import { experimentOf, unrecorded } from '../stages/trials.ts';
import { perfettoTrace } from '../traces/perfetto-calls.ts';
import { decode } from '../workload/encoding.ts';
import { defaultEntrant, policyEntrants, settingsEntrants } from './arms.ts';
import { checkPlace } from './places.ts';
import { simulateInput, simulateOutput } from './run-schemas.ts';
import { type Call, type Reply, service } from './service.ts';
import { playedWorkload, type Setting, trialOf, usualCosts, wishedShape } from './trials.ts';
import { findingLines } from './verify.ts';
import type { World } from './world.ts';

type Input = z.infer<typeof simulateInput>;
type Output = z.infer<typeof simulateOutput>;

export const simulate = (world: World) =>
  service<Input, Output>({
    name: 'simulate',
    effect: 'run',
    summary:
      'Run a workload under a policy in the simulator: milliseconds, any number of CPUs, the same bytes every time.',
    description:
      'Executes the policy’s own object in a model of the kernel (6.18) and prints the Outcome and a timeline of the CPUs. Needs no kernel and no root, a compiler only for C source. ' +
      'Declared workloads and recordings only. What it says about speed is a model’s word: confirm it with tune in a micro-VM.',
    input: simulateInput,
    output: simulateOutput,
    cli: {
      positional: [],
      examples: [
        'schedcp simulate --workload long-tail --policy fifo',
        'schedcp simulate --workload long-tail --policy vtime?slice_ns=5000000 --cpus 8 --llcs 2 --seed 7 --json',
        'schedcp simulate --workload message-worker --cpus 128 --llcs 4',
        'schedcp simulate --workload build.trace --policy length --cpus 4',
      ],
    },
    run: (input, call) => run(world, input, call),
  });

async function run(world: World, input: Input, call: Call): Promise<Reply<Output>> {
  if (input.trace !== undefined) checkPlace(world, input.trace);
  const named = await playedWorkload(world, input.workload);
  const entrant = await entrantOf(world, input, call);
  const shape = wishedShape(input);
  const costs = input.costs ?? usualCosts(named, input.cpus, shape);
  const ready = await world.openMachine({ machine: 'simulator', costs }, call);
  const setting: Setting = {
    world,
    ready,
    mode: 'auto',
    cpus: input.cpus,
    memoryMiB: 0,
    shape,
    limitMs: input.limit * 1000,
    hinted: new Set(entrant.takesHints ? [entrant.arm.id] : []),
    call,
  };
  const trial = await trialOf(setting, named);
  const contestant = { arm: entrant.arm, candidate: unrecorded };
  const experiment = await experimentOf(trial, contestant, input.seed);
  const recording = new Recording();
  const calls: RecordedCall[] | undefined = input.trace === undefined ? undefined : [];
  const outcome = await world.simulate(
    { ...experiment, from: [] },
    {
      recorder: recording,
      mode: input.mode,
      ended: (atNs) => recording.end(atNs),
      signal: call.signal,
      ...(calls && { calls }),
    },
  );
  const names = await namesOf(world, experiment);
  const head = `policy ${entrant.arm.name}   workload ${named.name}   cpus ${trial.topology.cpus}   seed ${input.seed}`;
  if (calls !== undefined && input.trace !== undefined) {
    const kernelRelease = trial.reference.kernel.release;
    await world.writeFile(input.trace, perfettoTrace(calls, { comms: names, kernelRelease, title: head }));
  }
  const timeline = recording.text(trial.topology.cpus, names);
  return {
    output: outcome,
    exit: outcome.finding === null ? 0 : 1,
    text: `${head}\n${timeline}${outcomeText(outcome)}${traceLine(input.trace, calls)}`,
  };
}

function traceLine(file: string | undefined, calls: readonly RecordedCall[] = []): string {
  if (file === undefined) return '';
  const cut = calls.length < mostCalls ? '' : ` (it ends after ${mostCalls} calls)`;
  return `\ntrace ${file}${cut}, for ui.perfetto.dev\n`;
}

/** Who schedules: a policy, settings of the default scheduler, or neither. */
export async function entrantOf(
  world: World,
  { policy, settings }: Pick<Input, 'policy' | 'settings'>,
  call: Call,
) {
  if (policy !== undefined) return (await policyEntrants(world, [policy], true, call))[0]!;
  return settings === undefined ? defaultEntrant : settingsEntrants([settings])[0]!;
}

/** Of the workload's tasks, by their number. */
export async function namesOf(world: World, { workload }: Experiment): Promise<string[]> {
  if (workload === null || workload.kind === 'command') return [];
  return decode(await world.store.blobs.get(workload.expansion)).tasks.map((task) => task.comm);
}

/** Who ran when on each CPU: up to a limit, from the first task's first run on. */
class Recording {
  readonly slices: Slice[] = [];
  readonly #running = new Map<number, { task: number; since: number }>();
  #end = 0;

  switched(cpu: number, prev: number, next: number, atNs: number): void {
    const running = this.#running.get(cpu);
    this.#end = atNs;
    if (running !== undefined && prev >= 0 && this.slices.length < mostSlices)
      this.slices.push({ cpu, task: running.task, fromNs: running.since, toNs: atNs });
    if (next >= 0) this.#running.set(cpu, { task: next, since: atNs });
    else this.#running.delete(cpu);
  }

  woke(): void {}

  /** Who runs still has run until now. */
  end(atNs: number): void {
    for (const cpu of [...this.#running.keys()]) this.switched(cpu, 0, -1, atNs);
  }

  text(cpus: number, names: readonly string[]): string {
    const fromNs = this.slices.reduce((least, slice) => Math.min(least, slice.fromNs), this.#end);
    const shown = Math.min(cpus, mostCpus);
    // the same name in another round is the same letter
    const distinct = [...new Set(names)];
    const numberOf = names.map((name) => distinct.indexOf(name));
    const slices = this.slices
      .filter(({ cpu }) => cpu < shown)
      .map((slice) => ({ ...slice, task: numberOf[slice.task] ?? slice.task }));
    const toNs = slices.reduce((most, slice) => Math.max(most, slice.toNs), fromNs);
    const text = cpuTimelineText({ cpus: shown, slices, names: distinct, fromNs, toNs });
    return shown < cpus ? `${text}(the first ${shown} of ${cpus} CPUs)\n` : text;
  }
}

const mostSlices = 2_000_000;
const mostCpus = 16;

function outcomeText(outcome: Outcome): string {
  if (outcome.finding !== null) return `${findingLines(outcome.finding).join('\n')}\n`;
  const rows = Object.entries(outcome.metrics).map(([name, value]) => `  ${name.padEnd(32)} ${value}`);
  return `${rows.join('\n')}\n`;
}
