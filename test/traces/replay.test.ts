// What is drawn as a trace is replayed to its end by the simulator, whoever schedules and however many CPUs there are, and each task gets the CPU time that it had.

import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Trace } from '../../src/core/trace.ts';
import { type Expansion, opCodes } from '../../src/core/workload.ts';
import { free } from '../../src/simulator/model/costs.ts';
import { Simulator } from '../../src/simulator/simulate.ts';
import { expandRecording } from '../../src/traces/replay.ts';
import { decode, encode } from '../../src/workload/encoding.ts';
import { damaged, drawnTrace } from '../support/drawn-trace.ts';

const simulator = new Simulator();
const fifo = readFileSync(new URL('../../policies/fifo/fifo.bpf.o', import.meta.url));

function simulated(expansion: Expansion, cpus: number, hasPolicy: boolean) {
  const { events, finding } = simulator.run({
    ...{ expansion, shape: { cpus, llcs: 1 }, costs: free, mode: 'checked', seed: 1 },
    ...{ startOffsetNs: 0, pidOffset: 0, limitNs: 3.6e12, timeoutMs: 5000 },
    ...(hasPolicy ? { policy: { object: fifo, maps: [] } } : {}),
  });
  expect(finding).toBeUndefined();
  expect(events).toContainEqual({ event: 'done', status: 'ok' });
  return events;
}

const workOf = (expansion: Expansion): number[] =>
  expansion.tasks.map(({ ops }) =>
    ops.reduce((sum, { code, b }) => (code === opCodes.RUN ? sum + Number(b) : sum), 0),
  );

const cases = fc.record({
  seed: fc.integer({ min: 0, max: 2 ** 31 }),
  traced: fc.constantFrom(1, 2, 3),
  cpus: fc.constantFrom(1, 2, 4),
  hasPolicy: fc.boolean(),
  isDamaged: fc.boolean(),
  steps: fc.integer({ min: 20, max: 300 }),
});

describe('drawn traces', () => {
  test('end, with the same work', () => {
    fc.assert(
      fc.property(cases, ({ seed, traced, cpus, hasPolicy, isDamaged, steps }) => {
        const drawn: Trace = drawnTrace(seed, { cpus: traced, steps }).trace;
        const trace = isDamaged ? damaged(drawn, seed) : drawn;
        fc.pre(trace.task.some((task, i) => trace.kind[i]! < 3 && trace.tasks[task]?.isFollowed === true)); // else there is nothing to replay
        const expansion = decode(encode(expandRecording(trace)));
        const events = simulated(expansion, cpus, hasPolicy);
        const used = new Map(events.map((event) => [event.task, event.cpuNs]));
        const work = workOf(expansion);
        for (const [task, { background }] of expansion.tasks.entries())
          if (!background) expect(used.get(task)).toBe(work[task]);
      }),
      { numRuns: 300 },
    );
  });
});
