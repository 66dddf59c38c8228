// The kernel's own threads, as tasks of the model: rcu_preempt, and for each CPU ksoftirqd and a kworker. They sleep until RCU has work for them, and are a policy's
// tasks like any other. Source: kernel/rcu/tree.c (rcu_gp_kthread), kernel/softirq.c (handle_softirqs), kernel/fork.c (thread_stack_free_rcu), v6.18.

import { allowedCpus } from './changes.ts';
import { type Recorder, type Step, tickNs } from './contracts.ts';
import type { Core } from './core.ts';
import { taskState } from './flags.ts';
import { Rcu } from './rcu.ts';
import { maskWords } from './topology.ts';

/** What they take in a micro-VM, ns: one look of RCU's softirq, one callback, one turn of rcu_preempt and one of a kworker (docs/semantics.md, Kernel threads). */
export const threadCosts = { coreNs: 1500, callbackNs: 600, gracePeriodNs: 3000, kworkerNs: 10_000 } as const;

/** Callbacks by what happened, each handing on others `depth` times. */
export const callbacks = {
  fork: { count: 6, depth: 0 },
  exit: { count: 4, depth: 0 },
  buried: { count: 12, depth: 2 },
} as const;
/** A softirq is done over again so often before ksoftirqd goes on (MAX_SOFTIRQ_RESTART). */
const restarts = 10;
/** schedule_timeout(1) ends with the second tick after it. */
const timeoutTicks = 2;

/** How many threads a machine has. */
export function threadCount(cpus: number): number {
  return 1 + 2 * cpus;
}

export class KernelThreads {
  readonly #core: Core;
  readonly #rcu: Rcu;
  readonly #rcuPreempt: number;
  /** Tick at which rcu_preempt looks for idle CPUs, and where it armed the timer. */
  #forceAtNs = Number.POSITIVE_INFINITY;
  #forceCpu = 0;
  /** Stacks of threads that have ended are freed by the CPU's kworker, with the next callbacks there. */
  readonly #stacks: Int32Array;

  /** Adds the threads to the core's tasks; `born` makes them known: task, comm. */
  constructor(core: Core, born: (task: number, comm: string) => void) {
    const { count } = core.cpus;
    this.#core = core;
    this.#rcu = new Rcu(count);
    this.#stacks = new Int32Array(count);
    this.#rcuPreempt = this.#create('rcu_preempt', -1, born);
    for (let cpu = 0; cpu < count; cpu++) this.#create(`ksoftirqd/${cpu}`, cpu, born);
    for (let cpu = 0; cpu < count; cpu++) this.#create(`kworker/${cpu}:1`, cpu, born);
  }

  #create(comm: string, cpu: number, born: (task: number, comm: string) => void): number {
    const { tasks, topology } = this.#core;
    const task = tasks.add();
    for (let i = 0; i < maskWords; i++)
      tasks.mask[task * maskWords + i] =
        cpu < 0 ? topology.allMask[i]! : cpu >> 5 === i ? 1 << (cpu & 31) : 0;
    tasks.allowed[task] = allowedCpus(this.#core, task);
    tasks.policy[task] = 0;
    tasks.nice[task] = 0;
    tasks.cgroup[task] = -1;
    tasks.kthread[task] = 1;
    tasks.cpu[task] = Math.max(0, cpu);
    tasks.state[task] = taskState.sleeping;
    born(task, comm);
    return task;
  }

  #softirqd(cpu: number): number {
    return this.#rcuPreempt + 1 + cpu;
  }

  #kworker(cpu: number): number {
    return this.#rcuPreempt + 1 + this.#core.cpus.count + cpu;
  }

  forked(cpu: number): void {
    this.#rcu.call(cpu, callbacks.fork.count, callbacks.fork.depth);
  }

  exited(cpu: number): void {
    this.#rcu.call(cpu, callbacks.exit.count, callbacks.exit.depth);
    this.#stacks[cpu]!++;
  }

  /** Waited for, on CPU 0. */
  buried(): void {
    this.#rcu.call(0, callbacks.buried.count, callbacks.buried.depth);
  }

  switched(cpu: number): void {
    this.#rcu.quiescent(cpu);
  }

  /** Whether the CPU's tick comes although it is idle. */
  needsTick(cpu: number): boolean {
    return this.#rcu.needsCpu(cpu) || (this.#core.now >= this.#forceAtNs && cpu === this.#forceCpu);
  }

  /** The tick's interrupt, and the softirqs on its way out. */
  ticked(cpu: number): void {
    const { now } = this.#core;
    if (now >= this.#forceAtNs && cpu === this.#forceCpu) {
      this.#forceAtNs = Number.POSITIVE_INFINITY;
      this.#core.wake(this.#rcuPreempt);
    }
    this.#rcu.quiescent(cpu);
    if (!this.#rcu.pending(cpu)) return;
    for (let left = restarts; left > 0; left--) {
      this.#softirq(cpu);
      if (!this.#rcu.hasReady(cpu)) return;
      if (this.#core.cpus.needResched[cpu] !== 0) break;
    }
    this.#core.wake(this.#softirqd(cpu));
  }

  #softirq(cpu: number): void {
    const core = this.#core;
    core.charge(threadCosts.coreNs);
    if (this.#rcu.core(cpu)) core.wake(this.#rcuPreempt);
    const called = this.#rcu.callBatch(cpu, core.cpus.curr[cpu]! < 0);
    core.charge(called * threadCosts.callbackNs);
    if (called === 0 || this.#stacks[cpu] === 0) return;
    this.#stacks[cpu] = 0;
    core.wake(this.#kworker(cpu));
  }

  advance(task: number): Step {
    const cpu = this.#core.execCpu;
    if (task === this.#rcuPreempt) this.#gracePeriod(cpu);
    else if (task === this.#softirqd(cpu)) {
      this.#softirq(cpu);
      if (this.#rcu.hasReady(cpu)) return 'run';
    } else this.#core.charge(threadCosts.kworkerNs);
    this.#core.sleep(task);
    return 'block';
  }

  /** rcu_gp_kthread(): begins a grace period, waits until it is over or it is time to look for idle CPUs, and ends it. */
  #gracePeriod(cpu: number): void {
    const { cpus, now } = this.#core;
    const rcu = this.#rcu;
    this.#core.charge(threadCosts.gracePeriodNs);
    if (rcu.inProgress && !rcu.isOver) rcu.force((one) => cpus.curr[one]! < 0);
    if (rcu.isOver) rcu.end(cpu);
    if (!rcu.inProgress) rcu.begin(cpu);
    if (!rcu.inProgress) {
      this.#forceAtNs = Number.POSITIVE_INFINITY;
      return;
    }
    this.#forceAtNs = (Math.floor(now / tickNs) + timeoutTicks) * tickNs;
    this.#forceCpu = cpu;
  }
}

/** Tells `recorder` of the first `count` tasks only: where a kernel thread runs, nobody does. */
export function ofWorkload(recorder: Recorder, count: number): Recorder {
  const known = (task: number): number => (task < count ? task : -1);
  return {
    switched: (cpu, prev, next, atNs) => recorder.switched(cpu, known(prev), known(next), atNs),
    woke: (task, cpu, atNs, from) => {
      if (task < count) recorder.woke(task, cpu, atNs, from);
    },
    blocks: (task, operation, object) => recorder.blocks?.(task, operation, object),
    stays: (task) => {
      if (task < count) recorder.stays?.(task);
    },
    exits: (task, atNs) => recorder.exits?.(task, atNs),
  };
}
