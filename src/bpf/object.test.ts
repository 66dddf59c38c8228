// Expected values: what policy.bpf.c says in C. Disassembly and types are compared with the tools in test/bpf.
import { expect, test } from 'vitest';
import { fixture } from '../../test/bpf/tools.ts';
import { typeText } from './btf-text.ts';
import { type BpfObject, readObject } from './object.ts';
import { parameters } from './parameters.ts';
import type { Program } from './programs.ts';

const object = readObject(fixture('policy'));
const functions = [...object.programs, ...object.subprograms];
const named = (name: string) => functions.find((program) => program.name === name) as Program;
const referencesOf = (name: string) => [...named(name).references.values()];

test('programs: where they live, what they fill, whether they may sleep', () => {
  const rows = object.programs.map((p) => [p.name, p.section, p.members.join(), p.sleepable]);
  expect(rows).toEqual([
    ['select_any', 'struct_ops/select', 'select_cpu', false],
    ['enqueue_fair', 'struct_ops/enqueue', 'enqueue', false],
    ['dispatch_fair', 'struct_ops/dispatch', 'dispatch', false],
    ['init_fair', 'struct_ops.s/init', 'init', true],
    ['poke', 'syscall', '', true],
  ]);
  expect(object.subprograms.map((p) => [p.name, p.global])).toEqual([
    ['deadline_of', true],
    ['scaled', false],
  ]);
  expect(typeText(object.btf, named('deadline_of').type ?? 0)).toBe('u64 deadline_of(struct task_struct *p)');
  expect(object.licence).toBe('GPL');
});

test('references: maps, globals, kernel symbols, functions', () => {
  const enqueue = referencesOf('enqueue_fair');
  expect(enqueue).toContainEqual({ kind: 'map', name: 'tasks' });
  expect(enqueue).toContainEqual({ kind: 'map', name: 'pids' });
  expect(enqueue).toContainEqual({ kind: 'data', section: '.bss', offset: 0, symbol: 'nr_enqueued' });
  expect(enqueue).toContainEqual({ kind: 'kfunc', name: 'scx_bpf_dsq_insert', weak: false });
  expect(enqueue).toContainEqual({ kind: 'function', name: 'deadline_of', section: '.text', offset: 0 });
  expect(referencesOf('select_any').filter(({ kind }) => kind === 'kfunc')).toEqual([
    { kind: 'kfunc', name: 'scx_bpf_select_cpu_and', weak: true },
    { kind: 'kfunc', name: 'scx_bpf_select_cpu_and', weak: true },
  ]);
  const init = referencesOf('init_fair');
  expect(init).toContainEqual({ kind: 'kconfig', name: 'LINUX_KERNEL_VERSION', weak: false });
  expect(init).toContainEqual({ kind: 'kconfig', name: 'CONFIG_PREEMPT_RCU', weak: true });
  expect(init).toContainEqual({ kind: 'ksym', name: 'runqueues', weak: true });
  // A call inside .text has no relocation; a call into .text of a static function goes by the section's symbol.
  expect(referencesOf('deadline_of')[0]).toMatchObject({ kind: 'function', name: 'scaled' });
  const types = readObject(fixture('types'));
  expect([...(types.programs[0]?.references.values() ?? [])]).toMatchObject([{ name: 'helper' }]);
  const helper = types.subprograms[0]?.references;
  expect([...(helper?.values() ?? [])]).toContainEqual({
    kind: 'data',
    section: '.rodata',
    offset: 0,
    symbol: undefined,
  });
});

test('declared maps', () => {
  const rows = object.maps
    .filter(({ section }) => section === '.maps')
    .map((m) => [m.name, m.typeName, m.keySize, m.valueSize, m.maxEntries, m.flags, m.pinning]);
  expect(rows.sort()).toEqual([
    ['cpus', 'array', 4, 24, 16, 0, 0],
    ['inner_a', 'array', 4, 8, 8, 0, 0],
    ['outer', 'array_of_maps', 4, 4, 2, 0, 0],
    ['pids', 'hash', 8, 4, 1024, 0, 1],
    ['tasks', 'task_storage', 4, 16, 0, 1, 0],
  ]);
  const map = (name: string) => object.maps.find((item) => item.name === name);
  expect(typeText(object.btf, map('tasks')?.valueType ?? 0)).toBe('struct task_ctx');
  expect(map('cpus')?.keyType).toBeUndefined();
  expect(map('outer')?.inner).toMatchObject({ typeName: 'array', valueSize: 8, maxEntries: 8 });
  expect(map('outer')?.slots).toEqual(new Map([[1, 'inner_a']]));
  expect(map('inner_a')?.slots).toEqual(new Map());
});

