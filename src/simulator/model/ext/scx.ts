// What belongs to one attached policy: its queues, its idle masks, its callbacks, what it may do and how it ended. Source: struct scx_sched,
// scx_error(), find_dsq_for_dispatch() and ops_cpu_valid(), kernel/sched/ext.c, v6.18.

import type { SimMemory } from '../../memory.ts';
import type { Core } from '../core.ts';
import { Dsqs } from './dsqs.ts';
import { type Exit, exitKind } from './exit.ts';
import { Idle } from './idle.ts';
import { Ops, type PolicyProgram } from './ops.ts';
import { dsqId, scxFlag } from './scx-flags.ts';
import type { TaskMemory } from './task-memory.ts';

/** What the policy's sched_ext_ops says besides its callbacks. */
export interface OpsValues {
  readonly name: string;
  /** Low half of flags. */
  readonly flags: number;
  readonly timeoutMs: number;
  readonly dispatchMaxBatch: number;
  /** Decimal; 0: whatever has happened to CPUs. */
  readonly hotplugSeq?: string;
  /** exit_dump_len; 0 or absent: the default. */
  readonly exitDumpBytes?: number;
}

/** SCX_EV_*, by their names in the kernel without the prefix. */
export interface ScxEvents {
  selectCpuFallback: number;
  dispatchLocalDsqOffline: number;
  dispatchKeepLast: number;
  enqSkipExiting: number;
  enqSkipMigrationDisabled: number;
  refillSliceDfl: number;
  bypassDuration: number;
  bypassDispatch: number;
  bypassActivate: number;
}

export const noEvents: ScxEvents = {
  selectCpuFallback: 0,
  dispatchLocalDsqOffline: 0,
  dispatchKeepLast: 0,
  enqSkipExiting: 0,
  enqSkipMigrationDisabled: 0,
  refillSliceDfl: 0,
  bypassDuration: 0,
  bypassDispatch: 0,
  bypassActivate: 0,
};

export class Scx {
  readonly core: Core;
  readonly memory: TaskMemory;
  readonly dsqs: Dsqs;
  readonly idle: Idle;
  readonly ops: Ops;
  readonly values: OpsValues;
  /** Low half of ops.flags. */
  readonly flags: number;
  /** The built-in idle masks are kept up to date. */
  readonly hasBuiltinIdle: boolean;
  readonly events: ScxEvents = { ...noEvents };
  bypassing = false;
  /** The CPU that looks for its next task, −1 for none. */
  balancing = -1;
  /** How it ended; undefined while it runs. */
  exit: Exit | undefined;

  constructor(
    core: Core,
    simMemory: SimMemory,
    memory: TaskMemory,
    program: PolicyProgram,
    values: OpsValues,
  ) {
    const { topology, tasks } = core;
    this.core = core;
    this.memory = memory;
    this.values = values;
    this.flags = values.flags;
    this.dsqs = new Dsqs(topology.cpus, topology.nodes, tasks.capacity, memory, undefined, tasks.columns);
    this.idle = new Idle(
      core,
      simMemory,
      this.dsqs.nr,
      (values.flags & scxFlag.ops.builtinIdlePerNode) !== 0,
    );
    this.ops = new Ops(program, core, simMemory);
    this.hasBuiltinIdle =
      this.ops.updateIdle === undefined || (values.flags & scxFlag.ops.keepBuiltinIdle) !== 0;
  }

  /** A callback that may refuse has not given 0 (ops_sanitize_err): what is no −errno is a fault of its own. */
  opsFailed(op: string, result: number, whom = ''): void {
    if (!isErrno(result)) this.error(`ops.${op}() returned an invalid errno ${result}`);
    this.error(`ops.${op}() failed (${result})${whom}`);
  }

  /** scx_error(): the policy did something wrong and is ejected. */
  error(message: string): void {
    this.exitWith(exitKind.error, 0, message);
  }

  /** The first exit counts. The run ends with the event. */
  exitWith(kind: number, code: number | bigint, message: string): void {
    if (this.exit !== undefined) return;
    this.exit = { kind, code: String(code), message };
    this.core.stopped = true;
  }

  /** Something is to be done when the event is over. */
  defer(): void {
    this.core.hasDeferred = true;
  }

  globalOf(task: number): number {
    return this.globalOfCpu(this.core.tasks.cpu[task]!);
  }

  globalOfCpu(cpu: number): number {
    return this.dsqs.cpus + this.core.topology.nodeOf[cpu]!;
  }

  /** find_dsq_for_dispatch(): `cpu` is the one whose local queue SCX_DSQ_LOCAL means. */
  findForDispatch(cpu: number, low: number, high: number, task: number): number {
    if (high === 0) {
      const dsq = this.dsqs.find(low, 0);
      if (dsq >= 0) return dsq;
    } else if (high === dsqId.builtinHigh && low === dsqId.localLow) return cpu;
    else if (high === dsqId.builtinHigh && low === dsqId.globalLow) return this.globalOf(task);
    else if ((high & dsqId.localOnHigh) === dsqId.localOnHigh)
      return this.cpuIsValid(low, 'in SCX_DSQ_LOCAL_ON dispatch verdict') ? low : this.globalOf(task);
    else {
      const dsq = this.dsqs.find(low, high);
      if (dsq >= 0) return dsq;
    }
    this.error(`non-existent DSQ 0x${hex(low, high)} for ${this.memory.nameOf(task)}`);
    return this.globalOf(task);
  }

  idText(dsq: number): string {
    return hex(this.dsqs.idLow[dsq]!, this.dsqs.idHigh[dsq]!).padStart(16, '0');
  }

  cpuIsValid(cpu: number, where: string): boolean {
    if (cpu >= 0 && cpu < this.core.topology.cpus) return true;
    this.error(`invalid CPU ${cpu}${where === '' ? '' : ` ${where}`}`);
    return false;
  }
}

/** What a callback may answer when it fails: ops_sanitize_err(), MAX_ERRNO. */
export function isErrno(result: number): boolean {
  return result < 0 && result >= -4095;
}

/** 64 bits in hexadecimal, without leading zeros. */
export function hex(low: number, high: number): string {
  const text = (low >>> 0).toString(16);
  return high === 0 ? text : (high >>> 0).toString(16) + text.padStart(8, '0');
}
