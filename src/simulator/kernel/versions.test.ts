// The facts of 6.18.15 against what was read in its sources and measured on it by others: the notes on sched_ext (kfuncs of each version,
// values of its flags, members of its ops).
import { expect, test } from 'vitest';
import { coreTarget } from './core-target.ts';
import { linux6_18 } from './versions.ts';

test('version and configuration', () => {
  expect(linux6_18.release).toBe('6.18.15');
  expect(linux6_18.code).toBe((6 << 16) + (18 << 8) + 15);
  expect(linux6_18.config.get('HZ')).toBe('250');
  expect(linux6_18.config.get('SCHED_CLASS_EXT')).toBe('y');
  expect(linux6_18.config.get('HZ_1000')).toBeUndefined();
});

test('kfuncs: those of 6.18 and no later ones', () => {
  const scx = [...linux6_18.kfuncs.keys()].filter((name) => /^(scx_bpf_|bpf_iter_scx_)/.test(name));
  expect(scx).toHaveLength(49);
  expect(linux6_18.kfuncs.size).toBe(243);
  for (const name of ['scx_bpf_cpu_curr', 'scx_bpf_locked_rq', 'scx_bpf_cpu_rq', 'bpf_cpumask_populate'])
    expect(linux6_18.kfuncs.has(name)).toBe(true);
  for (const name of [
    'scx_bpf_task_set_slice',
    'scx_bpf_dsq_peek',
    'scx_bpf_dispatch',
    '__scx_bpf_dsq_insert_vtime',
  ])
    expect(linux6_18.kfuncs.has(name)).toBe(false);
  // s32 scx_bpf_create_dsq(u64, s32); void scx_bpf_dsq_insert(struct task_struct *, u64, u64, u64)
  expect(linux6_18.kfuncs.get('scx_bpf_create_dsq')).toBe('iii');
  expect(linux6_18.kfuncs.get('scx_bpf_dsq_insert')).toBe('vpsiii');
});

test('enumerators have the values of 6.18', () => {
  const value = (type: string, name: string) => linux6_18.enums.get(type)?.get(name);
  expect(value('scx_enq_flags', 'SCX_ENQ_HEAD')).toBe(0x10n);
  expect(value('scx_enq_flags', 'SCX_ENQ_CPU_SELECTED')).toBe(0x400n);
  expect(value('scx_enq_flags', 'SCX_ENQ_IMMED')).toBeUndefined();
  expect(value('scx_dsq_id_flags', 'SCX_DSQ_LOCAL_ON')).toBe(0xc000_0000_0000_0000n);
  expect(value('scx_exit_kind', 'SCX_EXIT_ERROR_STALL')).toBe(1026n);
  expect(value('scx_public_consts', 'SCX_SLICE_INF')).toBe(2n ** 64n - 1n);
  expect(value('scx_ops_flags', 'SCX_OPS_HAS_CGROUP_WEIGHT')).toBe(65536n);
});

test('ops: 34 programs and seven plain members, none of a later kernel', () => {
  const members = [...(linux6_18.structs.get('sched_ext_ops')?.keys() ?? [])];
  expect(members).toHaveLength(34 + 7);
  expect(members).toContain('cgroup_set_bandwidth');
  expect(members).not.toContain('cgroup_set_idle');
});

test('helpers by number', () => {
  expect([1, 5, 8, 130, 156, 181].map((id) => linux6_18.helpers[id])).toEqual([
    'map_lookup_elem',
    'ktime_get_ns',
    'get_smp_processor_id',
    'ringbuf_output',
    'task_storage_get',
    'loop',
  ]);
});

const target = coreTarget(linux6_18);
const task = { kind: 'struct', name: 'task_struct' } as const;

test.each([
  [['scx', 'dsq_vtime'], 'here'],
  [['comm', 15], 'here'],
  [['comm', 16], 'absent'],
  [['pid', 'x'], 'absent'],
  [['utime'], 'unmodelled'],
  [['se', 'avg', 'util_avg'], 'unmodelled'],
  [['scx', 'ops_state', 'counter'], 'unknown'], // atomic_long_t is not among the facts
  [['no_such'], 'absent'],
  [['simulator'], 'absent'], // ours
] as const)('task_struct %j is %s', (path, is) => {
  expect(target.field(task, 0, path).is).toBe(is);
});

test('elements of a second task lie one task further', () => {
  const [first, second] = [0, 1].map((index) => target.field(task, index, ['pid']));
  expect(second).toMatchObject({ bitOffset: (first as { bitOffset: number }).bitOffset + 256 * 8 });
});

test('types: sched_ext is known completely, the rest by what is listed', () => {
  expect(target.type({ kind: 'struct', name: 'scx_of_the_future' })).toBe('absent');
  expect(target.type({ kind: 'struct', name: 'some_driver' })).toBe('unknown');
  expect(target.type({ kind: 'struct', name: 'sched_avg' })).toMatchObject({ size: undefined });
  expect(target.type({ kind: 'typedef', name: 'cpumask_t' })).toMatchObject({ size: 32 });
  expect(target.type({ kind: 'enum', name: 'scx_enq_flags' })).not.toBe('absent');
  expect(target.type({ kind: 'struct', name: 'scx_enq_flags' })).toBe('absent');
  expect(target.enumerator({ kind: 'enum', name: 'zone_type' }, 'ZONE_DMA')).toBe('unknown');
});
