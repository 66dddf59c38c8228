// A recording in any form that this room reads: our trace files, and text of perf script.

import type { Trace } from '../core/trace.ts';
import { decodeTrace, isTraceFile } from './file.ts';
import { PerfLine, perfEvents } from './perf-line.ts';
import { readPerfScript } from './perf-script.ts';

const newline = 10;
/** Headers and lines of call chains stand before and between events. */
const mostLines = 500;

/** Is one of its first lines an event of the scheduler, as perf prints it? */
export function isPerfText(bytes: Uint8Array): boolean {
  const line = new PerfLine();
  for (let from = 0, lines = 0; from < bytes.length && lines < mostLines; lines++) {
    const end = bytes.indexOf(newline, from);
    const to = end < 0 ? bytes.length : end;
    if (to - from < 4096 && line.read(bytes, from, to) > perfEvents.other) return true;
    from = to + 1;
  }
  return false;
}

/** Undefined: it is no recording. @throws Fault malformed, for one that is damaged. */
export function importTrace(bytes: Uint8Array): Trace | undefined {
  if (isTraceFile(bytes)) return decodeTrace(bytes);
  return isPerfText(bytes) ? readPerfScript([bytes]) : undefined;
}
