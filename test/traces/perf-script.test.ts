// perf/names.txt was recorded with perf 6.12 on Linux 6.18 (`perf sched record`, `perf sched script --ns`): processes whose names are words of the format
// itself, or no text at all. Its machine's perf hears nothing from the idle tasks of CPUs 1 to 3. Other forms of lines follow perf's documentation, by hand.

import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Fault } from '../../src/core/errors.ts';
import {
  ended,
  stillRunnable,
  type Trace,
  traceKinds,
  waitReasons,
  wakeCauses,
} from '../../src/core/trace.ts';
import { readPerfScript, readPerfStream } from '../../src/traces/perf-script.ts';
import { traceText } from '../../src/traces/view.ts';
import { root } from '../support/paths.ts';

const sample = readFileSync(`${root}/test/traces/perf/names.txt`);
const read = (lines: readonly string[], options = {}): Trace =>
  readPerfScript([Buffer.from(`${lines.join('\n')}\n`, 'latin1')], options);

it('a real recording, with names that are words of the format', async () => {
  const trace = readPerfScript([sample]);
  expect(trace.tasks.map(({ tid, comm }) => [tid, comm])).toEqual([
    [3863, 'python3'],
    [3865, 'a b'],
    [3866, 'x: y [001]'],
    [3867, '\xff\xfe\x01z'],
    [3868, ' prev_pid=1'],
    [3869, '==> next_comm'],
    [3870, ''],
    [3871, 'a=b:c 12 [000]'],
  ]);
  await expect(traceText(trace, { events: 100 })).toMatchFileSnapshot('golden/perf-names.txt');
});

it('in pieces of any size it is the same', async () => {
  const whole = readPerfScript([sample]);
  const pieces = (size: number) =>
    Array.from({ length: Math.ceil(sample.length / size) }, (_, i) =>
      sample.subarray(i * size, (i + 1) * size),
    );
  for (const size of [1, 7, 1000]) expect(readPerfScript(pieces(size))).toEqual(whole);
  async function* stream() {
    yield* pieces(333);
  }
  expect(await readPerfStream(stream())).toEqual(whole);
});

/** [ns, kind, cpu, tid, tid, detail, object]. */
function rows(trace: Trace) {
  const kinds = Object.keys(traceKinds);
  const tid = (task: number): number => (task < 0 ? 0 : trace.tasks[task]!.tid);
  const words = (i: number): string => {
    const detail = trace.detail[i]!;
    if (trace.kind[i] === traceKinds.wake) return wakeCauses[detail]!;
    if (trace.kind[i] !== traceKinds.switch) return '';
    return detail === stillRunnable ? 'runnable' : detail === ended ? 'ended' : waitReasons[detail]!;
  };
  return Array.from({ length: trace.count }, (_, i) => [
    ...[trace.atNs[i], kinds[trace.kind[i]! - 1], trace.cpu[i], tid(trace.task[i]!), tid(trace.other[i]!)],
    ...[words(i), trace.object[i]],
  ]);
}

it('each kind of event, in each way to print it', () => {
  const trace = read([
    '# os release : 5.10.0-8-amd64',
    '# nrcpus online : 12',
    '            bash     7 [001]    10.000001: sched:sched_process_fork: comm=bash pid=7 child_comm=bash child_pid=8',
    '            bash     7 [001]    10.000002:   sched:sched_wakeup_new: comm=bash pid=8 prio=120 target_cpu=002',
    '            bash     7 [001]    10.000003: sched:sched_migrate_task: comm=rt pid=9 prio=49 orig_cpu=3 dest_cpu=4',
    '            bash     7/7     [001]    10.000004:       sched:sched_waking: comm=rt pid=9 prio=49 target_cpu=003',
    '            bash     7/7     [001]    10.000005:       sched:sched_wakeup: comm=rt pid=9 prio=49 success=1 target_cpu=004',
    '         swapper     0 [002]    10.000006:          1  sched:sched_switch: swapper/2:0 [120] R ==> bash:8 [130]',
    '            bash     8 [002]    10.000007: sched:sched_wakeup: sleeper:11 [120] success=1 CPU:005',
    '         swapper     0 [003]    10.000008: sched:sched_wakeup: net:12 [-1]',
    '            bash     8 [002]    10.000009: sched_switch: bash:8 [130] S ==> bash:7 [120]',
    '            bash     7 [002]    10.000010: sched:sched_process_exit: comm=bash pid=7 prio=120 group_dead=true',
    '            bash     7 [002]    10.000011: sched:sched_switch: prev_comm=bash prev_pid=7 prev_prio=120 prev_state=X ==> next_comm=swapper/2 next_pid=0 next_prio=120',
  ]);
  expect(rows(trace)).toEqual([
    [0, 'fork', 1, 8, 7, '', 0],
    [2000, 'migrate', 3, 9, 0, '', 5],
    [3000, 'wake', 1, 9, 7, 'task', 5],
    [5000, 'switch', 2, 0, 8, 'runnable', 0],
    [6000, 'wake', 2, 11, 8, 'task', 6],
    [7000, 'wake', 3, 12, 0, 'interrupt', 0],
    [8000, 'switch', 2, 8, 7, 'unknown', 0],
    [9000, 'exit', 2, 7, 0, '', 0],
    [10_000, 'switch', 2, 7, 0, 'ended', 0],
  ]);
  expect(trace).toMatchObject({ source: 'perf', cpus: 12, release: '5.10.0-8-amd64', durationNs: 10_000 });
  expect(trace.tasks.map(({ tid, nice, schedClass }) => [tid, nice, schedClass])).toEqual([
    [7, 0, 0],
    [8, 10, 0],
    [9, 0, 1],
    [11, 0, 0],
    [12, 0, 6],
  ]);
});

