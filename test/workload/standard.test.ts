// The standard set on a trivial list scheduler: theory's numbers, no deadlock, and what each goal depends on.
import { describe, expect, test } from 'vitest';
import { computeMetrics, type Metrics } from '../../src/core/metrics.ts';
import { type Expansion, opCodes, type WorkloadFile } from '../../src/core/workload.ts';
import { decode, encode } from '../../src/workload/encoding.ts';
import { expand } from '../../src/workload/expand.ts';
import { hints } from '../../src/workload/hints.ts';
import { executionCounts } from '../../src/workload/loops.ts';
import { type ExecutorOptions, execute } from './executor.ts';
import { standard, standardSet } from './files.ts';

const seeds = [1, 2, 3, 4, 5];

function measure(file: WorkloadFile, seed: number, options: Partial<ExecutorOptions> = {}): Metrics {
  const expansion = expand(file, { seed, cpus: 4 });
  return computeMetrics(execute(expansion, { cpus: 4, ...options }), expansion);
}

/** By hint, over comms: what a policy with the hint map can do. */
function longestFirst(expansion: Expansion, by: 'lengthNs' | 'rank' = 'lengthNs'): ExecutorOptions {
  const known = new Map(hints(expansion).map((hint) => [hint.comm, hint[by]]));
  return { cpus: 4, priority: (task) => known.get(expansion.tasks[task]!.comm)! };
}

function roundWorkNs(expansion: Expansion, round: number): number {
  let sum = 0;
  for (const task of expansion.tasks) {
    if (task.round !== round || task.background) continue;
    const times = executionCounts(task.ops);
    for (const [i, op] of task.ops.entries()) if (op.code === opCodes.RUN) sum += Number(op.b) * times[i]!;
  }
  return sum;
}

describe.each(standardSet())('$name', (file) => {
  test('cannot deadlock, and reaches its goal metric, on 1 to 8 CPUs', () => {
    for (const cpus of [1, 2, 4, 8]) {
      const expansion = expand(file, { seed: 7, cpus });
      const metrics = computeMetrics(execute(expansion, { cpus, sliceNs: 4e6 }), expansion);
      expect(metrics[file.goal.metric], `${file.goal.metric} on ${cpus} CPUs`).toBeGreaterThan(0);
    }
  });

  test('has exactly as many samples as capacity', () => {
    const expansion = expand(file, { seed: 7, cpus: 4 });
    const events = execute(expansion, { cpus: 4, sliceNs: 4e6 }).filter((event) => event.event === 'samples');
    expect(events.map((event) => (event.values as number[]).length)).toEqual(
      expansion.series.map((series) => series.capacity),
    );
  });

  test('differs in work between seeds by less than 3 %, in bytes always', () => {
    const expansions = seeds.map((seed) => expand(file, { seed, cpus: 4 }));
    const work = expansions.map((expansion) => roundWorkNs(expansion, file.warmupRounds ?? 0));
    expect(Math.max(...work) / Math.min(...work)).toBeLessThan(1.03);
    const texts = new Set(expansions.map((expansion) => Buffer.from(encode(expansion)).toString('base64')));
    expect(texts.size).toBe(seeds.length);
  });

  test('is decoded as it was encoded, and stays small', () => {
    const expansion = expand(file, { seed: 3, cpus: 4 });
    const bytes = encode(expansion);
    expect(decode(bytes)).toEqual(expansion);
    expect(bytes.length).toBeLessThan(300_000);
  });

  test('takes 0.3 to 2.5 s on 4 CPUs', () => {
    const expansion = expand(file, { seed: 3, cpus: 4 });
    const rounds = execute(expansion, { cpus: 4, sliceNs: 4e6 }).filter((event) => event.event === 'round');
    const total = rounds.reduce((sum, event) => sum + (event.makespanNs as number), 0);
    expect(total).toBeGreaterThan(0.3e9);
    expect(total).toBeLessThan(2.5e9);
  });
});

test('the set is complete', () => {
  expect(
    standardSet()
      .map((file) => file.name)
      .sort(),
  ).toEqual([
    'build-graph',
    'frames',
    'hog-latency',
    'long-tail',
    'long-tail-burst',
    'long-tail-fork',
    'long-tail-io',
    'long-tail-lock',
    'long-tail-pareto',
    'long-tail-pipe',
    'long-tail-two',
    'message-worker',
    'pipes',
    'web-poisson',
  ]);
});

describe('long-tail on 4 CPUs', () => {
  // 39 × 30 ms + 300 ms. FIFO: nine rows of short ones on each CPU, then the long one: 270 + 300. Longest first: all
  // four CPUs busy to the end, 1470 ÷ 4 = 367.5, up to one short one more.
  test.each(seeds)('takes about 570 ms first come, first served (seed %i)', (seed) => {
    const makespan = measure(standard('long-tail'), seed).makespanNs!;
    expect(makespan).toBeGreaterThan(555e6);
    expect(makespan).toBeLessThan(585e6);
  });

  test.each(seeds)('takes about 370 to 390 ms longest first (seed %i)', (seed) => {
    const expansion = expand(standard('long-tail'), { seed, cpus: 4 });
    const makespan = computeMetrics(execute(expansion, longestFirst(expansion)), expansion).makespanNs!;
    expect(makespan).toBeGreaterThan(360e6);
    expect(makespan).toBeLessThan(398e6);
  });
});

test.each(['-io', '-pipe', '-lock', '-burst', '-two', '-pareto'])(
  'long-tail%s ends at least 15 percent earlier longest first',
  (flavour) => {
    const expansion = expand(standard(`long-tail${flavour}`), { seed: 2, cpus: 4 });
    const fifo = computeMetrics(execute(expansion, { cpus: 4, sliceNs: 4e6 }), expansion).makespanNs!;
    const longest = { ...longestFirst(expansion, 'lengthNs'), sliceNs: 4e6 };
    const ordered = computeMetrics(execute(expansion, longest), expansion).makespanNs!;
    expect(ordered / fifo).toBeLessThan(0.85);
  },
);

describe('build-graph', () => {
  test.each(seeds)('has the critical path that the hint of its root says (seed %i)', (seed) => {
    const expansion = expand({ ...standard('build-graph'), rounds: 1, warmupRounds: 0 }, { seed, cpus: 4 });
    const root = expansion.tasks.find((task) => task.comm === 'generate-0')!;
    const events = execute(expansion, { cpus: Number.POSITIVE_INFINITY });
    const end = events.find((event) => event.event === 'round')!.makespanNs as number;
    const hint = hints(expansion).find((entry) => entry.comm === 'generate-0')!;
    expect(hint.rank).toBe(end - root.startNs);
    expect(hint.dependents).toBe(6 + 1 + 1);
  });

  test('ends earlier when the longest chain goes first', () => {
    const expansion = expand(standard('build-graph'), { seed: 1, cpus: 4 });
    const fair = computeMetrics(execute(expansion, { cpus: 4, sliceNs: 4e6 }), expansion).makespanNs!;
    const ranked = { ...longestFirst(expansion, 'rank'), sliceNs: 4e6 };
    const chain = computeMetrics(execute(expansion, ranked), expansion).makespanNs!;
    expect(chain / fair).toBeLessThan(0.85);
  });
});
