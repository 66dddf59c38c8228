import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { damaged, drawnTrace } from '../../test/support/drawn-trace.ts';
import {
  type Bursts,
  ended,
  open,
  stillRunnable,
  type Trace,
  traceKinds,
  waitReasons,
  wakeCauses,
} from '../core/trace.ts';
import { bursts } from './bursts.ts';

const { switch: sw, wake, fork, exit } = traceKinds;
const cause = (name: (typeof wakeCauses)[number]): number => wakeCauses.indexOf(name);
const wait = (name: (typeof waitReasons)[number]): number => waitReasons.indexOf(name);

/** Rows of at, kind, cpu, task, other, detail, object. */
function traceOf(tasks: number, durationNs: number, rows: readonly (readonly number[])[]): Trace {
  const column = (i: number) => rows.map((row) => row[i] ?? 0);
  const about = { tgid: 1, parent: -1, comm: 'x', isKernel: false, isFollowed: true, nice: 0, schedClass: 0 };
  return {
    ...{ source: 'probes', cpus: 2, release: '', durationNs, lost: 0, notes: [] },
    subject: { name: '', startNs: 0, endNs: durationNs },
    tasks: Array.from({ length: tasks }, (_, tid) => ({ ...about, tid })),
    count: rows.length,
    atNs: Float64Array.from(column(0)),
    kind: Uint8Array.from(column(1)),
    cpu: Uint16Array.from(column(2)),
    task: Int32Array.from(column(3)),
    other: Int32Array.from(column(4)),
    detail: Uint8Array.from(column(5)),
    object: Uint32Array.from(column(6)),
  };
}

function listed(all: Bursts) {
  return Array.from({ length: all.count }, (_, i) => ({
    task: all.task[i],
    at: [all.readyNs[i], all.startNs[i], all.endNs[i]],
    ran: all.ranNs[i],
    cause: wakeCauses[all.cause[i]!],
    by: all.by[i],
    byAct: all.byAct[i],
    end: all.end[i],
  }));
}

describe('one burst after the other', () => {
  test('a wake-up, the wait for the CPU, a preemption, the wait', () => {
    const all = bursts(
      traceOf(2, 100, [
        [0, sw, 0, -1, 1],
        [10, wake, 0, 0, 1, cause('task')],
        [20, sw, 0, 1, 0, stillRunnable],
        [30, sw, 0, 0, 1, stillRunnable],
        [50, sw, 0, 1, 0, wait('pipe')],
        [55, sw, 0, 0, -1, wait('futex'), 77],
      ]),
    );
    expect(listed(all)).toEqual([
      { task: 1, at: [0, 0, 50], ran: 40, cause: 'start', by: -1, byAct: -1, end: wait('pipe') },
      { task: 0, at: [10, 20, 55], ran: 15, cause: 'task', by: 1, byAct: 0, end: wait('futex') },
    ]);
    expect([...all.preemptions]).toEqual([1, 1]);
    expect(all.object[1]).toBe(77);
    expect([all.acts.ranNs[0], all.acts.target[0], all.acts.burst[0], all.acts.met[0]]).toEqual([
      10, 0, 0, 1,
    ]);
  });

  test('who is at work at the beginning has been since the start, and goes on until the end', () => {
    const all = bursts(
      traceOf(3, 100, [
        [10, wake, 1, 2, 0, cause('task')],
        [20, sw, 0, 1, 2, wait('sleep')],
      ]),
    );
    expect(listed(all).map(({ task, at, ran, end }) => [task, at, ran, end])).toEqual([
      [0, [0, 0, 100], 100, open],
      [1, [0, 0, 20], 20, wait('sleep')],
      [2, [10, 20, 100], 80, open],
    ]);
  });

  test('fork, end, and a wake-up by the one that ends', () => {
    const all = bursts(
      traceOf(2, 50, [
        [0, sw, 0, -1, 0],
        [5, fork, 0, 1, 0],
        [8, sw, 0, 0, 1, wait('child')],
        [20, exit, 0, 1, -1],
        [21, wake, 0, 0, 1, cause('task')],
        [25, sw, 0, 1, 0, ended],
      ]),
    );
    expect(listed(all).map(({ task, at, cause, by, end }) => [task, at, cause, by, end])).toEqual([
      [0, [0, 0, 8], 'start', -1, wait('child')],
      [1, [5, 8, 25], 'fork', 0, ended],
      [0, [21, 25, 50], 'task', 1, open],
    ]);
    expect([...all.acts.isFork]).toEqual([1, 0]);
  });
});