const switched = (state: string, name = 'a', second = 1): string =>
  `               ${name}     5 [000]    ${second}.000000000: sched:sched_switch: prev_comm=${name} prev_pid=5 prev_prio=120 prev_state=${state} ==> next_comm=b next_pid=6 next_prio=120`;

it.each([
  ['R', 'runnable'],
  ['R+', 'runnable'],
  ['S|+', 'runnable'],
  ['S', 'unknown'],
  ['D', 'unknown'],
  ['D|K', 'unknown'],
  ['I', 'idle'],
  ['T', 'other'],
  ['t', 'other'],
  ['P', 'idle'],
  ['X', 'ended'],
  ['Z', 'ended'],
  ['Q', 'unknown'],
])('state %s', (state, detail) => {
  const trace = read([switched(state)]);
  expect(rows(trace)[0]![5]).toBe(detail);
  expect(trace.notes.some((note) => note.includes('states that are not known'))).toBe(state === 'Q');
});

it('a kernel thread that sleeps has nothing to do', () => {
  expect(rows(read([switched('S', 'ksoftirqd/0')]))[0]![5]).toBe('idle');
});

it('names that look like what stands around them are names', () => {
  for (const name of [
    'x 1 [0] 2.3: y:',
    'a pid=1 prio=2',
    ' prev_pid=1',
    'a:1 [2] S ==> b',
    ' ==> next_comm=',
    '[001] 1.5: s:b:',
  ]) {
    const trace = read([
      `${name.padStart(16)}      77 [003]     5.000000001: sched:sched_waking: comm=${name} pid=78 prio=120 target_cpu=002`,
      `${name.padStart(16)}      77 [003]     5.000000002: sched:sched_switch: prev_comm=${name} prev_pid=77 prev_prio=120 prev_state=S ==> next_comm=${name} next_pid=78 next_prio=121`,
      `${name.padStart(16)}      78 [003]     5.000000003: sched:sched_process_fork: comm=${name} pid=78 child_comm=${name} child_pid=79`,
    ]);
    expect(rows(trace), name).toEqual([
      [0, 'wake', 3, 78, 77, 'task', 0],
      [1, 'switch', 3, 77, 78, 'unknown', 0],
      [2, 'fork', 3, 79, 78, '', 0],
    ]);
    expect(new Set(trace.tasks.map(({ comm }) => comm))).toEqual(new Set([name]));
  }
});

it('times are exact on a machine that is up for long', () => {
  const up = 99_999_999;
  const trace = read(
    [switched('R'), switched('R')].map((line, i) => line.replace('1.000000000:', `${up + i}.99999999${i}:`)),
  );
  expect([...trace.atNs]).toEqual([0, 1_000_000_001]);
});

it('the command of perf, and what it makes, is what is observed', () => {
  const trace = read([
    '            perf     5 [000]     1.000000: sched:sched_waking: comm=perf-exec pid=6 prio=120 target_cpu=001',
    '            make     6 [001]     2.000000: sched:sched_process_fork: comm=make pid=6 child_comm=make child_pid=7',
    '             gcc     7 [001]     3.000000: sched:sched_switch: prev_comm=gcc prev_pid=7 prev_prio=120 prev_state=S ==> next_comm=other next_pid=9 next_prio=120',
    '            make     6 [000]     4.000000: sched:sched_switch: prev_comm=make prev_pid=6 prev_prio=120 prev_state=Z ==> next_comm=perf next_pid=5 next_prio=120',
    '            perf     5 [000]     5.000000: sched:sched_waking: comm=other pid=9 prio=120 target_cpu=001',
  ]);
  expect(trace.tasks.filter((task) => task.isFollowed).map(({ comm }) => comm)).toEqual(['make', 'gcc']);
  expect(trace.subject).toEqual({ name: 'make', startNs: 0, endNs: 3e9 });
  expect(read([switched('S')], { follow: [6] }).tasks.map((task) => task.isFollowed)).toEqual([false, true]);
});

