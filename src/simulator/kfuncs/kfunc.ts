// What a kfunc is to the simulator: how its arguments arrive, what it gives back, and the surroundings that all of them share.

import { cpumaskBytes } from '../kernel/structs.ts';
import type { SimMemory } from '../memory.ts';
import type { Core } from '../model/core.ts';
import type { CgroupMemory } from '../model/ext/cgroup-memory.ts';
import type { Dispatch } from '../model/ext/dispatch.ts';
import type { Ext } from '../model/ext/ext.ts';
import { kfMask } from '../model/ext/ops.ts';
import { hex, type Scx } from '../model/ext/scx.ts';
import type { TaskMemory } from '../model/ext/task-memory.ts';
import { type InlineOf, words } from '../program/words.ts';

/** 'low': a pointer or a number of 32 bits, one i32; 'wide': 64 bits, two i32, low half first (jit's Callee). */
export interface Kfunc {
  readonly params: readonly ('low' | 'wide')[];
  readonly result: 'none' | 'signed' | 'unsigned' | 'wide';
  readonly run: (...args: number[]) => number | undefined;
  readonly inline?: InlineOf;
}

export type Kfuncs = Readonly<Record<string, Kfunc>>;

const two32 = 4_294_967_296;

/** One for the life of the engine; its parts change with every simulation. */
export class KfuncWorld {
  core!: Core;
  scx!: Scx;
  ext!: Ext;
  dispatch!: Dispatch;
  readonly memory: SimMemory;
  tasks!: TaskMemory;
  cgroups!: CgroupMemory;
  /** Address of the i32 that takes the high half of 'wide' results. */
  readonly resultHigh: number;

  constructor(memory: SimMemory, resultHigh: number) {
    this.memory = memory;
    this.resultHigh = resultHigh;
  }

  /** The parts of the next simulation. */
  begin(ext: Ext, cgroups: CgroupMemory): void {
    this.core = ext.core;
    this.scx = ext.scx;
    this.ext = ext;
    this.dispatch = ext.dispatch;
    this.tasks = ext.scx.memory;
    this.cgroups = cgroups;
  }

  /** Ends the simulation: the program did what no verifier lets through. */
  finding: (text: string) => never = (text) => {
    throw new Error(`bug: nobody takes the finding ${text}`);
  };

  /** Number of the task at this address. */
  task(address: number, kfunc: string): number {
    const task = this.tasks.taskOf(address);
    return task >= 0 ? task : this.finding(`${kfunc} got 0x${hex(address, 0)}, which is no task`);
  }

  /** Index of the first word of the cpumask at this address. */
  mask(address: number, kfunc: string): number {
    if (!this.memory.readable(address, cpumaskBytes) || (address & 7) !== 0)
      this.finding(`${kfunc} got 0x${hex(address, 0)}, which is no cpumask`);
    return address >>> 2;
  }

  /** scx_kf_allowed(): whether a kfunc of this set may be called now. */
  allowed(mask: number): boolean {
    const { mask: own } = this.scx.ops;
    this.scx.ops.kfuncs++;
    if ((own & mask) === 0)
      this.scx.error(
        `kfunc with mask 0x${mask.toString(16)} called from an operation only allowing 0x${Math.max(0, own).toString(16)}`,
      );
    else if (mask === kfMask.cpuRelease && own > kfMask.cpuRelease)
      this.scx.error('cpu_release kfunc called from a nested operation');
    else if (mask === kfMask.dispatch && own > (kfMask.dispatch | kfMask.cpuRelease))
      this.scx.error('dispatch kfunc called from a nested operation');
    else return true;
    return false;
  }

  /** scx_kf_allowed_on_arg_tasks(): whether it may be called now, on the task that the callback is about. */
  allowedOnArgument(mask: number, address: number): boolean {
    if (!this.allowed(mask)) return false;
    if (this.scx.ops.argument === address) return true;
    this.scx.error('called on a task not being operated on');
    return false;
  }

  /** The number that the runtime keeps at this word. */
  word(name: 'cpus' | 'nodes'): InlineOf {
    return () => ({ kind: 'word', at: this.resultHigh + words[name] });
  }

  /** A 'wide' result: its low half, the high one put in place. `value`: an integer below 2^53, not negative. */
  wide(value: number): number {
    this.memory.i32[this.resultHigh >>> 2] = Math.floor(value / two32) | 0;
    return value | 0;
  }
}

/** Halves of an unsigned 64-bit number as a double: exact below 2^53, all ones become Infinity (SCX_SLICE_INF). */
export function joined(low: number, high: number): number {
  if (high === 0) return low >>> 0;
  return low === -1 && high === -1 ? Number.POSITIVE_INFINITY : (high >>> 0) * two32 + (low >>> 0);
}
