// Calls as text, one a line. DSQs, flags and slices as a kernel developer reads them (kernel/sched/ext.c and include/linux/sched/ext.h, v6.18).

import { type Call, type CallNumber, callShapes, type TaskRef } from './calls.ts';

/** `comms`: the names of the workload's tasks, in the order of the expansion. */
export function callsText(calls: readonly Call[], comms: readonly string[]): string {
  return calls.map((call) => `${callLine(call, comms)}\n`).join('');
}

function callLine(call: Call, comms: readonly string[]): string {
  const named = (ref: TaskRef): string[] =>
    ref === null ? [] : [typeof ref === 'string' ? ref : (comms[ref] ?? `task ${ref}`)];
  const names = callShapes[call.what]?.args ?? [];
  const args = call.args.map((value, i) => `${names[i] ?? i}=${argument(names[i] ?? '', value)}`);
  const words = [
    `${(call.ns / 1e6).toFixed(6).padStart(13)} ms`,
    `cpu${call.cpu}`,
    call.what,
    [...named(call.task), ...named(call.other)].join(' -> '),
    ...args,
    call.result === null ? '' : `= ${call.result}`,
  ];
  return words.filter((word) => word !== '').join(' ');
}

const everyBit = (1n << 64n) - 1n;
const builtIn = 1n << 63n;
const localOn = 3n << 62n;

function argument(name: string, value: CallNumber): string {
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
