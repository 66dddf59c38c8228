// Helpers of BPF that a scheduling policy may call, by number, with about how many instructions each takes. Numbers: enum bpf_func_id, include/uapi/linux/bpf.h.
// Left out is what reaches beyond scheduling: signals, writing to user memory, tail calls, probing of user space, network.

export interface HelperFact {
  readonly name: string;
  readonly cost: number;
  /** Its result may be a null pointer, and the verifier wants a test. */
  readonly mayBeNull?: true;
}

export const helpers: Readonly<Record<number, HelperFact>> = {
  1: { name: 'bpf_map_lookup_elem', cost: 40, mayBeNull: true },
  2: { name: 'bpf_map_update_elem', cost: 150 },
  3: { name: 'bpf_map_delete_elem', cost: 150 },
  5: { name: 'bpf_ktime_get_ns', cost: 40 },
  6: { name: 'bpf_trace_printk', cost: 3000 },
  7: { name: 'bpf_get_prandom_u32', cost: 20 },
  8: { name: 'bpf_get_smp_processor_id', cost: 2 },
  14: { name: 'bpf_get_current_pid_tgid', cost: 5 },
  16: { name: 'bpf_get_current_comm', cost: 30 },
  35: { name: 'bpf_get_current_task', cost: 3 },
  42: { name: 'bpf_get_numa_node_id', cost: 3 },
  45: { name: 'bpf_probe_read_str', cost: 100 },
  55: { name: 'bpf_perf_event_read_value', cost: 300 },
  87: { name: 'bpf_map_push_elem', cost: 80 },
  88: { name: 'bpf_map_pop_elem', cost: 80 },
  89: { name: 'bpf_map_peek_elem', cost: 60 },
  93: { name: 'bpf_spin_lock', cost: 50 },
  94: { name: 'bpf_spin_unlock', cost: 30 },
  113: { name: 'bpf_probe_read_kernel', cost: 40 },
  115: { name: 'bpf_probe_read_kernel_str', cost: 100 },
  118: { name: 'bpf_jiffies64', cost: 3 },
  125: { name: 'bpf_ktime_get_boot_ns', cost: 40 },
  127: { name: 'bpf_seq_write', cost: 100 },
  130: { name: 'bpf_ringbuf_output', cost: 150 },
  131: { name: 'bpf_ringbuf_reserve', cost: 100, mayBeNull: true },
  132: { name: 'bpf_ringbuf_submit', cost: 60 },
  133: { name: 'bpf_ringbuf_discard', cost: 40 },
  134: { name: 'bpf_ringbuf_query', cost: 10 },
  153: { name: 'bpf_per_cpu_ptr', cost: 5, mayBeNull: true },
  154: { name: 'bpf_this_cpu_ptr', cost: 3 },
  156: { name: 'bpf_task_storage_get', cost: 40, mayBeNull: true },
  157: { name: 'bpf_task_storage_delete', cost: 150 },
  158: { name: 'bpf_get_current_task_btf', cost: 3 },
  160: { name: 'bpf_ktime_get_coarse_ns', cost: 20 },
  164: { name: 'bpf_for_each_map_elem', cost: 50 },
  165: { name: 'bpf_snprintf', cost: 500 },
  169: { name: 'bpf_timer_init', cost: 300 },
  170: { name: 'bpf_timer_set_callback', cost: 60 },
  171: { name: 'bpf_timer_start', cost: 200 },
  172: { name: 'bpf_timer_cancel', cost: 200 },
  177: { name: 'bpf_trace_vprintk', cost: 3000 },
  181: { name: 'bpf_loop', cost: 10 },
  182: { name: 'bpf_strncmp', cost: 30 },
  194: { name: 'bpf_kptr_xchg', cost: 20, mayBeNull: true },
  195: { name: 'bpf_map_lookup_percpu_elem', cost: 40, mayBeNull: true },
  203: { name: 'bpf_dynptr_data', cost: 10, mayBeNull: true },
  208: { name: 'bpf_ktime_get_tai_ns', cost: 40 },
  209: { name: 'bpf_user_ringbuf_drain', cost: 300 },
  210: { name: 'bpf_cgrp_storage_get', cost: 40, mayBeNull: true },
  211: { name: 'bpf_cgrp_storage_delete', cost: 150 },
};

/** Those whose result may be null. */
export const nullable: ReadonlySet<string> = new Set(
  Object.values(helpers)
    .filter(({ mayBeNull }) => mayBeNull === true)
    .map(({ name }) => name),
);

/** Helpers without arguments. */
export const silent: ReadonlySet<string> = new Set(
  'bpf_ktime_get_ns bpf_get_prandom_u32 bpf_get_smp_processor_id bpf_get_current_pid_tgid bpf_get_current_task bpf_get_numa_node_id bpf_jiffies64 bpf_ktime_get_boot_ns bpf_get_current_task_btf bpf_ktime_get_coarse_ns bpf_ktime_get_tai_ns'.split(
    ' ',
  ),
);

/** "bpf_loop", "helper 999". */
export function helperName(number: number): string {
  return helpers[number]?.name ?? `helper ${number}`;
}

/** Of the map types, those a policy may have; why others not is said in the rule. */
export const mapTypes: ReadonlySet<string> = new Set([
  'hash',
  'array',
  'percpu_hash',
  'percpu_array',
  'lru_hash',
  'lru_percpu_hash',
  'lpm_trie',
  'array_of_maps',
  'hash_of_maps',
  'queue',
  'stack',
  'ringbuf',
  'user_ringbuf',
  'perf_event_array',
  'task_storage',
  'cgrp_storage',
  'cgroup_storage',
  'bloom_filter',
  'arena',
]);
