// From what the caller named (a standard workload, a file, a recording, a command) to a trial on a ready machine.

import { canonicalJson } from '../core/canonical.ts';
import { Fault } from '../core/errors.ts';
import { findMetric, metricDefinitions } from '../core/metrics.ts';
import { profileSchema } from '../core/profile.ts';
import type { Arm, TopologyRef, WorkloadRef } from '../core/records.ts';
import type { Trace } from '../core/trace.ts';
import type { WorkloadFile } from '../core/workload.ts';
import type { Goal } from '../judge/types.ts';
import type { Program } from '../knowledge/workloads.ts';
import type { Trial } from '../stages/trials.ts';
import { encodeTrace, isTraceFile } from '../traces/file.ts';
import { importTrace } from '../traces/import.ts';
import { expandRecording } from '../traces/replay.ts';
import { encode } from '../workload/encoding.ts';
import { expand } from '../workload/expand.ts';
import { hints } from '../workload/hints.ts';
import { parseWorkload } from '../workload/read.ts';
import { shapeMistake } from './schemas.ts';
import type { Call } from './service.ts';
import type { CostProfile, Mode, ReadyMachine, World } from './world.ts';

/** What a trial needs beside the workload. */
export interface Setting {
  readonly world: World;
  readonly ready: ReadyMachine;
  readonly mode: Mode | 'auto';
  readonly cpus: number | undefined;
  readonly memoryMiB: number | undefined;
  /** More of the topology, for the simulator. */
  readonly shape?: Omit<TopologyRef, 'cpus' | 'memoryMiB'> | undefined;
  readonly limitMs: number;
  /** Arms that are told the lengths of tasks. */
  readonly hinted: ReadonlySet<string>;
  readonly call: Call;
}

export interface Command {
  readonly name: string;
  readonly argv: readonly string[];
  readonly with: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly patterns: Readonly<Record<string, string>>;
  readonly runs: number;
}

export type Named =
  | {
      readonly kind: 'declared';
      readonly name: string;
      readonly file: WorkloadFile;
      readonly goal: WorkloadFile['goal'];
    }
  | {
      readonly kind: 'recorded';
      readonly name: string;
      readonly trace: Trace;
      /** Of the file that it was read from. */
      readonly bytes: Uint8Array;
      readonly goal: WorkloadFile['goal'];
    }
  | {
      readonly kind: 'command';
      readonly name: string;
      readonly command: Command;
      readonly goal: { metric: string; direction: 'lower' | 'higher' };
    };

/** What expands to operations. */
export type Expanded = Exclude<Named, { kind: 'command' }>;

/** A standard workload by name; a workload file or a recording (ours, or text of perf) by path; what a profile on record was made of, by its digest. */
export async function namedWorkload(world: World, name: string, call: Call): Promise<Named> {
  const found = await foundWorkload(world, name);
  if (found.kind !== 'program') return found;
  const { program } = found;
  const ready = await world.readyProgram(program, call);
  const command: Command = { name, ...ready, patterns: program.patterns, runs: program.runs };
  return { kind: 'command', name, command, goal: program.goal };
}

/** What the simulator plays: a program is refused before anything is fetched for it. @throws Fault unsupported */
export async function playedWorkload(world: World, name: string): Promise<Expanded> {
  const found = await foundWorkload(world, name);
  if (found.kind !== 'program') return found;
  throw new Fault(
    'unsupported',
    `${name} is a program: the simulator plays declared workloads and recordings`,
    {
      next: `it needs a micro-VM: tune --workload ${name}`,
    },
  );
}

async function foundWorkload(
  world: World,
  name: string,
): Promise<Expanded | { readonly kind: 'program'; readonly program: Program }> {
  if (name.includes('/') || /\.(json|trace|txt)$/.test(name))
    return workloadOf(await world.readFile(name), name);
  if (/^[0-9a-f]{8,64}$/.test(name)) return recordedBehind(world, name);
  const standard = await world.workloads.get(name);
  if (standard.kind === 'program') return standard;
  const file = parseWorkload(standard.text, name);
  return { kind: 'declared', name, file, goal: file.goal };
}

