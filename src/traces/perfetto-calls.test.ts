// The file as another decoder reads it.

import { expect, it } from 'vitest';
import { perfettoPackets as decoded } from '../../test/traces/perfetto-schema.ts';
import type { Call } from '../core/calls.ts';
import { perfettoTrace } from './perfetto-calls.ts';

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
const calls = [
  call(-250, 0, 'sched_wakeup_new', { task: 1, args: [1] }),
  call(-200, 1, 'sched_switch', { task: 'swapper/1', other: 1, args: [0, 0] }),
  call(100, 1, 'ops.enqueue', { task: 1, args: ['4294967305'] }),
  call(100, 1, 'scx_bpf_dsq_insert', { task: 1, args: ['9223372036854775810', 20_000_000, 0] }),
  call(110, 1, 'scx_bpf_dsq_insert_vtime', { task: 1, args: [0, 5000, '18446744073709551615', 0] }),
  call(120, 1, 'scx_bpf_pick_idle_cpu', { args: [0], result: -16 }),
  call(150, 1, 'sched_switch', { task: 1, other: 'kworker/1:0', args: [0, 1] }),
  call(160, 1, 'sched_switch', { task: 'kworker/1:0', other: 'swapper/1', args: [0x402, 0] }),
  call(170, 0, 'sched_wakeup', { task: 0, args: [0] }),
  call(180, 0, 'sched_switch', { task: 'swapper/0', other: 0, args: [0, 0] }),
  call(190, 0, 'sched_switch', { task: 0, other: 'swapper/0', args: [0x2001, 0] }),
];
const names = { comms: ['alpha', 'beta'], kernelRelease: '6.18.15', title: 'fifo on 2 CPUs' };
const packets = decoded(perfettoTrace(calls, names));

it('switches and wake-ups are the kernel’s events, by CPU, in order, with times that are not negative', () => {
  const events = (cpu: number) =>
    packets.filter((one) => one.ftrace_events?.cpu === cpu).flatMap((one) => one.ftrace_events.event);
  const base = 1_000_000_000 + 250; // the first call is at one second
  expect(events(1)).toEqual([
    {
      timestamp: String(base - 200),
      pid: 0,
      sched_switch: {
        prev_comm: 'swapper/1',
        prev_pid: 0,
        prev_prio: 120,
        prev_state: '0',
        next_comm: 'beta',
        next_pid: 1001,
        next_prio: 120,
      },
    },
    // preempted: TASK_REPORT_MAX; an idle kernel thread: TASK_REPORT_IDLE
    expect.objectContaining({
      timestamp: String(base + 150),
      pid: 1001,
      sched_switch: expect.objectContaining({
        prev_state: '256',
        next_comm: 'kworker/1:0',
        next_pid: 100_000,
      }),
    }),
    expect.objectContaining({
      pid: 100_000,
      sched_switch: expect.objectContaining({ prev_state: '128', next_comm: 'swapper/1', next_pid: 0 }),
    }),
  ]);
  const woken = (comm: string, pid: number, target: number) => ({
    comm,
    pid,
    prio: 120,
    success: 1,
    target_cpu: target,
  });
  expect(events(0).map(({ timestamp, pid, ...rest }) => rest)).toEqual([
    { sched_waking: woken('beta', 1001, 1) },
    { sched_wakeup_new: woken('beta', 1001, 1) },
    { sched_waking: woken('alpha', 1000, 0) },
    { sched_wakeup: woken('alpha', 1000, 0) },
    { sched_switch: expect.objectContaining({ next_pid: 1000 }) },
    { sched_switch: expect.objectContaining({ prev_pid: 1000, prev_state: '1' }) },
  ]);
});

it('callbacks and kfuncs are events on their CPU’s track, with their numbers', () => {
  const tracks = packets.flatMap((one) => one.track_descriptor ?? []);
  expect(tracks).toEqual([
    { uuid: '1', name: 'fifo on 2 CPUs' },
    { uuid: '2', name: 'policy on cpu0', parent_uuid: '1' },
    { uuid: '3', name: 'policy on cpu1', parent_uuid: '1' },
  ]);
  const events = packets.filter((one) => one.track_event?.track_uuid === '3');
  expect(events.map((one) => [one.timestamp, one.track_event.type, one.track_event.name])).toEqual([
    ['1000000350', 3, 'ops.enqueue'],
    ['1000000350', 3, 'scx_bpf_dsq_insert'],
    ['1000000360', 3, 'scx_bpf_dsq_insert_vtime'],
    ['1000000370', 3, 'scx_bpf_pick_idle_cpu'],
  ]);
  expect(events.map((one) => one.track_event.debug_annotations)).toEqual([
    [
      { name: 'task', string_value: 'beta' },
      { name: 'enq_flags', string_value: '0x100000009' },
    ],
    [
      { name: 'task', string_value: 'beta' },
      { name: 'dsq_id', string_value: 'LOCAL' },
      { name: 'slice', uint_value: '20000000' },
      { name: 'enq_flags', string_value: '0x0' },
    ],
    [
      { name: 'task', string_value: 'beta' },
      { name: 'dsq_id', string_value: '0x0' },
      { name: 'slice', uint_value: '5000' },
      { name: 'vtime', uint_value: '18446744073709551615' },
      { name: 'enq_flags', string_value: '0x0' },
    ],
    [
      { name: 'flags', string_value: '0x0' },
      { name: 'result', int_value: '-16' },
    ],
  ]);
});

it('tasks have names, the kernel its release, and events of tracks one sequence that begins afresh', () => {
  const processes = packets.flatMap((one) => one.process_tree?.processes ?? []);
  expect(processes.map(({ pid, cmdline }) => [pid, ...cmdline])).toEqual([
    [1000, 'alpha'],
    [1001, 'beta'],
    [100_000, 'kworker/1:0'],
  ]);
  expect(packets[0].system_info.utsname).toEqual({ sysname: 'Linux', release: '6.18.15', machine: 'x86_64' });
  const own = packets.filter((one) => one.track_event !== undefined || one.track_descriptor !== undefined);
  expect(own.every((one) => one.trusted_packet_sequence_id === 1)).toBe(true);
  expect(own.map((one) => one.sequence_flags ?? 0)).toEqual([1, ...own.slice(1).map(() => 0)]);
});

it('thousands of events of a CPU are several bundles', () => {
  const many = Array.from({ length: 1234 }, (_, i) => call(i, 0, 'sched_wakeup', { task: 0, args: [0] }));
  const bundles = decoded(perfettoTrace(many, names)).filter((one) => one.ftrace_events !== undefined);
  const events = bundles.flatMap((one) => one.ftrace_events.event);
  expect(bundles.length).toBeGreaterThan(1);
  expect(events.filter((one) => one.sched_wakeup).map((one) => Number(one.timestamp))).toEqual(
    Array.from({ length: 1234 }, (_, i) => 1_000_000_000 + i),
  );
});
