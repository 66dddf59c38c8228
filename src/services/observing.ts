// One observation, from what was asked for to a profile on record: on this host, or in a guest.

import { Fault } from '../core/errors.ts';
import type { Observation, Target } from '../core/observation.ts';
import type { Profile } from '../core/profile.ts';
import type { PolicyWords } from '../profiles/suggestions.ts';
import { type Kept, keepProfile } from '../stages/observe.ts';
import { experimentOf, unrecorded } from '../stages/trials.ts';
import { defaultEntrant } from './arms.ts';
import type { Call } from './service.ts';
import { type Command, type Setting, trialOf } from './trials.ts';
import type { ReadyMachine, World } from './world.ts';

/** What a caller says of the target and how to look at it: the fields of observe-schemas.ts. */
export interface Asked {
  readonly command?: readonly string[] | undefined;
  readonly pid?: number | undefined;
  readonly cgroup?: string | undefined;
  readonly all: boolean;
  readonly seconds?: number | undefined;
  readonly machine: 'auto' | 'host' | 'micro-vm';
  readonly how: 'auto' | 'record' | 'watch' | 'procfs';
  readonly events: number;
  /** Files for the recording. */
  readonly record?: string | undefined;
  readonly perfetto?: string | undefined;
  readonly with: readonly string[];
  readonly cwd?: string | undefined;
  readonly env: Readonly<Record<string, string>>;
  readonly cpus?: number | undefined;
  readonly memory?: number | undefined;
  readonly kernel?: string | undefined;
}

export interface Seen extends Kept {
  readonly output?: Observation['output'];
}

const [usualSeconds, usualLimit] = [5, 600];

export async function observeTarget(world: World, asked: Asked, call: Call): Promise<Seen> {
  const subject = subjectOf(asked);
  call.progress({ text: `observing ${subject.name}` });
  const observation =
    asked.machine === 'micro-vm' ? await inGuest(world, asked, call) : await onHost(world, asked, call);
  const { machine, trace, counters, output } = observation;
  const endsByItself = output?.wasEnded === true ? false : undefined;
  const kept = await keepProfile(world.store, {
    ...{ subject, machine, trace, counters, endsByItself },
    usage: output?.usage,
  });
  return { ...kept, ...(output && { output }) };
}

function onHost(world: World, asked: Asked, call: Call): Promise<Observation> {
  const target = targetOf(world, asked);
  const seconds = asked.seconds ?? (target.what === 'command' ? usualLimit : usualSeconds);
  const mustRecord = asked.record !== undefined || asked.perfetto !== undefined;
  return world.observe(target, { how: asked.how, seconds, events: asked.events, mustRecord }, call);
}

function targetOf(world: World, { command = [], pid, cgroup, env, cwd }: Asked): Target {
  if (command.length > 0) return { what: 'command', command: { argv: command, env, cwd: cwd ?? world.cwd } };
  if (pid !== undefined) return { what: 'process', pid };
  return cgroup === undefined ? { what: 'machine' } : { what: 'cgroup', path: cgroup };
}

function subjectOf({ command = [], pid, cgroup }: Asked): Profile['subject'] {
  if (command.length > 0) return { what: 'command', name: command.join(' ').slice(0, 200) };
  if (pid !== undefined) return { what: 'process', name: `process ${pid}` };
  return cgroup === undefined ? { what: 'machine', name: 'this machine' } : { what: 'cgroup', name: cgroup };
}

async function inGuest(world: World, asked: Asked, call: Call): Promise<Observation> {
  const { command = [], env, with: paths, kernel, cpus, memory, seconds, how } = asked;
  if (command.length === 0)
    throw new Fault('unsupported', 'a guest runs only what is started in it', {
      next: 'give a command',
    });
  if (how === 'watch' || how === 'procfs')
    throw new Fault('unsupported', `guests are recorded, not observed with ${how}`, {
      next: 'leave `how` out',
    });
  const ready = await world.openMachine({ machine: 'micro-vm', kernel }, call);
  const name = command.join(' ').slice(0, 60);
  const own: Command = {
    name,
    argv: command,
    with: paths,
    env,
    cwd: asked.cwd ?? world.cwd,
    patterns: {},
    runs: 1,
  };
  return recordCommand(
    world,
    ready,
    own,
    { cpus, memoryMiB: memory, seconds: seconds ?? usualLimit, events: asked.events },
    call,
  );
}

/** Runs a command in a guest under the default scheduler, recorded. A failed run is a Fault with what the guest said. */
export async function recordCommand(
  world: World,
  ready: ReadyMachine,
  command: Command,
  size: {
    readonly cpus: number | undefined;
    readonly memoryMiB: number | undefined;
    readonly seconds: number;
    readonly events: number;
    readonly mode?: Setting['mode'];
  },
  call: Call,
): Promise<Observation> {
  if (ready.recorded === undefined)
    throw new Fault('unsupported', `${ready.machine.name} cannot be recorded`, {
      next: 'use machine host',
    });
  const setting = {
    ...{ world, ready, call, cpus: size.cpus, memoryMiB: size.memoryMiB },
    mode: size.mode ?? ('auto' as const),
    limitMs: size.seconds * 1000,
    hinted: new Set<string>(),
  };
  const goal = { metric: 'elapsedNs', direction: 'lower' as const };
  const trial = await trialOf(setting, { kind: 'command', name: command.name, command, goal });
  const experiment = await experimentOf(trial, { arm: defaultEntrant.arm, candidate: unrecorded }, 1);
  const { outcome, trace } = await ready.recorded({ ...experiment, from: [] }, size.events, call.signal);
  if (outcome.finding !== null) {
    const { message, detail, next } = outcome.finding;
    const more = { ...(detail && { where: detail }), ...(next && { next }) };
    throw new Fault(
      'unavailable',
      `the command cannot be observed${ready.machine.name === 'host' ? '' : ' in a guest'}: ${message}`,
      more,
    );
  }
  const { kernel } = trial.reference;
  const machine = { name: ready.machine.name, kernel: kernel.release, cpus: trial.topology.cpus };
  const { stdout, stderr } = outcome.output ?? { stdout: '', stderr: '' };
  const { userNs, systemNs, maxRssKiB } = outcome.metrics;
  const isTold = userNs !== undefined && systemNs !== undefined && maxRssKiB !== undefined;
  const usage = isTold ? { usage: { userNs, systemNs, maxRssKiB } } : {};
  return { trace, machine, output: { stdout, stderr, exit: 'exit code 0', ...usage } };
}

/** What the library's policies say of themselves, for advice. */
export async function policyWords(world: World): Promise<PolicyWords[]> {
  const all = await world.policies.list();
  return all.map(({ card: { name, summary, goodFor, badFor } }) => ({ name, summary, goodFor, badFor }));
}