async function recordedBehind(world: World, prefix: string): Promise<Expanded> {
  const digest = await world.store.records.find(prefix);
  const read = profileSchema.safeParse(await world.store.records.get(digest));
  const trace = read.success ? read.data.from[0] : undefined;
  if (trace !== undefined) return workloadOf(await world.store.blobs.get(trace), `record ${prefix}`);
  throw new Fault('unsupported', `the record ${prefix} is not the profile of a recording`, {
    next: 'make one with: schedcp observe -- COMMAND; it names the record',
  });
}

/** `where`: whose bytes they are. @throws Fault malformed */
export function workloadOf(bytes: Uint8Array, where: string): Expanded {
  const trace = importTrace(bytes);
  if (trace === undefined) {
    if (/\.(trace|txt)$/.test(where))
      throw new Fault('malformed', `${where} is no recording`, {
        next: 'make one with: schedcp observe --record FILE.trace -- COMMAND; or with perf sched record, then perf sched script --ns >FILE.txt',
      });
    const file = parseWorkload(Buffer.from(bytes).toString('utf8'), where);
    return { kind: 'declared', name: file.name, file, goal: file.goal };
  }
  const name = trace.subject.name.slice(0, 60) || where;
  const kept = isTraceFile(bytes) ? bytes : encodeTrace(trace);
  return { kind: 'recorded', name, trace, bytes: kept, goal: { metric: 'makespanNs', direction: 'lower' } };
}

/**
 * Unit and direction of a metric. A pattern's metric has no unit and needs a direction.
 * Throws Fault: not-found (no such metric), malformed (no direction).
 */
export function goalOf(
  metric: string,
  direction: 'lower' | 'higher' | undefined,
  own: { metric: string; direction: 'lower' | 'higher' },
  patterns: readonly string[] = [],
): Goal {
  const known = findMetric(metric);
  if (known === undefined && metric !== own.metric && !patterns.includes(metric)) {
    const names = Object.entries(metricDefinitions).map(([name, { per }]) =>
      per === 'series' ? `${name}:SERIES` : name,
    );
    throw new Fault('not-found', `no metric ${metric}`, {
      next: `there are: ${[...patterns, ...names].join(', ')}; a command's own numbers come with --patterns`,
    });
  }
  const way = direction ?? (metric === own.metric ? own.direction : known?.definition.better);
  if (way === undefined) {
    throw new Fault('malformed', `is a lower or a higher ${metric} better?`, {
      next: 'say so with --direction lower or --direction higher',
    });
  }
  return { metric, direction: way, unit: known?.definition.unit ?? '' };
}

/** Prepares a workload for runs: mode, size of the guest, and what each seed makes of it. */
export async function trialOf(setting: Setting, named: Named): Promise<Trial> {
  return named.kind === 'command' ? commandTrial(setting, named.command) : expandedTrial(setting, named);
}

async function expandedTrial(setting: Setting, named: Expanded): Promise<Trial> {
  const { world, ready, call } = setting;
  const mode = await ready.chooseMode(setting.mode, 'declared', call);
  const own = mode === 'native' ? ready.cpus : undefined; // a host has the CPUs that it has
  const cpus = setting.cpus ?? own ?? (named.kind === 'recorded' ? named.trace.cpus : 4);
  checkCpus(mode, cpus, ready.cpus);
  const mistake = shapeMistake({ cpus, ...setting.shape });
  if (mistake !== undefined)
    throw new Fault('malformed', mistake, { next: 'give numbers that divide, the CPUs too' });
  const source = named.kind === 'recorded' ? named.bytes : Buffer.from(canonicalJson(named.file));
  const fileDigest = await world.store.blobs.put(source);
  const expansions = new Map<
    number,
    Promise<{ reference: WorkloadRef; hints: NonNullable<Arm['policy']>['hints'] }>
  >();
  const expanded = (seed: number) => {
    const known = expansions.get(seed) ?? expandOnce(world, named, fileDigest, seed, cpus);
    expansions.set(seed, known);
    return known;
  };
  return {
    name: named.name,
    reference: ready.reference(mode, 'restored'),
    topology: { cpus, memoryMiB: setting.memoryMiB ?? ready.memoryFor(undefined), ...setting.shape },
    limitMs: setting.limitMs,
    parallel: mode === 'deterministic' || mode === 'simulated' ? ready.machine.parallel : 1,
    workload: async (seed) => (await expanded(seed)).reference,
    async armFor(arm, seed) {
      const told = setting.hinted.has(arm.id) ? (await expanded(seed)).hints : undefined;
      return told === undefined || arm.policy === undefined
        ? arm
        : { ...arm, policy: { ...arm.policy, hints: told } };
    },
  };
}

