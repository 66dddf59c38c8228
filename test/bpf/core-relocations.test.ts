// CO-RE by example: functions of test/simulator/link/core.bpf.c are relocated into the types of kernel.bpf.c and executed on a memory laid
// out by hand. Offsets, sizes and shifts are counted in kernel.bpf.c by the rules of C; what is poisoned and what is converted by libbpf's.

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { CoreRelocation } from '../../src/bpf/btf-ext.ts';
import { essentialName, localAccess } from '../../src/bpf/core-access.ts';
import { applyCoreRelocations, type CoreTarget, poisonHelper } from '../../src/bpf/core-relocations.ts';
import { readObject } from '../../src/bpf/object.ts';
import { Fault } from '../../src/core/errors.ts';
import { interpret } from '../../src/jit/interpreter.ts';
import { btfTarget } from '../simulator/link/btf-target.ts';
import { anyMemory, fixtureObject } from '../simulator/link/fixtures.ts';
import { libraryObjects } from './tools.ts';

const object = fixtureObject('core');
const kernel = fixtureObject('kernel').btf;
const address = 0x10_0000n;

function relocated(name: string, target: CoreTarget = btfTarget(kernel)) {
  const program = object.programs.find((item) => item.name === name);
  if (program === undefined) throw new Error(`no function ${name}`);
  return applyCoreRelocations(object.btf, program.instructions, program.coreRelocations, target);
}

const word = (offset: number, size: number, value: bigint) => ({ offset, size, value });
const contents = [
  word(8, 4, 0xa1b2c3d4n), // moved
  word(16, 8, 0x1_0000_0007n), // widened: more than the object's u32 holds
  word(24, 2, 0xfffen), // narrowed
  word(26, 2, 0x5555n), // padding, which a load of 4 bytes would drag in
  word(40, 4, 0x11n), // a
  word(44, 4, 0x22n), // b
  word(48, 4, 0x1fn | (0x155n << 5n)), // low, mid
  word(52, 4, 0xedcban | (0x2bn << 20n)), // high, negative: 101011 is -21
  word(96, 4, 77n), // in[2].deep
  word(104, 1, 0x80n), // small: -128
  word(112, 8, 0xffff_8880_1234_5678n), // pointer
  word(124, 4, 0xfedc_ba98n), // was_bits
  word(144, 8, 0x7777n), // tail[2]
  word(136, 4, 0x4444n), // [1].moved
];

function run(name: string, target?: CoreTarget) {
  const memory = anyMemory();
  for (const { offset, size, value } of contents) memory.store(address + BigInt(offset), size, value);
  const { instructions } = relocated(name, target);
  const call = (_what: unknown, id: number): bigint => {
    throw new Error(id === poisonHelper ? 'poisoned' : `helper ${id}`);
  };
  const { r0 } = interpret({ memory, stack: 0x1000n, functions: [instructions], call, budget: 1000 }, 0, [
    address,
  ]);
  return { r0, memory };
}

const sample = kernel.find('sample', 'struct')?.id as number;
const local = object.btf.find('sample___old', 'struct')?.id as number;
const minus = (value: bigint) => BigInt.asUintN(64, -value);

test.each<[string, bigint]>([
  ['load_moved', 0xa1b2c3d4n],
  ['load_widened', 0x1_0000_0007n], // r0 gets all of it: the load has become one of 8 bytes
  ['load_narrowed', 0xfffen],
  ['load_b', 0x22n],
  ['load_nested_b', 0x22n],
  ['load_deep_2', 77n],
  ['load_small', minus(128n)],
  ['load_pointer', 0xffff_8880_1234_5678n],
  ['load_tail_2', 0x7777n],
  ['load_second', 0x4444n], // 128 + 8
  ['address_narrowed', address + 24n],
  ['size_widened', 8n],
  ['size_in', 48n],
  ['size_element', 16n],
  ['exists_b', 1n],
  ['exists_gone', 0n],
  ['exists_other_kind', 0n], // an int where the object has a pointer
  ['exists_in_3', 0n],
  ['exists_missing', 0n],
  ['signed_small', 1n],
  ['signed_widened', 0n],
  ['lshift_narrowed', 48n],
  ['rshift_narrowed', 48n],
  ['bits_mid', 0x155n],
  ['bits_high', 0xedcban],
  ['bits_negative', minus(21n)],
  ['bits_was_bits', 0xfedc_ba98n], // no bit field in the kernel
  ['lshift_mid', 50n], // 64 - (48 × 8 + 5 + 9 - 48 × 8)
  ['rshift_mid', 55n],
  ['size_cross', 8n],
  ['type_exists_sample', 1n],
  ['type_exists_missing', 0n],
  ['type_size_sample', 128n],
  ['type_size_missing', 0n],
  ['type_matches_inner', 1n],
  ['type_matches_odd', 0n],
  ['type_matches_colour', 0n],
  ['type_id_local', BigInt(local)],
  ['type_id_target', BigInt(sample)],
  ['type_id_target_missing', 0n],
  ['value_red', 3n],
  ['value_green', minus(70_000n)],
  ['value_wide', 0x1_0000_0005n],
  ['value_exists_green', 1n],
  ['value_exists_blue', 0n],
  ['value_exists_nothing', 0n],
])('%s gives %i', (name, expected) => {
  expect(run(name).r0).toBe(expected);
  expect(relocated(name).poisoned).toEqual([]);
});

