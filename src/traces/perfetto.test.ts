// Numbers of states, flags and events: include/linux/sched.h and include/linux/trace_events.h, v6.18, and the reference on perfetto.dev.

import { expect, it } from 'vitest';
import { perfettoPackets } from '../../test/traces/perfetto-schema.ts';
import { ended, stillRunnable, traceKinds } from '../core/trace.ts';
import { TraceBuilder } from './builder.ts';
import { perfettoOf } from './perfetto.ts';
import { causeIndex, reasonIndex } from './wait-reasons.ts';

const { switch: switched, wake, fork, exit } = traceKinds;

function packets() {
  const builder = new TraceBuilder();
  const shell = builder.taskOf(100);
  const child = builder.born(101, shell);
  Object.assign(builder.tasks[shell]!, { comm: 'sh', nice: 5, isFollowed: true });
  Object.assign(builder.tasks[child]!, { comm: 'k\xe4se', tgid: 100, isFollowed: true });
  const other = builder.taskOf(7);
  Object.assign(builder.tasks[other]!, { comm: 'kworker/0:1', isKernel: true });
  builder.add(10, switched, 0, -1, shell, stillRunnable);
  builder.add(20, fork, 0, child, shell);
  builder.add(30, switched, 0, shell, child, reasonIndex.futex, 0xfeed);
  builder.add(40, wake, 0, shell, child, causeIndex.task, 2);
  builder.add(50, switched, 0, child, other, reasonIndex.disk);
  builder.add(60, wake, 0, child, -1, causeIndex.interrupt);
  builder.add(70, switched, 0, other, child, reasonIndex.idle);
  builder.add(80, exit, 0, child);
  builder.add(90, switched, 0, child, -1, ended);
  builder.add(95, switched, 1, -1, shell, stillRunnable);
  builder.add(99, switched, 1, shell, -1, reasonIndex.sleep, 1);
  const subject = { name: 'sh -c', startNs: 20, endNs: 90 };
  return perfettoPackets(
    perfettoOf(
      builder.finish({
        source: 'probes',
        release: '6.18.15',
        notes: ['cut'],
        subject,
        startNs: 0,
        endNs: 100,
      }),
    ),
  );
}

const all = packets();
const origin = 1_000_000_000;
const at = (packet: { timestamp: string }): number => Number(packet.timestamp) - origin;

it('what the kernel would have told is told as it tells it', () => {
  const events = all
    .filter((one) => one.ftrace_events?.cpu === 0)
    .flatMap((one) => one.ftrace_events.event)
    .map(({ timestamp, pid, common_flags, ...rest }) => [at({ timestamp }), pid, common_flags ?? 0, rest]);
  const sh = { comm: 'sh', pid: 100, prio: 125 };
  const kase = { comm: 'käse', pid: 101, prio: 120 };
  const worker = { comm: 'kworker/0:1', pid: 7, prio: 120 };
  const idle = { comm: 'swapper/0', pid: 0, prio: 120 };
  const change = (prev: typeof sh, state: number, next: typeof sh) => ({
    sched_switch: {
      ...{ prev_comm: prev.comm, prev_pid: prev.pid, prev_prio: prev.prio, prev_state: String(state) },
      ...{ next_comm: next.comm, next_pid: next.pid, next_prio: next.prio },
    },
  });
  expect(events).toEqual([
    [10, 0, 0, change(idle, 0, sh)],
    [
      20,
      100,
      0,
      { task_newtask: { pid: 101, comm: 'käse', clone_flags: String(0x10000), oom_score_adj: 0 } },
    ],
    [
      20,
      100,
      0,
      { sched_process_fork: { parent_comm: 'sh', parent_pid: 100, child_comm: 'käse', child_pid: 101 } },
    ],
    [20, 100, 0, { sched_wakeup_new: { ...kase, success: 1, target_cpu: 0 } }],
    [30, 100, 0, change(sh, 1, kase)],
    [40, 101, 0, { sched_waking: { ...sh, success: 1, target_cpu: 1 } }],
    [50, 101, 0, change(kase, 2, worker)],
    [60, 7, 8, { sched_waking: { ...kase, success: 1, target_cpu: 0 } }],
    [70, 7, 0, change(worker, 0x80, kase)],
    [80, 101, 0, { sched_process_exit: { comm: 'käse', pid: 101, tgid: 100, prio: 120 } }],
    [90, 101, 0, change(kase, 0x10, idle)],
  ]);
});

it('each observed task has a track that shows what it waits for', () => {
  const tracks = all.flatMap((one) => one.track_descriptor ?? []);
  expect(tracks).toEqual([
    { uuid: '1', name: 'sh -c' },
    { uuid: '2', name: 'sh 100 waits', parent_uuid: '1' },
    { uuid: '3', name: 'käse 101 waits', parent_uuid: '1' },
  ]);
  const shown = (uuid: string) =>
    all
      .filter((one) => one.track_event?.track_uuid === uuid)
      .map((one) => [at(one), one.track_event.type, one.track_event.name, one.track_event.debug_annotations]);
  expect(shown('2')).toEqual([
    [30, 1, 'futex', [{ name: 'object', uint_value: String(0xfeed) }]],
    [40, 2, undefined, undefined],
    [99, 1, 'sleep', [{ name: 'object', uint_value: '1' }]],
    [100, 2, undefined, undefined],
  ]);
  expect(shown('3')).toEqual([
    [50, 1, 'disk', undefined],
    [60, 2, undefined, undefined],
  ]);
  expect(shown('1')).toEqual([
    [20, 1, 'sh -c', [{ name: 'note 1', string_value: 'cut' }]],
    [90, 2, undefined, undefined],
  ]);
});

it('threads belong to their processes', () => {
  const { processes, threads } = all.find((one) => one.process_tree !== undefined).process_tree;
  expect(processes).toEqual([
    { pid: 100, ppid: 0, cmdline: ['sh'] },
    { pid: 7, ppid: 0, cmdline: ['kworker/0:1'] },
  ]);
  expect(threads).toEqual([
    { tid: 100, name: 'sh', tgid: 100 },
    { tid: 101, name: 'käse', tgid: 100 },
    { tid: 7, name: 'kworker/0:1', tgid: 7 },
  ]);
  expect(all[0].system_info.utsname).toMatchObject({ release: '6.18.15' });
});
