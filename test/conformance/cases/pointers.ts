// Pointers that a program reads out of the kernel's structures may be followed without a look: null reads 0. The truth is check_ptr_to_btf_access() and convert_ctx_accesses()
// (BPF_PROBE_MEM), kernel/bpf/verifier.c, and ex_handler_bpf(), arch/x86/net/bpf_jit_comp.c, v6.18.

import { expect } from 'vitest';
import { type Case, cell, workload } from '../case.ts';
import { built } from '../objects.ts';
import type { Bench } from '../subject.ts';

const one = workload('one', {
  groups: [{ name: 'probe', phases: [{ run: '1ms' }, { nice: 1 }, { run: '1ms' }] }],
});

async function exitOf(bench: Bench, queue: number) {
  const arm = { name: 'pointers', object: built('pointers'), parameters: { queue } };
  const { exit, finding } = await bench.run(cell(one, 2, arm));
  expect(exit, finding?.message).not.toBeNull();
  return { kind: exit!.kind, message: exit!.message };
}

export const pointers: readonly Case[] = [
  {
    name: 'pointers: beyond the root of the cgroups',
    why: 'task_group.parent of the root is null, and what is read there is 0',
    check: async (bench) =>
      expect(await exitOf(bench, 0)).toEqual({ kind: 65, message: '0 above the root, with 0 shares; 0' }),
  },
  {
    name: 'pointers: the run queue of no CPU',
    why: 'scx_bpf_cpu_rq() gives null, which is followed twice; the policy is ejected for the CPU, not the program for the pointer',
    check: async (bench) =>
      expect(await exitOf(bench, 1)).toEqual({ kind: 1024, message: 'invalid CPU 999' }),
  },
];
