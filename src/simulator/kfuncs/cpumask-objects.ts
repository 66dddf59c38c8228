// The cpumasks that programs own: created, counted, freed when nobody holds them. Source: bpf_cpumask_create() and _release(), kernel/bpf/cpumask.c,
// v6.18. The kernel frees after a grace period: here the last reference's memory goes when the callback is over.

import { bpfCpumask } from '../kernel/structs.ts';
import { hex, type Scx } from '../model/ext/scx.ts';
import type { KfuncWorld } from './kfunc.ts';

/** A word behind the object that no program can read or write says that it is one. */
const tagOffset = bpfCpumask.size;
const tagOf = (address: number): number => address ^ 0x5ca1ab1e;
const usageOffset = bpfCpumask.offsets.usage;

export class CpumaskObjects {
  readonly #world: KfuncWorld;
  /** Nobody holds them, and somebody may still look at them. Of this simulation: */
  #leaving: number[] = [];
  #scx: Scx | undefined;

  constructor(world: KfuncWorld) {
    this.#world = world;
  }

  /** Address of an empty one with one reference; 0: no memory. */
  create(): number {
    const { memory } = this.#world;
    const address = memory.allocate(tagOffset + 4, 'none');
    if (address === 0) return 0;
    memory.permit(address, bpfCpumask.size, 'read');
    memory.i32[(address + usageOffset) >>> 2] = 1;
    memory.i32[(address + tagOffset) >>> 2] = tagOf(address);
    return address;
  }

  is(address: number): boolean {
    const { memory } = this.#world;
    return (
      (address & 15) === 0 &&
      memory.readable(address, bpfCpumask.size) &&
      !memory.readable(address + tagOffset, 1) &&
      memory.i32[(address + tagOffset) >>> 2] === tagOf(address)
    );
  }

  /** Index of its first word, for functions that write to it. */
  words(address: number, kfunc: string): number {
    if (!this.is(address)) this.#bad(address, kfunc);
    return address >>> 2;
  }

  acquire(address: number, kfunc: string): void {
    this.#usage(address, kfunc, 1);
  }

  release(address: number, kfunc: string): void {
    if (this.#usage(address, kfunc, -1) > 0) return;
    const { scx } = this.#world;
    if (scx.ops.mask === -1) this.#free(address);
    else {
      if (this.#scx !== scx) this.#leaving = [];
      this.#scx = scx;
      this.#leaving.push(address);
      scx.ops.whenReturning(this.#freeLeaving);
    }
  }

  /** Adds to the references; what is left. */
  #usage(address: number, kfunc: string, change: number): number {
    const { memory } = this.#world;
    const at = (address + usageOffset) >>> 2;
    if (!this.is(address) || memory.i32[at]! <= 0) this.#bad(address, kfunc);
    memory.i32[at]! += change;
    return memory.i32[at]!;
  }

  readonly #freeLeaving = (depth: number): boolean => {
    if (depth > 1) return false;
    for (const address of this.#leaving) this.#free(address);
    this.#leaving = [];
    return true;
  };

  #free(address: number): void {
    this.#world.memory.i32[(address + tagOffset) >>> 2] = 0;
    this.#world.memory.free(address);
  }

  #bad(address: number, kfunc: string): never {
    return this.#world.finding(`${kfunc} got 0x${hex(address, 0)}, which is no bpf_cpumask`);
  }
}
