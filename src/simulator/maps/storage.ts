// TASK_STORAGE and CGRP_STORAGE: a value for each task or cgroup, made when first asked for, gone with its owner.
// Source: kernel/bpf/bpf_task_storage.c, bpf_local_storage.c v6.18.
import type { BpfMap } from '../../bpf/maps.ts';
import { ENOENT } from './errno.ts';
import type { ValueField } from './fields.ts';
import { readU32 } from './keys.ts';
import { type MapWorld, SimMap } from './map.ts';

/** Owners are numbers from 0. From outside (and only from there) the key is the owner's number, where bpf(2) takes a file descriptor. */
export class StorageMap extends SimMap {
  /** Address of the value by owner, or 0. May be replaced when it grows. */
  addresses = new Int32Array(64);
  readonly #key: number;

  constructor(shape: BpfMap, world: MapWorld, fields: readonly ValueField[]) {
    super(shape, world, fields);
    this.#key = this.reserve(4, 'read');
  }

  /** Address of the owner's value; when there is none, 0 or (`create`) a new one of zeros or a copy of `initial` (address, or 0). */
  of(owner: number, create: boolean, initial = 0): number {
    const { addresses } = this;
    if (owner < addresses.length) {
      const address = addresses[owner]!;
      if (address !== 0 || !create) return address;
    }
    return create ? this.#create(owner, initial) : 0;
  }

  /** 0 or −errno. */
  remove(owner: number): number {
    const address = this.of(owner, false);
    if (address === 0) return -ENOENT;
    this.freeFields(address);
    this.memory.free(address);
    this.addresses[owner] = 0;
    return 0;
  }

  /** The owner is gone. */
  dropOwner(owner: number): void {
    if (this.of(owner, false) !== 0) this.remove(owner);
  }

  override get slots(): number {
    return this.addresses.length;
  }

  override keyOfSlot(slot: number): number {
    if (this.addresses[slot] === 0) return 0;
    this.memory.u32[this.#key >>> 2] = slot;
    return this.#key;
  }

  override valueOfSlot(slot: number): number {
    return this.addresses[slot]!;
  }

  override put(key: Uint8Array, value: Uint8Array): number {
    const owner = new DataView(key.buffer, key.byteOffset).getUint32(0, true);
    const address = this.of(owner, true);
    this.memory.u8.set(value, address);
    return 0;
  }

  protected override lookupUntouched(key: number): number {
    return this.of(readU32(this.memory, key), false);
  }

  #create(owner: number, initial: number): number {
    if (owner >= this.addresses.length) {
      const longer = new Int32Array(Math.max(owner + 1, 2 * this.addresses.length));
      longer.set(this.addresses);
      this.addresses = longer;
    }
    const address = this.allocate(this.valueBytes, 'write');
    if (initial !== 0) this.copyValue(address, initial);
    this.addresses[owner] = address;
    return address;
  }
}
