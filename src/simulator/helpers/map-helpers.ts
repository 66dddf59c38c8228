// Helpers on maps with keys, queues and stacks. Source: kernel/bpf/helpers.c, map_iter.c and the kinds' own files, v6.18.
import { ArrayMap, readOnlyForPrograms } from '../maps/array.ts';
import { EINVAL } from '../maps/errno.ts';
import { HashMap } from '../maps/hash.ts';
import type { SimMap } from '../maps/map.ts';
import { flagsOf, type Helpers, type HelperWorld, mapIn, needReadable, needWritable } from './world.ts';

export function mapHelpers(world: HelperWorld): Helpers {
  const { memory } = world;

  function lookup(handle: number, key: number): number {
    const map = mapIn(world, 'bpf_map_lookup_elem', handle);
    if (!memory.readable(key, map.keyBytes)) needReadable(world, 'bpf_map_lookup_elem', 2, key, map.keyBytes);
    return map.lookup(key, world.cpu());
  }

  function update(handle: number, key: number, value: number, flagsLow: number, flagsHigh: number): number {
    const name = 'bpf_map_update_elem';
    const map = writableMap(name, handle);
    needReadable(world, name, 2, key, map.keyBytes);
    needReadable(world, name, 3, value, map.valueBytes);
    return map.update(key, value, flagsOf(flagsLow, flagsHigh), world.cpu());
  }

  function remove(handle: number, key: number): number {
    const map = writableMap('bpf_map_delete_elem', handle);
    needReadable(world, 'bpf_map_delete_elem', 2, key, map.keyBytes);
    return map.delete(key);
  }

  function lookupPerCpu(handle: number, key: number, cpu: number): number {
    const name = 'bpf_map_lookup_percpu_elem';
    const map = mapIn(world, name, handle);
    if (!map.isPerCpu) return refuse(name, map);
    needReadable(world, name, 2, key, map.keyBytes);
    return cpu >>> 0 < world.cpus ? map.lookup(key, cpu) : 0;
  }

  function push(handle: number, value: number, flagsLow: number, flagsHigh: number): number {
    const map = writableMap('bpf_map_push_elem', handle);
    needReadable(world, 'bpf_map_push_elem', 2, value, map.valueBytes);
    return map.push(value, flagsOf(flagsLow, flagsHigh));
  }

  function take(name: string, handle: number, value: number): SimMap {
    const map = mapIn(world, name, handle);
    needWritable(world, name, 2, value, map.valueBytes);
    return map;
  }

  /** A callback that gives 1 ends the walk; the answer is how many were visited. Elements come in order of slot (in the kernel, of hash). */
  function forEach(handle: number, callback: number, context: number, low: number, high: number): number {
    const name = 'bpf_for_each_map_elem';
    const map = mapIn(world, name, handle);
    if (!(map instanceof ArrayMap || map instanceof HashMap)) return refuse(name, map);
    if (low !== 0 || high !== 0) return -EINVAL;
    let visited = 0;
    for (let slot = 0; slot < map.slots; slot++) {
      const key = map.keyOfSlot(slot);
      if (key === 0) continue;
      visited++;
      const value = map.valueOfSlot(slot, world.cpu());
      if (world.callback(callback, map.handle, key, value, context) !== 0) break;
    }
    return visited;
  }

  function writableMap(name: string, handle: number): SimMap {
    const map = mapIn(world, name, handle);
    return (map.shape.flags & readOnlyForPrograms) === 0
      ? map
      : world.finding(`${name}: map ${map.name} is read-only for programs`);
  }

  function refuse(name: string, map: SimMap): never {
    return world.finding(`${name}: not for map ${map.name} of type ${map.shape.typeName}`);
  }

  const result = 'signed';
  return {
    1: {
      name: 'bpf_map_lookup_elem',
      params: ['low', 'low'],
      result: 'unsigned',
      run: lookup,
      inline: (map) => map?.inlineLookup,
    },
    2: { name: 'bpf_map_update_elem', params: ['low', 'low', 'low', 'wide'], result, run: update },
    3: { name: 'bpf_map_delete_elem', params: ['low', 'low'], result, run: remove },
    87: { name: 'bpf_map_push_elem', params: ['low', 'low', 'wide'], result, run: push },
    88: {
      name: 'bpf_map_pop_elem',
      params: ['low', 'low'],
      result,
      run: (handle, value) => take('bpf_map_pop_elem', handle!, value!).pop(value!),
    },
    89: {
      name: 'bpf_map_peek_elem',
      params: ['low', 'low'],
      result,
      run: (handle, value) => take('bpf_map_peek_elem', handle!, value!).peek(value!),
    },
    164: { name: 'bpf_for_each_map_elem', params: ['low', 'low', 'low', 'wide'], result, run: forEach },
    195: {
      name: 'bpf_map_lookup_percpu_elem',
      params: ['low', 'low', 'low'],
      result: 'unsigned',
      run: lookupPerCpu,
    },
  };
}
