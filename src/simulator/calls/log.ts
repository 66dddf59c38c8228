// What a simulation's kernel and policy call, as the tracer of a micro-VM records it (docs/protocol.md, section 4): ops when they begin, with the
// results of those that have one; kfuncs when they return; switches and wake-ups. Made only for a run that is recorded.

import type { Call, CallNumber, TaskRef } from '../../core/calls.ts';
import { callShapes, mostCalls } from '../../core/calls.ts';
import { exitInfo, exitTaskArgs, initTaskArgs } from '../kernel/structs.ts';
import type { Kfunc } from '../kfuncs/kfunc.ts';
import type { SimMemory } from '../memory.ts';
import { type Recorder, thePlayer } from '../model/contracts.ts';
import type { Core } from '../model/core.ts';
import type { CallRecorder } from '../model/ext/ops.ts';
import type { TaskMemory } from '../model/ext/task-memory.ts';
import { taskState } from '../model/flags.ts';
import { type Argument, kfuncArguments, opArguments } from './arguments.ts';

/** What a policy's simulation has, beside the core. */
export interface PolicyParts {
  readonly memory: SimMemory;
  readonly tasks: TaskMemory;
  /** The policy's callbacks by their names in the kernel. */
  readonly entries: ReadonlyMap<string, unknown>;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
/** Halves of up to four arguments of 64 bits. */
type Halves = readonly number[];

export class CallLog implements CallRecorder, Recorder {
  readonly #core: Core;
  readonly #out: Call[];
  readonly #also: Recorder | undefined;
  readonly #opsOf = new Map<unknown, string[]>();
  readonly #hasWoken: Uint8Array;
  #parts: PolicyParts | undefined;

  /** Of tasks that are not the workload's. */
  commOf: ((task: number) => string | undefined) | undefined;

  /** Calls are added to `out`; `also` is told of switches and wake-ups, too. */
  constructor(core: Core, out: Call[], also: Recorder | undefined) {
    this.#core = core;
    this.#out = out;
    this.#also = also;
    this.#hasWoken = new Uint8Array(core.tasks.capacity);
  }

  attach(parts: PolicyParts): void {
    this.#parts = parts;
    for (const [name, fn] of parts.entries) {
      const what = `ops.${name}`;
      if (callShapes[what] !== undefined) this.#opsOf.set(fn, [...(this.#opsOf.get(fn) ?? []), what]);
    }
  }

  /** Makes the times count from `startNs`. */
  finish(startNs: number): void {
    for (const call of this.#out as Mutable<Call>[]) call.ns -= startNs;
  }

  began(fn: unknown, words: Halves): number {
    const at = this.#out.length;
    // a program that serves two ops is seen as both, as the tracer sees it
    for (const what of this.#opsOf.get(fn) ?? []) this.#add(what, opArguments[what] ?? [], words, null);
    return at;
  }

  returned(at: number, fn: unknown, result: number): void {
    (this.#opsOf.get(fn) ?? []).forEach((what, i) => {
      const call = this.#out[at + i] as Mutable<Call> | undefined;
      if (call !== undefined && callShapes[what]!.hasResult) call.result = result;
    });
  }

  /** The same kfunc, its calls recorded; itself when they are none of those that are. */
  watched(name: string, kfunc: Kfunc): Kfunc {
    const kinds = kfuncArguments[name];
    if (kinds === undefined) return kfunc;
    const run = (...args: number[]): number | undefined => {
      const result = kfunc.run(...args);
      this.#add(name, kinds, halvesOf(kfunc.params, args), result ?? null);
      return result;
    };
    return { ...kfunc, run };
  }

  switched(cpu: number, prev: number, next: number, atNs: number): void {
    const { state, onRq } = this.#core.tasks;
    const isIdle = prev < 0 && prev !== thePlayer;
    const isRunnable = isIdle || (onRq[prev] === 1 && state[prev] === taskState.runnable);
    this.#push('sched_switch', this.#who(prev, cpu), this.#who(next, cpu), [isRunnable ? 0 : 1, 0], null);
    this.#also?.switched(cpu, prev, next, atNs);
  }

  woke(task: number, cpu: number, atNs: number, from: number): void {
    const isNew = this.#hasWoken[task] === 0 && this.commOf?.(task) === undefined;
    const what = isNew ? 'sched_wakeup_new' : 'sched_wakeup';
    this.#hasWoken[task] = 1;
    this.#push(what, this.#who(task, cpu), null, [cpu], null);
    this.#also?.woke(task, cpu, atNs, from);
  }

  blocks(task: number, operation: number, object: number): void {
    this.#also?.blocks?.(task, operation, object);
  }

  stays(task: number): void {
    this.#also?.stays?.(task);
  }

  exits(task: number, atNs: number): void {
    this.#also?.exits?.(task, atNs);
  }

  #who(task: number, cpu: number): TaskRef {
    if (task === thePlayer) return 'init';
    return task < 0 ? `swapper/${cpu}` : (this.commOf?.(task) ?? task);
  }

  #add(what: string, kinds: readonly Argument[], words: Halves, result: number | null): void {
    const tasks: TaskRef[] = [];
    const args: CallNumber[] = [];
    kinds.forEach((kind, i) => {
      const [low, high] = [words[2 * i] ?? 0, words[2 * i + 1] ?? 0];
      if (kind === 'task') tasks.push(this.#taskAt(low));
      else if (kind !== 'other') args.push(this.#number(kind, low, high));
    });
    const { hasResult } = callShapes[what]!;
    this.#push(what, tasks[0] ?? null, tasks[1] ?? null, args, hasResult ? result : null);
  }

  #push(what: string, task: TaskRef, other: TaskRef, args: CallNumber[], result: number | null): void {
    const { now, execCpu } = this.#core;
    if (this.#out.length < mostCalls)
      this.#out.push({ ns: now, cpu: execCpu, what, task, other, args, result });
  }

  #taskAt(address: number): TaskRef {
    const task = address === 0 ? -1 : this.#parts!.tasks.taskOf(address);
    return task < 0 ? null : (this.commOf?.(task) ?? task);
  }

  #number(kind: Exclude<Argument, 'task' | 'other'>, low: number, high: number): CallNumber {
    const { u8, i32 } = this.#parts!.memory;
    switch (kind) {
      case 's32':
        return low;
      case 'u32':
        return low >>> 0;
      case 'bool':
        return low & 1;
      case 'u64':
        return exact(low, high);
      case 'bool at':
        return u8[low]!;
      case 'cpumask':
        return exact(i32[low >>> 2]!, i32[(low >>> 2) + 1]!);
      case 'init args':
        return u8[low + initTaskArgs.offsets.fork]!;
      case 'exit args':
        return u8[low + exitTaskArgs.offsets.cancelled]!;
      case 'exit info':
        return i32[(low + exitInfo.offsets.kind) >>> 2]!;
    }
  }
}

/** An integer; decimal text beyond 2^53. */
function exact(low: number, high: number): CallNumber {
  const value = (high >>> 0) * 4_294_967_296 + (low >>> 0);
  if (Number.isSafeInteger(value)) return value;
  return String((BigInt(high >>> 0) << 32n) | BigInt(low >>> 0));
}

/** Two halves for each argument, whatever it came as. */
function halvesOf(params: Kfunc['params'], args: readonly number[]): Halves {
  const halves: number[] = [];
  let at = 0;
  for (const param of params) {
    halves.push(args[at++]!);
    halves.push(param === 'wide' ? args[at++]! : 0);
  }
  return halves;
}
