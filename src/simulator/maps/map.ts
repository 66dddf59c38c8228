// What a BPF map is to helpers (addresses in, addresses out) and to the world outside (bytes). Keys and values live in the simulation's memory.
// Source: the contracts of struct bpf_map_ops, kernel/bpf/syscall.c v6.18.
import type { BpfMap } from '../../bpf/maps.ts';
import type { Inline } from '../../jit/translate.ts';
import { assert } from '../../lib/assert.ts';
import type { Permission, SimMemory } from '../memory.ts';
import type { ValueField } from './fields.ts';

/** enum bpf_map_type, as far as we build them. */
export const mapType = {
  hash: 1,
  array: 2,
  percpuHash: 5,
  percpuArray: 6,
  lruHash: 9,
  lruPercpuHash: 10,
  arrayOfMaps: 12,
  hashOfMaps: 13,
  queue: 22,
  stack: 23,
  ringbuf: 27,
  taskStorage: 29,
  cgrpStorage: 32,
} as const;

/** Flags of an update. */
export const updateFlag = { any: 0, noExist: 1, exist: 2, lock: 4 } as const;

/** What maps need around them. */
export interface MapWorld {
  readonly memory: SimMemory;
  readonly cpus: number;
  /** The value that holds a bpf_timer at this address goes, or is overwritten. */
  forgetTimer(address: number): void;
  /** A referenced kernel pointer that a value held is given back. */
  dropKptr(pointer: number): void;
  /** Ends the simulation. */
  finding(text: string): never;
}

/** A map's memory does not fit. */
export class OutOfMemory extends Error {}

export function lacking(name: string, bytes: number, memory: SimMemory): string {
  return `map ${name} needs ${bytes} bytes of simulated memory, ${memory.available} are left`;
}

/**
 * The defaults are those of a kind that cannot do it; a program that asks all the same would not have passed the verifier, so it is a finding.
 * Callers have checked what keys and values point at.
 */
export abstract class SimMap {
  readonly name: string;
  /** Of `mapType`; it tells the class. */
  readonly type: number;
  readonly shape: BpfMap;
  /** The address that programs have for the map: two words that nobody may read, the map's number and what its kind keeps there. */
  readonly handle: number;
  readonly keyBytes: number;
  readonly valueBytes: number;
  readonly hasLock: boolean;
  readonly isPerCpu: boolean;
  /** Where in a value the bpf_timer is; −1: nowhere. */
  readonly timerOffset: number;
  protected readonly world: MapWorld;
  protected readonly memory: SimMemory;
  readonly #fields: readonly ValueField[];
  #scratch = 0;

  constructor(shape: BpfMap, world: MapWorld, fields: readonly ValueField[]) {
    this.name = shape.name;
    this.type = shape.type;
    this.shape = shape;
    this.keyBytes = shape.keySize;
    this.valueBytes = shape.valueSize;
    this.world = world;
    this.memory = world.memory;
    this.#fields = fields;
    this.hasLock = fields.some(({ kind }) => kind === 'lock');
    this.timerOffset = fields.find(({ kind }) => kind === 'timer')?.offset ?? -1;
    const { percpuArray, percpuHash, lruPercpuHash } = mapType;
    this.isPerCpu = [percpuArray, percpuHash, lruPercpuHash].some((type) => type === shape.type);
    this.handle = this.reserve(8, 'none');
  }

  /** Address of the value for that CPU, or 0. */
  lookup(_key: number, _cpu: number): number {
    return this.cannot('looked up');
  }

  /** What stands for a lookup in translated code. */
  get inlineLookup(): Inline | undefined {
    return undefined;
  }

  /** 0 or −errno. */
  update(_key: number, _value: number, _flags: number, _cpu: number): number {
    return this.cannot('updated');
  }

  delete(_key: number): number {
    return this.cannot('deleted from');
  }

  push(_value: number, _flags: number): number {
    return this.cannot('pushed to');
  }

  pop(_value: number): number {
    return this.cannot('popped from');
  }

  peek(_value: number): number {
    return this.cannot('peeked at');
  }

  /** Places for elements; some may be empty. */
  get slots(): number {
    return 0;
  }

  /** Address of the key in this slot, good until the next call; 0 when the slot is empty. */
  keyOfSlot(_slot: number): number {
    return 0;
  }

  valueOfSlot(_slot: number, _cpu: number): number {
    return 0;
  }

