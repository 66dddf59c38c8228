// What a policy is told of cgroups: the root when it comes, the workload's when they are made, with their weight and bandwidth. Source: scx_cgroup_init(),
// scx_tg_online(), scx_group_set_weight(), scx_group_set_bandwidth() and scx_cgroup_exit(), kernel/sched/ext.c, v6.18. No task changes its cgroup.

import { cgroupInitArgs } from '../../kernel/structs.ts';
import type { SimMemory } from '../../memory.ts';
import type { CgroupMemory } from './cgroup-memory.ts';
import { kfMask, type Ops } from './ops.ts';
import type { Scx } from './scx.ts';

const at = cgroupInitArgs.offsets;
const defaultWeight = 100;
const defaultPeriodUs = 100_000;

export class CgroupOps {
  readonly #scx: Scx;
  readonly #ops: Ops;
  readonly #groups: CgroupMemory;
  /** A struct scx_cgroup_init_args: read-only for programs. Every cgroup begins with the same. */
  readonly #args: number;
  /** How many of them were taken up. */
  #count = 0;

  constructor(scx: Scx, memory: SimMemory, groups: CgroupMemory) {
    this.#scx = scx;
    this.#ops = scx.ops;
    this.#groups = groups;
    this.#args = memory.allocate(cgroupInitArgs.size, 'read');
    memory.i32[(this.#args + at.weight) >>> 2] = defaultWeight;
    memory.i32[(this.#args + at.bwPeriodUs) >>> 2] = defaultPeriodUs;
    memory.i32.fill(-1, (this.#args + at.bwQuotaUs) >>> 2, ((this.#args + at.bwQuotaUs) >>> 2) + 2); // RUNTIME_INF
  }

  /** The root is there already; then the others are made. False: the policy has refused one and is ejected. */
  enter(): boolean {
    for (let number = 0; number < this.#groups.count; number++) {
      if (!this.#enterOne(number)) return false;
      this.#count++;
    }
    return true;
  }

  #enterOne(number: number): boolean {
    const { cgroupInit, cgroupSetWeight, cgroupSetBandwidth } = this.#ops;
    const cgroup = this.#groups.addressOf(number);
    if (cgroupInit !== undefined) {
      const result = this.#ops.call(cgroupInit, kfMask.unlocked, cgroup, this.#args, 0, 0, 0);
      if (result !== 0) this.#scx.opsFailed('cgroup_init', result);
      if (this.#scx.exit !== undefined) return false;
    }
    const weight = this.#groups.weightOf(number);
    if (cgroupSetWeight !== undefined && weight !== defaultWeight)
      this.#ops.call(cgroupSetWeight, kfMask.unlocked, cgroup, weight, 0, 0, 0);
    const quotaUs = this.#groups.quotaUsOf(number);
    if (cgroupSetBandwidth !== undefined && quotaUs > 0)
      this.#ops.call(cgroupSetBandwidth, kfMask.unlocked, cgroup, defaultPeriodUs, quotaUs, 0, 0);
    return true;
  }

  /** Children before their parents. */
  leave(): void {
    const { cgroupExit } = this.#ops;
    for (; this.#count > 0; this.#count--)
      if (cgroupExit !== undefined)
        this.#ops.call(cgroupExit, kfMask.unlocked, this.#groups.addressOf(this.#count - 1), 0, 0, 0, 0);
  }
}
