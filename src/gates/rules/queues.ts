// Where dispatch queues are named: created, filled, emptied, walked; with the ids that each call may give. Shared by the rules about queues.

import { dsq } from '../data/kernels.ts';
import { table } from '../data/table.ts';
import type { Facts } from '../engine/facts.ts';
import type { Reached } from '../engine/reach.ts';
import { anything, constantsOf, type Value } from '../engine/values.ts';

export type QueueUse = 'create' | 'insert' | 'insert-vtime' | 'drain' | 'move-in' | 'move-in-vtime' | 'walk';

export interface Use {
  readonly use: QueueUse;
  readonly reached: Reached;
  readonly id: Value;
  /** All that the id may be; undefined where it may be something else. */
  readonly ids: readonly bigint[] | undefined;
  /** No parameter is in it. */
  readonly exact: boolean;
}

/** Which argument is the id. */
const calls = table<readonly [use: QueueUse, argument: number]>({
  scx_bpf_create_dsq: ['create', 0],
  scx_bpf_dsq_insert: ['insert', 1],
  scx_bpf_dsq_insert_vtime: ['insert-vtime', 1],
  scx_bpf_dsq_move_to_local: ['drain', 0],
  scx_bpf_dsq_move: ['move-in', 2],
  scx_bpf_dsq_move_vtime: ['move-in-vtime', 2],
  bpf_iter_scx_dsq_new: ['walk', 1],
});

export function queueUses({ sites }: Facts): Use[] {
  return sites.flatMap((reached) => {
    const call = reached.site.what === 'kfunc' ? calls[reached.site.name] : undefined;
    const id = call === undefined ? undefined : reached.site.args[call[1]];
    if (call === undefined || id === undefined) return [];
    const known = constantsOf(id);
    return [{ use: call[0], reached, id, ids: known?.values, exact: known?.exact ?? false }];
  });
}

export function isBuiltIn(id: bigint): boolean {
  return (id & dsq.builtIn) !== 0n;
}

/** Numbers that loops and CPUs count up to; ids beyond are constants of their own. */
const mostCounted = 65_536n;

/** Whether this value may be that id, as far as one can tell. */
export function couldBe(value: Value, id: bigint): boolean {
  if (value.atoms === undefined) return true;
  return value.atoms.some(({ origin }) => {
    switch (origin.kind) {
      case 'const':
      case 'parameter':
        return origin.value === id;
      case 'bits':
        return (id & ~origin.value) === 0n;
      case 'mod':
        return id < origin.value;
      case 'counter': {
        const from = constantsOf(origin.of[0] ?? anything)?.values;
        return id < mostCounted && (from?.length !== 1 || id >= from[0]!);
      }
      case 'arg':
        return id < mostCounted;
      default:
        return true;
    }
  });
}

export function idText(id: bigint): string {
  if (id === dsq.global) return 'SCX_DSQ_GLOBAL';
  if (id === dsq.local) return 'SCX_DSQ_LOCAL';
  if ((id & dsq.localOn) === dsq.localOn) return `SCX_DSQ_LOCAL_ON | ${id & 0xffffffffn}`;
  return id < 65_536n ? `${id}` : `0x${id.toString(16)}`;
}
