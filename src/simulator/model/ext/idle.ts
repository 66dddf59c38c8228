// Built-in idle tracking and the default choice of a CPU. Source: kernel/sched/ext_idle.c, v6.18 (update_builtin_idle, scx_idle_test_and_clear_cpu,
// pick_idle_cpu_in_node, scx_select_cpu_dfl) and cpumask_any_and_distribute() in lib/cpumask.c.

import { cpumaskBytes } from '../../kernel/structs.ts';
import type { SimMemory } from '../../memory.ts';
import type { Core } from '../core.ts';
import { maskWords } from '../topology.ts';

export const busy = -16; // -EBUSY
export const pickIdleCore = 1;
export const pickIdleInNode = 2;

/** CPUs of a mask in memory, by word. */
const words = cpumaskBytes / 4;

export class Idle {
  readonly cpuMask: number;
  readonly smtMask: number;
  readonly #core: Core;
  readonly #i32: Int32Array;
  /** Words of a mask in which there are CPUs. */
  readonly #words: number;
  readonly #cpu: number;
  readonly #smt: number;
  readonly #localQueued: Int32Array;
  readonly #hasSmt: boolean;
  readonly #useLlc: boolean;
  readonly #useNuma: boolean;
  readonly #perNode: boolean;
  readonly #scratch = new Int32Array(maskWords);
  /** By CPU: where its last distributed pick was (distribute_cpu_mask_prev). */
  readonly distributed: Int32Array;

  /** `localQueued`: tasks in the local queue of each CPU. `perNode`: SCX_OPS_BUILTIN_IDLE_PER_NODE. */
  constructor(core: Core, memory: SimMemory, localQueued: Int32Array, perNode: boolean) {
    const { topology } = core;
    const guard = 16;
    this.#core = core;
    this.#localQueued = localQueued;
    this.#perNode = perNode;
    this.#i32 = memory.i32;
    this.cpuMask = memory.allocate(cpumaskBytes + guard, 'none');
    this.smtMask = memory.allocate(cpumaskBytes + guard, 'none');
    memory.permit(this.cpuMask, cpumaskBytes, 'read');
    memory.permit(this.smtMask, cpumaskBytes, 'read');
    this.#words = (topology.cpus + 31) >> 5;
    this.#cpu = this.cpuMask >>> 2;
    this.#smt = this.smtMask >>> 2;
    this.#hasSmt = topology.threads > 1;
    const perLlc = topology.cpus / topology.llcs;
    const cpusPerNode = topology.cpus / topology.nodes;
    this.#useLlc = perLlc < topology.cpus;
    this.#useNuma = cpusPerNode < topology.cpus && topology.llcs !== topology.nodes;
    this.distributed = core.tasks.columns.ints(topology.cpus);
  }

  /** reset_idle_masks(): every online CPU counts as idle until it is seen to be busy. */
  reset(): void {
    const { allMask } = this.#core.topology;
    for (let i = 0; i < words; i++) {
      this.#i32[this.#cpu + i] = allMask[i]!;
      this.#i32[this.#smt + i] = allMask[i]!;
    }
  }

