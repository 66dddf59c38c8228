// Expected lines are written after policy.bpf.c; instruction text is compared with llvm-objdump in test/bpf.
import { expect, test } from 'vitest';
import { fixture, recorded } from '../../test/bpf/tools.ts';
import { readObject } from './object.ts';
import type { Program } from './programs.ts';
import { disassembly, objectView } from './view.ts';

const object = readObject(fixture('policy'));
const squeezed = (text: string) => text.split('\n').map((line) => line.trim().replaceAll(/ {2,}/g, ' | '));

test('the page has a line for everything that a reader asks for', () => {
  const lines = squeezed(objectView(object));
  for (const line of [
    'licence GPL',
    'programs 5',
    'maps 8',
    'tasks | task_storage | 4 → 16 bytes | flags 0x1',
    'pids | hash | 8 → 4 bytes | × 1024 | pinned',
    'outer | array_of_maps | 4 → 4 bytes | × 2 | of array × 8',
    '.struct_ops.link sched_ext_ops fair_ops 7',
    'enqueue | enqueue_fair',
    'timeout_ms | 4000',
    'name | "fair_fixture"',
    'parameters 15',
    'p_mode | enum mode | enum | 7 MODE_VTIME',
    'p_s8 | s8 | signed | -128',
    'p_range | struct {…} | other | (not patchable)',
    'kfunc | s32 scx_bpf_create_dsq(u64, s32)',
    'kconfig | bool CONFIG_PREEMPT_RCU | weak',
    'helpers 1 5 8 156',
  ])
    expect(lines).toContain(line);
  expect(lines.filter((line) => line.startsWith('init_fair'))).toEqual([
    'init_fair | struct_ops.s/init | 24 instructions | sleepable',
  ]);
});

test('empty parts are left out', () => {
  expect(objectView(readObject(fixture('v4')))).not.toMatch(/maps|parameters|struct_ops|externs/);
  expect(objectView(readObject(fixture('types')))).toMatch(/^licence \(none\)\n/);
});

const isInstruction = (line: string) => /^ *\d+:\t/.test(line);

test.each(object.programs.map((program) => [program.name, program] as const))(
  'disassembly of %s: the instructions as llvm-objdump prints them',
  (name, program) => {
    const lines = disassembly(object, program).trimEnd().split('\n');
    expect(lines[0]).toBe(`${name}: ${program.section}+0x0`);
    const [, theirs = ''] = recorded('policy', 'objdump').split(`<${name}>:\n`);
    const expected = (theirs.split('\n\n')[0] ?? '').split('\n').filter(isInstruction);
    expect(lines.filter(isInstruction)).toEqual(expected);
  },
);

test('below an instruction stands what it refers to', () => {
  const program = object.programs.find(({ name }) => name === 'enqueue_fair') as Program;
  const lines = disassembly(object, program).trimEnd().split('\n');
  const notes = lines.slice(1).filter((line) => line.startsWith('\t\t'));
  expect(notes.map((line) => line.trim())).toEqual([
    'map tasks',
    'CO-RE <byte_off> struct task_struct::pid',
    'map pids',
    '.bss+0x0 nr_enqueued',
    'function deadline_of',
    '.data+0x0 live_knob',
    '.rodata+0x20 p_bool',
    '.rodata+0x4 p_u32',
    '.rodata+0x30 slice_ns',
    'CO-RE <enumval_value> enum scx_dsq::DSQ_GLOBAL = 1',
    'kfunc scx_bpf_dsq_insert',
  ]);
});
