// fuzz: seeded adversarial scenarios against one policy in the simulator; a failure is shrunk, shown and kept as a file that runs again.

import type { z } from 'zod';
import { digestOf } from '../core/canonical.ts';
import { policyEntrants } from './arms.ts';
import { attackedOf, keepFailure } from './gauntlet/simulator.ts';
import { fuzzInput, fuzzOutput } from './run-schemas.ts';
import { type Call, type Reply, service } from './service.ts';
import type { Attacked, AttackFailure, World } from './world.ts';

type Input = z.infer<typeof fuzzInput>;
type Output = z.infer<typeof fuzzOutput>;

export const fuzz = (world: World) =>
  service<Input, Output>({
    name: 'fuzz',
    effect: 'run',
    summary: 'Attack a policy in the simulator: seeded adversarial scenarios until a checker complains.',
    description:
      'Bursts, fork storms, affinity flips, weight changes, hotplug, real-time hogs, pinned and migration-disabled tasks, exec, exits in the queue; ' +
      'checked are starvation, lost tasks, affinity, fairness by weight, latency, work conservation and whether the kernel throws the policy out. ' +
      'A failure is shrunk to the smallest scenario and kept as a JSON file that runs again. Needs no kernel and no root, a compiler only for C source.',
    input: fuzzInput,
    output: fuzzOutput,
    cli: {
      positional: ['policy'],
      examples: [
        'schedcp fuzz fifo',
        'schedcp fuzz build/my-policy.bpf.o --seconds 20 --seed 7 --out failures/',
        'schedcp fuzz vtime --param slice_ns=5000000 --scenario failures/vtime-starvation-12.json',
      ],
    },
    run: (input, call) => run(world, input, call),
  });

async function run(world: World, input: Input, call: Call): Promise<Reply<Output>> {
  const attacked = await attackedPolicy(world, input, call);
  const { scenario: file } = input;
  const text = file === undefined ? undefined : new TextDecoder().decode(await world.readFile(file));
  const report = await world.attack(
    {
      attacked,
      seed: input.seed,
      seconds: input.seconds,
      scenarios: input.scenarios,
      maxCpus: input.cpus,
      scenario: text === undefined ? undefined : { text, where: file! },
    },
    call,
  );
  const version = await world.version();
  // Not again, when it came from a file.
  const isKept = report.failure !== undefined && (file === undefined || input.out !== undefined);
  const saved = isKept ? await keepFailure(world, attacked, report.failure!, input.out) : undefined;
  const output: Output = {
    policy: attacked.name,
    object: digestOf(attacked.object),
    version,
    failed: report.failure !== undefined,
    failure: report.failure === undefined ? null : failureOf(report.failure, saved),
    unsupported: report.unsupported ?? null,
    ignored: attacked.ignores.map(({ checker, only, why }) => ({ checker, only: only ?? null, why })),
    scenarios: report.scenarios,
    attacks: report.attacks,
    cut: report.cut,
    simulatedSeconds: report.simulatedSeconds,
    seconds: report.seconds,
  };
  const exit = report.unsupported !== undefined ? 3 : output.failed ? 1 : 0;
  return { output, exit, text: textOf(output, input) };
}

async function attackedPolicy(world: World, input: Input, call: Call): Promise<Attacked> {
  const pairs = Object.entries(input.param).map(([name, value]) => `${name}=${value}`);
  const separator = input.policy.includes('?') ? '&' : '?';
  const wish = pairs.length === 0 ? input.policy : `${input.policy}${separator}${pairs.join('&')}`;
  const [entrant] = await policyEntrants(world, [wish], false, call);
  const own = input.ignore.map((checker) => ({ checker, why: 'you said so (--ignore)' }));
  return attackedOf(world, entrant!.arm, own);
}

function failureOf(failure: AttackFailure, saved: string | undefined): NonNullable<Output['failure']> {
  const { violation, seed, before, sizes, text, attempts, timeline, seconds, scenario } = failure;
  const { checker, message, atNs } = violation;
  return {
    checker,
    message,
    atNs,
    seed,
    before: before.map((one) => ({ ...one, tasks: [...one.tasks] })),
    foundSize: sizes.found,
    size: sizes.shrunk,
    attempts,
    foundSeconds: seconds.found,
    shrunkSeconds: seconds.shrunk,
    text,
    timeline,
    scenario,
    saved: saved ?? null,
  };
}

function textOf(output: Output, input: Input): string {
  const { policy, scenarios, simulatedSeconds, seconds, failure, unsupported, cut } = output;
  const ignored = output.ignored.map(
    ({ checker, only, why }) => `  not checked: ${checker}${only === null ? '' : ` (${only})`}: ${why}`,
  );
  const tail = [...ignored, ...(cut === 0 ? [] : [`  ${cut} scenarios took too long and were cut off`])];
  if (unsupported !== null)
    return `${[`unsupported: ${policy} asks for what the simulator does not model: ${unsupported}`, ...tail].join('\n')}\n`;
  const amount = `${scenarios} scenario${scenarios === 1 ? '' : 's'}, ${simulatedSeconds.toFixed(1)} simulated seconds in ${seconds.toFixed(1)} s`;
  if (failure === null) return `${[`passed: ${policy} (${amount})`, ...tail].join('\n')}\n`;
  return `${[`failed: ${policy}, ${failure.checker} (${amount})`, `  ${failure.message}`, ...failureLines(output, input), ...tail].join('\n')}\n`;
}

function failureLines({ failure, version }: Output, input: Input): string[] {
  const { seed, foundSize, size, foundSeconds, shrunkSeconds, attempts, text, timeline, saved, checker } =
    failure!;
  const isGiven = input.scenario !== undefined;
  const found = `found after ${foundSeconds.toFixed(1)} s with seed ${seed} of version ${version} (${foundSize})`;
  const shrunk = `shrunk in ${shrunkSeconds.toFixed(1)} s and ${attempts} runs to ${size}`;
  const others = [...new Set(failure!.before.map((one) => one.checker))].filter((one) => one !== checker);
  const file = saved ?? input.scenario;
  const flags = Object.entries(input.param).map(([name, value]) => ` --param ${name}=${value}`);
  const again = `schedcp fuzz ${input.policy}${flags.join('')}${input.ignore.map((one) => ` --ignore ${one}`).join('')}`;
  return [
    ...(isGiven ? [] : [`  ${found}; ${shrunk}`]),
    ...(others.length === 0 || isGiven ? [] : [`  before shrinking also: ${others.join(', ')}`]),
    '',
    timeline.trimEnd(),
    '',
    ...text.split('\n').map((line) => `  ${line}`),
    '',
    ...(saved === null ? [] : [`  kept as ${saved}`]),
    `  again: ${again} --scenario ${file}`,
    ...(isGiven ? [] : [`  before shrinking: ${again} --seed ${seed} --scenarios 1`]),
  ];
}
