// Kicks: asking a CPU to reschedule, done when the event that asked is over. Source: scx_kick_cpu(), kick_cpus_irq_workfn(), kick_one_cpu(),
// can_skip_idle_kick(), kernel/sched/ext.c, v6.18.15. With SCX_KICK_WAIT the CPU that asked waits until the other one, if it runs a task of sched_ext, has been through the
// scheduler; the waiting begins when its event is over, whatever else it has still to do.

import type { Core } from '../core.ts';
import { classNumber } from '../flags.ts';
import type { Scx } from './scx.ts';
import { scxFlag } from './scx-flags.ts';

const want = { idle: 1, plain: 2, preempt: 4, wait: 8 } as const;

export class Kicks {
  readonly #core: Core;
  readonly #scx: Scx;
  /** What is wanted of each CPU; 0 nothing. */
  readonly #wanted: Uint8Array;
  #isAny = false;
  /** CPUs that the CPU which asked will wait for. */
  readonly #awaited: number[] = [];

  constructor(scx: Scx) {
    const { core } = scx;
    this.#core = core;
    this.#scx = scx;
    this.#wanted = core.tasks.columns.bytes(core.topology.cpus);
  }

  /** scx_bpf_kick_cpu(): `cpu` is valid. `isLocked`: the callback runs under its run queue's lock, so that nobody looks now whether it idles. */
  kick(cpu: number, flags: number, isLocked = false): void {
    if (this.#scx.bypassing) return;
    let wanted: number = want.plain;
    if ((flags & scxFlag.kick.idle) !== 0) {
      if ((flags & (scxFlag.kick.preempt | scxFlag.kick.wait)) !== 0)
        this.#scx.error('PREEMPT/WAIT cannot be used with SCX_KICK_IDLE');
      if (!isLocked && !this.#couldBeIdle(cpu)) return;
      wanted = want.idle;
    } else {
      if ((flags & scxFlag.kick.preempt) !== 0) wanted |= want.preempt;
      if ((flags & scxFlag.kick.wait) !== 0) {
        wanted |= want.wait;
        this.#core.willSpin = true;
      }
    }
    this.#wanted[cpu]! |= wanted;
    this.#isAny = true;
    this.#scx.defer();
  }

  /** Not certain to look for work once more before it idles. */
  #couldBeIdle(cpu: number): boolean {
    const { cpus, visitor } = this.#core;
    return (cpus.curr[cpu]! < 0 && visitor !== cpu) || this.#scx.balancing === cpu;
  }

  /** By number of CPU: first those that are to reschedule, then those that are to if they idle. `isWithin`: nobody waits yet. */
  flush(isWithin: boolean): void {
    if (this.#isAny) this.#flush();
    if (!this.#core.willSpin) return;
    if (isWithin) {
      this.#scx.defer();
      return;
    }
    this.#core.willSpin = false;
    if (this.#awaited.length > 0) this.#core.spin(this.#core.execCpu, this.#awaited.splice(0));
  }

  #flush(): void {
    this.#isAny = false;
    const wanted = this.#wanted;
    for (let cpu = 0; cpu < wanted.length; cpu++) if (wanted[cpu]! > want.idle) this.#kickOne(cpu);
    for (let cpu = 0; cpu < wanted.length; cpu++) if (wanted[cpu] === want.idle) this.#kickOne(cpu);
  }

  #kickOne(cpu: number): void {
    const { cpus, tasks } = this.#core;
    const curr = cpus.curr[cpu]!;
    const wanted = this.#wanted[cpu]!;
    this.#wanted[cpu] = 0;
    if (cpu === this.#core.visitor || (cpus.online[cpu] === 0 && cpu !== this.#core.execCpu)) return;
    if (wanted === want.idle) {
      if (curr < 0) this.#core.resched(cpu);
      return;
    }
    if (curr >= 0 && tasks.schedClass[curr]! < classNumber.ext) return;
    if ((wanted & want.preempt) !== 0 && curr >= 0 && tasks.schedClass[curr] === classNumber.ext)
      this.#scx.memory.setSlice(curr, 0);
    if ((wanted & want.wait) !== 0 && curr >= 0 && cpu !== this.#core.execCpu) this.#awaited.push(cpu);
    this.#core.resched(cpu);
  }
}
