// The tasks as BPF programs find them: a task_struct and a cpumask each, in simulated memory. The model keeps its own columns; what programs may read
// is copied here when it changes, and the two fields that they may write (slice, dsq_vtime) live only here.

import { cpumaskBytes, cssSet, taskStride, taskStruct } from '../../kernel/structs.ts';
import { permissions, type SimMemory } from '../../memory.ts';
import type { Core } from '../core.ts';
import { schedPolicy } from '../flags.ts';
import { maskWords } from '../topology.ts';

const at = taskStruct.offsets;
/** The cpumask of a task lies within its task_struct, between bytes that nobody may read. */
const maskAt = taskStruct.offsets.simulator + 8;
const two32 = 4_294_967_296;
/** taskStride is a power of two. */
const taskShift = 31 - Math.clz32(taskStride);
/** p->flags (include/linux/sched.h, v6.18). */
const pfExiting = 0x4;
const pfKthread = 0x20_0000;

/** enum scx_ent_flags, and enum scx_task_state in its place among them. */
const flag = { queued: 1, resetRunnableAt: 4, deqdForSleep: 8, state: 0x300 } as const;
export const taskLife = { ready: 0x200, enabled: 0x300 } as const;
/** SCX_SLICE_DFL. */
export const defaultSliceNs = 20_000_000;

/** What programs may do with a task, and with none (SimMemory.permitAs). */
const touchable = permissions(taskStride, [
  [0, at.simulator, 'read'],
  [at.cpusPtr, taskStruct.size, 'read'],
  [at.scxSlice, at.scxSlice + 8, 'write'],
  [at.scxDsqVtime, at.scxDsqVtime + 8, 'write'],
  [at.scxDisallow, at.scxDisallow + 1, 'write'],
  [maskAt, maskAt + cpumaskBytes, 'read'],
]);
const untouchable = permissions(taskStride, []);

export class TaskMemory {
  readonly memory: SimMemory;
  readonly base: number;
  readonly capacity: number;
  readonly #core: Core;
  readonly #i32: Int32Array;
  /** References that programs hold; a task that has gone stays readable until the last one is dropped. */
  readonly #references: Int32Array;
  readonly #isGone: Uint8Array;

  /** Address of a mask with one CPU. */
  ownMaskOf: (cpu: number) => number = () => 0;

  constructor(memory: SimMemory, core: Core) {
    this.memory = memory;
    this.#core = core;
    this.capacity = core.tasks.capacity;
    this.base = memory.allocate(this.capacity * taskStride, 'none', taskStride);
    this.#i32 = memory.i32;
    this.#references = core.tasks.columns.ints(this.capacity);
    this.#isGone = core.tasks.columns.bytes(this.capacity);
  }

  addressOf(task: number): number {
    return this.base + task * taskStride;
  }

  /** −1 if no task lies there. */
  taskOf(address: number): number {
    const offset = address - this.base;
    if (offset < 0 || (offset & (taskStride - 1)) !== 0) return -1;
    const task = offset >>> taskShift;
    return task < this.#core.tasks.count && this.exists(task) ? task : -1;
  }

  exists(task: number): boolean {
    return this.#i32[(this.base + task * taskStride + at.cpusPtr) >>> 2] !== 0;
  }

  maskOf(task: number): number {
    return this.base + task * taskStride + maskAt;
  }

