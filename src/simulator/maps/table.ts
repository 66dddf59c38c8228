// The maps of a simulation by the address that programs have for them.
import type { SimMemory } from '../memory.ts';
import type { SimMap } from './map.ts';

/** Behind each handle stands the map's number; nobody else can write there unless checks are off. */
export class MapTable {
  readonly maps: SimMap[] = [];
  readonly #u32: Uint32Array;

  constructor(memory: SimMemory) {
    this.#u32 = memory.u32;
  }

  add(map: SimMap): void {
    this.#u32[map.handle >>> 2] = this.maps.length;
    this.maps.push(map);
  }

  of(handle: number): SimMap | undefined {
    const map = this.maps[this.#u32[handle >>> 2]!];
    return map !== undefined && map.handle === handle ? map : undefined;
  }

  clear(): void {
    this.maps.length = 0;
  }
}
