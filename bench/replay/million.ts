// A recording of a million events: how long it takes from the file's bytes to a workload, and how much memory, in a process of its own.

import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Expansion, Op } from '../../src/core/workload.ts';
import { opCodes } from '../../src/core/workload.ts';
import { decodeTrace, encodeTrace } from '../../src/traces/file.ts';
import { expandRecording } from '../../src/traces/replay.ts';
import { row } from '../lib.ts';
import { recordReplay } from './measure.ts';

const limits = { seconds: 3, megabytes: 500 };

/** Pairs that pass a unit to and fro, until about a million things have happened. */
function chatter(): Expansion {
  const pairs = 40;
  const turns = 12_500;
  const talk = (own: number, other: number): Op[] => [
    { code: opCodes.RUN, a: 0, b: 20_000n },
    { code: opCodes.SIGNAL, a: other, b: 1n },
    { code: opCodes.WAIT, a: own, b: 0n },
    { code: opCodes.REPEAT, a: turns, b: 3n },
  ];
  const about = { round: 0, background: false, forked: false, startNs: 0, nice: 0, cgroup: -1, group: 0 };
  const tasks = Array.from({ length: 2 * pairs }, (_, i) => ({
    ...{ ...about, comm: `talker-${i}`, schedClass: 'other' as const, cpus: 0n },
    ops: talk(i, i ^ 1),
  }));
  return {
    ...{ semaphores: 2 * pairs, locks: 0, pipes: 0, rounds: 1, warmupRounds: 0 },
    ...{ series: [], cgroups: [], tasks },
  };
}

export async function millionEvents(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'schedcp-million-'));
  const file = join(directory, 'million.trace');
  try {
    const trace = recordReplay(chatter(), 2);
    writeFileSync(file, encodeTrace(trace));
    const script = fileURLToPath(import.meta.url);
    const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', script, file]);
    const { seconds, megabytes, operations } = JSON.parse(stdout) as Record<string, number>;
    const events = trace.count.toLocaleString('en');
    row(
      `a recording of ${events} events: read, and made a workload`,
      `≤ ${limits.seconds} s, ≤ ${limits.megabytes} MB`,
      `${seconds!.toFixed(2)} s, ${megabytes!.toFixed(0)} MB at most, ${operations!.toLocaleString('en')} operations`,
      seconds! <= limits.seconds && megabytes! <= limits.megabytes,
    );
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** In the process of its own. */
function expandFile(path: string): void {
  const started = performance.now();
  const { tasks } = expandRecording(decodeTrace(readFileSync(path)), { seed: 1 });
  const seconds = (performance.now() - started) / 1000;
  const operations = tasks.reduce((sum, { ops }) => sum + ops.length, 0);
  const megabytes = process.resourceUsage().maxRSS / 1024;
  process.stdout.write(JSON.stringify({ seconds, megabytes, operations }));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) expandFile(process.argv[2]!);
