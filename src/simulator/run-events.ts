// What a runner on a real kernel would say of a policy (docs/protocol.md, section 3): its presence, its end, the kernel's counters.

import type { RunEvent } from '../core/metrics.ts';
import { eventName } from './model/ext/dump.ts';
import { type Exit, exitReason } from './model/ext/exit.ts';
import type { ScxEvents } from './model/ext/scx.ts';

function kernelNames(events: ScxEvents): Record<string, number> {
  return Object.fromEntries(Object.entries(events).map(([key, value]) => [eventName(key), value]));
}

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
  return { event: 'events', values: kernelNames(events) };
}
