// Storage, queues, ring buffers, maps of maps, and the table of handles.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytesAt, Finding, made, place, shape, testWorld, u32Bytes } from '../../../test/simulator/maps.ts';
import type { MapOfMaps } from './of-maps.ts';
import type { RingbufMap } from './ringbuf.ts';
import type { StorageMap } from './storage.ts';
import { MapTable } from './table.ts';

const [ENOENT, E2BIG, EAGAIN, EINVAL] = [-2, -7, -11, -22];

describe('storage', () => {
  const step = fc.record({
    op: fc.constantFrom('make', 'look', 'remove', 'drop'),
    owner: fc.oneof(fc.nat(5), fc.nat(200)),
  });

  it('has a value for each owner until it is dropped', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 40, maxLength: 80 }), (steps) => {
        const world = testWorld();
        const map = made(shape('task_storage', { valueSize: 12 }), world) as StorageMap;
        const model = new Map<number, number>();
        for (const { op, owner } of steps) {
          const known = model.get(owner);
          if (op === 'make') {
            const address = map.of(owner, true);
            if (known !== undefined) expect(address).toBe(known);
            else expect(bytesAt(world.memory, address, 12)).toEqual(new Array(12).fill(0));
            world.memory.u8.fill(owner, address, address + 12);
            model.set(owner, address);
          } else if (op === 'look') expect(map.of(owner, false)).toBe(known ?? 0);
          else {
            if (op === 'remove') expect(map.remove(owner)).toBe(known === undefined ? ENOENT : 0);
            else map.dropOwner(owner);
            if (known !== undefined) expect(world.memory.readable(known, 1)).toBe(false);
            model.delete(owner);
          }
        }
        const wanted = [...model.keys()].sort((a, b) => a - b);
        const entries = [...map.entries()].map(([key, value]) => [key[0], value]);
        expect(entries).toEqual(wanted.map((owner) => [owner, new Uint8Array(12).fill(owner)]));
      }),
      { numRuns: 50 },
    );
  });

  it('begins with a copy when one is given', () => {
    const world = testWorld();
    const map = made(shape('cgrp_storage'), world) as StorageMap;
    const initial = place(world.memory, [1, 2, 3, 4, 5, 6, 7, 8]);
    expect(bytesAt(world.memory, map.of(3, true, initial), 8)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(map.get(u32Bytes(3))).toEqual(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8));
    expect(map.get(u32Bytes(4))).toBeUndefined();
    map.put(u32Bytes(4), new Uint8Array(8).fill(4));
    expect(bytesAt(world.memory, map.of(4, false), 8)).toEqual(new Array(8).fill(4));
  });

  it('ends the simulation when memory is used up, with the numbers', () => {
    const world = testWorld(1, 2 * 65_536);
    const map = made(shape('task_storage', { valueSize: 30_000 }), world) as StorageMap;
    map.of(0, true);
    map.of(1, true);
    expect(() => map.of(2, true)).toThrow(/^map m needs 30000 bytes of simulated memory, [0-9]+ are left$/);
    expect(() => map.of(2, true)).toThrow(Finding);
  });
});

describe.each(['queue', 'stack'] as const)('%s', (kind) => {
  const step = fc.record({
    op: fc.constantFrom('push', 'push', 'pop', 'peek'),
    fill: fc.nat(255),
    flags: fc.constantFrom(0, 0, 2, 1, 3, -1),
  });

  it('does what a JavaScript array does', () => {
    const run = fc.tuple(
      fc.integer({ min: 1, max: 5 }),
      fc.constantFrom(1, 8, 13),
      fc.array(step, { minLength: 30, maxLength: 60 }),
    );
    fc.assert(
      fc.property(run, ([maxEntries, valueBytes, steps]) => {
        const world = testWorld();
        const map = made(shape(kind, { maxEntries, valueSize: valueBytes }), world);
        const model: number[] = [];
        const at = place(world.memory, new Uint8Array(valueBytes));
        for (const { op, fill, flags } of steps) {
          world.memory.u8.fill(fill, at, at + valueBytes);
          if (op === 'push') {
            const isFull = model.length === maxEntries;
            const wanted = flags !== 0 && flags !== 2 ? EINVAL : isFull && flags === 0 ? E2BIG : 0;
            expect(map.push(at, flags)).toBe(wanted);
            if (wanted === 0) {
              if (isFull) model.shift();
              model.push(fill);
            }
          } else {
            const next = kind === 'queue' ? model[0] : model.at(-1);
            expect(op === 'pop' ? map.pop(at) : map.peek(at)).toBe(next === undefined ? ENOENT : 0);
            expect(bytesAt(world.memory, at, valueBytes)).toEqual(new Array(valueBytes).fill(next ?? 0));
            if (op === 'pop') kind === 'queue' ? model.shift() : model.pop();
          }
        }
        expect([...map.entries()].map(([, value]) => value[0])).toEqual(model);
      }),
      { numRuns: 50 },
    );
  });
});