test('maps of globals hold what C initialised', () => {
  const map = (name: string) => object.maps.find((item) => item.name === name);
  expect(map('.data')).toMatchObject({ valueSize: 4, initial: Uint8Array.of(3, 0, 0, 0) });
  expect(map('.bss')).toMatchObject({ valueSize: 8, initial: undefined, maxEntries: 1, keySize: 4 });
  // BPF_F_MMAPABLE, and BPF_F_RDONLY_PROG for constants.
  expect([map('.data')?.flags, map('.rodata')?.flags]).toEqual([1 << 10, (1 << 10) | (1 << 7)]);
});

test('struct_ops: programs by member, plain values beside them', () => {
  const [ops, ...others] = object.structOps;
  expect(others).toEqual([]);
  expect(ops).toMatchObject({ variable: 'fair_ops', section: '.struct_ops.link', type: 'sched_ext_ops' });
  expect(ops?.programs).toEqual(
    new Map([
      ['select_cpu', 'select_any'],
      ['enqueue', 'enqueue_fair'],
      ['dispatch', 'dispatch_fair'],
      ['init', 'init_fair'],
    ]),
  );
  expect(ops?.values).toEqual(
    new Map<string, bigint | string>([
      ['dispatch_max_batch', 0n],
      ['flags', 0x8000000000000010n],
      ['timeout_ms', 4000n],
      ['exit_dump_len', 0n],
      ['hotplug_seq', 0n],
      ['name', 'fair_fixture'],
    ]),
  );
});

test('what it needs from the kernel', () => {
  expect(object.kfuncs).toEqual([
    'scx_bpf_create_dsq',
    'scx_bpf_dsq_insert',
    'scx_bpf_dsq_move_to_local',
    'scx_bpf_select_cpu_and',
  ]);
  // map_lookup_elem, ktime_get_ns, get_smp_processor_id, task_storage_get.
  expect(object.helpers).toEqual([1, 5, 8, 156]);
  expect(object.externs.filter(({ weak }) => weak).map(({ name }) => name)).toEqual([
    'scx_bpf_select_cpu_and',
    'runqueues',
    'CONFIG_PREEMPT_RCU',
  ]);
});

test('source lines and CO-RE relocations belong to instructions', () => {
  const line = object.ext?.lines.find(({ text }) => text.includes('tc->deadline = deadline_of(p)'));
  expect(line).toMatchObject({
    section: 'struct_ops/enqueue',
    file: expect.stringMatching(/policy\.bpf\.c$/),
  });
  expect(line?.column).toBeGreaterThan(1);
  const [relocation] = [...named('deadline_of').coreRelocations];
  // struct task_struct: pid, flags, on_cpu, in_execve, scx (4); struct scx_task: slice, dsq_vtime, weight (2).
  expect(relocation).toMatchObject([0, { kind: 'byte_off', access: [0, 4, 2] }]);
});

