// Expected values follow from the protocol's words, by hand.

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type ProbeRecord, probeBytes, waitValue } from '../../test/traces/probe-bytes.ts';
import { Fault } from '../core/errors.ts';
import { ended, stillRunnable, type Trace, traceKinds, waitReasons, wakeCauses } from '../core/trace.ts';
import { readProbeEvents } from './probe-events.ts';

const [SWITCH, WAKE, FORK, EXIT, MIGRATE, NAME, ABOUT, SUBJECT, LOST] = [1, 2, 3, 4, 5, 6, 7, 8, 9];
const machine = { cpus: 2, release: '6.18.15' };
const followed = (nice = 20): number => nice | (1 << 17);
const kernelThread = 20 | (1 << 16);

const read = (records: readonly ProbeRecord[]): Trace =>
  readProbeEvents(probeBytes([...records, { ns: 9e9, kind: LOST!, value: 0n }]), machine);

/** [ms, kind, cpu, task, other, detail, object] by name. */
function rows(trace: Trace) {
  const names = Object.fromEntries(Object.entries(traceKinds).map(([name, kind]) => [kind, name]));
  const detail = (i: number): string | number => {
    const value = trace.detail[i]!;
    if (trace.kind[i] === traceKinds.wake) return wakeCauses[value]!;
    if (trace.kind[i] !== traceKinds.switch) return value;
    return value === stillRunnable ? 'runnable' : value === ended ? 'ended' : waitReasons[value]!;
  };
  return Array.from({ length: trace.count }, (_, i) => [
    trace.atNs[i]! / 1e6,
    names[trace.kind[i]!],
    trace.cpu[i],
    trace.task[i],
    trace.other[i],
    detail(i),
    trace.object[i],
  ]);
}

const t = (ms: number): number => 1e9 + ms * 1e6;

it('a command with a child: lives, waits, wakes, names', () => {
  const trace = read([
    { ns: t(0), kind: SUBJECT!, task: 100, detail: 0 },
    { ns: t(1), kind: SWITCH!, cpu: 0, task: 0, other: 100 },
    { ns: t(2), kind: FORK!, cpu: 0, task: 101, other: 100, detail: 101 },
    { ns: t(3), kind: SWITCH!, cpu: 0, task: 100, other: 101, detail: 1, value: waitValue(61) },
    { ns: t(4), kind: MIGRATE!, cpu: 1, task: 101, other: 0, detail: 1 },
    { ns: t(5), kind: NAME!, task: 101, comm: 'grep' },
    { ns: t(6), kind: EXIT!, cpu: 0, task: 101 },
    { ns: t(7), kind: WAKE!, cpu: 0, task: 100, other: 101 },
    { ns: t(8), kind: SWITCH!, cpu: 0, task: 101, other: 100, detail: 0x80 },
    { ns: t(9), kind: SUBJECT!, task: 100, detail: 1 },
    { ns: t(9), kind: NAME!, task: 100, comm: 'sh \xff' },
    { ns: t(9), kind: ABOUT!, task: 100, other: 99, detail: followed(25) | (3 << 8), value: 1n },
  ]);
  expect(rows(trace)).toEqual([
    [1, 'switch', 0, -1, 0, 'runnable', 0],
    [2, 'fork', 0, 1, 0, 0, 0],
    [3, 'switch', 0, 0, 1, 'child', 0],
    [4, 'migrate', 0, 1, -1, 0, 2],
    [6, 'exit', 0, 1, -1, 0, 0],
    [7, 'wake', 0, 0, 1, 'task', 0],
    [8, 'switch', 0, 1, 0, 'ended', 0],
  ]);
  expect(trace.tasks).toEqual([
    {
      tid: 100,
      tgid: 99,
      parent: -1,
      comm: 'sh \xff',
      isKernel: false,
      isFollowed: true,
      nice: 5,
      schedClass: 3,
    },
    {
      tid: 101,
      tgid: 101,
      parent: 0,
      comm: 'grep',
      isKernel: false,
      isFollowed: false,
      nice: 0,
      schedClass: 0,
    },
  ]);
  expect(trace).toMatchObject({
    source: 'probes',
    cpus: 2,
    release: '6.18.15',
    durationNs: 9e6,
    lost: 0,
    notes: [],
    subject: { name: 'sh \xff', startNs: 0, endNs: 9e6 },
  });
});