async function expandOnce(
  world: World,
  named: Expanded,
  file: string,
  seed: number,
  cpus: number,
): Promise<{ reference: WorkloadRef; hints: NonNullable<Arm['policy']>['hints'] }> {
  const put = (bytes: Uint8Array): Promise<string> => world.store.blobs.put(bytes);
  if (named.kind === 'recorded') {
    const expansion = await put(encode(expandRecording(named.trace, { seed })));
    return { reference: { kind: 'recorded', name: named.name, trace: file, expansion }, hints: undefined };
  }
  const expansion = expand(named.file, { seed, cpus });
  const reference: WorkloadRef = {
    kind: 'declared',
    name: named.name,
    file,
    expansion: await put(encode(expansion)),
  };
  const told = hints(expansion).map(
    ({ comm, lengthNs, rank, dependents }) => [comm, { lengthNs, rank, dependents }] as const,
  );
  return { reference, hints: Object.fromEntries(told) };
}

async function commandTrial(setting: Setting, command: Command): Promise<Trial> {
  const { ready, call } = setting;
  const [program] = command.argv;
  if (program === undefined)
    throw new Fault('malformed', 'no command given', { next: 'give the command and its arguments' });
  const mode = await ready.chooseMode(setting.mode, 'command', call);
  const cpus = setting.cpus ?? (mode === 'native' ? ready.cpus : Math.min(ready.cpus, 4));
  checkCpus(mode, cpus, ready.cpus);
  const packed = await ready.pack(program, command.with, { cwd: command.cwd, env: command.env, call });
  const reference: WorkloadRef = {
    kind: 'command',
    name: command.name,
    argv: [packed.executable, ...command.argv.slice(1)],
    cwd: command.cwd,
    env: { ...command.env },
    with: [...command.with],
    payload: packed.digest,
    runs: command.runs,
    patterns: { ...command.patterns },
  };
  const reasons = ready.machine.accepts(reference);
  if (reasons.length > 0)
    throw new Fault('unsupported', reasons.join('; '), { next: 'run it on another machine' });
  if (packed.bytes > 0)
    call.progress({ text: `packed ${command.name}: ${(packed.bytes / 1e6).toFixed(1)} MB` });
  return {
    name: command.name,
    reference: ready.reference(mode, 'restored'),
    topology: { cpus, memoryMiB: setting.memoryMiB ?? ready.memoryFor(packed.digest) },
    limitMs: setting.limitMs,
    parallel: 1,
    workload: async () => reference,
    armFor: async (arm) => arm,
  };
}

/** Nodes, caches and threads as asked for. */
export function wishedShape(wish: {
  readonly nodes?: number | undefined;
  readonly llcs?: number | undefined;
  readonly threads?: number | undefined;
}): NonNullable<Setting['shape']> {
  const { nodes, llcs, threads } = wish;
  return { ...(nodes && { nodes }), ...(llcs && { llcs }), ...(threads && { threads }) };
}

const mostGuestCpus = 16;

/** The simulator's costs where nobody says: a recording holds most of them; those of emulated CPUs, which share one host CPU, mean nothing for machines that no guest can be. */
export function usualCosts(named: Named, cpus: number | undefined, shape: Setting['shape']): CostProfile {
  if (named.kind === 'recorded') return 'recorded';
  return (cpus ?? 1) <= mostGuestCpus && Object.keys(shape ?? {}).length === 0 ? 'tcg' : 'hardware';
}

function checkCpus(mode: Mode, cpus: number, hostCpus: number): void {
  if (mode === 'simulated' || mode === 'native') return; // who has another number says so
  if (cpus > mostGuestCpus)
    throw new Fault('unsupported', `${cpus} CPUs: a guest has at most ${mostGuestCpus}`, {
      next: 'use --machine simulator for larger machines',
    });
  if (mode === 'deterministic' || cpus <= hostCpus) return;
  throw new Fault(
    'unsupported',
    `${cpus} CPUs in mode ${mode} on a host with ${hostCpus}: emulated CPUs would wait for each other`,
    {
      next: `use --cpus ${hostCpus}, or --mode deterministic with a declared workload`,
    },
  );
}
