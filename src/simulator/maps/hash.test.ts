import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytesAt, made, place, shape, testWorld } from '../../../test/simulator/maps.ts';
import type { SimMap } from './map.ts';

type Kind = 'hash' | 'percpu_hash' | 'lru_hash' | 'lru_percpu_hash';
const cpus = 3;
const [ENOENT, E2BIG, EEXIST, EINVAL] = [-2, -7, -17, -22];

/** A hash map kept as a JavaScript Map in order of use, oldest first. */
class Model {
  readonly values = new Map<string, number[][]>();
  readonly #kind: Kind;
  readonly #size: number;
  readonly #valueBytes: number;

  constructor(kind: Kind, size: number, valueBytes: number) {
    this.#kind = kind;
    this.#size = size;
    this.#valueBytes = valueBytes;
  }

  #perCpu(): boolean {
    return this.#kind.includes('percpu');
  }

  #use(key: string): void {
    const value = this.values.get(key)!;
    if (!this.#kind.startsWith('lru')) return;
    this.values.delete(key);
    this.values.set(key, value);
  }

  lookup(key: string, cpu: number): number[] | undefined {
    if (!this.values.has(key)) return undefined;
    this.#use(key);
    return this.values.get(key)![this.#perCpu() ? cpu : 0];
  }

  update(key: string, value: number[], flags: number, cpu: number): number {
    if (flags < 0 || flags > 2) return EINVAL;
    const place = this.#perCpu() ? cpu : 0;
    if (this.values.has(key)) {
      if (flags === 1) return EEXIST;
      this.#use(key);
      this.values.get(key)![place] = value;
      return 0;
    }
    if (flags === 2) return ENOENT;
    if (this.values.size === this.#size) {
      if (!this.#kind.startsWith('lru')) return E2BIG;
      this.values.delete(this.values.keys().next().value!);
    }
    const copies = Array.from({ length: cpus }, () => new Array<number>(this.#valueBytes).fill(0));
    copies[place] = value;
    this.values.set(key, copies);
    return 0;
  }

  delete(key: string): number {
    return this.values.delete(key) ? 0 : ENOENT;
  }
}

/** Few keys, so that they meet; two of them differ in their last byte only. */
const key = (bytes: number) =>
  fc.oneof(
    fc.nat(15).map((n) => Array.from({ length: bytes }, (_, i) => (i === 0 ? n : i))),
    fc.nat(3).map((n) => Array.from({ length: bytes }, (_, i) => (i === bytes - 1 ? n : 9))),
  );
const cpu = fc.nat(cpus - 1);
const step = (keyBytes: number, valueBytes: number) =>
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        op: fc.constant('update' as const),
        key: key(keyBytes),
        value: fc.array(fc.nat(255), { minLength: valueBytes, maxLength: valueBytes }),
        flags: fc.constantFrom(0, 0, 0, 1, 2, 3, -1),
        cpu,
      }),
    },
    { weight: 3, arbitrary: fc.record({ op: fc.constant('lookup' as const), key: key(keyBytes), cpu }) },
    { weight: 2, arbitrary: fc.record({ op: fc.constant('delete' as const), key: key(keyBytes), cpu }) },
  );

const sizes = fc.record({
  keyBytes: fc.constantFrom(1, 4, 7, 8, 16, 21),
  valueBytes: fc.constantFrom(1, 8, 12, 70),
  maxEntries: fc.integer({ min: 1, max: 12 }),
  skew: fc.nat(3),
});

describe.each<Kind>(['hash', 'percpu_hash', 'lru_hash', 'lru_percpu_hash'])('%s', (kind) => {
  it('does what a Map does, at addresses that stay', () => {
    const run = sizes.chain((size) =>
      fc.tuple(
        fc.constant(size),
        fc.array(step(size.keyBytes, size.valueBytes), { minLength: 60, maxLength: 120 }),
      ),
    );
    fc.assert(
      fc.property(run, ([{ keyBytes, valueBytes, maxEntries, skew }, steps]) => {
        const world = testWorld(cpus);
        const { memory } = world;
        const map = made(shape(kind, { keySize: keyBytes, valueSize: valueBytes, maxEntries }), world);
        const model = new Model(kind, maxEntries, valueBytes);
        const keyAt = place(memory, new Uint8Array(keyBytes), skew);
        const valueAt = place(memory, new Uint8Array(valueBytes), skew);
        const addresses = new Map<string, number>();
        for (const code of steps) {
          const name = String(code.key);
          memory.u8.set(code.key, keyAt);
          if (code.op === 'update') {
            memory.u8.set(code.value, valueAt);
            const result = model.update(name, code.value, code.flags, code.cpu);
            expect(map.update(keyAt, valueAt, code.flags, code.cpu)).toBe(result);
          } else if (code.op === 'delete') expect(map.delete(keyAt)).toBe(model.delete(name));
          else {
            const wanted = model.lookup(name, code.cpu);
            const at = map.lookup(keyAt, code.cpu);
            expect(at === 0 ? undefined : bytesAt(memory, at, valueBytes)).toEqual(wanted);
          }
          expectSame(map, model, addresses, world.memory, kind, valueBytes);
        }
      }),
      { numRuns: 50 },
    );
  });
});

