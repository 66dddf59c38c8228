// The tracer's rows (docs/protocol.md, section 4) as calls.

import { type Call, type CallNumber, callShapes } from '../core/calls.ts';
import { Fault } from '../core/errors.ts';
import type { RunnerEvent } from '../linux/runner.ts';

/** CPUs and nodes are signed numbers to the kernel (-1: none); all numbers come unsigned. */
function signed(name: string, value: CallNumber): CallNumber {
  return typeof value === 'string' && /cpu$|^node$/.test(name)
    ? Number(BigInt.asIntN(64, BigInt(value)))
    : value;
}

/** Throws Fault('malformed') when the tracer has recorded something that core/calls.ts does not know. */
export function callsOf(events: readonly RunnerEvent[]): { calls: Call[]; lost: number } {
  const calls: Call[] = [];
  let lost = 0;
  for (const event of events) {
    if (event.event === 'callsLost') lost = event.count;
    if (event.event !== 'calls') continue;
    if (event.first !== calls.length)
      throw new Fault('malformed', `calls from ${event.first} on follow ${calls.length} calls`);
    for (const [ns, cpu, what, task, other, a, b, c, d, result] of event.rows) {
      const shape = callShapes[what];
      if (shape === undefined) throw new Fault('malformed', `the tracer recorded an unknown call: ${what}`);
      const args = shape.args.map((name, i) => signed(name, [a, b, c, d][i] ?? 0));
      calls.push({ ns, cpu, what, task, other, args, result: shape.hasResult ? result : null });
    }
  }
  return { calls, lost };
}
