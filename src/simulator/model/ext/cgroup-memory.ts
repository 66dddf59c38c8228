// The workload's cgroups as BPF programs find them: css_set, cgroup, kernfs_node and task_group of each, in simulated memory. Nothing in them changes.
// Source: cgroup_create(), kernfs_new_node() and sched_group_set_shares() as far as they say what stands in these structures, v6.18.

import { assert } from '../../../lib/assert.ts';
import { cgroup, cgroupLevels, cssSet, kernfsNode, taskGroup } from '../../kernel/structs.ts';
import type { SimMemory } from '../../memory.ts';

const encoder = new TextEncoder();
const defaultWeight = 100; // CGROUP_WEIGHT_DFL
/** SCX_TG_ONLINE | SCX_TG_INITED. */
const online = 3;

export interface CgroupOptions {
  /** Name of a cgroup under the root that holds all others. */
  readonly parent?: string;
  /** cpu.weight of each, default 100. */
  readonly weights?: readonly number[];
  /** cpu.max of each in a period of 100 ms, µs; 0: none. */
  readonly quotasUs?: readonly number[];
}

interface Entry {
  readonly name: string;
  readonly parent: number;
  readonly weight: number;
}

/** Cgroups have indices as in an expansion, −1 for the root; and numbers: 0 the root, then in order of creation. */
export class CgroupMemory {
  /** By number. */
  readonly #addresses: number[] = [];
  readonly #cssSets: number[] = [];
  readonly #taskGroups: number[] = [];
  readonly #weights: number[] = [];
  readonly #quotasUs: readonly number[];
  readonly #parents: number[] = [];
  readonly #children: number[][] = [];
  readonly #numbers = new Map<number, number>();
  readonly #memory: SimMemory;
  readonly #firstIndexed: number;

  constructor(memory: SimMemory, names: readonly string[], options: CgroupOptions = {}) {
    const { parent, weights } = options;
    this.#memory = memory;
    this.#quotasUs = options.quotasUs ?? [];
    this.#create({ name: '', parent: -1, weight: defaultWeight });
    if (parent !== undefined) this.#create({ name: parent, parent: 0, weight: defaultWeight });
    this.#firstIndexed = this.#addresses.length;
    const above = this.#firstIndexed - 1;
    for (const [i, name] of names.entries())
      this.#create({ name, parent: above, weight: weights?.[i] ?? defaultWeight });
  }

  get count(): number {
    return this.#addresses.length;
  }

  /** Address of the css_set of the tasks in a cgroup. */
  cssSetOf(index: number): number {
    return this.#cssSets[this.#number(index)]!;
  }

  cgroupOf(index: number): number {
    return this.#addresses[this.#number(index)]!;
  }

  taskGroupOf(index: number): number {
    return this.#taskGroups[this.#number(index)]!;
  }

  get root(): number {
    return this.#addresses[0]!;
  }

  /** −1: no cgroup lies there. */
  numberOf(address: number): number {
    return this.#numbers.get(address) ?? -1;
  }

  addressOf(number: number): number {
    return this.#addresses[number]!;
  }

  weightOf(number: number): number {
    return this.#weights[number]!;
  }

  /** cpu.max in a period of 100 ms, µs; 0: none. */
  quotaUsOf(number: number): number {
    return this.#quotasUs[number - this.#firstIndexed] ?? 0;
  }

  /** Number of the parent, −1 for the root. */
  parentOf(number: number): number {
    return this.#parents[number]!;
  }

  /** Numbers, in order of creation. */
  childrenOf(number: number): readonly number[] {
    return this.#children[number]!;
  }

  levelOf(number: number): number {
    return this.#memory.i32[(this.#addresses[number]! + cgroup.offsets.level) >>> 2]!;
  }

  /** Number of the cgroup with this id, −1 for none. */
  withId(low: number, high: number): number {
    return high === 0 && low >= 1 && low <= this.count ? low - 1 : -1;
  }

