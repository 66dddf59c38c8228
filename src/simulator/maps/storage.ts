// TASK_STORAGE and CGRP_STORAGE: a value for each task or cgroup, made when first asked for, gone with its owner.
// Source: kernel/bpf/bpf_task_storage.c, bpf_local_storage.c v6.18.
import type { BpfMap } from '../../bpf/maps.ts';
import { ENOENT } from './errno.ts';
import type { ValueField } from './fields.ts';
import { readU32 } from './keys.ts';
import { type MapWorld, SimMap } from './map.ts';

/**
 * Owners are numbers from 0. From outside (and only from there) the key is the owner's number, where bpf(2) takes a file descriptor. In simulated memory,
 * where translated code reads it: a table of its length and, by owner, the address of the value or 0.
 */
export class StorageMap extends SimMap {
  /** Address of the i32 that holds the table's address. */
  readonly tableAt: number;
  readonly #key: number;

  constructor(shape: BpfMap, world: MapWorld, fields: readonly ValueField[]) {
    super(shape, world, fields);
    this.tableAt = this.handle + 4;
    this.#key = this.reserve(4, 'read');
    this.#useTable(this.reserve(tableBytes(firstOwners), 'none'), firstOwners);
  }

  /** Address of the owner's value; when there is none, 0 or (`create`) a new one of zeros or a copy of `initial` (address, or 0). */
  of(owner: number, create: boolean, initial = 0): number {
    if (owner < this.slots) {
      const address = this.memory.i32[this.#entry(owner)]!;
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
    this.memory.i32[this.#entry(owner)] = 0;
    return 0;
  }

  /** The owner is gone. */
  dropOwner(owner: number): void {
    if (this.of(owner, false) !== 0) this.remove(owner);
  }

  override get slots(): number {
    return this.memory.i32[this.#table >>> 2]!;
  }

  override keyOfSlot(slot: number): number {
    if (this.of(slot, false) === 0) return 0;
    this.memory.u32[this.#key >>> 2] = slot;
    return this.#key;
  }

  override valueOfSlot(slot: number): number {
    return this.of(slot, false);
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

  get #table(): number {
    return this.memory.i32[this.tableAt >>> 2]!;
  }

  /** Where the address of the owner's value stands, as an index of i32. */
  #entry(owner: number): number {
    return (this.#table >>> 2) + 1 + owner;
  }

  #useTable(table: number, owners: number): void {
    this.memory.i32[table >>> 2] = owners;
    this.memory.i32[this.tableAt >>> 2] = table;
  }

  #create(owner: number, initial: number): number {
    if (owner >= this.slots) this.#grow(Math.max(owner + 1, 2 * this.slots));
    const address = this.allocate(this.valueBytes, 'write');
    if (initial !== 0) this.copyValue(address, initial);
    this.memory.i32[this.#entry(owner)] = address;
    return address;
  }

  #grow(owners: number): void {
    const [old, count] = [this.#table, this.slots];
    const table = this.allocate(tableBytes(owners), 'none');
    this.memory.copy(table, old, tableBytes(count));
    this.#useTable(table, owners);
    this.memory.free(old);
  }
}

const firstOwners = 64;

function tableBytes(owners: number): number {
  return 4 * (1 + owners);
}