  /** Address of the key whose value this is, good until the next call. */
  keyOfValue(_value: number): number {
    return this.cannot('asked for a key');
  }

  /** From outside, as bpf(2) does it: per-CPU values stand side by side, each in a multiple of 8 bytes. */
  get(key: Uint8Array): Uint8Array | undefined {
    const value = this.lookupUntouched(this.bring(key));
    return value === 0 ? undefined : this.bytesOf(value);
  }

  /** From outside. 0 or −errno. */
  put(key: Uint8Array, value: Uint8Array): number {
    assert(
      value.length === this.valueBytes,
      `map ${this.name} has values of ${this.valueBytes} bytes, not ${value.length}`,
    );
    const at = this.bring(key, value);
    return this.update(at, at + roundUp8(this.keyBytes), updateFlag.any, 0);
  }

  /** [key, value] in order of slot. */
  *entries(): Iterable<[Uint8Array, Uint8Array]> {
    for (let slot = 0; slot < this.slots; slot++) {
      const key = this.keyOfSlot(slot);
      if (key !== 0)
        yield [this.memory.u8.slice(key, key + this.keyBytes), this.bytesOf(this.valueOfSlot(slot, 0))];
    }
  }

  /** Value for CPU 0, without marking it as used. */
  protected lookupUntouched(key: number): number {
    return this.lookup(key, 0);
  }

  protected bytesOf(value: number): Uint8Array {
    return this.memory.u8.slice(value, value + this.valueBytes);
  }

  /** Memory at the map's creation. @throws OutOfMemory. */
  protected reserve(bytes: number, permission: Permission): number {
    const address = this.memory.allocate(bytes, permission);
    if (address === 0) throw new OutOfMemory(lacking(this.name, bytes, this.memory));
    return address;
  }

  /** Memory while the simulation runs. */
  protected allocate(bytes: number, permission: Permission): number {
    const address = this.memory.allocate(bytes, permission);
    return address === 0 ? this.world.finding(lacking(this.name, bytes, this.memory)) : address;
  }

  /** Copies all but what the kernel owns in a value. */
  protected copyValue(to: number, from: number): void {
    if (this.#fields.length === 0) {
      this.memory.copy(to, from, this.valueBytes);
      return;
    }
    let done = 0;
    for (const { offset, bytes } of this.#fields) {
      this.memory.u8.copyWithin(to + done, from + done, from + offset);
      done = offset + bytes;
    }
    this.memory.u8.copyWithin(to + done, from + done, from + this.valueBytes);
  }

  /** Gives back what the kernel owns in a value that goes or was overwritten. */
  protected freeFields(value: number): void {
    for (const { kind, offset, bytes } of this.#fields) {
      const at = value + offset;
      if (kind === 'timer') this.world.forgetTimer(at);
      else if (kind === 'kptr') {
        const pointer = this.memory.i32[at >>> 2]!;
        if (pointer !== 0) this.world.dropKptr(pointer);
      }
      if (kind !== 'lock') this.memory.u8.fill(0, at, at + bytes);
    }
  }

  protected cannot(what: string): never {
    return this.world.finding(`map ${this.name} of type ${this.shape.typeName} cannot be ${what}`);
  }

  /** Puts a key, and a value behind it on the next multiple of 8, where the map's code can read them. */
  protected bring(key: Uint8Array, value?: Uint8Array): number {
    assert(
      key.length === this.keyBytes,
      `map ${this.name} has keys of ${this.keyBytes} bytes, not ${key.length}`,
    );
    if (this.#scratch === 0) this.#scratch = this.reserve(roundUp8(this.keyBytes) + this.valueBytes, 'none');
    this.memory.u8.set(key, this.#scratch);
    if (value !== undefined) this.memory.u8.set(value, this.#scratch + roundUp8(this.keyBytes));
    return this.#scratch;
  }

  /** Values of all CPUs, each in a multiple of 8 bytes. */
  protected bytesOfCpus(value: number, cpuStride: number): Uint8Array {
    const each = roundUp8(this.valueBytes);
    const bytes = new Uint8Array(each * this.world.cpus);
    for (let cpu = 0; cpu < this.world.cpus; cpu++) {
      const at = value + cpu * cpuStride;
      bytes.set(this.memory.u8.subarray(at, at + this.valueBytes), cpu * each);
    }
    return bytes;
  }
}

export function roundUp8(bytes: number): number {
  return Math.ceil(bytes / 8) * 8;
}
