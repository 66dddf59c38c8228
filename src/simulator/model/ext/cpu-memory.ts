// CPUs as BPF programs find them: a struct rq and an idle task each, and the masks of CPUs. A run queue is brought up to date when a program
// gets its address, not between; its clocks are that instant. Not kept: switches, what a local queue's numbers count. Source: struct rq,
// kernel/sched/sched.h; init_idle() and fork_idle(), v6.18.

import { cpumaskBytes, rq, rqStride, taskStride, taskStruct } from '../../kernel/structs.ts';
import type { SimMemory } from '../../memory.ts';
import { classNumber, schedPolicy } from '../flags.ts';
import { maskWords } from '../topology.ts';
import type { Scx } from './scx.ts';
import { defaultSliceNs } from './task-memory.ts';

const at = taskStruct.offsets;
const put = rq.offsets;
const maskStride = cpumaskBytes + 16;
const two32 = 4_294_967_296;
const kthreadFlags = 0x200000;
const idleFlags = kthreadFlags | 0x2;
/** SCX_CPUPERF_ONE. */
export const cpuperfOne = 1024;
/** enum scx_rq_flags. */
const rqFlag = { online: 1, bypassing: 16, clkValid: 32, inBalance: 1 << 17 } as const;

export class CpuMemory {
  /** Masks that programs may read. */
  readonly possibleMask: number;
  readonly noneMask: number;
  /** A mask for passing computations, which no program sees. */
  readonly scratchMask: number;
  readonly #onlineMask: number;
  readonly #scx: Scx;
  readonly #i32: Int32Array;
  readonly #u8: Uint8Array;
  readonly #rqs: number;
  readonly #idleTasks: number;
  readonly #stopTasks: number;
  /** Address of the player's task. */
  readonly player: number;
  /** A mask for each CPU with just that CPU. */
  readonly #ownMasks: number;
  readonly #released: Uint8Array;

