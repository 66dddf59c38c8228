// What tests of maps and helpers share: a world of its own memory, shapes, and keys put into memory wherever a test wants them.
import type { BpfMap } from '../../src/bpf/maps.ts';
import { createMap } from '../../src/simulator/maps/create.ts';
import type { ValueField } from '../../src/simulator/maps/fields.ts';
import type { MapWorld, SimMap } from '../../src/simulator/maps/map.ts';
import { SimMemory } from '../../src/simulator/memory.ts';

export class Finding extends Error {}

export interface TestWorld extends MapWorld {
  readonly forgotten: number[];
  readonly dropped: number[];
}

export function testWorld(cpus = 4, limit = 2 ** 22): TestWorld {
  const forgotten: number[] = [];
  const dropped: number[] = [];
  return {
    memory: new SimMemory(limit),
    cpus,
    forgotten,
    dropped,
    forgetTimer: (address) => forgotten.push(address),
    dropKptr: (pointer) => dropped.push(pointer),
    finding: (text) => {
      throw new Finding(text);
    },
  };
}

const numbers = {
  hash: 1,
  array: 2,
  percpu_hash: 5,
  percpu_array: 6,
  lru_hash: 9,
  lru_percpu_hash: 10,
  array_of_maps: 12,
  hash_of_maps: 13,
  queue: 22,
  stack: 23,
  ringbuf: 27,
  task_storage: 29,
  cgrp_storage: 32,
  arena: 33,
} as const;
export type TypeName = keyof typeof numbers;

export function shape(typeName: TypeName, sizes: Partial<BpfMap> = {}): BpfMap {
  const isStorage = typeName.endsWith('_storage');
  const isKeyless = typeName === 'queue' || typeName === 'stack' || typeName === 'ringbuf';
  return {
    name: 'm',
    section: '.maps',
    offset: 0,
    type: numbers[typeName],
    typeName,
    keySize: isKeyless ? 0 : 4,
    valueSize: typeName === 'ringbuf' ? 0 : 8,
    maxEntries: isStorage ? 0 : typeName === 'ringbuf' ? 4096 : 4,
    flags: isStorage ? 1 : 0,
    numaNode: 0,
    pinning: 0,
    extra: 0n,
    keyType: 1,
    valueType: 2,
    initial: undefined,
    inner: undefined,
    slots: new Map(),
    ...sizes,
  };
}

export function made(wanted: BpfMap, world: MapWorld, fields: readonly ValueField[] = []): SimMap {
  const created = createMap(wanted, world, fields);
  if (created.map === undefined) throw new Error(created.problem.text);
  return created.map;
}

/** Writes bytes into memory of their own, `skew` bytes off its alignment. */
export function place(memory: SimMemory, bytes: ArrayLike<number>, skew = 0): number {
  const address = memory.allocate(bytes.length + skew, 'write') + skew;
  memory.u8.set(bytes, address);
  return address;
}

export function u32Bytes(value: number): Uint8Array {
  return Uint8Array.of(value, value >>> 8, value >>> 16, value >>> 24);
}

export function bytesAt(memory: SimMemory, address: number, bytes: number): number[] {
  return [...memory.u8.subarray(address, address + bytes)];
}
