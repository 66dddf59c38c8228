// What the loader makes of one object on both machines: libbpf and the kernel's BTF there, src/bpf and the generated facts here. Offsets differ, what is
// found through them does not. The expected values are the kernel's: include/linux/sched/ext.h, kernel/sched/ext_internal.h, v6.18, and Debian's configuration.

import { expect } from 'vitest';
import { type Case, cell, workload } from '../case.ts';
import { built } from '../objects.ts';
import type { Bench } from '../subject.ts';

const file = workload('relocations', {
  groups: [{ name: 'probe', phases: [{ nice: 5 }, { run: '1ms' }, { sleep: '5ms' }, { run: '5ms' }] }],
});

async function answers(bench: Bench, question: number): Promise<string[]> {
  const arm = { name: 'relocations', object: built('relocations'), parameters: { question } };
  const { exit, finding } = await bench.run(cell(file, 2, arm));
  expect(exit, `the answers have come: ${JSON.stringify(finding)}`).toMatchObject({ kind: 65 });
  return exit!.message.split(' ');
}

function ask(name: string, question: number, expected: (kernel: string) => readonly string[]): Case {
  return {
    name: `relocations: ${name}`,
    why: 'libbpf: CO-RE, kconfig and weak symbols',
    async check(bench) {
      expect(await answers(bench, question)).toEqual(expected(bench.subject.kernel));
    },
  };
}

export const relocations: readonly Case[] = [
  ask('what there is', 0, (kernel) => [
    ...['1', '1', '1', '1'], // types, members, members of a flavour, enumerators: the first is there, the second is not
    ...['1', kernel === '6.18' ? '0' : '1'], // kfuncs: scx_bpf_cpu_curr since 6.18, scx_bpf_dsq_peek since 6.19
    ...['10', '1', '0', '2'], // sizes of comm, a bool, and an unsigned short; an option that no kernel has
  ]),
  ask('numbers', 1, (kernel) => [
    kernel === '6.18' ? '612' : '703',
    ...['fa', '2000'], // CONFIG_HZ, CONFIG_NR_CPUS
    ...['1312d00', '80'], // SCX_SLICE_DFL, SCX_OPS_NAME_LEN
    ...['400', '20000000000', 'ffffffff', '100000000'], // enumerators of 32 and of 64 bits, whatever the object thought
    '8000000000000002',
  ]),
  ask('fields of a task', 2, () => [
    'probe-0',
    ...['7d', '7d', '2', '0', '21'], // static_prio, prio, nr_cpus_allowed, policy, weight at nice 5
    ...['301', '1f', '3'], // scx.flags; its own leader, a cgroup, a pid, some slice; both CPUs
    '10400', // of a run queue: its CPU, and SCX_CPUPERF_ONE
  ]),
  ask('states of a task', 3, () => [
    '111', // TASK_INTERRUPTIBLE, still on its run queue, still on its CPU
    ...['200', '0', '0'], // TASK_WAKING, on none
    '1', // one switch more
    ...['0', '0', '0', '0', '0'],
  ]),
];
