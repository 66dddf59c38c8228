// Our layouts against the facts of the real kernel: what we model exists there, under that name, of that kind and size. Sizes and offsets
// expected here are counted by hand.
import { expect, test } from 'vitest';
import { arrayOf, layOut, offsetOf } from './layout.ts';
import { layouts, privateMembers, rq, rqStride, taskStride, taskStruct } from './structs.ts';
import { linux6_18 } from './versions.ts';

test('structures are laid out as C does, without gaps that order can avoid', () => {
  const made = layOut({
    inner: 'a:u8 b:u32',
    outer: 'x:char[3] in:inner[2] y:bool z:u64 same:u64=z w:u16',
  });
  // inner: a 0, b 4, 8 bytes. outer: x 0-2, in 4-19, y 20, z 24, w 32, 40 bytes.
  expect(made.get('inner')).toMatchObject({ size: 8, alignment: 4 });
  expect(made.get('outer')).toMatchObject({ size: 40, alignment: 8 });
  const offsets = ['x', 'in', 'y', 'z', 'same', 'w'].map((name) => offsetOf(made, 'outer', name));
  expect(offsets).toEqual([0, 4, 20, 24, 24, 32]);
  expect(() => layOut({ bad: 'x:nothing' })).toThrow('no layout of nothing');
  expect(() => layOut({ bad: 'x:u8=y' })).toThrow('no y before x');
});

test('a task has 256 bytes, a run queue 128', () => {
  expect(taskStruct.size).toBe(taskStride);
  expect(rq.size).toBeLessThanOrEqual(rqStride);
});

test('constants come from the same declarations', () => {
  expect(taskStruct.offsets.scxSlice).toBe(0);
  expect(taskStruct.offsets.scxDsqVtime).toBe(8);
  expect(taskStruct.offsets.seSumExecRuntime).toBe(offsetOf(layouts, 'task_struct', 'se.sum_exec_runtime'));
  expect(taskStruct.offsets.state).toBe(offsetOf(layouts, 'task_struct', '__state'));
});

test('every modelled member exists in the kernel, of the same type', () => {
  let count = 0;
  for (const [name, layout] of layouts) {
    const real = linux6_18.structs.get(name);
    for (const [member, { type }] of layout.members) {
      if (privateMembers.includes(`${name}.${member}`)) {
        expect(real?.has(member)).toBe(false);
        continue;
      }
      // atomic_t and refcount_struct are not among the facts: two integers of 32 bits.
      if (real === undefined)
        expect(['atomic_t.counter', 'refcount_struct.refs']).toContain(`${name}.${member}`);
      else
        expect(`${name}.${member}:${arrayOf(real.get(member) ?? 'none').element}`).toBe(
          `${name}.${member}:${arrayOf(type).element}`,
        );
      count++;
    }
  }
  expect(count).toBeGreaterThan(100);
});

test('arrays are no longer than in the kernel', () => {
  for (const [name, { members }] of layouts)
    for (const [member, { type }] of members) {
      if (privateMembers.includes(`${name}.${member}`)) continue;
      const real = arrayOf(linux6_18.structs.get(name)?.get(member) ?? '').count;
      const { count } = arrayOf(type);
      // 0: a flexible array at the end.
      if (count !== undefined && real !== 0) expect(count).toBeLessThanOrEqual(real ?? -1);
    }
});
