// How tasks get from a policy's verdicts to queues: direct dispatch from select_cpu and enqueue, the buffer of ops.dispatch, moves between queues and
// CPUs. Source: kernel/sched/ext.c, v6.18 (mark_direct_dispatch, direct_dispatch, dispatch_enqueue, finish_dispatch, dispatch_to_local_dsq,
// consume_dispatch_q, move_remote_task_to_local_dsq, process_ddsp_deferred_locals).

import { taskStruct } from '../../kernel/structs.ts';
import type { Core } from '../core.ts';
import { classNumber, enqueueFlag } from '../flags.ts';
import type { Scx } from './scx.ts';
import { dsqId, scxFlag } from './scx-flags.ts';

const at = taskStruct.offsets;

/** enum scx_ops_state. */
export const opsState = { none: 0, queueing: 1, queued: 2, dispatching: 3 } as const;

const unmarked = 0;

function isAtHead(flags: number, flagsHigh: number): boolean {
  return (flags & enqueueFlag.head) !== 0 || (flagsHigh & scxFlag.enqHigh.preempt) !== 0;
}

export class Dispatch {
  readonly #core: Core;
  readonly #scx: Scx;
  /** opsState of each task, and the number of its last stay with the policy. */
  readonly state: Uint8Array;
  readonly qseq: Float64Array;
  lastQseq = 0;
  /** The task that select_cpu or enqueue is about, −1 for none; −2 when it has been dispatched. */
  directTask = -1;
  readonly #marked: Uint8Array;
  readonly #markLow: Int32Array;
  readonly #markHigh: Int32Array;
  readonly #markFlags: Int32Array;
  readonly #markFlagsHigh: Int32Array;
  readonly #markVtime: Uint8Array;
  /** Dispatches from ops.enqueue to the local queues of other CPUs, done when the event ends. */
  readonly #deferred: number[] = [];
  readonly #buffer: {
    task: Int32Array;
    qseq: Float64Array;
    low: Int32Array;
    high: Int32Array;
    flags: Int32Array;
    flagsHigh: Int32Array;
    vtime: Uint8Array;
  };
  #cursor = 0;
  #count = 0;
  #maxBatch: number;

  constructor(scx: Scx, maxBatch: number) {
    const { core } = scx;
    const { capacity, columns } = core.tasks;
    const ints = (count: number): Int32Array => columns.ints(count);
    this.#core = core;
    this.#scx = scx;
    this.#maxBatch = maxBatch;
    this.state = columns.bytes(capacity);
    this.qseq = columns.times(capacity);
    this.#marked = columns.bytes(capacity);
    this.#markLow = ints(capacity);
    this.#markHigh = ints(capacity);
    this.#markFlags = ints(capacity);
    this.#markFlagsHigh = ints(capacity);
    this.#markVtime = columns.bytes(capacity);
    this.#buffer = {
      task: ints(maxBatch),
      qseq: columns.times(maxBatch),
      low: ints(maxBatch),
      high: ints(maxBatch),
      flags: ints(maxBatch),
      flagsHigh: ints(maxBatch),
      vtime: columns.bytes(maxBatch),
    };
  }

  isMarked(task: number): boolean {
    return this.#marked[task] !== unmarked;
  }

  /** Where the task goes when its enqueue is over. SCX_DSQ_INVALID is how the kernel says that no queue has been named: the task is lost. */
  mark(task: number, low: number, high: number, flags: number, flagsHigh: number, byVtime: boolean): void {
    this.#marked[task] = low === 0 && high === dsqId.builtinHigh ? unmarked : 1;
    this.#markLow[task] = low;
    this.#markHigh[task] = high;
    this.#markFlags[task] = flags;
    this.#markFlagsHigh[task] = flagsHigh;
    this.#markVtime[task] = byVtime ? 1 : 0;
  }

  /** scx_dsq_insert_commit(). The slice (and vtime) are set already. */
  insert(task: number, low: number, high: number, flags: number, flagsHigh: number, byVtime: boolean): void {
    const scx = this.#scx;
    if (this.directTask !== -1) {
      if (this.directTask === -2) scx.error(`${scx.memory.nameOf(task)} already direct-dispatched`);
      else if (this.directTask !== task)
        scx.error(
          `scheduling for ${scx.memory.nameOf(this.directTask)} but trying to direct-dispatch ${scx.memory.nameOf(task)}`,
        );
      else {
        this.mark(task, low, high, flags, flagsHigh, byVtime);
        this.directTask = -2;
      }
      return;
    }
    if (this.#cursor >= this.#maxBatch) {
      scx.error('dispatch buffer overflow');
      return;
    }
    const { task: tasks, qseq, low: lows, high: highs, flags: all, flagsHigh: allHigh, vtime } = this.#buffer;
    const at = this.#cursor++;
    tasks[at] = task;
    qseq[at] = this.qseq[task]!;
    lows[at] = low;
    highs[at] = high;
    all[at] = flags;
    allHigh[at] = flagsHigh;
    vtime[at] = byVtime ? 1 : 0;
  }

  /** scx_bpf_dispatch_nr_slots() and scx_bpf_dispatch_cancel(). */
  get slots(): number {
    return this.#maxBatch - this.#cursor;
  }

  cancel(): boolean {
    if (this.#cursor === 0) return false;
    this.#cursor--;
    return true;
  }

  /** Before a call of ops.dispatch. */
  begin(cpu: number): void {
    this.#count = 0;
    this.#cursor = 0;
    this.#scx.balancing = cpu;
  }

  /** flush_dispatch_buf(). Tasks that were dispatched or moved since begin(). */
  flush(cpu: number): number {
    const count = this.#cursor;
    if (count === 0) return this.#count;
    this.#cursor = 0;
    const { task, qseq, low, high, flags, flagsHigh, vtime } = this.#buffer;
    this.#count += count;
    for (let at = 0; at < count; at++)
      this.#finish(
        cpu,
        task[at]!,
        qseq[at]!,
        low[at]!,
        high[at]!,
        flags[at]!,
        flagsHigh[at]!,
        vtime[at] === 1,
      );
    return this.#count;
  }

  /** finish_dispatch(): stale verdicts are dropped. */
  #finish(
    cpu: number,
    task: number,
    qseq: number,
    low: number,
    high: number,
    flags: number,
    flagsHigh: number,
    byVtime: boolean,
  ): void {
    if (this.state[task] !== opsState.queued || this.qseq[task] !== qseq) return;
    const dsq = this.#scx.findForDispatch(cpu, low, high, task);
    this.state[task] = opsState.none;
    if (this.#scx.dsqs.isLocal(dsq)) this.#toLocal(cpu, dsq, task, flags, flagsHigh, byVtime);
    else this.enqueue(dsq, task, flags, flagsHigh, byVtime, true);
  }

  /** dispatch_to_local_dsq(): `cpu` is where ops.dispatch runs. */
  #toLocal(cpu: number, dsq: number, task: number, flags: number, flagsHigh: number, byVtime: boolean): void {
    const from = this.#core.tasks.cpu[task]!;
    const to = dsq;
    if (from === to) {
      this.enqueue(dsq, task, flags, flagsHigh, byVtime, true);
      if (to !== cpu) this.#wakeCpu(to);
      return;
    }
    if (!this.canRunOn(task, to, true)) {
      this.enqueue(this.#scx.globalOf(task), task, flags, flagsHigh, byVtime, true);
      return;
    }
    this.moveRemote(task, to, flags);
    this.#wakeCpu(to);
  }

  #wakeCpu(cpu: number): void {
    const curr = this.#core.cpus.curr[cpu]!;
    if (curr < 0 || this.#core.tasks.schedClass[curr]! > classNumber.ext) {
      if (cpu !== this.#scx.balancing) this.#core.resched(cpu);
    }
  }

  /** direct_dispatch(): the verdict of select_cpu or enqueue. */
  direct(task: number, flags: number, flagsHigh: number): void {
    const scx = this.#scx;
    const cpu = this.#core.tasks.cpu[task]!;
    const dsq = scx.findForDispatch(cpu, this.#markLow[task]!, this.#markHigh[task]!, task);
    this.#markFlags[task]! |= flags;
    this.#markFlagsHigh[task]! |= flagsHigh;
    if (scx.dsqs.isLocal(dsq) && dsq !== cpu) {
      this.state[task] = opsState.none;
      this.#deferred.push(task);
      scx.defer();
      return;
    }
    const byVtime = this.#markVtime[task] === 1;
    const low = this.#markFlags[task]!;
    const high = this.#markFlagsHigh[task]!;
    this.#marked[task] = unmarked;
    this.enqueue(dsq, task, low, high, byVtime, true);
  }

  /** process_ddsp_deferred_locals(). */
  flushDeferred(): void {
    for (let task = this.#deferred.shift(); task !== undefined; task = this.#deferred.shift()) {
      const cpu = this.#core.tasks.cpu[task]!;
      const dsq = this.#scx.findForDispatch(cpu, this.#markLow[task]!, this.#markHigh[task]!, task);
      const low = this.#markFlags[task]!;
      const high = this.#markFlagsHigh[task]!;
      this.#marked[task] = unmarked;
      this.#toLocal(cpu, dsq, task, low, high, false);
    }
  }

  forgetDeferred(task: number): void {
    this.#marked[task] = unmarked;
    if (this.#deferred.length === 0) return;
    const at = this.#deferred.indexOf(task);
    if (at >= 0) this.#deferred.splice(at, 1);
  }

  /** dispatch_enqueue(). `leavesCustody`: SCX_ENQ_CLEAR_OPSS. */
  enqueue(
    dsq: number,
    task: number,
    flags: number,
    flagsHigh: number,
    byVtime: boolean,
    leavesCustody: boolean,
  ): void {
    const scx = this.#scx;
    const { dsqs } = scx;
    let inTree = byVtime;
    if (byVtime && dsqs.isBuiltin(dsq)) {
      scx.error('cannot use vtime ordering for built-in DSQs');
      inTree = false;
    }
    if (inTree) {
      if (!dsqs.hasTree(dsq) && !dsqs.isEmpty(dsq))
        scx.error(`DSQ ID 0x${scx.idText(dsq)} already had FIFO-enqueued tasks`);
      dsqs.insertByVtime(dsq, task);
    } else {
      if (dsqs.hasTree(dsq)) scx.error(`DSQ ID 0x${scx.idText(dsq)} already had PRIQ-enqueued tasks`);
      dsqs.insert(dsq, task, isAtHead(flags, flagsHigh));
    }
    this.#marked[task] = unmarked;
    if (leavesCustody) this.state[task] = opsState.none;
    if (dsqs.isLocal(dsq)) this.#afterLocal(dsq, task, flagsHigh);
  }

  /** local_dsq_post_enq(). */
  #afterLocal(cpu: number, task: number, flagsHigh: number): void {
    if (cpu === this.#scx.balancing) return;
    const curr = this.#core.cpus.curr[cpu]!;
    if ((flagsHigh & scxFlag.enqHigh.preempt) !== 0 && curr >= 0 && curr !== task) {
      if (this.#core.tasks.schedClass[curr] === classNumber.ext) {
        this.#scx.memory.setSlice(curr, 0);
        this.#core.resched(cpu);
        return;
      }
    }
    if (curr < 0) this.#core.resched(cpu);
  }

  /** task_can_run_on_remote_rq(). */
  canRunOn(task: number, cpu: number, enforce: boolean): boolean {
    const scx = this.#scx;
    const { tasks, cpus } = this.#core;
    if (tasks.migrationDisabled[task] === 1) {
      if (enforce)
        scx.error(
          `SCX_DSQ_LOCAL[_ON] cannot move migration disabled ${scx.memory.nameOf(task)} from CPU ${tasks.cpu[task]} to ${cpu}`,
        );
      return false;
    }
    if (!tasks.allows(task, cpu)) {
      if (enforce)
        scx.error(`SCX_DSQ_LOCAL[_ON] target CPU ${cpu} not allowed for ${scx.memory.nameOf(task)}`);
      return false;
    }
    if (cpus.online[cpu] === 0) {
      if (enforce) scx.events.dispatchLocalDsqOffline++;
      return false;
    }
    return true;
  }

  /** consume_dispatch_q(): the first task that this CPU may run goes to its local queue. */
  consume(dsq: number, cpu: number): boolean {
    const { dsqs } = this.#scx;
    const { tasks } = this.#core;
    for (let task = dsqs.head[dsq]!; task >= 0; task = dsqs.next[task]!) {
      if (tasks.cpu[task] === cpu) {
        dsqs.remove(task);
        dsqs.insert(cpu, task, false);
        this.#afterLocal(cpu, task, 0);
        return true;
      }
      if (!this.canRunOn(task, cpu, false)) continue;
      dsqs.remove(task);
      this.moveRemote(task, cpu, 0);
      return true;
    }
    return false;
  }

  /**
   * move_remote_task_to_local_dsq(): the task, in no queue now, changes its CPU and joins the local queue there. enqueue_task_scx() takes its flags
   * as an int, so the high half of enq_flags (SCX_ENQ_PREEMPT, order by vtime) is lost on the way; commit 57ccf5ccdc56 mended it.
   */
  moveRemote(task: number, to: number, flags: number): void {
    const { tasks, cpus } = this.#core;
    const from = tasks.cpu[task]!;
    cpus.nrRunning[from]!--;
    tasks.cpu[task] = to;
    cpus.nrRunning[to]!++;
    this.#scx.memory.cpuChanged(task);
    this.enqueue(to, task, flags, 0, false, true);
    this.countFallback(task, to, flags);
  }

  /** The end of enqueue_task_scx(): the task is on another CPU than select_cpu has named. */
  countFallback(task: number, cpu: number, flags: number): void {
    const { memory, events } = this.#scx;
    if ((flags & enqueueFlag.rqSelected) !== 0 && cpu !== memory.get(task, at.scxSelectedCpu))
      events.selectCpuFallback++;
  }

  /** move_task_between_dsqs(): from a user queue to any other. */
  moveBetween(task: number, dsq: number, flags: number, flagsHigh: number, byVtime: boolean): void {
    const { dsqs } = this.#scx;
    const from = this.#core.tasks.cpu[task]!;
    let to = dsq;
    if (dsqs.isLocal(to) && to !== from && !this.canRunOn(task, to, true)) to = this.#scx.globalOf(task);
    dsqs.remove(task);
    if (!dsqs.isLocal(to)) this.enqueue(to, task, flags, flagsHigh, byVtime, false);
    else if (to !== from) this.moveRemote(task, to, flags);
    else {
      dsqs.insert(to, task, isAtHead(flags, flagsHigh));
      this.#afterLocal(to, task, flagsHigh);
    }
  }

  /** Tasks that ops.dispatch has moved by itself count, so that it is called again. */
  moved(count: number): void {
    this.#count += count;
  }
}