test('what is rare is read too', () => {
  const unusual = readObject(fixture('unusual'));
  const rows = unusual.programs.map((p) => [p.name, p.section, p.offset > 0, p.members.join(), p.sleepable]);
  expect(rows).toEqual([
    ['optional', '?struct_ops.s/optional', false, '', true],
    ['first', 'struct_ops', false, 'a', false],
    ['second', 'struct_ops', true, 'b,a', false],
  ]);
  expect(unusual.structOps.map(({ variable, section }) => [variable, section])).toEqual([
    ['one', '.struct_ops'],
    ['two', '.struct_ops.link'],
  ]);
  // Nested structs and bit fields are not listed; a name may fill its array.
  expect(unusual.structOps.map(({ values }) => [...values])).toEqual([
    [
      ['name', 'one'],
      ['number', -3n],
      ['small', 255n],
    ],
    [
      ['name', '0123456789abcdef'],
      ['number', 0n],
      ['small', 0n],
    ],
  ]);
  const maps = new Map(unusual.maps.map((map) => [map.name, map]));
  expect(maps.get('arena')).toMatchObject({ typeName: 'arena', maxEntries: 100, extra: 0x100000000000n });
  expect(maps.get('tails')).toMatchObject({ typeName: 'prog_array', valueSize: 4, inner: undefined });
  expect(maps.get('wide')).toMatchObject({ valueSize: 32 });
  expect(maps.get('.data.custom')).toMatchObject({ initial: Uint8Array.of(9, 0, 0, 0) });
  const references = [...(unusual.programs[2]?.references.values() ?? [])];
  expect(references).toContainEqual({ kind: 'function', name: 'each', section: '.text', offset: 0 });
  expect(references).toContainEqual({ kind: 'data', section: '.data.custom', offset: 0, symbol: 'custom' });
  // A static global is named by its section's symbol and the offset in the instruction.
  const limit = parameters(unusual).find(({ name }) => name === 'p_first_static')?.offset ?? 0;
  expect(limit).toBeGreaterThan(0);
  expect(references).toContainEqual({ kind: 'data', section: '.rodata', offset: limit, symbol: undefined });
  expect(maps.get('tails')?.slots).toEqual(new Map([[1, 'optional']]));
  expect(maps.get('outer')?.slots).toEqual(new Map([[0, 'inner']]));
  const arena = references.filter((item) => item.kind === 'data' && item.section === '.addr_space.1');
  expect(arena).toMatchObject([{ symbol: 'zeroed' }]);
});

/** The object with the bytes of a section changed at an offset. */
function damaged(section: string, offset: number, ...bytes: number[]): () => BpfObject {
  const copy = fixture('policy');
  const start = object.elf.sections.find(({ name }) => name === section)?.offset ?? 0;
  copy.set(bytes, start + offset);
  return () => readObject(copy);
}

test.each([
  ['BTF magic', '.BTF', 0, [0], '.BTF+0x0: no BTF magic'],
  ['.BTF.ext version', '.BTF.ext', 2, [9], '.BTF.ext+0x2: version 9'],
  ['a relocation of what holds no symbol', '.rel.text', 0, [8], '.text+0x8: relocation 1 of a load'],
  ['a relocation between instructions', '.rel.text', 0, [28], '.text+0x1c: relocation inside an instruction'],
  // Entries of .symtab have 24 bytes: the size at 16. 2 is scaled, 8 deadline_of.
  ['a function past its section', '.symtab', 2 * 24 + 17, [16], '.text+0x88: function scaled of 4320 bytes'],
  ['functions that overlap', '.symtab', 8 * 24 + 16, [144], '.text+0x88: functions deadline_of and scaled'],
  // Header 32, size of a record 4, section and count 8, offset of the instruction 4.
  ['a function that has no function type', '.BTF.ext', 48, [1], 'type 1 is a ptr, not a func'],
  ['a relocation of an unknown symbol', '.rel.text', 12, [200], '.rel.text+0xc: symbol 200 of 45'],
  ['a call of no function', '.text', 20, [3], '.text+0x10: no function at .text+48'],
])('%s is refused with a place', (_, section, offset, bytes, message) => {
  expect(damaged(section, offset, ...bytes)).toThrow(message);
});

test('a call with a relocation is what the relocation says, not a helper', () => {
  const call = named('select_any').instructions.find(({ kind }) => kind === 'call');
  const changed = damaged('struct_ops/select', (call?.at ?? 0) * 8 + 1, 0)();
  const codes = changed.programs[0]?.instructions.filter((code) => code.kind === 'call');
  expect(codes).toMatchObject([{ what: 'helper', id: -1 }]);
  expect(changed.helpers).toEqual(object.helpers);
});

test('an object without types is refused', () => {
  const copy = fixture('policy');
  const names = object.elf.sections.find(({ name }) => name === '.strtab');
  const at = Buffer.from(names?.data ?? []).indexOf('.rel.BTF\0');
  copy[(names?.offset ?? 0) + at + 5] = 'X'.charCodeAt(0);
  expect(() => readObject(copy)).toThrow('no section .BTF');
});
