// sched_ext as a whole: a policy's coming and going, and what tasks and CPUs go through with it. Source: kernel/sched/ext.c,
// v6.18 (scx_enable, scx_disable_workfn, scx_init_task, scx_enable_task, update_idle_scx, switch_class).

import { cpuReleaseArgs, exitInfo, exitTaskArgs, initTaskArgs, taskStruct } from '../../kernel/structs.ts';
import type { SimMemory } from '../../memory.ts';
import { stopper, thePlayer } from '../contracts.ts';
import type { Core } from '../core.ts';
import { classNumber, schedPolicy } from '../flags.ts';
import { cgroupWeight } from '../weights.ts';
import type { CgroupMemory } from './cgroup-memory.ts';
import { CgroupOps } from './cgroup-ops.ts';
import { CpuMemory } from './cpu-memory.ts';
import { Dispatch } from './dispatch.ts';
import { ExitDump } from './dump.ts';
import { exitKind, exitReason, hotplugCode } from './exit.ts';
import { Kicks } from './kicks.ts';
import { kfMask, type Ops } from './ops.ts';
import { isErrno, type Scx } from './scx.ts';
import { scxFlag } from './scx-flags.ts';
import { type TaskMemory, taskLife } from './task-memory.ts';
import { Watchdog } from './watchdog.ts';

const at = taskStruct.offsets;
const encoder = new TextEncoder();
const defaultTimeoutMs = 30_000;
const defaultBatch = 32;
/** Memory for each CPU comes in pieces of at most 32 KiB (PCPU_MIN_UNIT_SIZE): struct scx_dsp_ctx and 32 bytes for each place in its buffer. */
const mostBatch = Math.floor((32_768 - 16) / 32);
/** enum scx_cpu_preempt_reason. */
const preempted = { rt: 0, stop: 2, unknown: 3 } as const;

export class Ext {
  readonly core: Core;
  readonly scx: Scx;
  readonly dispatch: Dispatch;
  readonly kicks: Kicks;
  readonly watchdog: Watchdog;
  readonly cpuMemory: CpuMemory;
  readonly dump: ExitDump;
  /** CPU to which a task is bound while it changes queues, −1 for none. */
  readonly sticky: Int32Array;
  /** 1: a higher class has taken the CPU, and the policy was told. */
  readonly released: Uint8Array;
  /** 1: the player has worked on this idle CPU, which has not looked for work since. */
  readonly #visited: Uint8Array;
  readonly #memory: TaskMemory;
  readonly #ops: Ops;
  readonly #simMemory: SimMemory;
  /** Arguments of callbacks that are structures: read-only for programs. */
  readonly #args: number;
  #cgroups: CgroupOps | undefined;

  /** `watchdogSlot`: a wheel slot; its event goes to watchdog.check(). */
  constructor(scx: Scx, simMemory: SimMemory, watchdogSlot: number) {
    const { core, values } = scx;
    const { columns } = core.tasks;
    this.core = core;
    this.scx = scx;
    this.#memory = scx.memory;
    this.#ops = scx.ops;
    this.#simMemory = simMemory;
    this.#args = simMemory.allocate(64, 'read');
    this.sticky = columns.ints(core.tasks.capacity, -1);
    this.released = columns.bytes(core.topology.cpus);
    this.#visited = columns.bytes(core.topology.cpus);
    this.cpuMemory = new CpuMemory(simMemory, scx, this.released);
    this.dispatch = new Dispatch(scx, Math.min(values.dispatchMaxBatch || defaultBatch, mostBatch));
    this.kicks = new Kicks(scx);
    this.watchdog = new Watchdog(scx, watchdogSlot, values.timeoutMs || defaultTimeoutMs);
    this.dump = new ExitDump({ ...this, memory: simMemory });
  }

  /** scx_enable() up to the tasks. `groups`: those of the workload. False: it was refused, and `exit` says why. */
  attach(groups?: CgroupMemory): boolean {
    this.scx.idle.reset();
    if (this.#enable(groups)) return true;
    this.takeDump();
    this.detach();
    return false;
  }

  #enable(groups: CgroupMemory | undefined): boolean {
    const { scx } = this;
    if (this.#ops.init !== undefined) {
      const result = this.#ops.call(this.#ops.init, kfMask.unlocked, 0, 0, 0, 0, 0);
      if (result !== 0) scx.opsFailed('init', result);
    }
    if (scx.exit === undefined) this.#validate();
    if (scx.exit !== undefined) return false;
    this.dump.enable();
    this.watchdog.start();
    scx.events.bypassActivate++;
    if (groups === undefined) return true;
    this.#cgroups = new CgroupOps(scx, this.#simMemory, groups);
    return this.#cgroups.enter();
  }