function expectSame(
  map: SimMap,
  model: Model,
  addresses: Map<string, number>,
  memory: ReturnType<typeof testWorld>['memory'],
  kind: Kind,
  valueBytes: number,
): void {
  const seen = new Map<string, number>();
  for (let slot = 0; slot < map.slots; slot++) {
    const key = map.keyOfSlot(slot);
    if (key === 0) continue;
    const name = String(bytesAt(memory, key, map.keyBytes));
    for (let cpu = 0; cpu < (kind.includes('percpu') ? cpus : 1); cpu++) {
      const value = map.valueOfSlot(slot, cpu);
      expect(bytesAt(memory, value, valueBytes)).toEqual(model.values.get(name)![cpu]);
      expect(memory.writable(value, valueBytes)).toBe(true);
      expect(memory.readable(value, valueBytes + 1)).toBe(false);
    }
    expect(memory.readable(key, map.keyBytes) && !memory.writable(key, map.keyBytes)).toBe(true);
    const value = map.valueOfSlot(slot, 0);
    expect(map.keyOfValue(value)).toBe(key);
    seen.set(name, value);
  }
  expect([...seen.keys()].sort()).toEqual([...model.values.keys()].sort());
  for (const [name, address] of addresses) {
    if (seen.has(name)) expect(seen.get(name)).toBe(address);
    else expect(memory.readable(address, 1) && ![...seen.values()].includes(address)).toBe(false);
  }
  addresses.clear();
  for (const [name, address] of seen) addresses.set(name, address);
}

it('grows far beyond its first size and empties again', () => {
  const world = testWorld(1);
  const map = made(shape('hash', { maxEntries: 5000 }), world);
  const [key, value] = [place(world.memory, [0, 0, 0, 0]), place(world.memory, new Uint8Array(8))];
  const each = (act: (n: number) => void): void => {
    for (let n = 0; n < 5000; n++) {
      world.memory.u32[key >>> 2] = n * 0x10001;
      act(n);
    }
  };
  each((n) => {
    world.memory.u32[value >>> 2] = n;
    expect(map.update(key, value, 1, 0)).toBe(0);
  });
  each((n) => expect(world.memory.u32[map.lookup(key, 0) >>> 2]).toBe(n));
  each((n) => n % 3 !== 0 && expect(map.delete(key)).toBe(0));
  each((n) => expect(map.lookup(key, 0) !== 0).toBe(n % 3 === 0));
  expect([...map.entries()]).toHaveLength(1667);
});

it('reads and writes from outside without counting as a use', () => {
  const world = testWorld();
  const map = made(shape('lru_hash', { maxEntries: 2 }), world);
  const [a, b, c] = [1, 2, 3].map((n) => Uint8Array.of(n, 0, 0, 0)) as [Uint8Array, Uint8Array, Uint8Array];
  const value = new Uint8Array(8).fill(5);
  map.put(a, value);
  map.put(b, value);
  expect(map.get(a)).toEqual(value);
  map.put(c, value);
  expect(map.get(a)).toBeUndefined();
  expect([...map.entries()].map(([key]) => key[0])).toEqual([3, 2]);
});

it('keeps per-CPU values side by side for the outside', () => {
  const world = testWorld(2);
  const map = made(shape('percpu_hash', { valueSize: 4 }), world);
  const value = Uint8Array.of(1, 2, 3, 4, 0, 0, 0, 0, 5, 6, 7, 8, 0, 0, 0, 0);
  const key = Uint8Array.of(1, 0, 0, 0);
  expect(map.put(key, value)).toBe(0);
  expect(map.get(key)).toEqual(value);
  expect(bytesAt(world.memory, map.lookup(place(world.memory, key), 1), 4)).toEqual([5, 6, 7, 8]);
});

it('leaves alone what the kernel owns in a value, and gives it back', () => {
  const world = testWorld();
  const { memory } = world;
  const fields = [
    { kind: 'lock', offset: 0, bytes: 4 },
    { kind: 'timer', offset: 8, bytes: 16 },
    { kind: 'kptr', offset: 32, bytes: 8 },
  ] as const;
  const map = made(shape('hash', { valueSize: 44 }), world, fields);
  const key = place(memory, [1, 0, 0, 0]);
  const source = place(memory, new Uint8Array(44).fill(0xee));
  expect(map.update(key, source, 0, 0)).toBe(0);
  const value = map.lookup(key, 0);
  const copied = [...[4, 5, 6, 7], ...[24, 25, 26, 27, 28, 29, 30, 31], ...[40, 41, 42, 43]];
  const expected = Array.from({ length: 44 }, (_, i) => (copied.includes(i) ? 0xee : 0));
  expect(bytesAt(memory, value, 44)).toEqual(expected);
  memory.i32[(value + 32) >>> 2] = 0x5000;
  memory.i32[value >>> 2] = 1;
  expect(map.update(key, source, 4, 0)).toBe(0);
  expect(memory.i32[value >>> 2]).toBe(1);
  expect([world.forgotten, world.dropped]).toEqual([[value + 8], [0x5000]]);
  expect(map.delete(key)).toBe(0);
  expect([world.forgotten, world.dropped]).toEqual([[value + 8, value + 8], [0x5000]]);
});

it('knows the lock flag only where there is a lock', () => {
  const world = testWorld();
  const [key, value] = [place(world.memory, [1, 0, 0, 0]), place(world.memory, new Uint8Array(8))];
  expect(made(shape('hash'), world).update(key, value, 4, 0)).toBe(EINVAL);
});
