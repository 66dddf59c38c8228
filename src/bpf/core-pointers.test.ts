// Which members of the library's and the suites' objects are pointers to structures, as their sources say.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { root } from '../../test/support/paths.ts';
import { localAccess } from './core-access.ts';
import { structurePointers } from './core-pointers.ts';
import { readObject } from './object.ts';

/** Texts of all members that are accessed, and of those that are such pointers. */
function members(file: string): { all: Set<string>; pointers: Set<string> } {
  const { btf, programs, subprograms } = readObject(readFileSync(`${root}/${file}`));
  const [all, pointers] = [new Set<string>(), new Set<string>()];
  for (const { coreRelocations } of [...programs, ...subprograms]) {
    const found = structurePointers(btf, coreRelocations);
    for (const [at, { type, access, kind }] of coreRelocations) {
      if (kind !== 'byte_off') continue;
      const { text } = localAccess(btf, type, access);
      all.add(text);
      if (found.has(at)) pointers.add(text);
    }
  }
  return { all, pointers };
}

test('pointers to structures, not other members', () => {
  const { all, pointers } = members('test/conformance/objects/pointers.bpf.o');
  expect([...all]).toEqual(
    expect.arrayContaining(['task_group.shares', 'task_struct.pid', 'scx_exit_info.msg']),
  );
  expect([...pointers].sort()).toEqual(['rq.curr', 'task_group.parent', 'task_struct.sched_task_group']);
});

test('pointers to characters are none', () => {
  const { all, pointers } = members('test/conformance/objects/plain.bpf.o');
  expect(all).toContain('scx_exit_info.reason');
  expect(pointers).not.toContain('scx_exit_info.reason');
});
