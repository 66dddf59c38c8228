// An expansion as columns: what every task of a workload does, without an object per operation, and who belongs to which round. Worked out once for each expansion.

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
  readonly rounds: readonly RoundTasks[];
  /** By task: 1 when it is started by the player and asks for no nice value, sched class or affinity of its own. */
  readonly isPlain: Uint8Array;
}

export interface RoundTasks {
  /** All its tasks are among these; others may be too. */
  readonly first: number;
  readonly end: number;
  /** Those that the player starts, in the order of their start. */
  readonly starters: Int32Array;
  /** How many of these the round waits for. */
  readonly foreground: number;
}

const cpusCode = 17;

const flattened = new WeakMap<Expansion, Programs>();

export function programsOf(expansion: Expansion): Programs {
  const known = flattened.get(expansion) ?? flatten(expansion);
  flattened.set(expansion, known);
  return known;
}

function flatten(expansion: Expansion): Programs {
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
  const rounds = Array.from({ length: expansion.rounds }, (_, round) => roundTasks(expansion, round));
  const isPlain = Uint8Array.from(tasks, ({ forked, nice, schedClass, cpus }) =>
    !forked && nice === 0 && schedClass === 'other' && cpus === 0n ? 1 : 0,
  );
  return { first, length, code, a, b, masks, rounds, isPlain };
}

function roundTasks({ tasks }: Expansion, round: number): RoundTasks {
  const all = [...tasks.keys()].filter((task) => tasks[task]!.round === round);
  const starters = all.filter((task) => !tasks[task]!.forked);
  starters.sort((x, y) => tasks[x]!.startNs - tasks[y]!.startNs || x - y);
  return {
    first: all[0] ?? 0,
    end: (all.at(-1) ?? -1) + 1,
    starters: Int32Array.from(starters),
    foreground: starters.filter((task) => !tasks[task]!.background).length,
  };
}