  /** A task comes into being. `parent`: a task or −1. `cgroups`: address of its css_set, or 0. */
  born(task: number, comm: string, pid: number, parent: number, cgroups: number): void {
    const { memory } = this;
    const address = this.addressOf(task);
    this.#references[task] = 0;
    if (this.#isGone[task] === 1) memory.clear(address, taskStride); // else nobody was there before
    this.#isGone[task] = 0;
    memory.permitAs(address, touchable);
    this.put(task, at.scxStickyCpu, -1);
    this.put(task, at.scxHoldingCpu, -1);
    this.setSlice(task, defaultSliceNs);
    for (let i = 0; i < Math.min(comm.length, 15); i++) memory.u8[address + at.comm + i] = comm.charCodeAt(i);
    this.put(task, at.cpusPtr, this.maskOf(task));
    this.put(task, at.cgroups, cgroups);
    this.put(
      task,
      at.schedTaskGroup,
      cgroups === 0 ? 0 : this.#i32[(cgroups + cssSet.offsets.simulator) >>> 2]!,
    );
    this.put(task, at.realParent, parent < 0 ? address : this.addressOf(parent));
    this.put(task, at.groupLeader, address);
    this.put(task, at.mm, address);
    this.put(task, at.pid, pid);
    this.put(task, at.tgid, pid);
    this.put64(task, at.startTime, this.#core.now);
    this.cpuChanged(task);
    this.attributesChanged(task);
    this.affinityChanged(task);
  }

  gone(task: number): void {
    this.#isGone[task] = 1;
    if (this.#references[task] === 0) this.#forget(task);
  }

  /** A program takes a reference. */
  hold(task: number): void {
    this.#references[task]!++;
  }

  /** False: no program holds one. */
  drop(task: number): boolean {
    if (this.#references[task] === 0) return false;
    this.#references[task]!--;
    if (this.#references[task] === 0 && this.#isGone[task] === 1) this.#forget(task);
    return true;
  }

  isGone(task: number): boolean {
    return this.#isGone[task] === 1;
  }

  /** Address of the task's cgroup; 0 when there are none. */
  cgroupOf(task: number): number {
    const cssSetAt = this.get(task, at.cgroups);
    return cssSetAt === 0 ? 0 : this.#i32[(cssSetAt + cssSet.offsets.dflCgrp) >>> 2]!;
  }

  #forget(task: number): void {
    const address = this.addressOf(task);
    this.memory.permitAs(address, untouchable);
    this.put(task, at.cpusPtr, 0);
  }

  put(task: number, offset: number, value: number): void {
    this.#i32[(this.base + task * taskStride + offset) >>> 2] = value;
  }

  get(task: number, offset: number): number {
    return this.#i32[(this.base + task * taskStride + offset) >>> 2]!;
  }

  put64(task: number, offset: number, value: number): void {
    const index = (this.base + task * taskStride + offset) >>> 2;
    this.#i32[index] = value | 0;
    this.#i32[index + 1] = Math.floor(value / two32) | 0;
  }

  cpuChanged(task: number): void {
    this.put(task, at.threadInfoCpu, this.#core.tasks.cpu[task]!);
  }

  attributesChanged(task: number): void {
    const { policy, nice, schedClass, migrationDisabled, exiting, kthread } = this.#core.tasks;
    const isFifo = policy[task] === schedPolicy.fifo;
    const prio = 120 + nice[task]!;
    this.put(task, at.staticPrio, prio);
    this.put(task, at.prio, isFifo ? 98 : prio);
    this.put(task, at.rtPriority, isFifo ? 1 : 0);
    this.put(task, at.policy, policy[task]!);
    this.put(task, at.flags, (exiting[task] === 1 ? pfExiting : 0) | (kthread[task] === 1 ? pfKthread : 0));
    this.memory.u8[this.addressOf(task) + at.migrationDisabled] = migrationDisabled[task]!;
    void schedClass;
  }

  affinityChanged(task: number): void {
    const { mask, allowed, pinned, cpu } = this.#core.tasks;
    const isPinned = pinned[task] === 1;
    this.put(task, at.cpusPtr, isPinned ? this.ownMaskOf(cpu[task]!) : this.maskOf(task));
    const words = this.maskOf(task) >>> 2;
    for (let i = 0; i < maskWords; i++) this.#i32[words + i] = mask[task * maskWords + i]!;
    this.put(task, at.nrCpusAllowed, allowed[task]!);
  }

  accounted(task: number): void {
    this.put64(task, at.seSumExecRuntime, this.#core.tasks.sumExec[task]!);
  }

  /** scx.slice in ns; Infinity for SCX_SLICE_INF. */
  slice(task: number): number {
    const index = (this.base + task * taskStride + at.scxSlice) >>> 2;
    const low = this.#i32[index]! >>> 0;
    const high = this.#i32[index + 1]!;
    if (high === 0) return low;
    return high === -1 && low === 0xffffffff ? Number.POSITIVE_INFINITY : (high >>> 0) * two32 + low;
  }

  setSlice(task: number, ns: number): void {
    const index = (this.base + task * taskStride + at.scxSlice) >>> 2;
    this.#i32[index] = ns | 0;
    this.#i32[index + 1] = ns < two32 ? 0 : Math.floor(ns / two32) | 0;
  }

  setHalves(task: number, offset: number, low: number, high: number): void {
    const index = (this.base + task * taskStride + offset) >>> 2;
    this.#i32[index] = low;
    this.#i32[index + 1] = high;
  }

  // scx.flags

  /** It is on a run queue and waits. */
  queued(task: number): void {
    const index = (this.base + task * taskStride + at.scxFlags) >>> 2;
    this.#i32[index] = (this.#i32[index]! | flag.queued) & ~flag.resetRunnableAt;
  }

  /** activate_task() begins: the switches before count now. `state`: __state. */
  activates(task: number, state: number): void {
    const first = this.base + task * taskStride;
    this.#i32[(first + at.state) >>> 2] = state;
    this.#i32[(first + at.nvcsw) >>> 2] = this.#core.tasks.vcsw[task]!;
    this.#i32[(first + at.nivcsw) >>> 2] = this.#core.tasks.icsw[task]!;
  }

  /** And is done. */
  activated(task: number): void {
    const first = this.base + task * taskStride;
    this.#i32[(first + at.onRq) >>> 2] = 1;
    this.#i32[(first + at.state) >>> 2] = 0;
  }

  /** block_task() begins. */
  blocks(task: number, state: number): void {
    this.#i32[(this.base + task * taskStride + at.state) >>> 2] = state;
  }

  dequeued(task: number, toSleep: boolean): void {
    const index = (this.base + task * taskStride + at.scxFlags) >>> 2;
    this.#i32[(this.base + task * taskStride + at.onRq) >>> 2] = 0;
    const others = this.#i32[index]! & ~(flag.queued | flag.deqdForSleep);
    this.#i32[index] = toSleep ? others | flag.deqdForSleep : others;
  }

  /** It begins to run. */
  starts(task: number): void {
    const first = this.base + task * taskStride;
    this.#i32[(first + at.onCpu) >>> 2] = 1;
    this.#i32[(first + at.nivcsw) >>> 2] = this.#core.tasks.icsw[task]!;
  }

  /** Its next wait is a new one. */
  started(task: number): void {
    this.#i32[(this.base + task * taskStride + at.scxFlags) >>> 2]! |= flag.resetRunnableAt;
  }

  /** scx.disallow, which programs may set. */
  disallow(task: number): boolean {
    return this.memory.u8[this.base + task * taskStride + at.scxDisallow] !== 0;
  }

  /** taskLife. */
  setLife(task: number, life: number): void {
    const index = (this.base + task * taskStride + at.scxFlags) >>> 2;
    this.#i32[index] = (this.#i32[index]! & ~flag.state) | life;
  }

  isQueued(task: number): boolean {
    return (this.#i32[(this.base + task * taskStride + at.scxFlags) >>> 2]! & flag.queued) !== 0;
  }

  comm(task: number): string {
    const address = this.addressOf(task) + at.comm;
    let text = '';
    for (let i = 0; i < 16 && this.memory.u8[address + i] !== 0; i++)
      text += String.fromCharCode(this.memory.u8[address + i]!);
    return text;
  }

  pid(task: number): number {
    return this.get(task, at.pid);
  }

  /** "comm[pid]", as the kernel's messages name tasks. */
  nameOf(task: number): string {
    return `${this.comm(task)}[${this.pid(task)}]`;
  }
}
