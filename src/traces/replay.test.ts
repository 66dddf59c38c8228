import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { damaged, drawnTrace } from '../../test/support/drawn-trace.ts';
import { Fault } from '../core/errors.ts';
import { ended, type Trace, type TraceTask, traceKinds, waitReasons, wakeCauses } from '../core/trace.ts';
import { type Expansion, opCodes } from '../core/workload.ts';
import { expandRecording } from './replay.ts';

const { switch: sw, wake, fork } = traceKinds;
const cause = (name: (typeof wakeCauses)[number]): number => wakeCauses.indexOf(name);
const wait = (name: (typeof waitReasons)[number]): number => waitReasons.indexOf(name);
const codeNames = new Map<number, string>(Object.entries(opCodes).map(([name, code]) => [code, name]));

function traceOf(tasks: readonly Partial<TraceTask>[], rows: readonly (readonly number[])[]): Trace {
  const column = (i: number) => rows.map((row) => row[i] ?? 0);
  const about = { parent: -1, comm: 'x', isKernel: false, isFollowed: true, nice: 0, schedClass: 0 };
  const durationNs = Math.max(...column(0));
  return {
    ...{ source: 'probes', cpus: 2, release: '', durationNs, lost: 0, notes: [] },
    subject: { name: '', startNs: 0, endNs: durationNs },
    tasks: tasks.map((task, i) => ({ ...about, tid: i, tgid: i, ...task })),
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

const lines = ({ tasks }: Expansion): string[][] =>
  tasks.map(({ ops }) =>
    ops.map(({ code, a, b }) => `${codeNames.get(code)} ${code < 4 ? b : a}${code === 5 ? ` ${b}` : ''}`),
  );

describe('what becomes of an event', () => {
  test('a task wakes another in the middle of its work; the wait before it is a WAIT', () => {
    const expansion = expandRecording(
      traceOf(
        [{}, {}],
        [
          [0, sw, 0, -1, 0],
          [0, sw, 1, -1, 1],
          [10, sw, 1, 1, -1, wait('futex'), 5],
          [70, wake, 0, 1, 0, cause('task')],
          [75, sw, 1, -1, 1],
          [90, sw, 1, 1, -1, ended],
          [100, sw, 0, 0, -1, ended],
        ],
      ),
    );
    expect(lines(expansion)).toEqual([
      ['RUN 70', 'SIGNAL 0 1', 'RUN 30'],
      ['RUN 10', 'WAIT 0', 'RUN 15'],
    ]);
  });

  test.each([
    ['a timer', 'sleep', 'timer', 0, 'SLEEP 40'],
    ['a time that was given', 'sleep', 'timer', 1, 'UNTIL 50'],
    ['a disk', 'disk', 'interrupt', 0, 'SLEEP 40'],
  ] as const)('%s', (_, reason, by, object, line) => {
    const expansion = expandRecording(
      traceOf(
        [{}],
        [
          [0, sw, 0, -1, 0],
          [10, sw, 0, 0, -1, wait(reason), object],
          [50, wake, 0, 0, -1, cause(by)],
          [60, sw, 0, -1, 0],
          [80, sw, 0, 0, -1, ended],
        ],
      ),
    );
    expect(lines(expansion)).toEqual([['RUN 10', line, 'RUN 20']]);
  });

  test('who is not followed, and kernel threads, are the outside', () => {
    const rows = [
      [0, sw, 0, -1, 0],
      [0, sw, 1, -1, 1],
      [10, sw, 0, 0, -1, wait('pipe')],
      [30, wake, 1, 0, 1, cause('task')],
      [30, sw, 0, -1, 0],
      [40, sw, 0, 0, -1, ended],
    ];
    for (const other of [{ isFollowed: false }, { isKernel: true }])
      expect(lines(expandRecording(traceOf([{}, other], rows)))).toEqual([['RUN 10', 'SLEEP 20', 'RUN 10']]);
  });

  test('a child is forked where it was, and its end is waited for where it was', () => {
    const expansion = expandRecording(
      traceOf(
        [{}, { parent: 0 }],
        [
          [0, sw, 0, -1, 0],
          [5, fork, 0, 1, 0],
          [8, sw, 0, 0, 1, wait('child')],
          [21, wake, 0, 0, 1, cause('task')],
          [25, sw, 0, 1, 0, ended],
          [30, sw, 0, 0, -1, ended],
        ],
      ),
    );
    expect(lines(expansion)).toEqual([
      ['RUN 5', 'FORK 1', 'RUN 3', 'READ 0', 'RUN 5'],
      ['RUN 13', 'WRITE 0', 'RUN 4'],
    ]);
    expect(expansion.tasks.map(({ forked }) => forked)).toEqual([false, true]);
  });

  test('a child that was dead before anybody waited is joined', () => {
    const expansion = expandRecording(
      traceOf(
        [{}, { parent: 0 }],
        [
          [0, sw, 0, -1, 0],
          [5, fork, 0, 1, 0],
          [6, sw, 1, -1, 1],
          [20, sw, 1, 1, -1, ended],
          [30, sw, 0, 0, -1, ended],
        ],
      ),
    );
    expect(lines(expansion)).toEqual([['RUN 5', 'FORK 1', 'RUN 25', 'JOIN 1'], ['RUN 14']]);
  });

  test('a wake-up before the task has left its CPU: the unit is there when it comes', () => {
    const expansion = expandRecording(
      traceOf(
        [{}, {}],
        [
          [0, sw, 0, -1, 0],
          [0, sw, 1, -1, 1],
          [10, wake, 1, 0, 1, cause('task')],
          [40, sw, 0, 0, -1, ended],
          [50, sw, 1, 1, -1, ended],
        ],
      ),
    );
    expect(lines(expansion)).toEqual([
      ['RUN 10', 'WAIT 0', 'RUN 30'],
      ['RUN 10', 'SIGNAL 0 1', 'RUN 40'],
    ]);
  });

  test('what is before the subject and after it is left out', () => {
    const trace = traceOf(
      [{}],
      [
        [0, sw, 0, -1, 0],
        [10, sw, 0, 0, -1, wait('sleep')],
        [50, wake, 0, 0, -1, cause('timer')],
        [60, sw, 0, -1, 0],
        [80, sw, 0, 0, -1, wait('sleep')],
        [150, wake, 0, 0, -1, cause('timer')],
        [160, sw, 0, -1, 0],
        [180, sw, 0, 0, -1, ended],
      ],
    );
    const expansion = expandRecording({ ...trace, subject: { name: '', startNs: 40, endNs: 100 } });
    expect(lines(expansion)).toEqual([['RUN 20']]);
    expect(expansion.tasks[0]?.startNs).toBe(10);
  });

  test('nobody waits for what outlives the subject; what was busy stays so', () => {
    const ms = 1_000_000;
    const expansion = expandRecording(
      traceOf(
        [{}, {}, {}],
        [
          [0, sw, 0, -1, 0],
          [0, sw, 1, -1, 1],
          [10 * ms, sw, 0, 0, 2, ended],
          [11 * ms, sw, 0, 2, -1, wait('pipe')],
          [40 * ms, sw, 1, 1, 1, 255],
        ],
      ),
    );
    expect(expansion.tasks.map(({ background }) => background)).toEqual([false, true, true]);
    expect(lines(expansion)).toEqual([
      [`RUN ${10 * ms}`],
      [`RUN ${40 * ms}`, `RUN ${ms}`, 'REPEAT 4294967295'],
      [`RUN ${ms}`],
    ]);
  });

  test('names are made fit; nice values and classes are kept', () => {
    const row = [
      [0, sw, 0, -1, 0],
      [10, sw, 0, 0, -1, ended],
    ];
    const { tasks } = expandRecording(
      traceOf([{ comm: 'a b\u00ff/0123456789abc', nice: 7, schedClass: 3 }], row),
    );
    expect(tasks[0]).toMatchObject({ comm: 'a_b__0123456789', nice: 7, schedClass: 'batch' });
  });
});

test('nobody followed, or too many', () => {
  const rows = [
    [0, sw, 0, -1, 0],
    [10, sw, 0, 0, -1, ended],
  ];
  expect(() => expandRecording(traceOf([{ isFollowed: false }], rows))).toThrow(Fault);
});

describe('the seed', () => {
  const { trace } = drawnTrace(7, { steps: 400 });
  const totals = (expansion: Expansion): number[] =>
    expansion.tasks.map(({ ops }) =>
      Number(ops.reduce((sum, { code, b }) => (code === opCodes.RUN ? sum + b : sum), 0n)),
    );

  test('without one all is as recorded; the same one gives the same, another one another', () => {
    expect(expandRecording(trace)).toEqual(expandRecording(trace));
    expect(expandRecording(trace, { seed: 3 })).toEqual(expandRecording(trace, { seed: 3 }));
    expect(expandRecording(trace, { seed: 3 })).not.toEqual(expandRecording(trace, { seed: 4 }));
  });

  test('a task’s CPU time varies by 2 %', () => {
    const own = totals(expandRecording(trace));
    const varied = totals(expandRecording(trace, { seed: 5 }));
    const ratios = own.map((ns, i) => varied[i]! / ns).filter((ratio) => !Number.isNaN(ratio));
    expect(Math.min(...ratios)).toBeGreaterThan(0.9799);
    expect(Math.max(...ratios)).toBeLessThan(1.0201);
    expect(Math.max(...ratios) - Math.min(...ratios)).toBeGreaterThan(0.01);
  });
});

/** Undefined: what is left of it did nothing. */
function workloadOf(trace: Trace): ReturnType<typeof expandRecording> | undefined {
  try {
    return expandRecording(trace);
  } catch (error) {
    expect(error).toMatchObject({ code: 'unsupported', message: expect.stringMatching(/did anything/) });
    return undefined;
  }
}

test('as many units are taken as are given, whatever was recorded', () => {
  const seeds = fc.integer({ min: 0, max: 2 ** 31 });
  fc.assert(
    fc.property(seeds, fc.boolean(), (seed, isDamaged) => {
      const drawn = drawnTrace(seed, { cpus: 3, steps: 300 }).trace;
      const trace = isDamaged ? damaged(drawn, seed) : drawn;
      const workload = workloadOf(trace);
      fc.pre(workload !== undefined);
      const { tasks, semaphores, pipes } = workload;
      const units = new Array<number>(semaphores + pipes).fill(0);
      const takers = units.map(() => new Set<number>());
      for (const [task, { ops }] of tasks.entries())
        for (const { code, a, b } of ops) {
          const channel = code === opCodes.READ || code === opCodes.WRITE ? semaphores + a : a;
          if (code === opCodes.SIGNAL || code === opCodes.WRITE) units[channel]! += Number(b);
          if (code !== opCodes.WAIT && code !== opCodes.READ) continue;
          units[channel]!--;
          takers[channel]!.add(task);
        }
      expect(units).toEqual(units.map(() => 0));
      expect(takers.every(({ size }) => size === 1)).toBe(true);
    }),
    { examples: [[809405403, true]] },
  );
});
