// Observing what runs on this very machine: recorded or counted by probes where the kernel lets us, else by what procfs tells everybody. How the machine
// schedules is not changed, and nothing stays behind.

import { readFile } from 'node:fs/promises';
import { release } from 'node:os';
import { join } from 'node:path';
import { Fault } from '../core/errors.ts';
import type { Observation, ObservationWish, Target } from '../core/observation.ts';
import { onlineCount, type Surfaces } from '../linux/host.ts';
import { run } from '../linux/process.ts';
import { sampleProcfs } from '../linux/procfs-counters.ts';
import { type Recording, type RecordTarget, record, whyNotRecord } from '../linux/recorder.ts';
import type { Runner, RunnerEvent } from '../linux/runner.ts';
import { watch } from '../linux/watcher.ts';
import { readProbeEvents } from '../traces/probe-events.ts';

export interface ObserverParts {
  /** Built when it is needed first. */
  readonly runner: () => Promise<Runner>;
  /** Where the objects of the probes are. */
  readonly probes: string;
  /** Default: this machine's. */
  readonly surfaces?: Surfaces;
}

export async function observeHost(
  parts: ObserverParts,
  target: Target,
  wish: ObservationWish,
  signal: AbortSignal,
): Promise<Observation> {
  const refused = whyNotRecord();
  const how = wish.how === 'auto' ? usual(target, refused !== undefined) : wish.how;
  if (wish.mustRecord && how !== 'record') throw noRecording(how, wish.how === 'auto' ? refused : undefined);
  if (how !== 'procfs' && refused !== undefined) throw refused;
  const observe = { record: recorded, watch: watched, procfs: sampled }[how];
  const machine = { name: 'host', kernel: release(), cpus: cpusOf(parts) } as const;
  return { ...(await observe(parts, target, wish, signal)), machine };
}

function noRecording(how: 'watch' | 'procfs', refused: Fault | undefined): Fault {
  const why = refused?.message ?? `${how} makes none`;
  const next =
    refused === undefined
      ? 'observe with how record'
      : 'run it as root, observe a command in a guest (machine micro-vm)';
  return new Fault('unsupported', `only a recording can be written to a file: ${why}`, {
    next: `${next}, or leave the file out`,
  });
}

/** The machine as a whole does too much to be recorded for long. */
function usual({ what }: Target, isRefused: boolean): 'record' | 'watch' | 'procfs' {
  if (isRefused) return 'procfs';
  return what === 'machine' ? 'watch' : 'record';
}

/** Those that are online: this process may be kept to some of them, the workload uses them all. */
const cpusOf = ({ surfaces }: ObserverParts): number => onlineCount(surfaces);

type Found = Omit<Observation, 'machine'>;

async function recorded(
  parts: ObserverParts,
  target: Target,
  { seconds, events }: ObservationWish,
  signal: AbortSignal,
): Promise<Found> {
  const object = await readFile(join(parts.probes, 'record.bpf.o'));
  const options = { object, events, limitMs: seconds * 1000, signal };
  const recording = await record(await parts.runner(), whom(target), options);
  const name = target.what === 'command' ? { name: target.command.argv.join(' ') } : {};
  const trace = readProbeEvents(recording.raw, { cpus: cpusOf(parts), release: release(), ...name });
  return { trace, ...outputOf(recording.events) };
}

function whom(target: Target): RecordTarget {
  if (target.what === 'command') return { kind: 'command', ...target.command };
  if (target.what === 'process') return { kind: 'pid', pid: target.pid };
  return target.what === 'cgroup' ? { kind: 'cgroup', path: target.path } : { kind: 'all' };
}

async function watched(
  parts: ObserverParts,
  target: Target,
  { seconds }: ObservationWish,
  signal: AbortSignal,
): Promise<Found> {
  const object = await readFile(join(parts.probes, 'watch.bpf.o'));
  const { counters, events } = await watch(await parts.runner(), whom(target), { object, seconds }, signal);
  return { counters, ...outputOf(events) };
}

async function sampled(
  { surfaces }: ObserverParts,
  target: Target,
  { seconds }: ObservationWish,
  signal: AbortSignal,
): Promise<Found> {
  if (target.what === 'command') return sampledCommand(target.command, seconds, signal);
  const durationMs = seconds * 1000;
  if (target.what === 'machine')
    return { counters: await sampleProcfs({ subject: 'machine', durationMs }, signal, surfaces) };
  const subject = target.what === 'process' ? { pid: target.pid } : { cgroup: target.path };
  return { counters: await sampleProcfs({ subject, durationMs }, signal, surfaces) };
}

/** Starts the command as anybody would, and looks at its tree until it ends. */
async function sampledCommand(
  { argv: [program = '', ...args], env, cwd }: Extract<Target, { what: 'command' }>['command'],
  seconds: number,
  signal: AbortSignal,
): Promise<Found> {
  const durationMs = seconds * 1000;
  let pid = 0;
  const running = run(program, args, {
    ...{ env, cwd, signal, limitMs: durationMs, outputLimit: 65_536 },
    started: (id) => {
      pid = id;
    },
  });
  running.catch(() => {}); // told below
  const counters =
    pid === 0
      ? undefined
      : await sampleProcfs({ subject: { pid }, durationMs, until: running, isOurs: true }, signal);
  const { code, signal: killed, stdout, stderr, timedOut } = await running;
  const end = code === null ? `signal ${killed}` : `exit code ${code}`;
  const exit = timedOut ? `${end}, killed after ${seconds} s` : end;
  return { ...(counters && { counters }), output: { stdout, stderr, exit, wasEnded: timedOut } };
}

/** Of a command: how it ended. */
export function outputOf(events: Recording['events']): Pick<Observation, 'output'> {
  const run = events.findLast(
    (event): event is Extract<RunnerEvent, { event: 'run' }> => event.event === 'run',
  );
  if (run === undefined) return {};
  const limit = events.find((event) => event.event === 'limit');
  const end = run.signal === 0 ? `exit code ${run.exit}` : `signal ${run.signal}`;
  const exit =
    limit?.event === 'limit' ? `${end}, after a limit was hit: ${limit.detail || limit.what}` : end;
  const { stdout, stderr, userNs, systemNs, maxRssKiB } = run;
  return {
    output: { stdout, stderr, exit, wasEnded: limit !== undefined, usage: { userNs, systemNs, maxRssKiB } },
  };
}
