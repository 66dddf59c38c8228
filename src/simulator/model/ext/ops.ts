// Calls into the policy: the callbacks of sched_ext_ops, each with its arguments as struct_ops programs expect them (a context of 64-bit values), and
// what kfuncs may be called from it. Source: kernel/sched/ext.c, v6.18 (SCX_CALL_OP, enum scx_kf_mask, scx_kf_allowed).

import type { SimMemory } from '../../memory.ts';
import type { Core } from '../core.ts';

/** A linked and translated policy. */
export interface PolicyProgram {
  readonly name: string;
  /** By callback ("enqueue"): the function, given the address of its context; low half of r0. */
  readonly entries: ReadonlyMap<string, (context: number) => number>;
  /** Calls a function by its pointer value, for callbacks of timers and loops. */
  call(functionPointer: number, a: number, b: number, c: number, d: number): number;
  /** Address of an i32: BPF instructions that the callback which returned last has executed. */
  readonly executedAt: number;
  /** Address of a double: the clock, for what the program calls. */
  readonly clockAt: number;
  /** Those of functions called by their pointers since the last asking, or since a callback returned. */
  takeExecutedByPointer(): number;
  /** The frames of all functions, for calls from within calls. */
  readonly frames: { readonly address: number; readonly bytes: number };
}

/** enum scx_kf_mask. */
export const kfMask = {
  unlocked: 0,
  cpuRelease: 1,
  dispatch: 2,
  enqueue: 4,
  selectCpu: 8,
  rest: 16,
  /** __SCX_KF_RQ_LOCKED: all of these. */
  rqLocked: 31,
} as const;

export type Callback = ((context: number) => number) | undefined;

/** Told of every callback; for traces and diffs. */
export interface CallRecorder {
  /** A callback begins, with low and high halves of its three arguments. Gives what returned() is told. */
  began(fn: unknown, words: readonly number[]): number;
  returned(began: number, fn: unknown, result: number): void;
}

/** Callbacks by their kernel names; undefined where the policy has none. */
export class Ops {
  readonly program: PolicyProgram;
  readonly selectCpu: Callback;
  readonly enqueue: Callback;
  readonly dequeue: Callback;
  readonly dispatch: Callback;
  readonly tick: Callback;
  readonly runnable: Callback;
  readonly running: Callback;
  readonly stopping: Callback;
  readonly quiescent: Callback;
  readonly yieldTo: Callback;
  readonly setWeight: Callback;
  readonly setCpumask: Callback;
  readonly updateIdle: Callback;
  readonly cpuAcquire: Callback;
  readonly cpuRelease: Callback;
  readonly initTask: Callback;
  readonly exitTask: Callback;
  readonly enable: Callback;
  readonly disable: Callback;
  readonly cpuOnline: Callback;
  readonly cpuOffline: Callback;
  readonly cgroupInit: Callback;
  readonly cgroupExit: Callback;
  readonly cgroupSetWeight: Callback;
  readonly cgroupSetBandwidth: Callback;
  readonly init: Callback;
  readonly exit: Callback;
  /** kfMask of the callback that runs, with those of the callbacks around it; −1 when none does. */
  mask = -1;
  /** The callback that runs is set_cpumask. */
  isTellingMask = false;
  /** Calls of kfuncs and helpers since the last charge. */
  kfuncs = 0;
  recorder: CallRecorder | undefined;
  /** Called whenever a callback returns, with its depth, until they say that they are done. */
  readonly #atReturn: ((depth: number) => boolean)[] = [];
  readonly #core: Core;
  readonly #memory: SimMemory;
  readonly #context: number;
  readonly #i32: Int32Array;
  readonly #executedAt: number;
  readonly #clockAt: number;
  #depth = 0;