it('what a task waits for says who woke it', () => {
  const wait = (ms: number, tid: number, value: bigint, state = 1, flags = 0): ProbeRecord => ({
    ns: t(ms),
    kind: SWITCH!,
    task: tid,
    detail: state,
    flags,
    value,
  });
  const wake = (ms: number, tid: number, flags: number, other = 0): ProbeRecord => ({
    ns: t(ms),
    kind: WAKE!,
    cpu: 1,
    task: tid,
    flags,
    other,
  });
  const trace = read([
    wait(0, 1, waitValue(230, { absolute: true })),
    wait(1, 2, waitValue(202, { object: 0xfeed_beef })),
    wait(2, 3, waitValue(0, { file: 1, object: 77 })),
    wait(3, 4, waitValue(0, { file: 3 }), 2, 2),
    wait(4, 5, waitValue(45, { object: 8 })),
    wait(5, 6, waitValue(0xffff), 0x402),
    wake(10, 1, 1, 5),
    wake(11, 2, 0, 5),
    wake(12, 3, 0, 2),
    wake(13, 4, 1, 5),
    wake(14, 5, 2, 2),
    wake(15, 6, 2, 2),
    { ns: t(20), kind: ABOUT!, task: 2, other: 2, detail: followed() },
    { ns: t(20), kind: ABOUT!, task: 5, other: 5, detail: followed() },
    { ns: t(20), kind: ABOUT!, task: 6, other: 6, detail: kernelThread },
  ]);
  expect(
    rows(trace).map(([, , , task, other, detail, object]) => [
      trace.tasks[task as number]!.tid,
      other === -1 ? 0 : trace.tasks[other as number]!.tid,
      detail,
      object,
    ]),
  ).toEqual([
    [1, 0, 'sleep', 1],
    [2, 0, 'futex', 0xfeed_beef],
    [3, 0, 'pipe', 77],
    [4, 0, 'disk', 0],
    [5, 0, 'socket', 8],
    [6, 0, 'idle', 0],
    [1, 0, 'timer', 0],
    [2, 5, 'task', 0],
    [3, 2, 'task', 0],
    [4, 0, 'interrupt', 0],
    [5, 2, 'task', 0], // loopback: both are observed
    [6, 0, 'interrupt', 0],
  ]);
});

it('a network interrupt that hits somebody else is no wake by him, nor is one of a task that is awake already', () => {
  const trace = read([
    { ns: t(0), kind: SWITCH!, task: 5, detail: 1, value: waitValue(45) },
    { ns: t(1), kind: WAKE!, cpu: 1, task: 5, other: 2, flags: 2 },
    { ns: t(2), kind: SWITCH!, task: 6, detail: 1, value: waitValue(35) },
    { ns: t(3), kind: WAKE!, cpu: 1, task: 6, other: 2, flags: 1 },
    { ns: t(4), kind: WAKE!, cpu: 1, task: 6, other: 2, flags: 1 },
    { ns: t(9), kind: ABOUT!, task: 5, other: 5, detail: followed() },
    { ns: t(9), kind: ABOUT!, task: 6, other: 6, detail: followed() },
  ]);
  expect(rows(trace).map((row) => row[5])).toEqual(['socket', 'interrupt', 'sleep', 'timer', 'interrupt']);
});

it('the subject is called as its last name, although it is told of before it is made, and its number was another’s', () => {
  const trace = read([
    { ns: t(0), kind: SUBJECT!, task: 100, detail: 0 },
    { ns: t(0), kind: SWITCH!, task: 100, other: 1, detail: 0x80 },
    { ns: t(1), kind: FORK!, task: 100, other: 1, detail: 100 },
    { ns: t(2), kind: NAME!, task: 100, comm: 'make' },
    { ns: t(2), kind: ABOUT!, task: 100, other: 100, detail: followed() },
  ]);
  expect(trace.subject.name).toBe('make');
  expect(trace.tasks.map(({ tid, comm }) => [tid, comm])).toEqual([
    [100, ''],
    [1, ''],
    [100, 'make'],
  ]);
});

