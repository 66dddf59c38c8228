// Calls as text, one a line. DSQs, flags and slices as a kernel developer reads them (kernel/sched/ext.c and include/linux/sched/ext.h, v6.18).

import { type Call, type CallNumber, callShapes } from './calls.ts';

/** `comms`: the names of the workload's tasks, in the order of the expansion. */
export function callsText(calls: readonly Call[], comms: readonly string[]): string {
  return calls.map((call) => `${callLine(call, comms)}\n`).join('');
}

function callLine(call: Call, comms: readonly string[]): string {
  const tasks = [call.task, call.other].filter((ref) => ref !== null).map((ref) => taskText(ref, comms));
  const time = `${(call.ns / 1e6).toFixed(6).padStart(13)} ms`;
  return [
    time,
    `cpu${call.cpu}`,
    call.what,
    ...(tasks.length === 0 ? [] : [tasks.join(' -> ')]),
    ...said(call),
  ].join(' ');
}

/** A call of one task's sequence, without its time: the task is not named again. */
export function stepText(call: Call, task: number, comms: readonly string[]): string {
  const other = call.task === task ? call.other : call.task;
  if (call.what !== 'sched_switch')
    return [
      call.what,
      ...(other === null || call.task === null ? [] : [taskText(other, comms)]),
      ...said(call),
    ].join(' ');
  const way =
    call.task !== task ? 'on, after' : call.args[0] === 0 ? 'off, runnable, for' : 'off, blocked, for';
  return `${way} ${other === null ? 'nobody' : taskText(other, comms)}`;
}

export function taskText(ref: number | string, comms: readonly string[]): string {
  return typeof ref === 'string' ? ref : (comms[ref] ?? `task ${ref}`);
}

/** Numbers by name, and the result. */
function said({ what, args, result }: Call): string[] {
  const names = callShapes[what]?.args ?? [];
  const shown = args.map((value, i) => `${names[i] ?? i}=${numberText(names[i] ?? '', value)}`);
  return result === null ? shown : [...shown, `= ${result}`];
}

const everyBit = (1n << 64n) - 1n;
const builtIn = 1n << 63n;
const localOn = 3n << 62n;

/** A number as a kernel developer reads it: 0x for flags and queues, LOCAL_ON|3, INF. */
export function numberText(name: string, value: CallNumber): string {
  const exact = BigInt(value);
  if (name === 'dsq_id') return dsq(exact);
  if (/flags$|^cpumask$|^prev_state$/.test(name)) return `0x${exact.toString(16)}`;
  return name === 'slice' && exact === everyBit ? 'INF' : String(value);
}

function dsq(id: bigint): string {
  if (id === (builtIn | 1n)) return 'GLOBAL';
  if (id === (builtIn | 2n)) return 'LOCAL';
  if (id >= localOn) return `LOCAL_ON|${id & 0xffff_ffffn}`;
  return `0x${id.toString(16)}`;
}