describe('orders that a kernel shows', () => {
  // try_to_wake_up() says so before it looks whether the task has left its CPU: it waits for that, and queues it
  test('woken before it was seen to leave', () => {
    const all = bursts(
      traceOf(2, 100, [
        [0, sw, 0, -1, 0],
        [0, sw, 1, -1, 1],
        [10, wake, 1, 0, 1, cause('task')],
        [12, sw, 0, 0, -1, wait('futex')],
        [20, sw, 0, -1, 0],
        [30, sw, 0, 0, -1, wait('futex')],
      ]),
    );
    const own = listed(all).filter(({ task }) => task === 0);
    expect(own.map(({ at, ran, cause, byAct }) => [at, ran, cause, byAct])).toEqual([
      [[0, 0, 12], 12, 'start', -1],
      [[12, 20, 30], 10, 'task', 0],
    ]);
    expect([all.acts.met[0], all.acts.metRanNs[0]]).toEqual([2, 0]);
  });

  test('woken before it could leave: it goes on, and waits later', () => {
    const all = bursts(
      traceOf(2, 100, [
        [0, sw, 0, -1, 0],
        [0, sw, 1, -1, 1],
        [10, wake, 1, 0, 1, cause('task')],
        [40, sw, 0, 0, -1, wait('sleep')],
        [60, wake, 0, 0, -1, cause('timer')],
        [61, sw, 0, -1, 0],
      ]),
    );
    const own = listed(all).filter(({ task }) => task === 0);
    expect(own.map(({ at, cause }) => [at, cause])).toEqual([
      [[0, 0, 40], 'start'],
      [[60, 61, 100], 'timer'],
    ]);
    expect([all.acts.met[0], all.acts.metRanNs[0]]).toEqual([0, 10]);
  });

  test('lost: a wake-up, and a switch; no time is invented', () => {
    const all = bursts(
      traceOf(3, 100, [
        [0, sw, 0, -1, 0],
        [10, sw, 0, 0, 1, wait('futex')],
        [20, sw, 0, 1, 0, wait('pipe')],
        [50, sw, 0, 2, -1, wait('pipe')],
        [60, sw, 1, -1, 0],
        [70, sw, 1, 0, -1, ended],
      ]),
    );
    expect(listed(all).map(({ task, at, ran }) => [task, at, ran])).toEqual([
      [0, [0, 0, 10], 10],
      [1, [10, 10, 20], 10],
      [0, [20, 20, 70], 10], // on CPU 0 until nobody knows when
      [2, [50, 50, 50], 0],
    ]);
  });
});

const seeds = fc.integer({ min: 0, max: 2 ** 31 });
const sizes = fc.record({ cpus: fc.integer({ min: 1, max: 5 }), steps: fc.integer({ min: 0, max: 400 }) });

describe('drawn traces', () => {
  test('a task’s CPU time is what its switches say, and its bursts follow one another', () => {
    fc.assert(
      fc.property(seeds, sizes, (seed, size) => {
        const { trace, ranNs } = drawnTrace(seed, size);
        const all = bursts(trace);
        const sums = ranNs.map(() => 0);
        const until = ranNs.map(() => 0);
        let last = 0;
        for (let i = 0; i < all.count; i++) {
          const task = all.task[i]!;
          expect(all.readyNs[i]).toBeGreaterThanOrEqual(last);
          last = all.readyNs[i]!;
          expect(last).toBeGreaterThanOrEqual(until[task]!);
          if (!Number.isNaN(all.startNs[i]!)) expect(all.startNs[i]).toBeGreaterThanOrEqual(last);
          expect(all.endNs[i]! - last).toBeGreaterThanOrEqual(all.ranNs[i]!);
          until[task] = all.endNs[i]!;
          sums[task]! += all.ranNs[i]!;
        }
        expect(sums).toEqual(ranNs);
      }),
    );
  });

  test('every act that made a burst is the act of a burst that was at work then', () => {
    fc.assert(
      fc.property(seeds, sizes, (seed, size) => {
        const all = bursts(drawnTrace(seed, size).trace);
        for (let i = 0; i < all.count; i++) {
          const act = all.byAct[i]!;
          if (act < 0) continue;
          expect(all.acts.met[act]).toBe(i);
          expect(all.acts.target[act]).toBe(all.task[i]);
          const maker = all.acts.burst[act]!;
          expect(all.task[maker]).toBe(all.by[i]);
          expect(all.acts.ranNs[act]).toBeLessThanOrEqual(all.ranNs[maker]!);
        }
      }),
    );
  });

  test('nothing is too damaged', () => {
    fc.assert(
      fc.property(seeds, sizes, (seed, size) => {
        const all = bursts(damaged(drawnTrace(seed, size).trace, seed + 1));
        for (let i = 0; i < all.count; i++) expect(all.ranNs[i]).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});
