import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytesAt, made, place, shape, testWorld, u32Bytes } from '../../../test/simulator/maps.ts';
import { ArrayMap } from './array.ts';

const cpus = 3;
const [E2BIG, EEXIST, EINVAL] = [-7, -17, -22];

const step = fc.record({
  index: fc.oneof(fc.nat(8), fc.constantFrom(0xffff_ffff, 0x1000_0000)),
  fill: fc.nat(255),
  flags: fc.constantFrom(0, 0, 1, 2, 3, 4, -1),
  cpu: fc.nat(cpus - 1),
  skew: fc.nat(3),
});

describe.each(['array', 'percpu_array'] as const)('%s', (kind) => {
  it('does what a JavaScript array does', () => {
    const run = fc.tuple(
      fc.integer({ min: 1, max: 7 }),
      fc.constantFrom(1, 4, 8, 20, 64),
      fc.array(step, { minLength: 20, maxLength: 40 }),
    );
    fc.assert(
      fc.property(run, ([maxEntries, valueBytes, steps]) => {
        const world = testWorld(cpus);
        const { memory } = world;
        const map = made(shape(kind, { maxEntries, valueSize: valueBytes }), world);
        const copies = kind === 'array' ? 1 : cpus;
        const model = Array.from({ length: copies * maxEntries }, () => 0);
        for (const { index, fill, flags, cpu, skew } of steps) {
          const key = place(memory, u32Bytes(index), skew);
          const value = place(memory, new Uint8Array(valueBytes).fill(fill), skew);
          const result = map.update(key, value, flags, cpu);
          const at = index + (kind === 'array' ? 0 : cpu * maxEntries);
          const isOdd = flags === 3 || flags === -1 || (flags === 4 && kind === 'percpu_array');
          if (isOdd) expect(result).toBe(EINVAL);
          else if (index >= maxEntries) expect(result).toBe(E2BIG);
          else if (flags === 1) expect(result).toBe(EEXIST);
          else if (flags === 4) expect(result).toBe(EINVAL);
          else {
            expect(result).toBe(0);
            model[at] = fill;
          }
          expect(map.lookup(key, cpu) === 0).toBe(index >= maxEntries);
        }
        for (let index = 0; index < maxEntries; index++)
          for (let cpu = 0; cpu < copies; cpu++) {
            const value = map.lookup(place(memory, u32Bytes(index)), cpu);
            const wanted = new Array<number>(valueBytes).fill(model[index + cpu * maxEntries]!);
            expect(bytesAt(memory, value, valueBytes)).toEqual(wanted);
            expect(memory.writable(value, valueBytes)).toBe(true);
            expect(memory.readable(value, valueBytes + 1)).toBe(false);
            expect(memory.readable(value - 1, 1)).toBe(false);
            expect(memory.u32[map.keyOfValue(value) >>> 2]).toBe(index);
          }
        expect(map.delete(place(memory, u32Bytes(0)))).toBe(EINVAL);
      }),
      { numRuns: 50 },
    );
  });
});

it('holds global variables, read-only where programs may not write', () => {
  const world = testWorld();
  const initial = Uint8Array.of(1, 2, 3, 4, 5);
  const rodata = made(
    shape('array', { name: '.rodata', valueSize: 5, maxEntries: 1, flags: 1024 + 128, initial }),
    world,
  ) as ArrayMap;
  expect(bytesAt(world.memory, rodata.values, 5)).toEqual([...initial]);
  expect(world.memory.readable(rodata.values, 5)).toBe(true);
  expect(world.memory.writable(rodata.values, 1)).toBe(false);
  expect(rodata.put(u32Bytes(0), Uint8Array.of(9, 9, 9, 9, 9))).toBe(0);
  expect(rodata.get(u32Bytes(0))).toEqual(Uint8Array.of(9, 9, 9, 9, 9));
  const bss = made(shape('array', { name: '.bss', valueSize: 9, maxEntries: 1, flags: 1024 }), world);
  expect(bss).toBeInstanceOf(ArrayMap);
  expect(world.memory.writable((bss as ArrayMap).values, 9)).toBe(true);
});

it('shows per-CPU values to the outside side by side', () => {
  const world = testWorld(2);
  const map = made(shape('percpu_array', { valueSize: 4, maxEntries: 2 }), world);
  const value = Uint8Array.of(1, 2, 3, 4, 0, 0, 0, 0, 5, 6, 7, 8, 0, 0, 0, 0);
  expect(map.put(u32Bytes(1), value)).toBe(0);
  expect(map.put(u32Bytes(2), value)).toBe(E2BIG);
  expect(map.get(u32Bytes(1))).toEqual(value);
  expect([...map.entries()]).toEqual([
    [u32Bytes(0), new Uint8Array(16)],
    [u32Bytes(1), value],
  ]);
});

it('cancels the timer of a value that is overwritten', () => {
  const world = testWorld();
  const map = made(shape('array', { valueSize: 24 }), world, [{ kind: 'timer', offset: 8, bytes: 16 }]);
  const key = place(world.memory, u32Bytes(2));
  const value = map.lookup(key, 0);
  world.memory.u8[value + 8] = 7;
  expect(map.update(key, place(world.memory, new Uint8Array(24).fill(1)), 0, 0)).toBe(0);
  expect(bytesAt(world.memory, value, 9)).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 0]);
  expect(world.forgotten).toEqual([value + 8]);
});