test.each([
  ['load_sign_widened', 'sample.sign_widened has another size or form in the kernel'],
  ['load_to_signed', 'sample.sign_widened has another size or form in the kernel'],
  ['load_deep_3', 'sample.in[3].deep does not exist in the fixture'],
  ['load_other_kind', 'sample.other_kind does not exist in the fixture'],
  ['load_was_bits', 'sample.was_bits has another size or form in the kernel'],
  ['load_gone', 'sample.gone does not exist in the fixture'],
  ['load_missing', 'missing.x does not exist in the fixture'],
  ['value_blue', 'BLUE does not exist in the fixture'],
])('%s is poisoned, and found only when executed', (name, message) => {
  const { poisoned } = relocated(name);
  expect(poisoned).toEqual([{ at: 0, message: expect.stringContaining(message) }]);
  expect(() => run(name)).toThrow('poisoned');
});

test('a typedef of an anonymous struct is found by its own name', () => {
  const { r0 } = run('load_anonymous');
  expect(r0).toBe(0n);
  expect(relocated('load_anonymous').instructions[0]).toMatchObject({ kind: 'load', offset: 4, bytes: 4 });
});

test('bits that cross a word are read from the next longer one', () => {
  const memory = anyMemory();
  memory.store(address, 8, 0xabcn << 24n);
  const { instructions } = relocated('bits_cross');
  const world = { memory, stack: 0x1000n, functions: [instructions], call: () => 0n, budget: 1000 };
  expect(interpret(world, 0, [address]).r0).toBe(0xabcn);
});

test('anonymous members leave no trace in the path', () => {
  const nested = object.btf.find('sample___nested', 'struct')?.id as number;
  const { path, text, root } = localAccess(object.btf, nested, [0, 0, 0, 1]);
  expect({ path, text, root }).toEqual({
    path: ['b'],
    text: 'sample.b',
    root: { kind: 'struct', name: 'sample' },
  });
});

test.each([
  ['scx_bpf_kick_cpu', 'scx_bpf_kick_cpu'],
  ['scx_bpf_kick_cpu___v1', 'scx_bpf_kick_cpu'],
  ['insert___v2___compat', 'insert___v2'], // the last suffix alone
  ['___x', '___x'],
  ['x____y', 'x____y'], // four underscores are no separator
])('the essential name of %s is %s', (name, essential) => {
  expect(essentialName(name)).toBe(essential);
});

test('a resized access is encoded as it is decoded', () => {
  // LDX | MEM | DW and LDX | MEM | H; STX | MEM | DW (RFC 9669, 5.2).
  expect(relocated('load_widened').instructions[0]).toMatchObject({ opcode: 0x79, bytes: 8 });
  expect(relocated('load_narrowed').instructions[0]).toMatchObject({ opcode: 0x69, bytes: 2 });
  expect(relocated('store_widened').instructions[1]).toMatchObject({ opcode: 0x7b, bytes: 8 });
});

test('a store grows with its field', () => {
  const { memory } = run('store_widened');
  expect(memory.load(address + 16n, 8)).toBe(0xffff_fff1n);
});