  isIdle(cpu: number): boolean {
    return (this.#i32[this.#cpu + (cpu >> 5)]! & (1 << (cpu & 31))) !== 0;
  }

  update(cpu: number, idle: boolean): void {
    const word = this.#cpu + (cpu >> 5);
    if (idle) this.#i32[word]! |= 1 << (cpu & 31);
    else this.#i32[word]! &= ~(1 << (cpu & 31));
    if (!this.#hasSmt) return;
    const { smtMask } = this.#core.topology;
    const first = cpu * maskWords;
    if (idle) {
      for (let i = 0; i < this.#words; i++)
        if ((smtMask[first + i]! & ~this.#i32[this.#cpu + i]!) !== 0) return;
      for (let i = 0; i < this.#words; i++) this.#i32[this.#smt + i]! |= smtMask[first + i]!;
    } else for (let i = 0; i < this.#words; i++) this.#i32[this.#smt + i]! &= ~smtMask[first + i]!;
  }

  /** Claims the CPU: true when it was idle. */
  testAndClear(cpu: number): boolean {
    const { smtMask } = this.#core.topology;
    if (this.#hasSmt)
      for (let i = 0; i < this.#words; i++) this.#i32[this.#smt + i]! &= ~smtMask[cpu * maskWords + i]!;
    const word = this.#cpu + (cpu >> 5);
    const bit = 1 << (cpu & 31);
    const wasIdle = (this.#i32[word]! & bit) !== 0;
    this.#i32[word]! &= ~bit;
    return wasIdle;
  }

  /**
   * Is a CPU of this one's node idle, as far as the node's own mask says? Only with SCX_OPS_BUILTIN_IDLE_PER_NODE have nodes masks: otherwise those
   * of 6.18.15 stay empty, and so a synchronous wakeup never moves a task to the waker's CPU (mended by commit db08b1940f4b).
   */
  #nodeHasIdle(cpu: number): boolean {
    if (!this.#perNode) return false;
    const { nodeOf, nodeMask } = this.#core.topology;
    const first = nodeOf[cpu]! * maskWords;
    for (let i = 0; i < words; i++) if ((this.#i32[this.#cpu + i]! & nodeMask[first + i]!) !== 0) return true;
    return false;
  }

  #anyIdle(): boolean {
    for (let i = 0; i < this.#words; i++) if (this.#i32[this.#cpu + i] !== 0) return true;
    return false;
  }

  /** An idle CPU of `mask` (words from `from` on), claimed; −EBUSY when there is none. */
  pick(mask: Int32Array, from: number, flags: number): number {
    for (;;) {
      let cpu = -1;
      if (this.#hasSmt) {
        cpu = this.#distribute(this.#smt, mask, from);
        if (cpu < 0 && (flags & pickIdleCore) !== 0) return busy;
      }
      if (cpu < 0) cpu = this.#distribute(this.#cpu, mask, from);
      if (cpu < 0) return busy;
      if (this.testAndClear(cpu)) return cpu;
    }
  }

  /** Any CPU in both masks, going round from the one chosen last on this CPU; −1 for none. */
  #distribute(own: number, mask: Int32Array, from: number): number {
    const here = this.#core.execCpu;
    const end = this.#words * 32;
    const start = this.distributed[here]! + 1;
    let found = start < end ? this.#firstFrom(own, mask, from, start, end) : -1;
    if (found < 0) found = this.#firstFrom(own, mask, from, 0, Math.min(start, end));
    if (found >= 0) this.distributed[here] = found;
    return found;
  }

  #firstFrom(own: number, mask: Int32Array, from: number, start: number, end: number): number {
    for (let i = start >> 5; i * 32 < end; i++) {
      let bits = this.#i32[own + i]! & mask[from + i]!;
      if (i * 32 < start) bits &= -1 << (start & 31);
      if (bits === 0) continue;
      const cpu = i * 32 + 31 - Math.clz32(bits & -bits);
      return cpu < end ? cpu : -1;
    }
    return -1;
  }

  /**
   * scx_select_cpu_dfl(): an idle CPU, near `prev` by preference, claimed; −EBUSY when none is idle. `mask` limits the task's own; −1: no limit but that.
   */
  selectDefault(
    task: number,
    prev: number,
    isSync: boolean,
    mask: Int32Array | undefined,
    flags: number,
  ): number {
    const { tasks, topology, cpus } = this.#core;
    if (!this.#anyIdle()) return busy;
    const allowed = this.#scratch;
    let isEmpty = true;
    for (let i = 0; i < this.#words; i++) {
      allowed[i] = tasks.mask[task * maskWords + i]! & (mask === undefined ? -1 : mask[i]!);
      if (allowed[i] !== 0) isEmpty = false;
    }
    if (isEmpty) return busy;
    // of prev only the mask that was asked for says whether it will do, even if the task may not use it
    const prevWord = mask === undefined ? allowed[prev >> 5]! : mask[prev >> 5]!;
    const prevAllowed = (prevWord & (1 << (prev & 31))) !== 0;
    if (isSync) {
      const here = this.#core.execCpu;
      if (prevAllowed && topology.llcOf[here] === topology.llcOf[prev] && this.testAndClear(prev))
        return prev;
      const waker = cpus.curr[here]!;
      const wakerExits = waker >= 0 && tasks.exiting[waker] === 1;
      const hereAllowed = (allowed[here >> 5]! & (1 << (here & 31))) !== 0;
      if (!wakerExits && this.#localQueued[here] === 0 && this.#nodeHasIdle(here) && hereAllowed) return here;
    }
    if (this.#hasSmt) {
      if (prevAllowed && this.#isIdleCore(prev) && this.testAndClear(prev)) return prev;
      const core = this.#near(allowed, prev, flags | pickIdleCore);
      if (core >= 0) return core;
      if ((flags & pickIdleCore) !== 0) return busy;
    }
    if (prevAllowed && this.testAndClear(prev)) return prev;
    return this.#near(allowed, prev, flags);
  }

  #isIdleCore(cpu: number): boolean {
    return (this.#i32[this.#smt + (cpu >> 5)]! & (1 << (cpu & 31))) !== 0;
  }

  readonly #part = new Int32Array(maskWords);

  /** In the LLC of `prev`, then in its node, then anywhere. */
  #near(allowed: Int32Array, prev: number, flags: number): number {
    const { llcMask, nodeMask, llcOf, nodeOf } = this.#core.topology;
    if (this.#useLlc) {
      const cpu = this.#pickIn(allowed, llcMask, llcOf[prev]! * maskWords, flags);
      if (cpu >= 0) return cpu;
    }
    if (this.#useNuma) {
      const cpu = this.#pickIn(allowed, nodeMask, nodeOf[prev]! * maskWords, flags);
      if (cpu >= 0) return cpu;
    }
    return this.#perNode ? this.#nodeByNode(allowed, nodeOf[prev]!, flags) : this.pick(allowed, 0, flags);
  }

  /** scx_pick_idle_cpu() with masks of nodes: this one, then the others, which are equally far. */
  #nodeByNode(allowed: Int32Array, node: number, flags: number): number {
    const { nodes, nodeMask } = this.#core.topology;
    const cpu = this.#pickIn(allowed, nodeMask, node * maskWords, flags);
    if (cpu >= 0 || (flags & pickIdleInNode) !== 0) return cpu;
    for (let other = 0; other < nodes; other++) {
      const found = other === node ? busy : this.#pickIn(allowed, nodeMask, other * maskWords, flags);
      if (found >= 0) return found;
    }
    return busy;
  }

  #pickIn(allowed: Int32Array, masks: Int32Array, from: number, flags: number): number {
    for (let i = 0; i < this.#words; i++) this.#part[i] = allowed[i]! & masks[from + i]!;
    return this.pick(this.#part, 0, flags);
  }
}
