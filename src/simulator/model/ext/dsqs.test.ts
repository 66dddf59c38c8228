// Queues against an array that is searched and sorted.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { taskStruct } from '../../kernel/structs.ts';
import { SimMemory } from '../../memory.ts';
import { Core } from '../core.ts';
import { free } from '../costs.ts';
import { Tasks } from '../tables.ts';
import { createTopology } from '../topology.ts';
import { type Cursor, Dsqs } from './dsqs.ts';
import { TaskMemory } from './task-memory.ts';

const count = 30;
const memory = new SimMemory(2 ** 20);
memory.mark();

function queues() {
  memory.reset();
  const tasks = new Tasks(count);
  const core = new Core(tasks, createTopology({ cpus: 2 }), free, 1);
  const taskMemory = new TaskMemory(memory, core);
  for (let task = 0; task < count; task++) {
    tasks.add();
    taskMemory.born(task, `t${task}`, task, -1, 0);
  }
  const dsqs = new Dsqs(2, 1, count, taskMemory, 8);
  expect(dsqs.create(7, 0)).toBe(0);
  return { dsqs, taskMemory, dsq: dsqs.find(7, 0) };
}

function walk(dsqs: Dsqs, dsq: number): number[] {
  const found: number[] = [];
  for (let task = dsqs.head[dsq]!; task >= 0; task = dsqs.next[task]!) found.push(task);
  return found;
}

const step = fc.record({
  insert: fc.boolean(),
  task: fc.integer({ min: 0, max: count - 1 }),
  // keys around the wrap of 64 bits: before64() compares by signed difference
  key: fc.bigInt({ min: -20n, max: 20n }),
});

describe('a queue ordered by vtime', () => {
  it('keeps keys in order across the wrap, equals in the order of their coming', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const { dsqs, taskMemory, dsq } = queues();
        let model: { task: number; key: bigint }[] = [];
        for (const { insert, task, key } of steps) {
          const isIn = model.some((item) => item.task === task);
          if (insert && !isIn) {
            const bits = BigInt.asUintN(64, key);
            const [low, high] = [Number(BigInt.asIntN(32, bits)), Number(BigInt.asIntN(32, bits >> 32n))];
            taskMemory.setHalves(task, taskStruct.offsets.scxDsqVtime, low, high);
            dsqs.insertByVtime(dsq, task);
            const at = model.findIndex((item) => item.key > key);
            model.splice(at < 0 ? model.length : at, 0, { task, key });
          } else if (!insert && isIn) {
            dsqs.remove(task);
            model = model.filter((item) => item.task !== task);
          }
          expect(walk(dsqs, dsq)).toEqual(model.map((item) => item.task));
          expect(dsqs.nr[dsq]).toBe(model.length);
          expect(dsqs.hasTree(dsq)).toBe(model.length > 0);
        }
      }),
      { numRuns: 300, seed: 2 },
    );
  });
});

describe('a walk', () => {
  const open = (dsqs: Dsqs, dsq: number, reverse: boolean): Cursor => {
    const cursor = { dsq, reverse, at: -1, untilSeq: dsqs.seqOf(dsq), isOpen: true };
    dsqs.cursors.push(cursor);
    return cursor;
  };

  it.each([
    [false, [1, 2, 3, 4]],
    [true, [4, 3, 2, 1]],
  ])(
    'sees what was there when it began, though it takes away what it sees (reverse: %s)',
    (reverse, order) => {
      const { dsqs, dsq } = queues();
      for (const task of [1, 2, 3, 4]) dsqs.insert(dsq, task, false);
      const cursor = open(dsqs, dsq, reverse);
      const seen: number[] = [];
      for (let task = dsqs.advance(cursor); task >= 0; task = dsqs.advance(cursor)) {
        seen.push(task);
        dsqs.remove(task);
        dsqs.insert(dsq, task + 10, false); // comes too late to be seen
      }
      expect(seen).toEqual(order);
    },
  );

  it('goes on behind a neighbour that others take away', () => {
    const { dsqs, dsq } = queues();
    for (const task of [1, 2, 3]) dsqs.insert(dsq, task, false);
    const cursor = open(dsqs, dsq, false);
    expect(dsqs.advance(cursor)).toBe(1);
    dsqs.remove(2);
    dsqs.remove(1);
    expect(dsqs.advance(cursor)).toBe(3);
    expect(dsqs.advance(cursor)).toBe(-1);
  });
});

describe('ids', () => {
  it('are found whatever their size, and not after they are destroyed', () => {
    const { dsqs } = queues();
    for (const [low, high] of [
      [9, 0],
      [100_000, 0],
      [-1, 0],
      [5, 1],
      [-1, 0x7fffffff],
    ] as const) {
      expect(dsqs.find(low, high)).toBe(-1);
      expect(dsqs.create(low, high)).toBe(0);
      expect(dsqs.create(low, high)).toBe(-17);
      const dsq = dsqs.find(low, high);
      expect(dsq).toBeGreaterThanOrEqual(dsqs.firstUser);
      dsqs.destroy(dsq);
      expect(dsqs.find(low, high)).toBe(-1);
    }
  });

  it('end with −ENOMEM when there is no room', () => {
    const { dsqs } = queues();
    for (let id = 100; id < 107; id++) expect(dsqs.create(id, 0)).toBe(0);
    expect(dsqs.create(107, 0)).toBe(-12);
  });
});

it('a task by vtime among tasks by arrival, which ends the policy, comes first and is not lost', () => {
  const { dsqs, dsq } = queues();
  dsqs.insert(dsq, 0, false);
  dsqs.insert(dsq, 1, false);
  dsqs.insertByVtime(dsq, 2);
  expect(walk(dsqs, dsq)).toEqual([2, 0, 1]);
  for (const task of [0, 2, 1]) dsqs.remove(task);
  expect([dsqs.nr[dsq], dsqs.head[dsq], dsqs.tail[dsq]]).toEqual([0, -1, -1]);
});
