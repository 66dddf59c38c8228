// The tasks of a perf trace: their names as they change, who is a kernel thread, who belongs to the recorded command. perf says none of this itself:
// kernel threads are known by kthreadd, their maker, and by their names; the command by "perf-exec", the name of perf's child before it executes it.

import type { TraceBuilder } from './builder.ts';
import type { Person } from './perf-line.ts';

const kernelNames =
  /^(kworker\/|ksoftirqd\/|migration\/|cpuhp\/|idle_inject\/|rcu[_a-z]|irq\/|kthreadd$|kswapd|kcompactd|khugepaged$|kauditd$|oom_reaper$|jbd2\/|ext4-rsv|xfs[-_]|btrfs-|nvme|scsi_|md\d|loop\d|kdevtmpfs$|watchdogd$|ksmd$|napi\/)/;
const kthreadd = 2;
const child = 'perf-exec';
const perf = 'perf';

/** Numbers of the kernel's: SCHED_FIFO for real time, which may also be RR; SCHED_DEADLINE. */
const [fifo, deadline] = [1, 6];
const nicePriority = 120;

export class PerfTasks {
  readonly #builder: TraceBuilder;
  readonly #wanted: ReadonlySet<number>;
  /** The command, or those that the caller has named: index and when it was first seen. */
  readonly roots = new Map<number, number>();

  constructor(builder: TraceBuilder, wanted: readonly number[]) {
    this.#builder = builder;
    this.#wanted = new Set(wanted);
  }

  /** The task of this person, its name and priority brought up to date. −1: idle. */
  of({ pid, from, to, prio }: Person, bytes: Uint8Array, atNs: number): number {
    const task = this.#builder.taskOf(pid);
    if (task < 0) return task;
    this.#name(task, bytes, from, to, atNs);
    this.#priority(task, prio);
    return task;
  }

  #name(task: number, bytes: Uint8Array, from: number, to: number, atNs: number): void {
    const about = this.#builder.tasks[task]!;
    const { comm } = about;
    let isSame = comm.length === to - from;
    for (let i = 0; isSame && i < comm.length; i++) isSame = comm.charCodeAt(i) === bytes[from + i];
    if (isSame && comm !== '') return;
    about.comm = Buffer.from(bytes.subarray(from, to)).toString('latin1');
    const maker = this.#builder.tasks[about.parent];
    about.isKernel = about.tid === kthreadd || maker?.tid === kthreadd || kernelNames.test(about.comm);
    if ((about.comm === child || this.#wanted.has(about.tid)) && !this.roots.has(task))
      this.roots.set(task, atNs);
  }

  #priority(task: number, prio: number): void {
    const about = this.#builder.tasks[task]!;
    if (prio >= 100) {
      about.nice = prio - nicePriority;
      about.schedClass = 0;
    } else if (prio < 100) about.schedClass = prio < 0 ? deadline : fifo;
  }

  /** The command and what it has made; all programs but perf where there is none. */
  follow(): void {
    const { tasks } = this.#builder;
    tasks.forEach((task, i) => {
      if (this.roots.size === 0) task.isFollowed = !task.isKernel && task.comm !== perf;
      else task.isFollowed = this.roots.has(i) || tasks[task.parent]?.isFollowed === true;
    });
  }
}
