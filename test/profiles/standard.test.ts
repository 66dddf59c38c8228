// The standard workloads, simulated and counted from their traces. The oracle is the simulator's own account of each task (docs/protocol.md, section 3: CPU
// time, delay, involuntary switches), which is kept at other places and knows nothing of traces.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Counters } from '../../src/core/counters.ts';
import type { RunEvent } from '../../src/core/metrics.ts';
import { shapeSchema } from '../../src/core/profile.ts';
import { countersOf } from '../../src/profiles/from-trace.ts';
import { goalOf } from '../../src/profiles/goal.ts';
import { shapeOf } from '../../src/profiles/shape.ts';
import { costProfiles, Simulator } from '../../src/simulator/simulate.ts';
import { bursts } from '../../src/traces/bursts.ts';
import { SimulatedTrace } from '../../src/traces/simulated.ts';
import { expand } from '../../src/workload/expand.ts';
import { parseWorkload } from '../../src/workload/read.ts';

const workloads = new URL('../../workloads/', import.meta.url);
const simulator = new Simulator();
const cpus = 3;

function simulated(name: string): { counters: Counters; tasks: readonly RunEvent[] } {
  const text = readFileSync(new URL(`${name}.json`, workloads), 'utf8');
  const file = { ...parseWorkload(text, name), rounds: 1, warmupRounds: 0 };
  const expansion = expand(file, { seed: 5, cpus });
  const recorder = new SimulatedTrace(expansion, { name, cpus, release: '' });
  const { events, endNs } = simulator.run({
    ...{ expansion, recorder, shape: { cpus }, costs: costProfiles.hardware, mode: 'fast' },
    ...{ startOffsetNs: 0, pidOffset: 0, seed: 5, limitNs: 1e11, timeoutMs: 5000 },
  });
  const trace = recorder.finish(endNs);
  return {
    counters: countersOf(trace, bursts(trace)),
    tasks: events.filter(({ event }) => event === 'task'),
  };
}

const names = [
  ...[
    'build-graph',
    'frames',
    'hog-latency',
    'long-tail',
    'long-tail-burst',
    'long-tail-fork',
    'long-tail-io',
  ],
  ...[
    'long-tail-lock',
    'long-tail-pareto',
    'long-tail-pipe',
    'long-tail-two',
    'message-worker',
    'pipes',
    'web-poisson',
  ],
];

describe.each(names)('%s', (name) => {
  it('is counted as the simulator has it, and adds up', () => {
    const { counters, tasks } = simulated(name);
    expect(counters.tasks).toHaveLength(tasks.length);
    for (const event of tasks) {
      const counted = counters.tasks[Number(event.task)];
      // who is killed is so a little after the end, and has a delay that no account holds when it waited for a CPU
      if (event.killed === true) expect(counted?.ranNs).toBeGreaterThan(Number(event.cpuNs) - 50_000);
      else expect(counted).toMatchObject({ ranNs: Number(event.cpuNs), delayNs: Number(event.delayNs) });
      expect(counted?.involuntary).toBe(event.icsw);
    }
    const shape = shapeOf(counters);
    expect(shapeSchema.parse(shape)).toEqual(shape);
    const time = Object.values(shape.time ?? {}).reduce((sum: number, share) => sum + (share ?? 0), 0);
    expect(time).toBeCloseTo(1, 6);
    const { mean = 0 } = shape.parallelism ?? {};
    expect(mean * counters.observedNs).toBeCloseTo(shape.cpuNs ?? 0, -3);
    expect(shape.cpuNs).toBeLessThanOrEqual(counters.observedNs * cpus);
    expect(shape.criticalPath?.ns).toBeLessThanOrEqual(counters.observedNs + 1);
  });
});

it.each([
  ['long-tail', 'makespan'],
  ['long-tail-fork', 'makespan'],
  ['build-graph', 'makespan'],
  ['pipes', 'throughput'],
  ['message-worker', 'throughput'],
  ['hog-latency', 'deadlines'],
])('the goal of %s is %s', (name, goal) => {
  const { counters } = simulated(name);
  expect(goalOf(shapeOf(counters), { endsByItself: true }).name).toBe(goal);
});

it('a long tail has its few long tasks and its lonely end; build-graph its critical path through many tasks', () => {
  const tail = shapeOf(simulated('long-tail-two').counters);
  expect(tail.longTail?.topShare).toBeGreaterThan(0.25);
  const graph = shapeOf(simulated('build-graph').counters);
  expect(graph.criticalPath?.tasks).toBeGreaterThan(3);
  const pipes = shapeOf(simulated('pipes').counters);
  expect(pipes.wakeGraph?.mutualShare).toBe(1);
});
