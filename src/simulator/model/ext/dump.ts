// What the kernel writes down when a policy ends with an error: the state of CPUs and tasks, and what the policy itself says of them (ops.dump, dump_cpu, dump_task). Source:
// scx_dump_state(), scx_dump_task(), kernel/sched/ext.c, v6.18. Left out is what the model does not have: backtraces, per-CPU sequence numbers.

import { dumpContext, rq, taskStruct } from '../../kernel/structs.ts';
import type { SimMemory } from '../../memory.ts';
import type { CpuMemory } from './cpu-memory.ts';
import type { Dispatch } from './dispatch.ts';
import { DumpLines, DumpText } from './dump-text.ts';
import { type Exit, exitReason } from './exit.ts';
import { type Callback, kfMask } from './ops.ts';
import { hex, type Scx, type ScxEvents } from './scx.ts';
import type { Watchdog } from './watchdog.ts';

const at = taskStruct.offsets;
/** SCX_EXIT_DUMP_DFL_LEN. */
export const defaultDumpBytes = 32_768;
const jiffyMs = 4;
const jiffyNs = 4_000_000;
/** SCX_TASK_STATE_MASK in scx.flags; SCX_RQ_CLK_VALID, which nobody sees set who has only just locked the run queue. */
const lifeMask = 0x300;
const clockValid = 0x20;
const classNames = ['rt_sched_class', 'fair_sched_class', 'ext_sched_class'] as const;
const two32 = 4_294_967_296;

