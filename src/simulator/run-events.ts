// What a runner on a real kernel would say of a policy (docs/protocol.md, section 3): its presence, its end, the kernel's counters.

import type { RunEvent } from '../core/metrics.ts';
import { eventName } from './model/ext/dump.ts';
import { type Exit, exitReason } from './model/ext/exit.ts';
import { noEvents, type ScxEvents } from './model/ext/scx.ts';

/** [selectCpuFallback, SCX_EV_SELECT_CPU_FALLBACK] and so on. */
const kernelNames = (Object.keys(noEvents) as (keyof ScxEvents)[]).map(
  (key) => [key, eventName(key)] as const,
);

/** `ops`: '' while no policy is attached. */
export function presence(when: string, ops: string): RunEvent {
  const isEnabled = ops !== '';
  const state = isEnabled ? 'enabled' : 'disabled';
  return { event: 'presence', when, state, ops, enableSeq: isEnabled ? 1 : 0, nrRejected: 0 };
}

export function exitEvent({ kind, code, message, dump = '' }: Exit): RunEvent {
  const small = Number(code);
  const exact = Number.isSafeInteger(small) ? small : code;
  return { event: 'exit', kind, code: exact, reason: exitReason(kind), message, dump, source: 'record' };
}

export function countersEvent(events: ScxEvents): RunEvent {
  const values: Record<string, number> = {};
  for (const [key, name] of kernelNames) values[name] = events[key];
  return { event: 'events', values };
}
