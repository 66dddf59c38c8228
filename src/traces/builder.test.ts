import fc from 'fast-check';
import { expect, it } from 'vitest';
import { traceKinds } from '../core/trace.ts';
import { TraceBuilder } from './builder.ts';
import { orderTimes, slackNs, stepEvents } from './time-order.ts';

const { switch: switched, wake, fork } = traceKinds;

it('a thread id that is used again is another task', () => {
  const builder = new TraceBuilder();
  const shell = builder.taskOf(100);
  const first = builder.born(200, shell);
  expect(builder.taskOf(200)).toBe(first);
  builder.gone(200);
  expect(builder.knows(200)).toBe(false);
  const second = builder.born(200, first);
  const third = builder.born(200, shell); // the end of the second was not seen
  expect(builder.taskOf(200)).toBe(third);
  expect(new Set([shell, first, second, third]).size).toBe(4);
  expect(builder.tasks.map(({ tid, parent }) => [tid, parent])).toEqual([
    [100, -1],
    [200, shell],
    [200, first],
    [200, shell],
  ]);
  expect(builder.taskOf(0)).toBe(-1);
});

it('a new task is like the one that made it, until more is known', () => {
  const builder = new TraceBuilder();
  const shell = builder.taskOf(7);
  Object.assign(builder.tasks[shell]!, { comm: 'sh', nice: 5, isFollowed: true, schedClass: 3 });
  const child = builder.born(8, shell);
  expect(builder.tasks[child]).toEqual({
    tid: 8,
    tgid: 8,
    parent: shell,
    comm: 'sh',
    isKernel: false,
    isFollowed: true,
    nice: 5,
    schedClass: 3,
  });
});

it('times begin at zero, late events are sorted in, those of one time keep their order', () => {
  const builder = new TraceBuilder();
  const a = builder.taskOf(1);
  const b = builder.taskOf(2);
  builder.add(1000, switched, 0, -1, a);
  builder.add(1300, wake, 0, b, a, 2, 2);
  builder.add(1200, switched, 1, -1, b);
  builder.add(1300, fork, 0, b, a);
  const trace = builder.finish({ source: 'perf', endNs: 1500, subject: { name: 'x', startNs: 1100 } });
  expect([...trace.atNs]).toEqual([0, 200, 300, 300]);
  expect([...trace.kind]).toEqual([switched, switched, wake, fork]);
  expect([...trace.cpu]).toEqual([0, 1, 0, 0]);
  expect([...trace.object]).toEqual([0, 0, 2, 0]);
  expect(trace).toMatchObject({ cpus: 2, durationNs: 500, notes: [] });
  expect(trace.subject).toEqual({ name: 'x', startNs: 100, endNs: 500 });
});

it('a clock that goes back is moved on, and said; a late event is only sorted', () => {
  const builder = new TraceBuilder();
  const a = builder.taskOf(1);
  const second = 1_000_000_000;
  for (let i = 0; i < 10; i++) builder.add(5 * second + i, switched, 0, a);
  for (let i = 0; i < 10; i++) builder.add(2 * second + i, switched, 0, a);
  const trace = builder.finish({ source: 'perf' });
  expect([...trace.atNs]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18]);
  expect(trace.notes).toEqual([expect.stringContaining('the clock went back once')]);

  const late = Float64Array.from([0, 5 * second, 2 * second, 6 * second]);
  expect(orderTimes(late)).toEqual({ order: Uint32Array.of(0, 2, 1, 3), steps: 0, late: 1 });
});

it('a clock that goes back twice is moved on twice', () => {
  const second = 1_000_000_000;
  const times = [9, 5, 2].flatMap((at) => Array.from({ length: stepEvents }, (_, i) => at * second + i));
  const columns = Float64Array.from(times);
  expect(orderTimes(columns)).toEqual({ order: undefined, steps: 2, late: 0 });
  const last = stepEvents - 1;
  expect([...columns].map((at) => at - 9 * second)).toEqual([
    ...Array.from({ length: stepEvents }, (_, i) => i),
    ...Array.from({ length: stepEvents }, (_, i) => last + i),
    ...Array.from({ length: stepEvents }, (_, i) => 2 * last + i),
  ]);
});

it('an empty recording is a trace', () => {
  expect(new TraceBuilder().finish({ source: 'probes', startNs: 70, endNs: 100 })).toMatchObject({
    count: 0,
    cpus: 1,
    durationNs: 30,
    subject: { startNs: 0, endNs: 30 },
  });
});

it('any times come out in order; without steps they are the stable sort of what went in', () => {
  const near = fc.array(fc.integer({ min: 0, max: slackNs }), { maxLength: 200 });
  const far = fc.array(fc.integer({ min: -1e15, max: 1e15 }), { maxLength: 4 * stepEvents });
  fc.assert(
    fc.property(fc.oneof(near, far), (input) => {
      const times = Float64Array.from(input);
      const { order, steps } = orderTimes(times);
      const ranks = order ?? times.map((_, i) => i);
      const sorted = [...ranks].map((i) => times[i]!);
      expect(sorted).toEqual([...sorted].sort((a, b) => a - b));
      expect([...ranks].sort((a, b) => a - b)).toEqual(input.map((_, i) => i));
      if (steps > 0) return;
      const oracle = input.map((_, i) => i).sort((a, b) => input[a]! - input[b]! || a - b);
      expect([...ranks]).toEqual(oracle);
    }),
    { seed: 4, numRuns: 500 },
  );
});
