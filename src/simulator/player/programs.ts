// The operations of an expansion as columns: what every task of a workload does, without an object per operation.

import type { Expansion } from '../../core/workload.ts';

export interface Programs {
  /** By task: its first operation, and how many it has. */
  readonly first: Int32Array;
  readonly length: Int32Array;
  /** By operation: opCodes, a and b as docs/protocol.md lists them. */
  readonly code: Uint8Array;
  readonly a: Float64Array;
  readonly b: Float64Array;
  /** Masks of the CPUS operations, by operation. */
  readonly masks: ReadonlyMap<number, bigint>;
}

const cpusCode = 17;

export function flatten(expansion: Expansion): Programs {
  const { tasks } = expansion;
  const count = tasks.reduce((sum, task) => sum + task.ops.length, 0);
  const first = new Int32Array(tasks.length);
  const length = new Int32Array(tasks.length);
  const code = new Uint8Array(count);
  const a = new Float64Array(count);
  const b = new Float64Array(count);
  const masks = new Map<number, bigint>();
  let at = 0;
  tasks.forEach(({ ops }, task) => {
    first[task] = at;
    length[task] = ops.length;
    for (const op of ops) {
      code[at] = op.code;
      a[at] = op.a;
      b[at] = Number(op.b);
      if (op.code === cpusCode) masks.set(at, op.b);
      at++;
    }
  });
  return { first, length, code, a, b, masks };
}