it('preempted is runnable, whatever the state says', () => {
  const trace = read([
    { ns: t(0), kind: SWITCH!, task: 1, other: 2, detail: 1, flags: 1 },
    { ns: t(1), kind: SWITCH!, task: 2, other: 1, detail: 0 },
  ]);
  expect([...trace.detail]).toEqual([stillRunnable, stillRunnable]);
});

it('a thread id that is used again, with and without its fork', () => {
  const trace = read([
    { ns: t(0), kind: SWITCH!, task: 7, other: 0, detail: 0x80 },
    { ns: t(1), kind: FORK!, task: 7, other: 3, detail: 7 },
    { ns: t(2), kind: SWITCH!, task: 7, other: 0, detail: 0x80 },
    { ns: t(3), kind: SWITCH!, task: 0, other: 7 },
  ]);
  expect(rows(trace).map((row) => [row[3], row[4]])).toEqual([
    [0, -1],
    [2, 1],
    [2, -1],
    [-1, 3],
  ]);
  expect(trace.tasks.map((task) => task.tid)).toEqual([7, 3, 7, 7]);
});

it('a thread that executes a program goes on as the first thread of its process', () => {
  const trace = read([
    { ns: t(0), kind: FORK!, cpu: 1, task: 21, other: 20, detail: 20 },
    { ns: t(1), kind: SWITCH!, cpu: 1, task: 0, other: 21 },
    { ns: t(2), kind: EXIT!, cpu: 0, task: 20 },
    { ns: t(2), kind: FORK!, cpu: 1, task: 20, other: 21, detail: 20 },
    { ns: t(2), kind: EXIT!, cpu: 1, task: 21 },
    { ns: t(3), kind: SWITCH!, cpu: 1, task: 20, other: 0, detail: 1 },
    { ns: t(4), kind: ABOUT!, task: 20, other: 20, detail: followed() },
  ]);
  expect(rows(trace).slice(2)).toEqual([
    [2, 'exit', 0, 0, -1, 0, 0],
    [2, 'fork', 1, 2, 1, 0, 0],
    [2, 'exit', 1, 1, -1, 0, 0],
    [2, 'switch', 1, 1, 2, 'ended', 0],
    [3, 'switch', 1, 2, -1, 'unknown', 0],
  ]);
  expect(trace.tasks.map(({ tid }) => tid)).toEqual([20, 21, 20]);
});

it('late events find their place before lives are told apart', () => {
  const trace = read([
    { ns: t(0), kind: SWITCH!, cpu: 1, task: 0, other: 3 },
    { ns: t(4), kind: SWITCH!, cpu: 0, task: 0, other: 7 },
    { ns: t(3), kind: FORK!, cpu: 1, task: 7, other: 3, detail: 7 },
  ]);
  expect(trace.tasks.map((task) => task.tid)).toEqual([3, 7]);
  expect([...trace.kind]).toEqual([traceKinds.switch, traceKinds.fork, traceKinds.switch]);
});

it('times are exact on a machine that is up for a century', () => {
  const boot = 2n ** 61n + 1n;
  const records = [
    { ns: boot, kind: SWITCH!, task: 1 },
    { ns: boot + 3n, kind: SWITCH!, other: 1 },
    { ns: 0, kind: NAME!, task: 1, comm: 'a' },
    { ns: boot + 5n, kind: EXIT!, task: 1 },
    { ns: 0, kind: LOST!, value: 0n },
  ];
  const trace = readProbeEvents(probeBytes(records), machine);
  expect([...trace.atNs]).toEqual([0, 3, 5]);
});

