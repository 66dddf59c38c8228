// ARRAY and PERCPU_ARRAY, global variables included: everything is there from the start. Source: kernel/bpf/arraymap.c v6.18.
import type { BpfMap } from '../../bpf/maps.ts';
import type { Inline } from '../../jit/translate.ts';
import { assert } from '../../lib/assert.ts';
import { E2BIG, EEXIST, EINVAL } from './errno.ts';
import type { ValueField } from './fields.ts';
import { readU32 } from './keys.ts';
import { type MapWorld, roundUp8, SimMap, updateFlag } from './map.ts';

export const readOnlyForPrograms = 1 << 7;

/** The value of `index` for a CPU is at values + cpu × cpuStride + index × stride. */
export class ArrayMap extends SimMap {
  readonly values: number;
  readonly stride: number;
  /** 0 when all CPUs share the values. */
  readonly cpuStride: number;
  readonly count: number;
  readonly #key: number;

  constructor(shape: BpfMap, world: MapWorld, fields: readonly ValueField[], perCpu: boolean) {
    super(shape, world, fields);
    this.count = shape.maxEntries;
    // the kernel leaves no gap between values: a gap shows an overrun
    this.stride = roundUp8(shape.valueSize) + 8;
    this.cpuStride = perCpu ? this.count * this.stride : 0;
    const all = this.count * (perCpu ? world.cpus : 1);
    this.values = this.reserve(all * this.stride, 'none');
    this.memory.i32[(this.handle + 4) >>> 2] = this.values;
    const isReadOnly = (shape.flags & readOnlyForPrograms) !== 0;
    this.memory.permit(this.values, shape.valueSize, isReadOnly ? 'read' : 'write');
    this.memory.permitLikeFirst(this.values, this.stride, all);
    this.#key = this.reserve(4, 'read');
    if (shape.initial !== undefined) this.memory.u8.set(shape.initial, this.values);
  }

  override lookup(key: number, cpu: number): number {
    const index = readU32(this.memory, key);
    return index < this.count ? this.values + cpu * this.cpuStride + index * this.stride : 0;
  }

  override get inlineLookup(): Inline | undefined {
    const { handle, stride, count } = this;
    return this.cpuStride > 0 ? undefined : { kind: 'element', valuesAt: handle + 4, stride, count };
  }

  override update(key: number, value: number, flags: number, cpu: number): number {
    // per-CPU values know no lock
    const way = this.isPerCpu ? flags : flags & ~updateFlag.lock;
    if (way < 0 || way > updateFlag.exist) return -EINVAL;
    const at = this.lookup(key, cpu);
    if (at === 0) return -E2BIG;
    if ((flags & updateFlag.noExist) !== 0) return -EEXIST;
    if ((flags & updateFlag.lock) !== 0 && !this.hasLock) return -EINVAL;
    this.copyValue(at, value);
    this.freeFields(at);
    return 0;
  }

  override delete(_key: number): number {
    return -EINVAL;
  }

  override get slots(): number {
    return this.count;
  }

  override keyOfSlot(slot: number): number {
    this.memory.u32[this.#key >>> 2] = slot;
    return this.#key;
  }

  override valueOfSlot(slot: number, cpu: number): number {
    return this.values + cpu * this.cpuStride + slot * this.stride;
  }

  override keyOfValue(value: number): number {
    return this.keyOfSlot(Math.floor((value - this.values) / this.stride) % this.count);
  }

  override put(key: Uint8Array, value: Uint8Array): number {
    if (this.cpuStride === 0) return super.put(key, value);
    const each = roundUp8(this.valueBytes);
    assert(value.length === each * this.world.cpus, `map ${this.name} takes ${each} bytes for each CPU`);
    const index = new DataView(key.buffer, key.byteOffset).getUint32(0, true);
    if (index >= this.count) return -E2BIG;
    for (let cpu = 0; cpu < this.world.cpus; cpu++)
      this.memory.u8.set(
        value.subarray(cpu * each, cpu * each + this.valueBytes),
        this.valueOfSlot(index, cpu),
      );
    return 0;
  }

  protected override bytesOf(value: number): Uint8Array {
    return this.cpuStride === 0 ? super.bytesOf(value) : this.bytesOfCpus(value, this.cpuStride);
  }
}
