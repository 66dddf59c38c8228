// Collects the fingerprints' data set from class programs: each runs pinned to two CPUs, once for 2 s and once for 20 s, recorded by probes; the shorter
// recording is replayed in the simulator on 2 and on 16 CPUs. Needs root, BTF, a disk, and a quarter of an hour. Shapes are kept in runs.jsonl.

import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Fault } from '../../src/core/errors.ts';
import type { ClassName, Shape } from '../../src/core/profile.ts';
import type { Trace } from '../../src/core/trace.ts';
import { openCache } from '../../src/linux/cache.ts';
import { record } from '../../src/linux/recorder.ts';
import { buildRunner, type Runner } from '../../src/linux/runner.ts';
import { countersOf } from '../../src/profiles/from-trace.ts';
import { shapeOf } from '../../src/profiles/shape.ts';
import { bursts } from '../../src/traces/bursts.ts';
import { readProbeEvents } from '../../src/traces/probe-events.ts';
import type { ClassProgram } from '../classes/programs/program.ts';
import { programsOf } from '../classes/programs.ts';
import { compact } from '../classes/runs.ts';
import { groupOf, openStage, type Stage, start } from '../classes/stage.ts';
import { replayedShape } from './simulated.ts';

export interface FingerprintRun {
  readonly workload: string;
  readonly label: string;
  readonly seconds: number;
  readonly cpus: number;
  readonly simulated: boolean;
  readonly shape: Shape;
}

const root = fileURLToPath(new URL('../..', import.meta.url));
export const runsFile = fileURLToPath(new URL('runs.jsonl', import.meta.url));
const [short, long] = [2, 20];
const room = 3_000_000;
const workers = 3;
const eachClass = 4;

export function readFingerprintRuns(): FingerprintRun[] {
  if (!existsSync(runsFile)) return [];
  const lines = readFileSync(runsFile, 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as FingerprintRun);
}

/** The first programs of each class, or those named; what is in the file already is not run again. */
export async function collect(wanted: readonly string[]): Promise<void> {
  const known = new Set(readFingerprintRuns().map(({ workload }) => workload));
  const stage = await openStage();
  const runner = await buildRunner(openCache(), `${root}/runner`);
  for (const [label, programs] of Object.entries(programsOf)) {
    const chosen =
      wanted.length === 0
        ? programs.slice(0, eachClass)
        : programs.filter(({ name }) => wanted.includes(name));
    for (const program of chosen) {
      if (known.has(program.name)) continue;
      try {
        keep(await runsOf(stage, runner, program, label as ClassName));
        process.stdout.write(`${program.name}\n`);
      } catch (error) {
        process.stdout.write(`${program.name}: ${(error as Error).message}\n`);
      }
    }
  }
}

function keep(runs: readonly FingerprintRun[]): void {
  for (const run of runs)
    appendFileSync(runsFile, `${JSON.stringify({ ...run, shape: compact(run.shape) })}\n`);
}

async function runsOf(
  stage: Stage,
  runner: Runner,
  program: ClassProgram,
  label: ClassName,
): Promise<FingerprintRun[]> {
  const of = { workload: program.name, label, cpus: 2, simulated: false };
  const brief = await recorded(stage, runner, program, short);
  const extended = await recorded(stage, runner, program, long);
  return [
    { ...of, seconds: short, shape: realShape(brief) },
    { ...of, seconds: long, shape: realShape(extended) },
    ...replayed(brief).map(({ cpus, shape }) => ({ ...of, seconds: short, simulated: true, cpus, shape })),
  ];
}

/** Nothing where there is nothing to replay: who slept all the time. */
function replayed(trace: Trace): { cpus: number; shape: Shape }[] {
  try {
    return [2, 16].map((cpus) => ({ cpus, shape: replayedShape(trace, cpus) }));
  } catch (error) {
    if (error instanceof Fault && error.code === 'unsupported') return [];
    throw error;
  }
}

/** It had two CPUs of those that the machine has. */
function realShape(trace: Trace): Shape {
  return shapeOf({ ...countersOf(trace, bursts(trace)), cpus: 2 });
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function recorded(
  stage: Stage,
  runner: Runner,
  program: ClassProgram,
  seconds: number,
): Promise<Trace> {
  const path = `${groupOf.path}-fingerprint`;
  const directory = `${groupOf.directory}-fingerprint`;
  const pinned = `taskset -cp 0,1 $$ > /dev/null; ${program.run}`;
  const running = start(stage, pinned, workers, directory);
  try {
    await pause(1200);
    const load =
      program.load === undefined ? undefined : start(stage, program.load, workers, `${directory}-load`);
    try {
      await pause(800);
      const object = readFileSync(`${root}/probes/record.bpf.o`);
      const { raw } = await record(
        runner,
        { kind: 'cgroup', path },
        { object, events: room, limitMs: 1000 * seconds },
      );
      if (running.pids().length === 0) throw new Error(`ended too early: ${running.errors()}`);
      return readProbeEvents(raw, { cpus: 4, release: release() });
    } finally {
      await load?.stop();
    }
  } finally {
    await running.stop();
  }
}