it('what was lost is counted and said; so is an end that is missing', () => {
  const records = [
    { ns: 5, kind: SWITCH!, task: 1 },
    { ns: 6, kind: LOST!, value: 2n ** 33n + 1n },
  ];
  const whole = readProbeEvents(probeBytes(records), machine);
  expect(whole.lost).toBe(2 ** 33 + 1);
  expect(whole.notes).toEqual(['8589934593 events found no room']);
  expect(readProbeEvents(probeBytes(records).subarray(0, 32), machine).notes).toEqual([
    'the recording is cut: its last event is missing',
  ]);
  const cut = readProbeEvents(probeBytes(records).subarray(0, 43), machine);
  expect(cut.count).toBe(1);
  expect(cut.notes).toEqual(['the recording is cut: 11 bytes of an event at its end were left out']);
});

it.each<[string, ProbeRecord, string]>([
  ['kind', { ns: 2, kind: 10 }, 'events+40'],
  ['cpu', { ns: 2, kind: 1, cpu: 9000 }, 'events+42'],
  ['task', { ns: 2, kind: 2, task: -4 }, 'events+44'],
  ['other', { ns: 2, kind: 1, other: -4 }, 'events+48'],
  ['CPU', { ns: 2, kind: 5, detail: 8192 }, 'events+52'],
  ['time', { ns: 2n ** 63n, kind: 1 }, 'events+32'],
])('a wrong %s is refused, by its place', (_what, record, where) => {
  const bytes = probeBytes([{ ns: 1, kind: SWITCH! }, record]);
  expect(() => readProbeEvents(bytes, machine)).toThrow(
    expect.objectContaining({ code: 'malformed', where }),
  );
});

/** What holds of every Trace. */
function checkTrace(trace: Trace): void {
  for (let i = 0; i < trace.count; i++) {
    expect(trace.atNs[i]!).toBeGreaterThanOrEqual(i === 0 ? 0 : trace.atNs[i - 1]!);
    expect(trace.atNs[i]!).toBeLessThanOrEqual(trace.durationNs);
    for (const task of [trace.task[i]!, trace.other[i]!]) {
      expect(task).toBeGreaterThanOrEqual(-1);
      expect(task).toBeLessThan(trace.tasks.length);
    }
    expect(trace.cpu[i]!).toBeLessThan(trace.cpus);
  }
  trace.tasks.forEach(({ parent }) => {
    expect(parent).toBeLessThan(trace.tasks.length);
  });
}

const anyRecord = fc.record({
  ns: fc.integer({ min: 0, max: 1e12 }),
  kind: fc.integer({ min: 1, max: 9 }),
  flags: fc.integer({ min: 0, max: 255 }),
  cpu: fc.integer({ min: 0, max: 3 }),
  task: fc.integer({ min: 0, max: 5 }),
  other: fc.integer({ min: 0, max: 5 }),
  detail: fc.oneof(fc.constantFrom(0, 1, 2, 0x80, 0x402), fc.integer({ min: 0, max: 8191 })),
  value: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
});

it('well-formed events in any order are a trace, whole or cut', () => {
  fc.assert(
    fc.property(fc.array(anyRecord, { maxLength: 60 }), fc.nat(), (records, cut) => {
      const bytes = probeBytes(records);
      checkTrace(readProbeEvents(bytes, machine));
      checkTrace(readProbeEvents(bytes.subarray(0, cut % (bytes.length + 1)), machine));
    }),
    { seed: 4, numRuns: 300 },
  );
});

it('any bytes are a trace or refused', () => {
  const anyBytes = fc.uint8Array({ maxLength: 200 });
  const damaged = fc
    .tuple(fc.array(anyRecord, { minLength: 1, maxLength: 10 }), fc.nat(), fc.nat(255))
    .map(([records, at, byte]) => {
      const bytes = probeBytes(records);
      bytes[at % bytes.length] = byte;
      return bytes;
    });
  fc.assert(
    fc.property(fc.oneof(anyBytes, damaged), (bytes) => {
      try {
        checkTrace(readProbeEvents(bytes, machine));
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        expect(error).toMatchObject({ code: 'malformed', where: expect.stringMatching(/^events\+\d+$/) });
      }
    }),
    { seed: 4, numRuns: 1000 },
  );
});