it('where idle tasks are not heard, their switches follow from what tasks have run', () => {
  const trace = read([
    switched('S').replace('next_comm=b next_pid=6', 'next_comm=swapper/0 next_pid=0'),
    '               b     6 [000]     1.000900000: sched:sched_stat_runtime: comm=b pid=6 runtime=200000 [ns]',
    '               b     6 [000]     1.001000000: sched:sched_waking: comm=a pid=5 prio=120 target_cpu=000',
  ]);
  expect(rows(trace)).toEqual([
    [0, 'switch', 0, 5, 0, 'unknown', 0],
    [700_000, 'switch', 0, 0, 6, 'runnable', 0],
    [1_000_000, 'wake', 0, 5, 6, 'task', 0],
  ]);
  expect(trace.notes.some((note) => note.startsWith('1 switches from idle were missing'))).toBe(true);
});

it('what is not understood is counted, by the line; call chains are passed over; losses are added up', () => {
  const trace = read([
    switched('R'),
    '\tffffffff8139bdf1 __traceiter_sched_switch+0x31 ([kernel.kallsyms])',
    '',
    'Warning:',
    switched('R').replace('next_pid', 'next_pit'),
    'x'.repeat(100_000),
    '         swapper       0 [000]     0.000000: PERF_RECORD_FORK(1:1):(0:0)',
    '            perf       5 [000]     2.000000: PERF_RECORD_LOST lost 13',
    '            perf       5 [000]     2.000000: raw_syscalls:sys_enter: NR 1 (1, 2, 3, 4, 5, 6)',
  ]);
  expect(trace.count).toBe(1);
  expect(trace.lost).toBe(13);
  expect(trace.notes.filter((note) => note.includes('understood'))).toEqual([
    '3 of 9 lines were not understood, the first is line 4',
  ]);
});

it('a text that is cut loses the line that it was cut in, and no more', () => {
  const lines = sample.toString('latin1').trimEnd().split('\n');
  const whole = readPerfScript([sample.subarray(0, sample.length - lines.at(-1)!.length - 1)]);
  for (const left of [1, 20, 100]) {
    const cut = readPerfScript([sample.subarray(0, sample.length - left)]);
    expect(cut.count).toBe(whole.count);
    expect(cut.notes.at(-1)).toContain('the text is cut');
  }
});

it('every one of two hundred thousand lines is read', () => {
  const line = (i: number): string =>
    `${`worker-${i % 100}`.padStart(16)}   ${1000 + (i % 100)} [00${i % 4}] ${(100 + i / 1e6).toFixed(9)}:       sched:sched_switch: prev_comm=worker-${i % 100} prev_pid=${1000 + (i % 100)} prev_prio=120 prev_state=S ==> next_comm=worker-${(i + 4) % 100} next_pid=${1000 + ((i + 4) % 100)} next_prio=120\n`;
  const chunk = Buffer.from(Array.from({ length: 100_000 }, (_, i) => line(i)).join(''));
  expect(readPerfScript([chunk, chunk]).count).toBe(200_000);
});

it('what is no text of perf is refused', () => {
  expect(() => read(['hello', 'world'])).toThrow(
    expect.objectContaining({ code: 'malformed', where: 'line+1' }),
  );
  expect(() => readPerfScript([])).toThrow(Fault);
});

it('any bytes, and damaged recordings, are a trace or refused', () => {
  const damage = fc.tuple(fc.nat(sample.length - 1), fc.nat(255));
  const damaged = fc.array(damage, { minLength: 1, maxLength: 40 }).map((changes) => {
    const bytes = Uint8Array.from(sample);
    for (const [at, byte] of changes) bytes[at] = byte;
    return bytes;
  });
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), damaged), (bytes) => {
      try {
        const trace = readPerfScript([bytes]);
        for (let i = 0; i < trace.count; i++)
          if (
            !(trace.atNs[i]! >= (trace.atNs[i - 1] ?? 0)) ||
            trace.cpu[i]! >= trace.cpus ||
            trace.task[i]! >= trace.tasks.length
          )
            expect.fail(`event ${i}`);
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        expect(error.where).toMatch(/^line\+\d+$/);
      }
    }),
    { seed: 4, numRuns: 500 },
  );
});
