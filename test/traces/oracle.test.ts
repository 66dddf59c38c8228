// What would have happened, where it is known: a declared workload runs under the default scheduler at 2 CPUs and is recorded; its replay under other policies and
// at other sizes is held against the declared workload itself there. Kernel work costs nothing on either side.

import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Trace } from '../../src/core/trace.ts';
import type { Expansion } from '../../src/core/workload.ts';
import { free } from '../../src/simulator/model/costs.ts';
import { Simulator } from '../../src/simulator/simulate.ts';
import { expandRecording } from '../../src/traces/replay.ts';
import { SimulatedTrace } from '../../src/traces/simulated.ts';
import { expand } from '../../src/workload/expand.ts';
import { parseWorkload } from '../../src/workload/read.ts';
import { root } from '../support/paths.ts';

const simulator = new Simulator();

function simulated(
  expansion: Expansion,
  cpus: number,
  policy?: string,
): { makespanNs: number; trace: Trace } {
  const recorder = new SimulatedTrace(expansion, { name: '', cpus, release: '' });
  const { events, endNs } = simulator.run({
    ...{ expansion, shape: { cpus, llcs: 1 }, costs: free, mode: 'fast', seed: 1, recorder },
    ...{ startOffsetNs: 0, pidOffset: 0, limitNs: 600e9, timeoutMs: 5000 },
    ...(policy === undefined ? {} : { policy: { object: objectOf(policy), maps: [] } }),
  });
  expect(events).toContainEqual({ event: 'done', status: 'ok' });
  const round = events.find((event) => event.event === 'round');
  return { makespanNs: Number(round?.makespanNs), trace: recorder.finish(endNs) };
}

function objectOf(policy: string): Uint8Array {
  return readFileSync(`${root}/policies/${policy}/${policy}.bpf.o`);
}

/** What a recorder of a command sees: those that are killed at the end are still there when it is over. */
function untilTheEnd(trace: Trace, { tasks }: Expansion): Trace {
  const { atNs, task, kind, subject, count } = trace;
  const isSeen = (i: number): boolean =>
    atNs[i]! < subject.endNs || (kind[i] === 1 && tasks[task[i]!]?.background === false);
  const kept = Array.from({ length: count }, (_, i) => i).filter(isSeen);
  const column = <C extends { [i: number]: number }>(from: C): number[] => kept.map((i) => from[i]!);
  return {
    ...trace,
    count: kept.length,
    durationNs: subject.endNs,
    atNs: Float64Array.from(column(atNs)),
    kind: Uint8Array.from(column(kind)),
    cpu: Uint16Array.from(column(trace.cpu)),
    task: Int32Array.from(column(task)),
    other: Int32Array.from(column(trace.other)),
    detail: Uint8Array.from(column(trace.detail)),
    object: Uint32Array.from(column(trace.object)),
  };
}

const names = readdirSync(`${root}/workloads`)
  .filter((name) => name.endsWith('.json'))
  .map((name) => name.replace('.json', ''));

/**
 * Allowed relative errors. What a recording cannot know: who would have had to wait for a lock, a unit or room in a pipe elsewhere, where at 2 CPUs it had not
 * (message-worker, pipes, long-tail-lock), and which worker would have taken what.
 */
const recorded = 0.01;
const elsewhere = 0.07;

describe.each(names)('%s', (name) => {
  const file = parseWorkload(readFileSync(`${root}/workloads/${name}.json`, 'utf8'), name);
  const declared = expand({ ...file, rounds: 1, warmupRounds: 0 }, { seed: 1, cpus: 2 });
  const { makespanNs, trace } = simulated(declared, 2);
  const replay = expandRecording(untilTheEnd(trace, declared));

  test('as it was recorded', () => {
    expect(Math.abs(simulated(replay, 2).makespanNs / makespanNs - 1)).toBeLessThan(recorded);
  });

  test.each([
    [1, undefined],
    [4, undefined],
    [2, 'fifo'],
    [2, 'vtime'],
    [4, 'deadline'],
  ] as const)('at %i CPUs under %s', (cpus, policy) => {
    const truth = simulated(declared, cpus, policy).makespanNs;
    expect(Math.abs(simulated(replay, cpus, policy).makespanNs / truth - 1)).toBeLessThan(elsewhere);
  });
});
