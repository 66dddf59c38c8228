import { expect, it } from 'vitest';
import { shape, type TypeName, testWorld } from '../../../test/simulator/maps.ts';
import type { BpfMap } from '../../bpf/maps.ts';
import { createMap } from './create.ts';

const kmalloc = 4 * 2 ** 20;

// Source: the checks of the kernel named in limits.ts; 48 is sizeof(struct htab_elem), 32768 PCPU_MIN_UNIT_SIZE.
it.each<[TypeName, Partial<BpfMap>, string]>([
  ['array', {}, 'made'],
  ['array', { maxEntries: 0 }, 'EINVAL'],
  ['array', { keySize: 8 }, 'EINVAL'],
  ['array', { valueSize: 0 }, 'EINVAL'],
  ['array', { valueSize: 2 ** 31, maxEntries: 1 }, 'E2BIG'],
  ['array', { flags: 1 }, 'EINVAL'],
  ['array', { flags: 1024 | 128 }, 'made'],
  ['array', { flags: 128 | 256 }, 'EINVAL'],
  ['array', { flags: 2048 }, 'EINVAL'],
  ['percpu_array', { flags: 1024 }, 'EINVAL'],
  ['percpu_array', { flags: 4 }, 'EINVAL'],
  ['percpu_array', { valueSize: 32_768, maxEntries: 1 }, 'made'],
  ['percpu_array', { valueSize: 32_769, maxEntries: 1 }, 'E2BIG'],
  ['hash', {}, 'made'],
  ['hash', { maxEntries: 0 }, 'EINVAL'],
  ['hash', { keySize: 0 }, 'EINVAL'],
  ['hash', { valueSize: 0 }, 'EINVAL'],
  ['hash', { valueSize: kmalloc - 48 - 4 }, 'E2BIG'],
  ['hash', { valueSize: kmalloc - 48 - 5 }, 'made'],
  ['hash', { maxEntries: 2 ** 27 }, 'made'],
  ['hash', { maxEntries: 2 ** 27 + 1 }, 'E2BIG'],
  ['hash', { flags: 1 }, 'made'],
  ['hash', { flags: 2 }, 'EINVAL'],
  ['hash', { flags: 1024 }, 'EINVAL'],
  ['percpu_hash', { valueSize: 32_769 }, 'E2BIG'],
  ['percpu_hash', { flags: 4 }, 'EINVAL'],
  ['lru_hash', { flags: 2 }, 'made'],
  ['lru_hash', { flags: 1 }, 'ENOTSUPP'],
  ['lru_percpu_hash', {}, 'made'],
  ['queue', {}, 'made'],
  ['queue', { keySize: 4 }, 'EINVAL'],
  ['queue', { maxEntries: 0 }, 'EINVAL'],
  ['queue', { valueSize: kmalloc + 1 }, 'E2BIG'],
  ['stack', { flags: 1 }, 'EINVAL'],
  ['ringbuf', {}, 'made'],
  ['ringbuf', { maxEntries: 5000 }, 'made'],
  ['ringbuf', { maxEntries: 0 }, 'EINVAL'],
  ['ringbuf', { valueSize: 8 }, 'EINVAL'],
  ['task_storage', {}, 'made'],
  ['task_storage', { flags: 0 }, 'EINVAL'],
  ['task_storage', { maxEntries: 1 }, 'EINVAL'],
  ['task_storage', { keySize: 8 }, 'EINVAL'],
  ['task_storage', { valueType: undefined }, 'EINVAL'],
  ['task_storage', { valueSize: 65_535 }, 'E2BIG'],
  ['cgrp_storage', { flags: 1 | 512 }, 'made'],
  ['array_of_maps', { valueSize: 4 }, 'made'],
  ['arena', {}, 'unsupported'],
])('%s with %j: %s', (typeName, sizes, wanted) => {
  const created = createMap(shape(typeName, sizes), testWorld(1, 2 ** 24));
  if (created.map !== undefined) expect('made').toBe(wanted);
  else if (created.problem.kind === 'refused')
    expect(created.problem.text).toMatch(new RegExp(`-${wanted}$`));
  else expect(created.problem).toEqual({ kind: wanted, text: 'map m: maps of type arena are not modelled' });
});

it('makes a ring of whole pages, a power of two, as libbpf asks for it', () => {
  const created = createMap(shape('ringbuf', { maxEntries: 5000 }), testWorld());
  expect(created.map?.shape.maxEntries).toBe(8192);
});

it('says what a map needs that does not fit', () => {
  // 100 values of 1000 bytes, each with a gap of 8, in 64 KiB
  const created = createMap(
    shape('array', { name: 'big', valueSize: 1000, maxEntries: 100 }),
    testWorld(1, 131_072),
  );
  expect(created.map).toBeUndefined();
  expect(created.map === undefined && created.problem.kind).toBe('memory');
  expect(created.map === undefined && created.problem.text).toMatch(
    /^map big needs 100800 bytes of simulated memory, 65[0-9]{3} are left$/,
  );
});
