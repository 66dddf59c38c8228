// Runs the class programs one after the other and keeps what was counted: by a recording, the standing watch and procfs at once, for two seconds each. Needs root,
// BTF, a disk, and half an hour. Counters are kept whole beside the inputs, shapes in runs/.

import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { Counters } from '../../src/core/counters.ts';
import { createRandom } from '../../src/lib/random.ts';
import { openCache } from '../../src/linux/cache.ts';
import { sampleProcfs } from '../../src/linux/procfs-counters.ts';
import { record } from '../../src/linux/recorder.ts';
import { buildRunner } from '../../src/linux/runner.ts';
import { watch } from '../../src/linux/watcher.ts';
import { countersOf } from '../../src/profiles/from-trace.ts';
import { shapeOf } from '../../src/profiles/shape.ts';
import { bursts } from '../../src/traces/bursts.ts';
import { readProbeEvents } from '../../src/traces/probe-events.ts';
import type { ClassProgram } from './programs/program.ts';
import { allProgramsOf } from './programs.ts';
import { type ClassRun, compact, runsDirectory } from './runs.ts';
import { labelOf } from './split.ts';
import { groupOf, openStage, type Stage, stageDirectory, staged } from './stage.ts';

const observedMs = 2000;
const room = 2_000_000;
const workersOf = [1, 3];
const root = fileURLToPath(new URL('../..', import.meta.url));

interface Counted {
  readonly recording: Counters;
  readonly watch: Counters;
  readonly procfs: Counters;
}

/** Programs whose class or name is among `wanted`; all, and the old runs removed, when it is empty. */
export async function collect(wanted: readonly string[]): Promise<void> {
  const stage = await openStage();
  mkdirSync(runsDirectory, { recursive: true });
  const chosen = Object.entries(allProgramsOf).flatMap(([label, programs]) =>
    programs
      .filter(({ name }) => wanted.length === 0 || wanted.includes(label) || wanted.includes(name))
      .map((program) => ({ program, file: join(runsDirectory, `${label}.jsonl`) })),
  );
  for (const { program, file } of chosen) forget(file, program.name);
  // In a mixed order: what others do on this machine meanwhile should not look like a class.
  for (const { program, file } of createRandom(2).shuffle(chosen)) {
    const varies = `${program.run} ${program.load}`.includes('$N') || `${program.load}`.includes('((N');
    for (const workers of varies ? workersOf : [1]) await collectOne(stage, program, workers, file);
  }
}

function forget(file: string, name: string): void {
  for (const kept of existsSync(keptDirectory()) ? readdirSync(keptDirectory()) : [])
    if (kept.startsWith(`${name}.`)) rmSync(join(keptDirectory(), kept));
  if (!existsSync(file)) return;
  const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean);
  const kept = lines.filter((line) => (JSON.parse(line) as ClassRun).program !== name);
  if (kept.length === 0) rmSync(file);
  else writeFileSync(file, `${kept.join('\n')}\n`);
}

async function collectOne(stage: Stage, program: ClassProgram, workers: number, file: string): Promise<void> {
  try {
    const counted = await staged(stage, program, workers, () => count());
    const run = runOf(program.name, workers, counted);
    appendFileSync(file, `${JSON.stringify(run)}\n`);
    mkdirSync(keptDirectory(), { recursive: true });
    const whole = gzipSync(JSON.stringify({ program: program.name, workers, ...counted }));
    writeFileSync(join(keptDirectory(), `${program.name}.${Date.now()}.json.gz`), whole);
    const said = `${run.others} CPUs used by others, ${run.events[0]} events, ${run.events[1]} lost`;
    process.stdout.write(`${program.name} ${workers}: ${said}\n`);
  } catch (error) {
    process.stdout.write(`${program.name} ${workers}: NOT COUNTED, ${(error as Error).message}\n`);
  }
}

function runOf(program: string, workers: number, { recording, watch: watched, procfs }: Counted): ClassRun {
  return {
    program,
    workers,
    others: Number(othersOf(procfs).toFixed(2)),
    events: [recording.events ?? 0, recording.lost ?? 0],
    recording: compact(shapeOf(recording)),
    watch: compact(shapeOf(watched)),
    procfs: compact(shapeOf(procfs)),
  };
}

const keptDirectory = (): string => join(stageDirectory(), 'counters');

/** Makes the shapes anew from the counters that lie beside the inputs: after a change of what a shape is. */
export function reshape(): void {
  const lines = new Map<string, string[]>();
  for (const file of readdirSync(keptDirectory()).sort()) {
    const text = gunzipSync(readFileSync(join(keptDirectory(), file))).toString('utf8');
    const { program, workers, ...counted } = JSON.parse(text) as Counted & {
      program: string;
      workers: number;
    };
    const label = labelOf.get(program);
    if (label === undefined) continue;
    lines.set(label, [...(lines.get(label) ?? []), JSON.stringify(runOf(program, workers, counted))]);
  }
  for (const [label, rows] of lines)
    writeFileSync(join(runsDirectory, `${label}.jsonl`), `${rows.join('\n')}\n`);
}

/** All three ways look at the same seconds. */
async function count(): Promise<Counted> {
  const runner = await buildRunner(openCache(), join(root, 'runner'));
  const probe = (name: string): Uint8Array => readFileSync(join(root, 'probes', `${name}.bpf.o`));
  const target = { kind: 'cgroup', path: groupOf.path } as const;
  const [recorded, watched, procfs] = await Promise.all([
    record(runner, target, { object: probe('record'), events: room, limitMs: observedMs }),
    watch(runner, target, { object: probe('watch'), seconds: observedMs / 1000, budget: 1 }),
    sampleProcfs({ subject: { cgroup: groupOf.path }, durationMs: observedMs }, new AbortController().signal),
  ]);
  const trace = readProbeEvents(recorded.raw, { cpus: procfs.cpus, release: release() });
  return { recording: countersOf(trace, bursts(trace)), watch: watched.counters, procfs };
}

/** CPUs that others (the load, the recorder, the rest of the machine) kept busy. */
function othersOf({ busyNs = 0, tasks, observedNs }: Counters): number {
  const own = tasks.reduce((sum, task) => sum + task.ranNs, 0);
  return Math.max(0, busyNs - own) / observedNs;
}
