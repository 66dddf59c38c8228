import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Fault } from '../../src/core/errors.ts';
import { type Trace, traceKinds } from '../../src/core/trace.ts';
import { TraceBuilder } from '../../src/traces/builder.ts';
import { packEvents } from '../../src/traces/event-columns.ts';
import { decodeTrace, encodeTrace, isTraceFile } from '../../src/traces/file.ts';
import { arbitraryTrace } from './arbitrary.ts';

it('what is written is read, to the bit', () => {
  fc.assert(
    fc.property(arbitraryTrace, (trace) => {
      const bytes = encodeTrace(trace);
      expect(isTraceFile(bytes)).toBe(true);
      expect(decodeTrace(bytes)).toEqual(trace);
      expect(encodeTrace(decodeTrace(bytes))).toEqual(bytes);
    }),
    { seed: 4, numRuns: 300 },
  );
});

/** Four CPUs, a hundred tasks in pairs that hand a token to and fro over a pipe each, 1 to 50 µs apart. */
function pairs(count: number): Trace {
  const builder = new TraceBuilder();
  for (let tid = 1; tid <= 100; tid++) builder.taskOf(tid);
  const running = [-1, -1, -1, -1];
  let at = 0;
  for (let i = 0; builder.count < count; i++) {
    const cpu = (i * 7) % 4;
    const task = running[cpu]!;
    const pair = (i * 13) % 50;
    const next = 2 * pair + (i & 1);
    at += 1000 + ((i * 7919) % 49_000);
    builder.add(at, traceKinds.wake, cpu, next, task, 2);
    at += 500 + ((i * 104_729) % 2000);
    builder.add(at, traceKinds.switch, cpu, task, next, 3, task < 0 ? 0 : 40_000_000 + (task >> 1));
    running[cpu] = next;
  }
  return builder.finish({ source: 'perf' });
}

it('takes at most eight bytes an event before it is deflated, and half of that after', () => {
  const trace = pairs(100_000);
  const { columns } = packEvents(trace);
  const packed = Object.values(columns).reduce((sum, { length }) => sum + length, 0);
  expect(packed / trace.count).toBeLessThan(8);
  expect(encodeTrace(trace).length / trace.count).toBeLessThan(4);
});

const small = encodeTrace(pairs(50));
const refused = (bytes: Uint8Array): Fault => {
  try {
    decodeTrace(bytes);
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
  throw new Error('not refused');
};

it('a file that is cut anywhere is refused, by its place', () => {
  for (let length = 0; length < small.length; length++) {
    const fault = refused(small.subarray(0, length));
    expect(fault.code).toBe('malformed');
    expect(fault.where).toMatch(/^head\+\d+$/);
  }
});

it('a damaged byte anywhere is noticed, or of no consequence', () => {
  const whole = decodeTrace(small);
  for (let at = 0; at < small.length; at++)
    for (const flip of [1, 0x80]) {
      const bytes = small.slice();
      bytes[at]! ^= flip;
      try {
        expect(decodeTrace(bytes)).toEqual(whole); // how hard the deflater tried is written down, too
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        expect(error.where).toMatch(/^(head|header|events)/);
      }
    }
});

/** The file of `header` and `events` as they are, with the sizes that it should have, or others. */
function forged(
  header: unknown,
  events: Uint8Array,
  sizes: { header?: number; events?: number } = {},
): Uint8Array {
  const plain = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const packed = [deflateSync(plain), deflateSync(events)] as const;
  const head = Buffer.alloc(28);
  head.write('schedtrc', 'latin1');
  [
    1,
    packed[0].length,
    sizes.header ?? plain.length,
    packed[1].length,
    sizes.events ?? events.length,
  ].forEach((size, i) => {
    head.writeUInt32LE(size, 8 + 4 * i);
  });
  return Buffer.concat([head, ...packed]);
}

const emptyTasks = { tid: [], tgid: [], parent: [], comm: [], marks: [], nice: [], schedClass: [] };
const header = {
  ...{ source: 'perf', cpus: 1, release: '', durationNs: 10, lost: 0, notes: [] },
  subject: { name: '', startNs: 0, endNs: 10 },
  ...{ tasks: emptyTasks, count: 1, codes: [[1, 255, 1, 2, 1]], columns: [1, 1, 1, 0, 0] },
};
const one = Uint8Array.of(0, 0, 5);

it('a small file by hand: one switch from idle to idle, at 5 ns', () => {
  expect(decodeTrace(forged(header, one))).toMatchObject({
    count: 1,
    atNs: Float64Array.of(5),
    task: Int32Array.of(-1),
  });
});

it.each<[string, Uint8Array, string]>([
  ['another version', (() => Buffer.from(small).fill(2, 8, 9))(), 'head+8'],
  ['a bomb', forged(header, new Uint8Array(10_000_000), { events: 3 }), 'events+0'],
  ['a stated size beyond reason', forged(header, one, { events: 2 ** 30 }), 'head+24'],
  ['more events than bytes', forged({ ...header, count: 4e9 }, one), 'header+0'],
  ['columns that do not add up', forged({ ...header, columns: [1, 1, 2, 0, 0] }, one), 'header+0'],
  ['no JSON', forged('{', one), 'header+0'],
  ['a header that is none', forged({ ...header, cpus: -1 }, one), 'header+0'],
  [
    'columns of tasks that differ',
    forged({ ...header, tasks: { ...emptyTasks, tid: [1] } }, one),
    'header+0',
  ],
  ['a code that is none', forged(header, Uint8Array.of(7, 0, 5)), 'events.codes+0'],
  ['a CPU that is none', forged(header, Uint8Array.of(0, 1, 5)), 'events.cpus+0'],
  ['an event after the end', forged(header, Uint8Array.of(0, 0, 11)), 'events.times+1'],
  [
    'a task that is none',
    forged({ ...header, codes: [[1, 255, 0, 2, 1]], columns: [1, 1, 1, 1, 0] }, Uint8Array.of(0, 0, 5, 1)),
    'events.tasks+0',
  ],
  [
    'a column that ends early',
    forged({ ...header, count: 2, columns: [2, 1, 2, 1, 0] }, Uint8Array.of(0, 0, 0, 5, 5, 1)),
    'events.cpus+1',
  ],
  [
    'a number that does not end',
    forged({ ...header, columns: [1, 1, 2, 0, 0] }, Uint8Array.of(0, 0, 128, 128)),
    'events.times+0',
  ],
  [
    'numbers left over',
    forged({ ...header, columns: [1, 1, 1, 1, 0] }, Uint8Array.of(0, 0, 5, 9)),
    'events.tasks+0',
  ],
])('%s is refused', (_what, bytes, where) => {
  expect(refused(bytes)).toMatchObject({ code: 'malformed', where });
});

it('a bomb is not inflated beyond the size that it states', () => {
  expect(refused(forged(header, new Uint8Array(10_000_000), { events: 3 })).message).toContain(
    'does not inflate',
  );
});
