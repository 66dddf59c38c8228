// Strict priority: queues that are emptied in one fixed order, a later one only when all before are empty, and nothing that turns the order round. Whoever fills the first queue starves
// the rest. Our own rule: the kernel sees it only when the watchdog strikes, and not even then where the first queue has gaps.

import { atSite, type Draft, type Facts, type Followed, type Rule } from '../engine/facts.ts';
import type { Instance } from '../engine/instance.ts';
import { loopsOf } from '../engine/loops.ts';
import { guardsOf, truthOf } from '../engine/reach.ts';
import { callOf } from '../engine/refine.ts';
import { anyOrigin, constantsOf, type Origin, rootOf, type Value } from '../engine/values.ts';
import { idText, isBuiltIn, queueUses, type Use } from './queues.ts';

export const priorityRule: Rule = {
  about: 'no queue waits until all others are empty',
  codes: ['strict-priority'],
  check: (facts) => {
    const dispatch = facts.members.get('dispatch');
    if (dispatch === undefined || hasOtherOrder(facts, dispatch)) return [];
    const drains = queueUses(facts).filter(
      ({ use, reached }) => use === 'drain' && reached.callback === dispatch.callback,
    );
    const pair = inFixedOrder(drains);
    if (pair === undefined || turnsRound(dispatch, pair.first)) return [];
    return finding(facts, pair);
  },
};

interface Pair {
  readonly first: bigint;
  readonly later: bigint;
  readonly at: Use;
}

function inFixedOrder(drains: readonly Use[]): Pair | undefined {
  const own = ({ ids }: Use): bigint | undefined =>
    ids?.length === 1 && !isBuiltIn(ids[0]!) ? ids[0] : undefined;
  for (const at of drains) {
    const later = own(at);
    if (later === undefined) {
      const pair = countedUp(at);
      if (pair !== undefined) return pair;
      continue;
    }
    for (const guard of guardsOf(at.reached)) {
      const call = callOf(guard.left);
      if (call?.name !== 'scx_bpf_dsq_move_to_local' || truthOf(guard) !== false) continue;
      const before = constantsOf(call.of[0]!)?.values;
      if (before?.length === 1 && before[0] !== later && !isBuiltIn(before[0]!))
        return { first: before[0]!, later, at };
    }
  }
  return undefined;
}

/** bpf_for(i, 0, N) if (scx_bpf_dsq_move_to_local(i)) … */
function countedUp(at: Use): Pair | undefined {
  const { ids, reached, id } = at;
  if (ids === undefined || ids.length < 2 || ids.length > 16 || ids.some(isBuiltIn)) return undefined;
  if (id.atoms?.some(({ origin }) => origin.kind !== 'const')) return undefined;
  const { callback, instance, site } = reached;
  const loop = loopsOf(callback, instance).find(({ body }) => body.has(site.block));
  if (loop?.by !== 'numbers') return undefined;
  const sorted = [...ids].sort((a, b) => (a < b ? -1 : 1));
  return { first: sorted[0]!, later: sorted.at(-1)!, at };
}

/** Tasks are also moved by hand, from a queue's end or by age. */
function hasOtherOrder({ all }: Facts, dispatch: Followed): boolean {
  return all.some(({ sites, callback }) =>
    sites.some(
      ({ site }) =>
        /^scx_bpf_dsq_move(_vtime)?$|^scx_bpf_dsq_reenq$/.test(site.name) ||
        (callback === dispatch.callback &&
          /^(bpf_iter_scx_dsq_new|scx_bpf_dsq_insert|scx_bpf_dsq_insert_vtime|scx_bpf_dsq_peek|bpf_get_prandom_u32)$/.test(
            site.name,
          )),
    ),
  );
}

/** A branch of dispatch that depends on something that changes: a counter, an age, how many wait elsewhere. */
function turnsRound({ entered }: Followed, first: bigint): boolean {
  return entered.some(({ instance }) =>
    [...instance.branches.values()].some(({ left, right }) =>
      [left, right].some((value) => changes(value, first)),
    ),
  );
}

function changes(value: Value, first: bigint): boolean {
  if (value.atoms === undefined) return true;
  return anyOrigin(
    value,
    (origin) =>
      isDynamic(origin) ||
      (origin.name === 'scx_bpf_dsq_nr_queued' &&
        !constantsOf(origin.of[0]!)?.values.every((id) => id === first)),
    3,
  );
}

function isDynamic({ kind, name }: Origin): boolean {
  return (
    kind === 'global' ||
    kind === 'loaded' ||
    /^(scx_bpf_now|bpf_ktime_get_.*|bpf_jiffies64|bpf_get_prandom_u32)$/.test(name)
  );
}

function finding(facts: Facts, { first, later, at }: Pair): Draft[] {
  const enqueue = facts.members.get('enqueue');
  const isLimited = enqueue?.entered.some(({ instance }) => isDecidedByState(instance)) ?? false;
  const filled = queueUses(facts).filter(
    ({ use, ids }) => (use === 'insert' || use === 'insert-vtime') && ids?.length === 1 && ids[0] === first,
  );
  const kernelOnly =
    filled.length > 0 && filled.every(({ reached }) => guardsOf(reached).some(({ left }) => isForFew(left)));
  const isReject = !isLimited && !kernelOnly;
  return [
    {
      code: 'strict-priority',
      severity: isReject ? 'reject' : 'warn',
      sure: isReject ? 'likely' : 'possible',
      why: `DSQ ${idText(later)} gets its turn only while DSQ ${idText(first)} is empty, and nothing turns that round: tasks that keep the first one filled starve the others.`,
      instead:
        'Bound the wait: one queue by due times (include/turn.h), rescue_overdue() of include/rescue.h before the queues, or after N tasks of the first one of the other.',
      at: atSite(at.reached),
    },
  ];
}

/** What enqueue keeps about the task, or time, has a say in where it goes. */
function isDecidedByState(instance: Instance): boolean {
  return [...instance.branches.values()].some(({ left, right }) =>
    [left, right].some((value) => anyOrigin(value, isDynamic, 3)),
  );
}

/** Kernel threads, or tasks bound to one CPU. */
function isForFew(left: Value): boolean {
  const root = rootOf(left);
  return root?.kind === 'field' && /^task_struct\.(flags|nr_cpus_allowed)$/.test(root.name);
}
