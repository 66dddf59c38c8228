// What programs may touch of a task: its members and its cpumask, not the bytes around the mask, and nothing once it has gone.

import { expect, it } from 'vitest';
import { kfuncTest } from '../../../../test/simulator/kfunc-world.ts';
import { cpumaskBytes, taskStruct } from '../../kernel/structs.ts';

const at = taskStruct.offsets;

/** Offsets of a task's bytes for which it holds. */
function offsetsWhere(holds: (address: number, bytes: number) => boolean, task: number): number[] {
  return Array.from({ length: taskStruct.size }, (_, offset) => offset).filter((offset) =>
    holds(task + offset, 1),
  );
}

it('a program reads members and the mask, and writes slice, vtime and disallow', () => {
  const { memory, world, task } = kfuncTest();
  const mask = world.tasks.maskOf(1) - task(1);
  const readable = new Set(offsetsWhere((address, bytes) => memory.readable(address, bytes), task(1)));
  const expected = new Set([
    ...Array.from({ length: at.simulator }, (_, offset) => offset),
    ...Array.from({ length: cpumaskBytes }, (_, offset) => mask + offset),
    ...Array.from({ length: taskStruct.size - at.cpusPtr }, (_, offset) => at.cpusPtr + offset),
  ]);
  expect(readable).toEqual(expected);
  expect([mask > at.simulator, mask + cpumaskBytes < at.cpusPtr]).toEqual([true, true]); // unreadable on either side
  const eight = (from: number): number[] => Array.from({ length: 8 }, (_, offset) => from + offset);
  expect(offsetsWhere((address, bytes) => memory.writable(address, bytes), task(1))).toEqual([
    ...eight(at.scxSlice),
    ...eight(at.scxDsqVtime),
    at.scxDisallow,
  ]);
});

it('nothing of it once it has gone, unless a program holds it', () => {
  const { memory, world, task } = kfuncTest();
  const readable = (i: number): number =>
    offsetsWhere((address, bytes) => memory.readable(address, bytes), task(i)).length;
  const all = readable(0);
  world.tasks.hold(1);
  world.tasks.gone(0);
  world.tasks.gone(1);
  expect([readable(0), readable(1)]).toEqual([0, all]);
  world.tasks.drop(1);
  expect(readable(1)).toBe(0);
});

it('who is born where another task was finds nothing of it', () => {
  const { memory, world, task } = kfuncTest();
  const bytesOf = (i: number): number[] => [...memory.u8.slice(task(i), task(i) + taskStruct.size)];
  const { tasks } = world;
  tasks.gone(1);
  tasks.born(1, 'again', 7, -1, 0);
  const fresh = bytesOf(1);
  const mask = tasks.maskOf(1) - task(1);
  tasks.hold(1);
  memory.u8.fill(0xff, task(1), task(1) + mask); // what a program or the model may have written
  memory.u8.fill(0xff, task(1) + at.nvcsw, task(1) + at.startTime);
  tasks.drop(1);
  tasks.gone(1);
  tasks.born(1, 'again', 7, -1, 0);
  expect(bytesOf(1)).toEqual(fresh);
  expect(tasks.drop(1)).toBe(false);
});