describe('what the target does not model', () => {
  const unmodelled: CoreTarget = {
    name: '9.9',
    type: () => ({ size: undefined, id: 5 }),
    field: () => ({ is: 'unmodelled', kind: 'int' }),
    enumerator: () => 'unknown',
  };
  const unknown: CoreTarget = { ...unmodelled, type: () => 'unknown', field: () => ({ is: 'unknown' }) };

  test('exists, but must not be read', () => {
    expect(run('exists_gone', unmodelled).r0).toBe(1n);
    expect(run('type_exists_sample', unmodelled).r0).toBe(1n);
    expect(relocated('load_moved', unmodelled).poisoned[0]?.message).toBe('sample.moved is not modelled');
    expect(relocated('type_size_sample', unmodelled).poisoned[0]?.message).toBe('sample is not modelled');
  });

  test.each([
    ['exists_gone', 'the data of 9.9 do not say whether sample.gone exists'],
    ['type_exists_sample', 'the data of 9.9 do not say whether sample exists'],
    ['value_exists_green', 'the data of 9.9 do not say whether colour exists'],
  ])('%s is not answered without knowledge', (name, message) => {
    expect(relocated(name, unknown).poisoned).toEqual([{ at: 0, message }]);
  });
});

test('relocated into their own types, objects stay as they are', () => {
  const policies = libraryObjects().map((path) => readObject(new Uint8Array(readFileSync(path))));
  let count = 0;
  for (const item of [object, fixtureObject('scheduler'), ...policies]) {
    const target = btfTarget(item.btf);
    for (const { name, instructions, coreRelocations } of [...item.programs, ...item.subprograms]) {
      // How bit fields are read is the compiler's choice as much as libbpf's; and two flavours contradict the first.
      if (/^bits_|^size_cross|^lshift_mid|^load_to_signed|^load_nested/.test(name)) continue;
      const result = applyCoreRelocations(
        item.btf,
        instructions,
        without(coreRelocations, 'target_type_id'),
        target,
      );
      expect(result).toEqual({ instructions, poisoned: [] });
      count += coreRelocations.size;
    }
  }
  expect(count).toBeGreaterThan(200);
});

/** clang leaves other values there than the id in the object: loaders fill them. */
function without(relocations: ReadonlyMap<number, CoreRelocation>, kind: CoreRelocation['kind']) {
  return new Map([...relocations].filter(([, item]) => item.kind !== kind));
}

test.each<[string, Partial<{ type: number; access: number[]; kind: string }>, number]>([
  ['a member that is not there', { access: [0, 99] }, 0],
  ['members of an integer', { access: [0, 0, 0] }, 0],
  ['a type that is not there', { type: 99_999 }, 0],
  ['another offset than the instruction has', { access: [0, 1] }, 0],
  ['an instruction that has no offset', {}, 1],
  ['no instruction', {}, 7],
])('a relocation to %s is malformed', (_, change, at) => {
  const program = object.programs.find(({ name }) => name === 'load_moved');
  const relocation = program?.coreRelocations.get(0);
  if (program === undefined || relocation === undefined) throw new Error('no load_moved');
  const changed = new Map([[at, { ...relocation, ...change } as typeof relocation]]);
  const apply = () => applyCoreRelocations(object.btf, program.instructions, changed, btfTarget(kernel));
  expect(apply).toThrow(Fault);
  expect(apply).toThrow(expect.objectContaining({ code: 'malformed' }));
});

test('offsets that no instruction can hold, and accesses of half a member, are malformed', () => {
  const far: CoreTarget = {
    ...btfTarget(kernel),
    field: () => ({
      is: 'here',
      bitOffset: 0x8000 * 8,
      bitSize: 0,
      size: 4,
      kind: 'int',
      signed: false,
      isElement: false,
    }),
  };
  expect(() => relocated('load_moved', far)).toThrow('offset 32768 does not fit');
  expect(relocated('address_narrowed', far).instructions[1]).toMatchObject({ imm: 0x8000 });
  const program = object.programs.find(({ name }) => name === 'load_widened');
  const halved =
    program?.instructions.map((code) => (code.kind === 'load' ? { ...code, bytes: 2 as const } : code)) ?? [];
  expect(() =>
    applyCoreRelocations(object.btf, halved, program?.coreRelocations ?? new Map(), btfTarget(kernel)),
  ).toThrow('access of 2 bytes to a member of 4');
});
