// What the kernel says of the pointers that a policy gets from it: which it may follow without asking whether they are null. Source: btf_ctx_access(), kernel/bpf/btf.c;
// check_kfunc_call(), kernel/bpf/verifier.c; arguments called …__nullable of struct sched_ext_ops, kernel/sched/ext.c, v6.18.15.

import type { KernelPointers } from '../../jit/walked.ts';
import type { Linked } from './link.ts';

/** Arguments that may be null, by callback. */
const nullable: Readonly<Record<string, readonly number[]>> = { dispatch: [1], yield: [1] };
/** kfuncs that give a pointer which is no more vouched for than one read out of a structure (no KF_RET_NULL, no KF_ACQUIRE). */
const unvouched: ReadonlySet<string> = new Set(['scx_bpf_cpu_rq', 'bpf_rdonly_cast']);

const noSlots: ReadonlySet<number> = new Set();

export function kernelPointers(linked: Linked): KernelPointers {
  const entries = new Map<number, number[]>();
  for (const [member, fn] of linked.entries)
    entries.set(fn, [...(entries.get(fn) ?? []), ...(nullable[member] ?? [])]);
  return {
    loads: linked.functions.map((_, fn) => linked.structurePointersOf?.(fn) ?? noSlots),
    gives: (call) => call.what === 'kfunc' && unvouched.has(linked.calleeName('kfunc', call.id)),
    entries,
    callbacks: linked.callbacks,
  };
}