  /** check_hotplug_seq() and validate_ops(), and whether the buffer of ops.dispatch can be had. */
  #validate(): void {
    const { scx, core } = this;
    const { hotplugSeq = '0', dispatchMaxBatch } = scx.values;
    // each CPU but the first has come up since the machine was started
    const seq = String(core.topology.cpus - 1);
    const { enqLast, builtinIdlePerNode } = scxFlag.ops;
    if (hotplugSeq !== '0' && hotplugSeq !== seq)
      scx.exitWith(
        exitKind.unregKern,
        hotplugCode,
        `expected hotplug seq ${hotplugSeq} did not match actual ${seq}`,
      );
    else if ((scx.flags & enqLast) !== 0 && this.#ops.enqueue === undefined)
      scx.error('SCX_OPS_ENQ_LAST requires ops.enqueue() to be implemented');
    else if ((scx.flags & builtinIdlePerNode) !== 0 && !scx.hasBuiltinIdle)
      scx.error('SCX_OPS_BUILTIN_IDLE_PER_NODE requires CPU idle selection enabled');
    else if (dispatchMaxBatch > mostBatch) scx.error('scx_enable() failed (-12)');
  }

  /** scx_error_irq_workfn(): before anything else happens to a policy that ended with an error. */
  takeDump(): void {
    const { exit } = this.scx;
    if (exit === undefined || exit.kind < exitKind.error || exit.dump !== undefined) return;
    this.#ops.abandon();
    this.scx.exit = { ...exit, dump: this.dump.take(exit) };
  }

