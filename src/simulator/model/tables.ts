// The columns that everyone shares: what the model knows of each task and each CPU. A task is a number, and its facts lie at that place in the columns.

import { Columns } from './columns.ts';
import { maskWords } from './topology.ts';

export class Tasks {
  /** Where everything that has to do with tasks or CPUs gets its columns. */
  readonly columns: Columns;
  readonly capacity: number;
  /** taskState. */
  readonly state: Uint8Array;
  /** task_cpu(): where it runs, is queued or last was. */
  readonly cpu: Int32Array;
  /** 1 from enqueue to dequeue, running included. */
  readonly onRq: Uint8Array;
  /** classNumber. */
  readonly schedClass: Uint8Array;
  /** schedPolicy: normal, fifo, batch, idle. */
  readonly policy: Uint8Array;
  readonly nice: Int8Array;
  /** Index of its cgroup; −1: the root. */
  readonly cgroup: Int32Array;
  /** Affinity: `maskWords` words a task, and how many of the machine's CPUs it allows. */
  readonly mask: Int32Array;
  readonly allowed: Int32Array;
  readonly migrationDisabled: Uint8Array;
  /** It has left its CPU meanwhile: the mask that it is seen with (cpus_ptr) has that CPU alone. */
  readonly pinned: Uint8Array;
  /** PF_EXITING. */
  readonly exiting: Uint8Array;
  /** PF_KTHREAD. */
  readonly kthread: Uint8Array;
  /** se.sum_exec_runtime, ns. */
  readonly sumExec: Float64Array;
  /** Run delay so far, ns, and since when it waits. */
  readonly delay: Float64Array;
  readonly queuedAt: Float64Array;
  readonly vcsw: Int32Array;
  readonly icsw: Int32Array;
  /** Work at full speed, ns, until the task's next operation. */
  readonly left: Float64Array;
  /** CPU on which it last ran, −1 for none: caches. */
  readonly lastRan: Int32Array;
  /** When it last stopped running. */
  readonly lastRanAt: Float64Array;
  count = 0;

  constructor(capacity: number, columns = new Columns()) {
    this.capacity = capacity;
    this.columns = columns;
    const bytes = (): Uint8Array => columns.bytes(capacity);
    const ints = (): Int32Array => columns.ints(capacity);
    const times = (): Float64Array => columns.times(capacity);
    this.state = bytes();
    this.cpu = ints();
    this.onRq = bytes();
    this.schedClass = bytes();
    this.policy = bytes();
    this.nice = columns.signedBytes(capacity);
    this.cgroup = columns.ints(capacity, -1);
    this.mask = columns.ints(capacity * maskWords);
    this.allowed = ints();
    this.migrationDisabled = bytes();
    this.pinned = bytes();
    this.exiting = bytes();
    this.kthread = bytes();
    this.sumExec = times();
    this.delay = times();
    this.queuedAt = times();
    this.vcsw = ints();
    this.icsw = ints();
    this.left = times();
    this.lastRan = columns.ints(capacity, -1);
    this.lastRanAt = times();
  }

  /** So many new tasks with everything at its start; returns the first. @throws Error when the table is full: callers check the size of the workload before. */
  add(count = 1): number {
    const first = this.count;
    this.count += count;
    if (this.count > this.capacity) throw new Error(`bug: more than ${this.capacity} tasks`);
    return first;
  }

  allows(task: number, cpu: number): boolean {
    return (this.mask[task * maskWords + (cpu >> 5)]! & (1 << (cpu & 31))) !== 0;
  }
}

export class Cpus {
  readonly count: number;
  /** Running task, −1 for idle. */
  readonly curr: Int32Array;
  readonly online: Uint8Array;
  /** 1: TIF_NEED_RESCHED; 2: TIF_NEED_RESCHED_LAZY, on another CPU's behalf. */
  readonly needResched: Uint8Array;
  /** Tasks of all classes that are queued or run here. */
  readonly nrRunning: Int32Array;
  /** Up to when the running task's CPU time is accounted (exec_start). */
  readonly execStart: Float64Array;
  /** From when on the running task makes progress: later than now while the CPU is busy with the kernel's own work. */
  readonly segmentStart: Float64Array;
  /** Work done per ns, 1 for a whole CPU at full speed. */
  readonly speed: Float64Array;
  /** Since when it is idle. */
  readonly idleSince: Float64Array;
  readonly idleNs: Float64Array;

  constructor(count: number, columns = new Columns()) {
    this.count = count;
    this.curr = columns.ints(count, -1);
    this.online = columns.bytes(count, 1);
    this.needResched = columns.bytes(count);
    this.nrRunning = columns.ints(count);
    this.execStart = columns.times(count);
    this.segmentStart = columns.times(count);
    this.speed = columns.times(count, 1);
    this.idleSince = columns.times(count);
    this.idleNs = columns.times(count);
  }
}
