// ARRAY_OF_MAPS and HASH_OF_MAPS: a lookup gives the inner map's handle. Source: kernel/bpf/map_in_map.c, array_of_map_lookup_elem(), v6.18.
import type { BpfMap } from '../../bpf/maps.ts';
import { ArrayMap } from './array.ts';
import { HashMap } from './hash.ts';
import { type MapWorld, SimMap } from './map.ts';

export class MapOfMaps extends SimMap {
  /** Holds handles, in values of 4 bytes. */
  readonly #outer: SimMap;

  constructor(shape: BpfMap, world: MapWorld, kind: 'array' | 'hash') {
    super(shape, world, []);
    const handles = { ...shape, valueSize: 4 };
    this.#outer =
      kind === 'array'
        ? new ArrayMap(handles, world, [], false)
        : new HashMap(handles, world, [], { perCpu: false, lru: false });
  }

  override lookup(key: number, _cpu: number): number {
    const value = this.#outer.lookup(key, 0);
    return value === 0 ? 0 : this.memory.i32[value >>> 2]!;
  }

  /** From outside. The loader fills declared slots with this. 0 or −errno. */
  putMap(key: Uint8Array, inner: SimMap): number {
    const handle = new Uint8Array(4);
    new DataView(handle.buffer).setUint32(0, inner.handle, true);
    return this.#outer.put(key, handle);
  }
}
