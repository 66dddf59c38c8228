// QUEUE and STACK: values without keys, copied in and out. Source: kernel/bpf/queue_stack_maps.c v6.18.
import type { BpfMap } from '../../bpf/maps.ts';
import { E2BIG, EINVAL, ENOENT } from './errno.ts';
import { type MapWorld, SimMap, updateFlag } from './map.ts';

export class QueueMap extends SimMap {
  readonly #isStack: boolean;
  readonly #values: number;
  /** Place of the oldest value, and how many there are. */
  #first = 0;
  #count = 0;

  constructor(shape: BpfMap, world: MapWorld, isStack: boolean) {
    super(shape, world, []);
    this.#isStack = isStack;
    this.#values = this.reserve(shape.maxEntries * shape.valueSize, 'none');
  }

  /** With BPF_EXIST a full map forgets its oldest value. */
  override push(value: number, flags: number): number {
    if (flags !== updateFlag.any && flags !== updateFlag.exist) return -EINVAL;
    const { maxEntries } = this.shape;
    if (this.#count === maxEntries) {
      if (flags !== updateFlag.exist) return -E2BIG;
      this.#first = (this.#first + 1) % maxEntries;
      this.#count--;
    }
    this.memory.copy(this.#place(this.#count), value, this.valueBytes);
    this.#count++;
    return 0;
  }

  override pop(value: number): number {
    const result = this.peek(value);
    if (result < 0) return result;
    if (!this.#isStack) this.#first = (this.#first + 1) % this.shape.maxEntries;
    this.#count--;
    return 0;
  }

  override peek(value: number): number {
    if (this.#count === 0) {
      this.memory.u8.fill(0, value, value + this.valueBytes);
      return -ENOENT;
    }
    this.memory.copy(value, this.#place(this.#isStack ? this.#count - 1 : 0), this.valueBytes);
    return 0;
  }

  /** From outside, with an empty key: peeks. */
  override get(_key: Uint8Array): Uint8Array | undefined {
    return this.#count === 0 ? undefined : this.bytesOf(this.#place(this.#isStack ? this.#count - 1 : 0));
  }

  /** From outside, with an empty key: pushes. */
  override put(key: Uint8Array, value: Uint8Array): number {
    return this.push(this.bring(key, value), updateFlag.any);
  }

  /** Oldest first. */
  override *entries(): Iterable<[Uint8Array, Uint8Array]> {
    for (let i = 0; i < this.#count; i++) yield [new Uint8Array(0), this.bytesOf(this.#place(i))];
  }

  #place(age: number): number {
    return this.#values + ((this.#first + age) % this.shape.maxEntries) * this.valueBytes;
  }
}