describe('ringbuf', () => {
  const ring = () => {
    const world = testWorld();
    return { world, map: made(shape('ringbuf'), world) as RingbufMap };
  };

  it('takes 8 bytes a record more, and is full one byte short of its size', () => {
    const { map } = ring();
    expect(map.reserveRecord(4096)).toBe(0); // 4104 > 4096
    expect(map.reserveRecord(4081)).toBe(0); // 4096 is not less than the ring
    expect(map.reserveRecord(4080)).not.toBe(0); // 4088
    expect([0, 1, 2, 3, 4].map((what) => map.ask(what))).toEqual([4088, 4096, 0, 4088, 0]);
    expect(map.reserveRecord(0)).toBe(0);
  });

  it('reads submitted records in order, up to one that is being written', () => {
    const { world, map } = ring();
    const [a, b, c] = [map.reserveRecord(4), map.reserveRecord(4), map.reserveRecord(4)];
    for (const [i, record] of [a, b, c].entries()) {
      expect(world.memory.writable(record, 4) && !world.memory.readable(record, 5)).toBe(true);
      world.memory.u8[record] = i + 1;
    }
    expect(map.commit(c, false)).toBe(true);
    expect(map.drain()).toEqual([]);
    expect(map.commit(b, true)).toBe(true);
    expect(map.commit(a, false)).toBe(true);
    expect(world.memory.readable(a, 1)).toBe(false);
    expect(map.commit(a, false)).toBe(false);
    expect(map.drain()).toEqual([Uint8Array.of(1, 0, 0, 0), Uint8Array.of(3, 0, 0, 0)]);
    expect([map.ask(0), map.ask(2), map.ask(3)]).toEqual([0, 48, 48]);
    expect([a, b, c]).toContain(map.reserveRecord(4));
  });

  it('copies what is output, and refuses like the kernel', () => {
    const { world, map } = ring();
    const data = place(world.memory, new Uint8Array(3000).fill(7));
    expect(map.output(data, 3000, 4)).toBe(EINVAL);
    expect(map.output(data, 3000, 2)).toBe(0);
    expect(map.output(data, 3000, 0)).toBe(EAGAIN);
    expect(map.drain()).toEqual([new Uint8Array(3000).fill(7)]);
    expect(map.output(data, 3000, 0)).toBe(0);
  });
});

it.each(['array_of_maps', 'hash_of_maps'] as const)('%s gives handles', (kind) => {
  const world = testWorld();
  const table = new MapTable(world.memory);
  const inner = [made(shape('array'), world), made(shape('queue'), world)] as const;
  const outer = made(shape(kind, { valueSize: 4 }), world) as MapOfMaps;
  for (const map of [...inner, outer]) table.add(map);
  expect(outer.putMap(u32Bytes(2), inner[1])).toBe(0);
  expect(outer.lookup(place(world.memory, u32Bytes(2)), 0)).toBe(inner[1].handle);
  expect(outer.lookup(place(world.memory, u32Bytes(1)), 0)).toBe(0);
  expect(outer.lookup(place(world.memory, u32Bytes(9)), 0)).toBe(0);
  expect(inner.map((map) => table.of(map.handle))).toEqual(inner);
  for (const wild of [
    0,
    -4,
    2 ** 31 - 1,
    inner[0].handle + 4,
    inner[0].lookup(place(world.memory, u32Bytes(0)), 0),
  ])
    expect(table.of(wild)).toBeUndefined();
  expect(world.memory.readable(outer.handle, 1)).toBe(false);
});

it('refuses by a finding what a kind of map cannot do', () => {
  const world = testWorld();
  expect(() => made(shape('queue'), world).lookup(0, 0)).toThrow(
    new Finding('map m of type queue cannot be looked up'),
  );
  expect(() => made(shape('hash'), world).push(0, 0)).toThrow(Finding);
  expect(() => made(shape('task_storage'), world).update(0, 0, 0, 0)).toThrow(Finding);
});
