// Places for elements with an index by key: open addressing with linear probing over typed arrays, keys compared where they lie in memory
// (Knuth, The Art of Computer Programming 6.4, algorithms L and R). Slots are given out from 0; a freed one is the next to be given.
import type { SimMemory } from '../memory.ts';
import { equalBytes, hashBytes } from './keys.ts';

const firstCapacity = 16;

export class Slots {
  /** Address of the element, whose first bytes are the key; 0 when the slot is empty. May be replaced when it grows. */
  addresses = new Int32Array(firstCapacity);
  count = 0;
  /** Slots from here on were never used. */
  top = 0;
  readonly #memory: SimMemory;
  readonly #keyBytes: number;
  #hashes = new Int32Array(firstCapacity);
  #nextFree = new Int32Array(firstCapacity);
  #firstFree = -1;
  /** Slot + 1, or 0. At most half full. */
  #table = new Int32Array(2 * firstCapacity);

  constructor(memory: SimMemory, keyBytes: number) {
    this.#memory = memory;
    this.#keyBytes = keyBytes;
  }

  /** The slot of the key at this address, or −1. */
  find(key: number): number {
    const hash = hashBytes(this.#memory, key, this.#keyBytes);
    const table = this.#table;
    const mask = table.length - 1;
    for (let i = hash & mask; ; i = (i + 1) & mask) {
      const slot = table[i]! - 1;
      if (slot < 0) return -1;
      if (this.#hashes[slot] === hash && equalBytes(this.#memory, this.addresses[slot]!, key, this.#keyBytes))
        return slot;
    }
  }

  /** The slot of a new element, whose key is not there yet. */
  insert(address: number): number {
    const slot = this.#take();
    this.addresses[slot] = address;
    this.#hashes[slot] = hashBytes(this.#memory, address, this.#keyBytes);
    this.count++;
    this.#enter(slot);
    return slot;
  }

  remove(slot: number): void {
    const table = this.#table;
    const mask = table.length - 1;
    let hole = this.#hashes[slot]! & mask;
    while (table[hole] !== slot + 1) hole = (hole + 1) & mask;
    for (let i = (hole + 1) & mask; table[i] !== 0; i = (i + 1) & mask) {
      // an entry moves into the hole unless its search begins after it
      const distance = (i - this.#hashes[table[i]! - 1]!) & mask;
      if (distance < ((i - hole) & mask)) continue;
      table[hole] = table[i]!;
      hole = i;
    }
    table[hole] = 0;
    this.addresses[slot] = 0;
    this.#nextFree[slot] = this.#firstFree;
    this.#firstFree = slot;
    this.count--;
  }

  #take(): number {
    const free = this.#firstFree;
    if (free >= 0) {
      this.#firstFree = this.#nextFree[free]!;
      return free;
    }
    if (this.top === this.addresses.length) this.#grow();
    return this.top++;
  }

  #enter(slot: number): void {
    const mask = this.#table.length - 1;
    let i = this.#hashes[slot]! & mask;
    while (this.#table[i] !== 0) i = (i + 1) & mask;
    this.#table[i] = slot + 1;
  }

  #grow(): void {
    this.addresses = doubled(this.addresses);
    this.#hashes = doubled(this.#hashes);
    this.#nextFree = doubled(this.#nextFree);
    this.#table = new Int32Array(2 * this.#table.length);
    for (let slot = 0; slot < this.top; slot++) if (this.addresses[slot] !== 0) this.#enter(slot);
  }
}

export function doubled(column: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const longer = new Int32Array(2 * column.length);
  longer.set(column);
  return longer;
}