/** "selectCpuFallback" → SCX_EV_SELECT_CPU_FALLBACK. */
export function eventName(key: string): string {
  return `SCX_EV_${key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}

/** As the kernel prints masks: hexadecimal, groups of 32 bits, as many digits as there may be CPUs. */
export function maskText(words: ArrayLike<number>, bits: number): string {
  const groups: string[] = [];
  for (let first = 0; first < bits; first += 32) {
    const digits = Math.ceil(Math.min(32, bits - first) / 4);
    groups.unshift((words[first / 32]! >>> 0).toString(16).padStart(digits, '0'));
  }
  return groups.join();
}

export interface DumpParts {
  readonly scx: Scx;
  readonly memory: SimMemory;
  readonly dispatch: Dispatch;
  readonly watchdog: Watchdog;
  readonly cpuMemory: CpuMemory;
  readonly sticky: Int32Array;
  readonly released: Uint8Array;
}

export class ExitDump {
  readonly #parts: DumpParts;
  /** Absent while the policy's callbacks are not yet called: they are from validate_ops() on. */
  #callbacks: { readonly dump: Callback; readonly cpu: Callback; readonly task: Callback } | undefined;
  /** Where scx_bpf_dump() writes; undefined outside of ops.dump and its relatives. */
  lines: DumpLines | undefined;
  #text = new DumpText(0);
  #context = 0;

  constructor(parts: DumpParts) {
    this.#parts = parts;
  }

  /** From now on the policy is asked too. */
  enable(): void {
    const { entries } = this.#parts.scx.ops.program;
    this.#callbacks = {
      dump: entries.get('dump'),
      cpu: entries.get('dump_cpu'),
      task: entries.get('dump_task'),
    };
  }

  /** The text, at most ops.exit_dump_len bytes with its NUL. */
  take(exit: Exit): string {
    const { scx } = this.#parts;
    const text = new DumpText(scx.values.exitDumpBytes || defaultDumpBytes);
    this.#text = text;
    this.#context = this.#writeContext(exit);
    text.line(`${this.#current(scx.core.execCpu)} triggered exit kind ${exit.kind}:`);
    text.line(`  ${exitReason(exit.kind)} (${exit.message})`);
    this.#ask(this.#callbacks?.dump, kfMask.unlocked, '', 0, 0);
    text.add('\nCPU states\n----------\n');
    for (let cpu = 0; cpu < scx.core.cpus.count; cpu++) this.#dumpCpu(cpu);
    text.add('\nEvent counters\n--------------\n');
    for (const key of Object.keys(scx.events) as (keyof ScxEvents)[])
      text.line(`${eventName(key).padStart(40)}: ${String(scx.events[key]).padStart(16)}`);
    return text.toString();
  }

  /** struct scx_dump_ctx, for the callbacks. */
  #writeContext(exit: Exit): number {
    const { memory, scx } = this.#parts;
    const { offsets, size } = dumpContext;
    const context = memory.allocate(size, 'read');
    const reason = memory.allocate(128, 'read');
    const put64 = (offset: number, value: bigint): void => {
      memory.i32[(context + offset) >>> 2] = Number(BigInt.asIntN(32, value));
      memory.i32[(context + offset + 4) >>> 2] = Number(BigInt.asIntN(32, value >> 32n));
    };
    memory.u8.set(new TextEncoder().encode(exitReason(exit.kind)), reason);
    memory.i32[(context + offsets.kind) >>> 2] = exit.kind;
    put64(offsets.exitCode, BigInt(exit.code));
    put64(offsets.reason, BigInt(reason));
    put64(offsets.atNs, BigInt(scx.core.now));
    put64(offsets.atJiffies, BigInt(this.#jiffies()));
    return context;
  }

  #jiffies(): number {
    return Math.floor(this.#parts.scx.core.now / jiffyNs);
  }

  /** What runs on a CPU. */
  #current(cpu: number): string {
    const { core, memory } = this.#parts.scx;
    const curr = core.cpus.curr[cpu]!;
    return curr < 0 ? `swapper/${cpu}[0]` : memory.nameOf(curr);
  }

  /** Calls a callback with the context and two more arguments, and takes what it says. */
  #ask(callback: Callback, mask: number, prefix: string, first: number, second: number): void {
    if (callback === undefined) return;
    this.lines = new DumpLines(this.#text, prefix);
    this.#parts.scx.ops.call(callback, mask, this.#context, first, second, first >> 31, 0);
    this.lines.flush();
    this.lines = undefined;
  }

  #dumpCpu(cpu: number): void {
    const { scx, watchdog, cpuMemory, memory, released } = this.#parts;
    const curr = scx.core.cpus.curr[cpu]!;
    const waiting = watchdog.waitingOn(cpu);
    const isIdle = waiting.length === 0 && curr < 0;
    const callback = this.#callbacks?.cpu;
    if (isIdle && callback === undefined) return;
    const text = this.#text;
    const start = text.length;
    const queue = cpuMemory.rqOf(cpu);
    const number = (offset: number): number => memory.i32[(queue + offset) >>> 2]!;
    const flags = (number(rq.offsets.scxFlags) & ~clockValid).toString(16);
    text.line(
      `\nCPU ${String(cpu).padEnd(4)}: nr_run=${number(rq.offsets.scxNrRunning)} flags=0x${flags} cpu_rel=${released[cpu]}`,
    );
    const runs = curr < 0 ? 'idle_sched_class' : classNames[scx.core.tasks.schedClass[curr]!];
    text.line(`          curr=${this.#current(cpu)} class=${runs}`);
    const before = text.length;
    this.#ask(callback, kfMask.rest, '  ', cpu, isIdle ? 1 : 0);
    if (isIdle && text.length === before) {
      text.forget(start);
      return;
    }
    if (runs === 'ext_sched_class') this.#dumpTask(curr, '*');
    for (const task of waiting) this.#dumpTask(task, ' ');
  }

  #dumpTask(task: number, marker: string): void {
    const { scx, dispatch, sticky, watchdog } = this.#parts;
    const { memory, dsqs, core } = scx;
    const text = this.#text;
    const flags = memory.get(task, at.scxFlags);
    const dsq = dsqs.of[task]!;
    const dsqId = dsq < 0 ? '(n/a)' : `0x${hex(dsqs.idLow[dsq]!, dsqs.idHigh[dsq]!)}`;
    const ms = (watchdog.since(task) - this.#jiffies()) * jiffyMs;
    const slice = memory.slice(task);
    const words = memory.memory.i32.subarray(memory.get(task, at.cpusPtr) >>> 2);
    text.line(`\n ${marker}R ${memory.nameOf(task)} ${ms < 0 ? ms : `+${ms}`}ms`);
    text.line(
      `      scx_state/flags=${(flags & lifeMask) >>> 8}/0x${(flags & ~lifeMask).toString(16)} ops_state=${dispatch.state[task]}`,
    );
    text.line(
      `      sticky/holding_cpu=${sticky[task]}/${memory.get(task, at.scxHoldingCpu)} dsq_id=${dsqId}`,
    );
    text.line(
      `      dsq_vtime=${this.#vtime(task)} slice=${slice === Number.POSITIVE_INFINITY ? '18446744073709551615' : slice} weight=${memory.get(task, at.scxWeight)}`,
    );
    text.line(
      `      cpus=${maskText(words, core.topology.cpus)} no_mig=${core.tasks.migrationDisabled[task]}`,
    );
    this.#ask(this.#callbacks?.task, kfMask.rest, '    ', memory.addressOf(task), 0);
  }

  #vtime(task: number): bigint {
    const { memory } = this.#parts.scx;
    const high = memory.get(task, at.scxDsqVtime + 4) >>> 0;
    return BigInt(high) * BigInt(two32) + BigInt(memory.get(task, at.scxDsqVtime) >>> 0);
  }
}