  constructor(program: PolicyProgram, core: Core, memory: SimMemory) {
    const entry = (name: string): Callback => program.entries.get(name);
    this.program = program;
    this.selectCpu = entry('select_cpu');
    this.enqueue = entry('enqueue');
    this.dequeue = entry('dequeue');
    this.dispatch = entry('dispatch');
    this.tick = entry('tick');
    this.runnable = entry('runnable');
    this.running = entry('running');
    this.stopping = entry('stopping');
    this.quiescent = entry('quiescent');
    this.yieldTo = entry('yield');
    this.setWeight = entry('set_weight');
    this.setCpumask = entry('set_cpumask');
    this.updateIdle = entry('update_idle');
    this.cpuAcquire = entry('cpu_acquire');
    this.cpuRelease = entry('cpu_release');
    this.initTask = entry('init_task');
    this.exitTask = entry('exit_task');
    this.enable = entry('enable');
    this.disable = entry('disable');
    this.cpuOnline = entry('cpu_online');
    this.cpuOffline = entry('cpu_offline');
    this.cgroupInit = entry('cgroup_init');
    this.cgroupExit = entry('cgroup_exit');
    this.cgroupSetWeight = entry('cgroup_set_weight');
    this.cgroupSetBandwidth = entry('cgroup_set_bandwidth');
    this.init = entry('init');
    this.exit = entry('exit');
    this.#core = core;
    this.#memory = memory;
    this.#context = memory.allocate(8 * contextBytes, 'read');
    this.#i32 = memory.i32;
    this.#i32.fill(0, this.#context >>> 2, (this.#context + 8 * contextBytes) >>> 2); // a fourth argument is always 0
    this.#executedAt = program.executedAt >>> 2;
    this.#clockAt = program.clockAt >>> 3;
  }

  /**
   * Calls a callback with up to three arguments, each a pointer or a 32-bit number (sign-extended). `extraHigh`: high half of the third or,
   * when that is absent, of the last one. Returns r0's low half.
   */
  call(
    fn: (context: number) => number,
    mask: number,
    a: number,
    b: number,
    c: number,
    highOfB: number,
    highOfC: number,
  ): number {
    const context = this.#context + this.#depth * contextBytes;
    const at = context >>> 2;
    const words = this.#i32;
    words[at] = a;
    words[at + 1] = a >> 31;
    words[at + 2] = b;
    words[at + 3] = highOfB;
    words[at + 4] = c;
    words[at + 5] = highOfC;
    const { recorder } = this;
    const began = recorder === undefined ? 0 : recorder.began(fn, [a, a >> 31, b, highOfB, c, highOfC]);
    const outer = this.mask;
    const wasTellingMask = this.isTellingMask;
    this.mask = outer > 0 ? outer | mask : mask;
    this.isTellingMask = fn === this.setCpumask;
    const saved = this.#depth > 0 ? this.#saveFrames() : undefined;
    this.#depth++;
    this.#memory.f64[this.#clockAt] = this.#core.now;
    const result = fn(context);
    this.#depth--;
    if (recorder !== undefined) recorder.returned(began, fn, result);
    if (this.#atReturn.length > 0) this.#returned(this.#depth + 1);
    if (saved !== undefined) this.#memory.u8.set(saved, this.program.frames.address);
    this.mask = outer;
    this.isTellingMask = wasTellingMask;
    this.#charge(words[this.#executedAt]!);
    return result;
  }

  /** A callback of a timer, outside of any lock. */
  callPointer(pointer: number, a: number, b: number, c: number, d: number): number {
    const outer = this.mask;
    if (this.#depth === 0) this.mask = kfMask.unlocked;
    this.#memory.f64[this.#clockAt] = this.#core.now;
    const result = this.program.call(pointer, a, b, c, d);
    this.mask = outer;
    if (this.#depth === 0) {
      if (this.#atReturn.length > 0) this.#returned(0);
      this.#charge(this.program.takeExecutedByPointer());
    }
    return result;
  }

  /** Callbacks within callbacks, 1 for the outermost; 0: a timer's, or none runs. */
  get depth(): number {
    return this.#depth;
  }

  /** First argument (its low half) of the callback that runs; depth > 0. */
  get argument(): number {
    return this.#i32[(this.#context + (this.#depth - 1) * contextBytes) >>> 2]!;
  }

  /** Has `fn` called when this callback returns, and the next ones, until it says that it is done. */
  whenReturning(fn: (depth: number) => boolean): void {
    if (!this.#atReturn.includes(fn)) this.#atReturn.push(fn);
  }

  #returned(depth: number): void {
    const waiting = this.#atReturn.splice(0);
    for (const fn of waiting) if (!fn(depth)) this.whenReturning(fn);
  }

  /** After a finding has ended the simulation in the middle of calls. */
  abandon(): void {
    this.#atReturn.length = 0;
    this.#depth = 0;
    this.mask = -1;
    this.isTellingMask = false;
  }

  #saveFrames(): Uint8Array {
    const { address, bytes } = this.program.frames;
    return this.#memory.u8.slice(address, address + bytes);
  }

  #charge(executed: number): void {
    const { callbackNs, instructionNs, kfuncNs } = this.#core.costs;
    const ns = callbackNs + executed * instructionNs + this.kfuncs * kfuncNs;
    if (ns > 0) this.#core.charge(ns);
    this.kfuncs = 0;
  }
}

const contextBytes = 48;
