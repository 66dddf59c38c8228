import { expect, it } from 'vitest';
import type { Call } from './calls.ts';
import { callsText } from './calls-text.ts';

const call = (ns: number, cpu: number, what: string, rest: Partial<Call>): Call => ({
  ns,
  cpu,
  what,
  task: null,
  other: null,
  args: [],
  result: null,
  ...rest,
});

it('one line a call: time, CPU, what, tasks, numbers by name, result', () => {
  const calls = [
    call(-1_500_000, 0, 'ops.init', {}),
    call(0, 0, 'scx_bpf_create_dsq', { args: [18, -1], result: 0 }),
    call(1_234_567, 0, 'ops.enqueue', { task: 1, args: [1] }),
    call(1_234_900, 0, 'scx_bpf_dsq_insert', {
      task: 1,
      args: ['9223372036854775810', 20_000_000, '4294967305'],
    }),
    call(2_000_000, 1, 'scx_bpf_dsq_insert', {
      task: 0,
      args: ['13835058055282163715', '18446744073709551615', 0],
    }),
    call(2_000_001, 1, 'scx_bpf_dsq_move_to_local', { args: ['9223372036854775809'], result: 1 }),
    call(2_000_002, 1, 'ops.dispatch', { task: 'kworker/1:1', args: [1] }),
    call(999_999_999, 3, 'sched_switch', { task: 'swapper/3', other: 0, args: [0, 0] }),
    call(1_000_000_000, 3, 'ops.stopping', { task: 7, args: [1] }),
  ];
  expect(callsText(calls, ['long-0', 'long-1'])).toBe(
    [
      '    -1.500000 ms cpu0 ops.init',
      '     0.000000 ms cpu0 scx_bpf_create_dsq dsq_id=0x12 node=-1 = 0',
      '     1.234567 ms cpu0 ops.enqueue long-1 enq_flags=0x1',
      '     1.234900 ms cpu0 scx_bpf_dsq_insert long-1 dsq_id=LOCAL slice=20000000 enq_flags=0x100000009',
      '     2.000000 ms cpu1 scx_bpf_dsq_insert long-0 dsq_id=LOCAL_ON|3 slice=INF enq_flags=0x0',
      '     2.000001 ms cpu1 scx_bpf_dsq_move_to_local dsq_id=GLOBAL = 1',
      '     2.000002 ms cpu1 ops.dispatch kworker/1:1 cpu=1',
      '   999.999999 ms cpu3 sched_switch swapper/3 -> long-0 prev_state=0x0 preempt=0',
      '  1000.000000 ms cpu3 ops.stopping task 7 runnable=1',
      '',
    ].join('\n'),
  );
});