  /** `released`: by CPU, 1 when a higher class has taken it and the policy was told. */
  constructor(memory: SimMemory, scx: Scx, released: Uint8Array) {
    const { topology } = scx.core;
    const masks = memory.allocate((4 + topology.cpus) * maskStride, 'none');
    this.#scx = scx;
    this.#released = released;
    this.#i32 = memory.i32;
    this.#u8 = memory.u8;
    this.possibleMask = masks;
    this.#onlineMask = masks + maskStride;
    this.noneMask = masks + 2 * maskStride;
    this.scratchMask = masks + (3 + topology.cpus) * maskStride;
    for (let i = 0; i < 3 + topology.cpus; i++) memory.permit(masks + i * maskStride, cpumaskBytes, 'read');
    this.#i32.set(topology.allMask, this.possibleMask >>> 2);
    this.#rqs = memory.allocate(topology.cpus * rqStride, 'none', rqStride);
    this.#idleTasks = memory.allocate(topology.cpus * taskStride, 'none', taskStride);
    this.#stopTasks = memory.allocate(topology.cpus * taskStride, 'none', taskStride);
    this.player = memory.allocate(taskStride, 'none', taskStride);
    this.#ownMasks = masks + 3 * maskStride;
    scx.memory.ownMaskOf = (cpu) => this.#ownMasks + cpu * maskStride;
    for (let cpu = 0; cpu < topology.cpus; cpu++) {
      memory.permit(this.#rqs + cpu * rqStride, rq.size, 'read');
      this.#createTask(memory, this.#idleTasks + cpu * taskStride, cpu, `swapper/${cpu}`, idleFlags);
      this.#createTask(memory, this.#stopTasks + cpu * taskStride, cpu, `migration/${cpu}`, kthreadFlags);
      this.#createRq(cpu);
    }
    this.#createPlayer(memory);
  }

  get onlineMask(): number {
    const { count, online } = this.#scx.core.cpus;
    const words = this.#onlineMask >>> 2;
    this.#i32.fill(0, words, words + maskWords);
    for (let cpu = 0; cpu < count; cpu++)
      if (online[cpu] === 1) this.#i32[words + (cpu >> 5)]! |= 1 << (cpu & 31);
    return this.#onlineMask;
  }

  /** First run queue; they are `rqStride` bytes apart. */
  get runqueues(): number {
    return this.#rqs;
  }

  /** Address of a CPU's run queue, as it is now. */
  rqOf(cpu: number): number {
    const { core, dsqs, bypassing, balancing } = this.#scx;
    const { cpus, tasks } = core;
    const address = this.#rqs + cpu * rqStride;
    const curr = cpus.curr[cpu]!;
    const runsExt = curr >= 0 && tasks.schedClass[curr] === classNumber.ext;
    const i32 = this.#i32;
    i32[(address + put.curr) >>> 2] = this.currOf(cpu);
    i32[(address + put.scxLocalDsqNr) >>> 2] = dsqs.nr[cpu]!;
    i32[(address + put.nrRunning) >>> 2] = cpus.nrRunning[cpu]!;
    // of queued tasks of other classes nobody keeps count: here they pass for sched_ext's
    i32[(address + put.scxNrRunning) >>> 2] = cpus.nrRunning[cpu]! - (curr >= 0 && !runsExt ? 1 : 0);
    i32[(address + put.online) >>> 2] = cpus.online[cpu]!;
    i32[(address + put.scxFlags) >>> 2] =
      rqFlag.clkValid |
      (cpus.online[cpu] === 1 ? rqFlag.online : 0) |
      (bypassing ? rqFlag.bypassing : 0) |
      (balancing === cpu ? rqFlag.inBalance : 0);
    this.#u8[address + put.scxCpuReleased] = this.#released[cpu]!;
    for (const clock of [put.scxClock, put.clock, put.clockTask]) this.#put64(address + clock, core.now);
    return address;
  }

  /** Address of what runs on a CPU. */
  currOf(cpu: number): number {
    const { visitor, cpus } = this.#scx.core;
    if (visitor === cpu) return this.player;
    const curr = cpus.curr[cpu]!;
    return curr < 0 ? this.idleTaskOf(cpu) : this.#scx.memory.addressOf(curr);
  }

  idleTaskOf(cpu: number): number {
    const address = this.#idleTasks + cpu * taskStride;
    const { visitor, cpus } = this.#scx.core;
    this.#i32[(address + at.onCpu) >>> 2] = cpus.curr[cpu]! < 0 && visitor !== cpu ? 1 : 0;
    return address;
  }

  /** Address of the task of the stop class, which moves others away. */
  stopTaskOf(cpu: number): number {
    return this.#stopTasks + cpu * taskStride;
  }

  /** −1: no idle task lies there. */
  cpuOfIdleTask(address: number): number {
    const cpu = (address - this.#idleTasks) / taskStride;
    return cpu >= 0 && cpu < this.#scx.core.cpus.count && Number.isInteger(cpu) ? cpu : -1;
  }

  /** Puts the idle tasks, the stoppers and the player into a cgroup: the root. */
  placeIdleTasks(cssSet: number, taskGroup: number): void {
    const place = (address: number): void => {
      this.#i32[(address + at.cgroups) >>> 2] = cssSet;
      this.#i32[(address + at.schedTaskGroup) >>> 2] = taskGroup;
    };
    for (let cpu = 0; cpu < this.#scx.core.cpus.count; cpu++)
      for (const tasks of [this.#idleTasks, this.#stopTasks]) place(tasks + cpu * taskStride);
    place(this.player);
  }

  cpuperfTarget(cpu: number): number {
    return this.#i32[(this.#rqs + cpu * rqStride + put.scxCpuperfTarget) >>> 2]!;
  }

  /** Kept, and of no effect: the guests whose truth we follow have no frequency scaling either. */
  setCpuperfTarget(cpu: number, perf: number): void {
    this.#i32[(this.#rqs + cpu * rqStride + put.scxCpuperfTarget) >>> 2] = perf;
  }

  #createRq(cpu: number): void {
    const address = this.#rqs + cpu * rqStride;
    const i32 = this.#i32;
    i32[(address + put.cpu) >>> 2] = cpu;
    i32[(address + put.idle) >>> 2] = this.#idleTasks + cpu * taskStride;
    i32[(address + put.stop) >>> 2] = this.stopTaskOf(cpu);
    i32[(address + put.cpuCapacity) >>> 2] = this.#scx.core.topology.capacity[cpu]!;
    i32[(address + put.scxLocalDsqId) >>> 2] = 2; // SCX_DSQ_LOCAL
    i32[(address + put.scxLocalDsqId + 4) >>> 2] = 0x80000000 | 0;
    this.setCpuperfTarget(cpu, cpuperfOne);
  }

  /** An idle task or a stopper: pid 0 and the root cgroup, as nobody asks for more. */
  #createTask(memory: SimMemory, address: number, cpu: number, comm: string, flags: number): void {
    const mask = this.#ownMasks + cpu * maskStride;
    const set = (offset: number, value: number): void => {
      this.#i32[(address + offset) >>> 2] = value;
    };
    memory.permit(address, taskStruct.size, 'read');
    memory.permit(address + at.scxSlice, 8, 'write');
    memory.permit(address + at.scxDsqVtime, 8, 'write');
    this.#i32[(mask >>> 2) + (cpu >> 5)]! |= 1 << (cpu & 31);
    for (let i = 0; i < comm.length; i++) memory.u8[address + at.comm + i] = comm.charCodeAt(i);
    set(at.cpusPtr, mask);
    set(at.nrCpusAllowed, 1);
    set(at.flags, flags);
    set(at.prio, 120);
    set(at.staticPrio, 120);
    set(at.onRq, 1);
    set(at.threadInfoCpu, cpu);
    set(at.realParent, this.#idleTasks);
    set(at.groupLeader, address);
    set(at.scxSlice, defaultSliceNs);
    set(at.scxStickyCpu, -1);
    set(at.scxHoldingCpu, -1);
  }

  /** SCHED_FIFO of priority 50 (runner/base.c), the guest's first process. */
  #createPlayer(memory: SimMemory): void {
    const { topology } = this.#scx.core;
    this.#createTask(memory, this.player, 0, 'init', 0);
    const what = { cpusPtr: this.possibleMask, nrCpusAllowed: topology.cpus, pid: 1, tgid: 1 };
    const how = { policy: schedPolicy.fifo, rtPriority: 50, prio: 49, onCpu: 1 };
    for (const [name, value] of Object.entries({ ...what, ...how }))
      this.#i32[(this.player + at[name as keyof typeof at]) >>> 2] = value;
  }

  #put64(address: number, value: number): void {
    this.#i32[address >>> 2] = value | 0;
    this.#i32[(address + 4) >>> 2] = Math.floor(value / two32) | 0;
  }
}
