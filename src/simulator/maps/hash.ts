// HASH, PERCPU_HASH, LRU_HASH and LRU_PERCPU_HASH. Source: kernel/bpf/hashtab.c v6.18. Differences: an update of an existing key overwrites the
// value in place, where the kernel puts a new element beside those who still look at the old one; memory is taken as elements come.
import type { BpfMap } from '../../bpf/maps.ts';
import { assert } from '../../lib/assert.ts';
import { E2BIG, EEXIST, EINVAL, ENOENT } from './errno.ts';
import type { ValueField } from './fields.ts';
import { type MapWorld, roundUp8, SimMap, updateFlag } from './map.ts';
import { Recency } from './recency.ts';
import { Slots } from './slots.ts';

export interface HashKind {
  readonly perCpu: boolean;
  /** A full map gives up what was not used for longest. */
  readonly lru: boolean;
}

/** An element is its key, a gap, and a value for all or for each CPU, each followed by a gap. */
export class HashMap extends SimMap {
  readonly #slots: Slots;
  readonly #recency: Recency | undefined;
  readonly #valueOffset: number;
  readonly #cpuStride: number;
  readonly #copies: number;

  constructor(shape: BpfMap, world: MapWorld, fields: readonly ValueField[], kind: HashKind) {
    super(shape, world, fields);
    this.#slots = new Slots(world.memory, shape.keySize);
    this.#recency = kind.lru ? new Recency() : undefined;
    this.#valueOffset = roundUp8(shape.keySize) + 8;
    this.#cpuStride = kind.perCpu ? roundUp8(shape.valueSize) + 8 : 0;
    this.#copies = kind.perCpu ? world.cpus : 1;
  }

  override lookup(key: number, cpu: number): number {
    const slot = this.#slots.find(key);
    if (slot < 0) return 0;
    this.#recency?.touch(slot);
    return this.valueOfSlot(slot, cpu);
  }

  override update(key: number, value: number, flags: number, cpu: number): number {
    const way = flags & ~updateFlag.lock;
    if (way < 0 || way > updateFlag.exist) return -EINVAL;
    if ((flags & updateFlag.lock) !== 0 && (!this.hasLock || this.#recency !== undefined)) return -EINVAL;
    const slot = this.#slots.find(key);
    if (slot < 0) return way === updateFlag.exist ? -ENOENT : this.#add(key, value, cpu);
    if (way === updateFlag.noExist) return -EEXIST;
    this.#recency?.touch(slot);
    const at = this.valueOfSlot(slot, cpu);
    this.copyValue(at, value);
    this.freeFields(at);
    return 0;
  }

  override delete(key: number): number {
    const slot = this.#slots.find(key);
    if (slot < 0) return -ENOENT;
    this.#remove(slot);
    return 0;
  }

  override get slots(): number {
    return this.#slots.top;
  }

  override keyOfSlot(slot: number): number {
    return this.#slots.addresses[slot]!;
  }

  override valueOfSlot(slot: number, cpu: number): number {
    return this.#slots.addresses[slot]! + this.#valueOffset + cpu * this.#cpuStride;
  }

  override keyOfValue(value: number): number {
    return value - this.#valueOffset;
  }

  override put(key: Uint8Array, value: Uint8Array): number {
    if (this.#cpuStride === 0) return super.put(key, value);
    const each = roundUp8(this.valueBytes);
    assert(value.length === each * this.#copies, `map ${this.name} takes ${each} bytes for each CPU`);
    for (let cpu = 0; cpu < this.#copies; cpu++) {
      const at = this.bring(key, value.subarray(cpu * each, cpu * each + this.valueBytes));
      const result = this.update(at, at + roundUp8(this.keyBytes), updateFlag.any, cpu);
      if (result < 0) return result;
    }
    return 0;
  }

  protected override lookupUntouched(key: number): number {
    const slot = this.#slots.find(key);
    return slot < 0 ? 0 : this.valueOfSlot(slot, 0);
  }

  protected override bytesOf(value: number): Uint8Array {
    if (this.#cpuStride === 0) return super.bytesOf(value);
    return this.bytesOfCpus(value, this.#cpuStride);
  }

  #add(key: number, value: number, cpu: number): number {
    if (this.#slots.count >= this.shape.maxEntries) {
      if (this.#recency === undefined) return -E2BIG;
      this.#remove(this.#recency.oldest);
    }
    const { memory } = this;
    const stride = this.#cpuStride;
    const size = this.#valueOffset + (stride === 0 ? this.valueBytes : stride * this.#copies);
    const element = this.allocate(size, 'none');
    memory.permit(element, this.keyBytes, 'read');
    memory.copy(element, key, this.keyBytes);
    for (let i = 0; i < this.#copies; i++)
      memory.permit(element + this.#valueOffset + i * stride, this.valueBytes, 'write');
    this.copyValue(element + this.#valueOffset + cpu * stride, value);
    const slot = this.#slots.insert(element);
    this.#recency?.add(slot);
    return 0;
  }

  #remove(slot: number): void {
    for (let i = 0; i < this.#copies; i++) this.freeFields(this.valueOfSlot(slot, i));
    const element = this.#slots.addresses[slot]!;
    this.#slots.remove(slot);
    this.#recency?.remove(slot);
    this.memory.free(element);
  }
}
