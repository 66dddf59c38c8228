// REPEAT, statically: how often each operation is executed.
import { type Op, opCodes } from '../core/workload.ts';

/** First operation of the body of the REPEAT at `index`. */
export function bodyStart(op: Op, index: number): number {
  return index - Number(op.b);
}

/** Executions of each operation; the bodies are nested or apart (`check` sees to it). */
export function executionCounts(ops: readonly Op[]): number[] {
  const counts = new Array<number>(ops.length).fill(1);
  const open: { start: number; times: number }[] = [];
  for (let i = ops.length - 1; i >= 0; i--) {
    while (open.length > 0 && i < open.at(-1)!.start) open.pop();
    counts[i] = open.at(-1)?.times ?? 1;
    const op = ops[i]!;
    if (op.code === opCodes.REPEAT) open.push({ start: bodyStart(op, i), times: counts[i]! * (op.a + 1) });
  }
  return counts;
}