  #number(index: number): number {
    const number = index < 0 ? 0 : this.#firstIndexed + index;
    assert(number < this.count, `there is no cgroup ${index}`);
    return number;
  }

  #create({ name, parent, weight }: Entry): void {
    const { i32 } = this.#memory;
    const number = this.count;
    const node = this.#node(name, number, parent);
    const address = this.#take(cgroup.size);
    const put = (offset: number, value: number): void => {
      i32[(address + offset) >>> 2] = value;
    };
    const level = parent < 0 ? 0 : this.levelOf(parent) + 1;
    assert(level < cgroupLevels, `cgroups are at most ${cgroupLevels} levels deep`);
    put(cgroup.offsets.selfCgroup, address);
    put(cgroup.offsets.selfParent, parent < 0 ? 0 : this.#addresses[parent]!);
    put(cgroup.offsets.selfSerialNr, number + 1);
    put(cgroup.offsets.kn, node);
    put(cgroup.offsets.level, level);
    for (let above = parent, at = level - 1; above >= 0; above = this.#parents[above]!, at--)
      put(cgroup.offsets.ancestors + 8 * at, this.#addresses[above]!);
    put(cgroup.offsets.ancestors + 8 * level, address);
    const group = this.#taskGroup(address, number, parent, weight);
    const set = this.#memory.allocate(cssSet.size, 'none');
    this.#memory.permit(set + cssSet.offsets.dflCgrp, 8, 'read');
    i32[(set + cssSet.offsets.dflCgrp) >>> 2] = address;
    i32[(set + cssSet.offsets.simulator) >>> 2] = group;
    this.#numbers.set(address, number);
    this.#addresses.push(address);
    this.#cssSets.push(set);
    this.#taskGroups.push(group);
    this.#weights.push(weight);
    this.#parents.push(parent);
    this.#children.push([]);
    if (parent >= 0) this.#children[parent]!.push(number);
  }

  /** A kernfs_node; ids count from 1, the root's. */
  #node(name: string, number: number, parent: number): number {
    const { i32, u8 } = this.#memory;
    const node = this.#take(kernfsNode.size);
    const bytes = encoder.encode(name);
    const text = this.#take(bytes.length + 1);
    u8.set(bytes, text);
    i32[(node + kernfsNode.offsets.id) >>> 2] = number + 1;
    i32[(node + kernfsNode.offsets.name) >>> 2] = text;
    if (parent >= 0)
      i32[(node + kernfsNode.offsets.parent) >>> 2] =
        i32[(this.#addresses[parent]! + cgroup.offsets.kn) >>> 2]!;
    return node;
  }

  #taskGroup(address: number, number: number, parent: number, weight: number): number {
    const { i32 } = this.#memory;
    const group = this.#take(taskGroup.size);
    const above = parent < 0 ? 0 : this.#taskGroups[parent]!;
    i32[(group + taskGroup.offsets.cssCgroup) >>> 2] = address;
    i32[(group + taskGroup.offsets.cssParent) >>> 2] = above; // the css is its first member
    i32[(group + taskGroup.offsets.cssId) >>> 2] = number + 1;
    i32[(group + taskGroup.offsets.scxFlags) >>> 2] = online;
    i32[(group + taskGroup.offsets.scxWeight) >>> 2] = weight;
    i32[(group + taskGroup.offsets.parent) >>> 2] = above;
    i32[(group + taskGroup.offsets.shares) >>> 2] = Math.round((weight * 1024) / 100) * 1024; // scale_load()
    return group;
  }

  #take(bytes: number): number {
    const address = this.#memory.allocate(bytes, 'read');
    assert(address !== 0, 'no memory is left for cgroups');
    return address;
  }
}

/** The root, and one for each name. `names`: as the guest's kernel shows them. */
export function createCgroups(
  memory: SimMemory,
  names: readonly string[],
  options: CgroupOptions = {},
): CgroupMemory {
  return new CgroupMemory(memory, names, options);
}