  /** ops.exit(), after the tasks have left. */
  detach(): void {
    const exit = this.scx.exit ?? { kind: exitKind.unreg, code: '0', message: '' };
    this.scx.exit = exit;
    this.#ops.abandon();
    this.#cgroups?.leave();
    if (this.#ops.exit === undefined) return;
    const memory = this.#simMemory;
    const info = memory.allocate(exitInfo.size, 'read');
    const text = (value: string, bytes: number): number => {
      const address = memory.allocate(bytes, 'read');
      if (value !== '') memory.u8.set(encoder.encode(value).subarray(0, bytes - 1), address);
      return address;
    };
    memory.i32[(info + exitInfo.offsets.kind) >>> 2] = exit.kind;
    const code = exit.code === '0' ? 0n : BigInt(exit.code);
    if (code !== 0n) {
      memory.i32[(info + exitInfo.offsets.exitCode) >>> 2] = Number(BigInt.asIntN(32, code));
      memory.i32[(info + exitInfo.offsets.exitCode + 4) >>> 2] = Number(BigInt.asIntN(32, code >> 32n));
    }
    memory.i32[(info + exitInfo.offsets.reason) >>> 2] = text(exitReason(exit.kind), 128);
    memory.i32[(info + exitInfo.offsets.msg) >>> 2] = text(exit.message, 1024);
    const dump = exit.dump ?? '';
    memory.i32[(info + exitInfo.offsets.dump) >>> 2] = text(dump, dump.length + 8);
    this.#ops.call(this.#ops.exit, kfMask.unlocked, info, 0, 0, 0, 0);
  }

  flush(isWithin = false): void {
    this.dispatch.flushDeferred();
    this.kicks.flush(isWithin);
  }

  // Tasks

  /** What ops.init_task() has answered to the fork that it refused last, a negative errno. */
  forkError = 0;

  /** scx_init_task(). False when the policy refuses it: a fork fails then, and the policy stays; for other tasks it is ejected, in the words of scx_enable(). */
  initTask(task: number, isFork: boolean): boolean {
    const memory = this.#memory;
    if (this.#ops.initTask !== undefined) {
      const p = memory.addressOf(task);
      this.#simMemory.u8[this.#args + initTaskArgs.offsets.fork] = isFork ? 1 : 0;
      this.#simMemory.i32[(this.#args + initTaskArgs.offsets.cgroup) >>> 2] = memory.cgroupOf(task);
      const result = this.#ops.call(this.#ops.initTask, kfMask.unlocked, p, this.#args, 0, 0, 0);
      if (result !== 0) {
        this.forkError = result;
        if (!isFork || !isErrno(result))
          this.scx.opsFailed('init_task', result, ` for ${memory.nameOf(task)}`);
        return false;
      }
      if (memory.disallow(task) && this.core.tasks.policy[task] === schedPolicy.ext)
        this.scx.error(`ops.init_task() set task->scx.disallow for ${memory.nameOf(task)} during fork`);
    }
    memory.setLife(task, taskLife.ready);
    memory.started(task);
    return true;
  }

  /** scx_enable_task(). `isNew`: what programs see of it is up to date. */
  enableTask(task: number, isNew = false): void {
    if (!isNew) {
      this.#memory.attributesChanged(task);
      this.#memory.affinityChanged(task);
    }
    this.#setWeight(task);
    if (this.#ops.enable !== undefined) {
      this.#ops.call(this.#ops.enable, kfMask.rest, this.#memory.addressOf(task), 0, 0, 0, 0);
    }
    this.#memory.setLife(task, taskLife.enabled);
    this.#tellWeight(task);
  }

  disableTask(task: number): void {
    if (this.#ops.disable !== undefined)
      this.#ops.call(this.#ops.disable, kfMask.rest, this.#memory.addressOf(task), 0, 0, 0, 0);
    this.#memory.setLife(task, taskLife.ready);
  }

  exitTask(task: number, cancelled: boolean): void {
    if (this.#ops.exitTask === undefined) return;
    this.#simMemory.u8[this.#args + exitTaskArgs.offsets.cancelled] = cancelled ? 1 : 0;
    this.#ops.call(this.#ops.exitTask, kfMask.rest, this.#memory.addressOf(task), this.#args, 0, 0, 0);
  }

  weightChanged(task: number): void {
    this.#setWeight(task);
    this.#tellWeight(task);
  }

  #setWeight(task: number): void {
    const { nice, policy } = this.core.tasks;
    this.#memory.put(task, at.scxWeight, cgroupWeight(nice[task]!, policy[task] === schedPolicy.idle));
  }

  #tellWeight(task: number): void {
    if (this.#ops.setWeight === undefined) return;
    const weight = this.#memory.get(task, at.scxWeight);
    this.#ops.call(this.#ops.setWeight, kfMask.rest, this.#memory.addressOf(task), weight, 0, 0, 0);
  }

  setRunnable(task: number): void {
    this.watchdog.runnable(task);
  }

  clearRunnable(task: number, hasRun: boolean): void {
    this.watchdog.clear(task, hasRun);
  }

  // CPUs

  /** update_idle_scx(). */
  idleEntered(cpu: number, again: boolean): void {
    if (this.scx.hasBuiltinIdle) this.scx.idle.update(cpu, true);
    if (!again || this.#visited[cpu] === 1) this.#tellIdle(cpu, 1);
    this.#visited[cpu] = 0;
  }

  idleLeft(cpu: number): void {
    if (this.scx.hasBuiltinIdle) this.scx.idle.update(cpu, false);
    if (this.#visited[cpu] === 0) this.#tellIdle(cpu, 0);
    this.#visited[cpu] = this.core.visitor === cpu ? 1 : 0;
  }

  #tellIdle(cpu: number, idle: number): void {
    if (this.#ops.updateIdle === undefined || this.scx.bypassing) return;
    this.#ops.call(this.#ops.updateIdle, kfMask.rest, cpu, idle, 0, 0, 0);
  }

  /** Address of a CPU's idle task. */
  idleTaskOf(cpu: number): number {
    return this.cpuMemory.idleTaskOf(cpu);
  }

  /** scx_bpf_reenqueue_local(): what waits in the local queue, and is not about to be moved, goes back to the policy, once all have left it. Returns how many. */
  reenqueueLocal(cpu: number): number {
    const { dsqs } = this.scx;
    const waiting: number[] = [];
    for (let task = dsqs.head[cpu]!; task >= 0; task = dsqs.next[task]!)
      if (!this.core.awaitsMove(task)) waiting.push(task);
    for (const task of waiting) dsqs.remove(task);
    for (const task of waiting) this.enqueueAgain(cpu, task);
    return waiting.length;
  }

  /** Gives a task back to the policy; set by the class. */
  enqueueAgain: (cpu: number, task: number) => void = () => {};

  /** switch_class(): a higher class takes the CPU. `next`: the task, the stopper or the player. */
  switchClass(cpu: number, next: number): void {
    const { cpuRelease, cpuAcquire } = this.#ops;
    if ((cpuRelease === undefined && cpuAcquire === undefined) || this.released[cpu] === 1) return;
    if (cpuRelease !== undefined) {
      const i32 = this.#simMemory.i32;
      const { reason, task } = cpuReleaseArgs.offsets;
      i32[(this.#args + reason) >>> 2] = this.#reasonOf(next);
      i32[(this.#args + task) >>> 2] = this.#addressOf(next, cpu);
      this.#ops.call(cpuRelease, kfMask.cpuRelease, cpu, this.#args, 0, 0, 0);
    }
    this.released[cpu] = 1;
  }

  #addressOf(next: number, cpu: number): number {
    if (next === stopper) return this.cpuMemory.stopTaskOf(cpu);
    return next === thePlayer ? this.cpuMemory.player : this.#memory.addressOf(next);
  }

  #reasonOf(next: number): number {
    if (next === stopper) return preempted.stop;
    if (next === thePlayer) return preempted.rt;
    return this.core.tasks.schedClass[next] === classNumber.rt ? preempted.rt : preempted.unknown;
  }

  acquire(cpu: number): void {
    if (this.#ops.cpuAcquire !== undefined)
      this.#ops.call(this.#ops.cpuAcquire, kfMask.rest, cpu, 0, 0, 0, 0);
    this.released[cpu] = 0;
  }
}
