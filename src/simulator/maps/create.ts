// From a map's shape in an object to a map in the simulation, or the reason why there is none.
import type { BpfMap } from '../../bpf/maps.ts';
import { ArrayMap } from './array.ts';
import type { ValueField } from './fields.ts';
import { HashMap } from './hash.ts';
import { checkShape, errnoNames, ringSize } from './limits.ts';
import { type MapWorld, mapType, OutOfMemory, type SimMap } from './map.ts';
import { MapOfMaps } from './of-maps.ts';
import { QueueMap } from './queue.ts';
import { RingbufMap } from './ringbuf.ts';
import { StorageMap } from './storage.ts';

/** `unsupported`: not modelled. `refused`: the kernel would not create it. `memory`: the simulation has none left for it. */
export interface NoMap {
  readonly kind: 'unsupported' | 'refused' | 'memory';
  readonly text: string;
}
export type CreatedMap = { readonly map: SimMap } | { readonly map: undefined; readonly problem: NoMap };

type Make = (shape: BpfMap, world: MapWorld, fields: readonly ValueField[]) => SimMap;
const makers: ReadonlyMap<number, Make> = new Map<number, Make>([
  [mapType.array, (shape, world, fields) => new ArrayMap(shape, world, fields, false)],
  [mapType.percpuArray, (shape, world, fields) => new ArrayMap(shape, world, fields, true)],
  [mapType.hash, (shape, world, fields) => new HashMap(shape, world, fields, { perCpu: false, lru: false })],
  [
    mapType.percpuHash,
    (shape, world, fields) => new HashMap(shape, world, fields, { perCpu: true, lru: false }),
  ],
  [
    mapType.lruHash,
    (shape, world, fields) => new HashMap(shape, world, fields, { perCpu: false, lru: true }),
  ],
  [
    mapType.lruPercpuHash,
    (shape, world, fields) => new HashMap(shape, world, fields, { perCpu: true, lru: true }),
  ],
  [mapType.arrayOfMaps, (shape, world) => new MapOfMaps(shape, world, 'array')],
  [mapType.hashOfMaps, (shape, world) => new MapOfMaps(shape, world, 'hash')],
  [mapType.queue, (shape, world) => new QueueMap(shape, world, false)],
  [mapType.stack, (shape, world) => new QueueMap(shape, world, true)],
  [mapType.ringbuf, (shape, world) => new RingbufMap(shape, world)],
  [mapType.taskStorage, (shape, world, fields) => new StorageMap(shape, world, fields)],
  [mapType.cgrpStorage, (shape, world, fields) => new StorageMap(shape, world, fields)],
]);

/** The map as a loader with libbpf would create it. `fields`: what the kernel owns in its values (see fields.ts). */
export function createMap(shape: BpfMap, world: MapWorld, fields: readonly ValueField[] = []): CreatedMap {
  const make = makers.get(shape.type);
  if (make === undefined)
    return no('unsupported', `map ${shape.name}: maps of type ${shape.typeName} are not modelled`);
  const asked = shape.type === mapType.ringbuf ? { ...shape, maxEntries: ringSize(shape.maxEntries) } : shape;
  const refusal = checkShape(asked);
  if (refusal < 0) {
    const size = `keys of ${asked.keySize}, values of ${asked.valueSize} bytes, ${asked.maxEntries} entries, flags ${asked.flags}`;
    return no(
      'refused',
      `map ${shape.name}: the kernel refuses a ${shape.typeName} with ${size}: -${errnoNames[-refusal]}`,
    );
  }
  try {
    return { map: make(asked, world, fields) };
  } catch (error) {
    if (error instanceof OutOfMemory) return no('memory', error.message);
    throw error;
  }
}

function no(kind: NoMap['kind'], text: string): CreatedMap {
  return { map: undefined, problem: { kind, text } };
}
