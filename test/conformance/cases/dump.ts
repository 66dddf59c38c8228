// What is written down when a policy ends with an error: what the policy itself says (objects/dump.bpf.c), where and in which order it is asked, and lines of the kernel's own. The
// truth is scx_dump_state(), scx_dump_task(), scx_bpf_dump_bstr(), kernel/sched/ext.c, v6.18. A guest's kernel threads may be among the tasks.

import { expect } from 'vitest';
import { withOps } from '../../support/ops-values.ts';
import { type Case, cell, workload } from '../case.ts';
import { built } from '../objects.ts';
import type { Bench } from '../subject.ts';

/** When the bad task has CPU 0 the others have had it for 20 ms each and wait; of three CPUs two idle. */
const trouble = workload('dumped', {
  groups: [
    { name: 'hog', cpus: [0], phases: [{ run: '30ms' }] },
    { name: 'other', cpus: [0], start: '1ms', phases: [{ run: '30ms' }] },
    { name: 'bad', cpus: [0], start: '5ms', phases: [{ nice: 1 }, { run: '1ms' }] },
  ],
});

async function dumpOf(bench: Bench, values: Parameters<typeof withOps>[1] = {}): Promise<string> {
  const arm = { name: 'dump', object: withOps(built('dump'), values) };
  const { exit, finding } = await bench.run(cell(trouble, 3, arm));
  expect(exit, finding?.detail).toMatchObject({ kind: 1025, message: 'a bad one' });
  expect(finding).toMatchObject({ code: 'ejected', detail: exit!.dump });
  return exit!.dump;
}

/** The lines of one CPU, and of one task. */
function part(dump: string, from: RegExp): string[] {
  const lines = dump.split('\n');
  const first = lines.findIndex((line) => from.test(line));
  expect(first, `${from} in ${dump}`).toBeGreaterThanOrEqual(0);
  const rest = lines.slice(first + 1);
  const next = rest.findIndex((line) => /^(CPU | [* ][A-Z] |Event counters)/.test(line));
  return [lines[first]!, ...rest.slice(0, next).filter((line) => line !== '')];
}

export const dump: readonly Case[] = [
  {
    name: 'dump: what ops.dump says',
    why: 'pieces make a line, lines come after a blank one, before all CPUs; the context tells kind, code, reason and time',
    async check(bench) {
      const text = await dumpOf(bench);
      expect(text).toMatch(/^\S+\[\d+\] triggered exit kind 1025:\n {2}scx_bpf_error \(a bad one\)\n/);
      expect(text).toContain(
        '\n\nsaid scx_bpf_error: kind 1025 code 0, now\nsaid two lines\n\nCPU states\n----------\n\nCPU 0 ',
      );
    },
  },
  {
    name: 'dump: CPUs and tasks',
    why: 'scx_dump_state(): the CPU, ops.dump_cpu, who runs there, who waits there in order, ops.dump_task after each',
    async check(bench) {
      const text = await dumpOf(bench);
      const cpu = part(text, /^CPU 0 {3}:/);
      expect(cpu[0]).toMatch(/^CPU 0 {3}: nr_run=\d+ flags=0x1 cpu_rel=0/);
      expect(cpu[1]).toMatch(/^ {10}curr=\S+\[\d+\] class=\w+$/);
      expect(cpu[2]).toBe('  said cpu 0 idle 0');
      const tasks = [...text.matchAll(/^ {4}said (hog|other|bad)-0$/gm)].map(([, name]) => name);
      expect(tasks).toEqual(['bad', 'hog', 'other']);
      expect(text).toMatch(/^ \*R bad-0\[\d+\] [-+]\d+ms$/m);
      const other = part(text, /^ {2}R other-0\[\d+\] [-+]\d+ms$/);
      expect(other.slice(1, 6).map((line) => line.replace(/ ops_state.*| dsq_flags.*/, ''))).toEqual([
        '      scx_state/flags=3/0x9',
        '      sticky/holding_cpu=-1/-1 dsq_id=0x0',
        '      dsq_vtime=0 slice=20000000 weight=100',
        '      cpus=1 no_mig=0',
        '    said other-0',
      ]);
      const counters = text.slice(text.indexOf('\nEvent counters\n--------------\n'));
      expect(counters.trim().split('\n')).toHaveLength(2 + 9);
      expect(counters).toContain(`${'SCX_EV_BYPASS_ACTIVATE'.padStart(40)}: ${'1'.padStart(16)}\n`);
    },
  },
  {
    name: 'dump: idle CPUs',
    why: 'they are left out, unless ops.dump_cpu has something to say of them',
    async check(bench) {
      const idle = [...(await dumpOf(bench)).matchAll(/^ {2}said cpu (\d) idle 1$/gm)].map(([, cpu]) => cpu);
      expect(idle).not.toEqual([]); // which ones, is the machine's affair
    },
  },
  {
    name: 'dump: not more than exit_dump_len',
    why: 'a text that is too long ends with the kernel’s words for that, and a NUL',
    async check(bench) {
      const text = await dumpOf(bench, { exit_dump_len: 128 });
      expect(text).toHaveLength(127);
      expect(text).toMatch(/^\S+\[\d+\] triggered exit kind 1025:\n/);
      expect(text.endsWith('\n\n~~~~ TRUNCATED ~~~~\n')).toBe(true);
    },
  },
];
