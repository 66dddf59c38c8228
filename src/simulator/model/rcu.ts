// Grace periods of RCU, as far as they make kernel threads run: callbacks wait for one, every busy CPU must tick twice in it, and the thread rcu_preempt
// begins and ends it. Source: kernel/rcu/tree.c, v6.18 (rcu_sched_clock_irq, rcu_pending, rcu_core, note_gp_changes, rcu_do_batch, rcu_gp_fqs_loop).

/** What a callback costs its caller later: the work that it hands on when it is called, after this many further grace periods. */
const depths = 3;
/** rcu_do_batch() calls no more of them at once while anything but idle runs there (blimit). */
const batch = 10;

export class Rcu {
  /** Grace periods that have ended, and whether another is under way. */
  ended = 0;
  inProgress = false;
  readonly #cpus: number;
  /** A grace period is wanted after the one under way. */
  #wanted = false;
  /** Which CPUs have not passed through a quiescent state yet, and how many. */
  readonly #owes: Uint8Array;
  #owing = 0;
  /** What each CPU knows: grace periods begun and ended, and whether it must pass through a quiescent state, and has. */
  readonly #knows: Int32Array;
  readonly #needs: Uint8Array;
  readonly #passed: Uint8Array;
  /** Callbacks of a CPU by depth: new ones, those that wait for `#until` grace periods to have ended, for one more, and those that can be called. */
  readonly #fresh: Int32Array;
  readonly #waiting: Int32Array;
  readonly #next: Int32Array;
  readonly #ready: Int32Array;
  readonly #until: Int32Array;
  /** All of them together. */
  readonly #held: Int32Array;

  constructor(cpus: number) {
    this.#cpus = cpus;
    const byCpu = (): Uint8Array => new Uint8Array(cpus);
    const counts = (): Int32Array => new Int32Array(cpus * depths);
    this.#owes = byCpu();
    this.#needs = byCpu();
    this.#passed = byCpu();
    this.#knows = new Int32Array(cpus);
    this.#until = new Int32Array(cpus);
    this.#held = new Int32Array(cpus);
    this.#fresh = counts();
    this.#waiting = counts();
    this.#next = counts();
    this.#ready = counts();
  }

  /** call_rcu(), `count` times, on this CPU. `depth`: so many more follow one upon another. */
  call(cpu: number, count: number, depth: number): void {
    this.#fresh[cpu * depths + depth]! += count;
    this.#held[cpu]! += count;
  }

  /** rcu_needs_cpu(): a CPU that has callbacks goes on ticking when it is idle. */
  needsCpu(cpu: number): boolean {
    return this.#held[cpu]! > 0;
  }

  /** rcu_note_context_switch(), rcu_flavor_sched_clock_irq(): a quiescent state, for a grace period that the CPU knows of. */
  quiescent(cpu: number): void {
    this.#passed[cpu] = 1;
  }

  /** rcu_pending(): whether the softirq has something to do. */
  pending(cpu: number): boolean {
    if (this.inProgress && this.#needs[cpu] === 1 && this.#passed[cpu] === 1) return true;
    if (this.#knows[cpu] !== this.#state()) return true;
    if (this.#held[cpu] === 0) return false;
    return sum(this.#ready, cpu) > 0 || (!this.inProgress && sum(this.#fresh, cpu) > 0);
  }

  /** rcu_core() but for the callbacks. True: rcu_preempt is to be woken. */
  core(cpu: number): boolean {
    this.#note(cpu);
    let wakes = false;
    if (this.#needs[cpu] === 1 && this.#passed[cpu] === 1) {
      this.#needs[cpu] = 0;
      wakes = this.#report(cpu);
    }
    return this.#accelerate(cpu) || wakes;
  }

  /** rcu_do_batch(): how many callbacks were called. `isIdle`: nothing else runs there. */
  callBatch(cpu: number, isIdle: boolean): number {
    let left = isIdle ? Number.MAX_SAFE_INTEGER : batch;
    let called = 0;
    for (let depth = 0; depth < depths && left > 0; depth++) {
      const at = cpu * depths + depth;
      const now = Math.min(left, this.#ready[at]!);
      this.#ready[at]! -= now;
      left -= now;
      called += now;
      if (depth > 0) this.#fresh[at - 1]! += now;
      else this.#held[cpu]! -= now;
    }
    return called;
  }

  hasReady(cpu: number): boolean {
    return this.#held[cpu]! > 0 && sum(this.#ready, cpu) > 0;
  }

  /** rcu_gp_init(), by rcu_preempt on this CPU. False: nobody wants one. */
  begin(cpu: number): boolean {
    if (!this.#wanted) return false;
    this.#wanted = false;
    this.inProgress = true;
    this.#owes.fill(1);
    this.#owing = this.#cpus;
    this.#note(cpu);
    return true;
  }

  /** rcu_gp_fqs(): CPUs that are idle are in a quiescent state. */
  force(isIdle: (cpu: number) => boolean): void {
    for (let cpu = 0; cpu < this.#cpus; cpu++) if (this.#owes[cpu] === 1 && isIdle(cpu)) this.#report(cpu);
  }

  /** Every CPU has passed through a quiescent state. */
  get isOver(): boolean {
    return this.inProgress && this.#owing === 0;
  }

  /** rcu_gp_cleanup(), by rcu_preempt on this CPU. */
  end(cpu: number): void {
    this.inProgress = false;
    this.ended++;
    this.#note(cpu);
    this.#accelerate(cpu);
  }

  /** Changes with each beginning and end. */
  #state(): number {
    return 2 * this.ended + (this.inProgress ? 1 : 0);
  }

  /** note_gp_changes(). */
  #note(cpu: number): void {
    const state = this.#state();
    if (this.#knows[cpu] === state) return;
    this.#knows[cpu] = state;
    this.#needs[cpu] = this.#owes[cpu]! & (this.inProgress ? 1 : 0);
    this.#passed[cpu] = 0;
    this.#advance(cpu);
  }

  #advance(cpu: number): void {
    if (this.ended < this.#until[cpu]!) return;
    move(cpu, this.#waiting, this.#ready);
    move(cpu, this.#next, this.#waiting);
    this.#until[cpu]!++;
  }

  /** rcu_accelerate_cbs(): new callbacks wait for a whole grace period. True: there must be one, and none is under way. */
  #accelerate(cpu: number): boolean {
    if (sum(this.#fresh, cpu) === 0) return false;
    const until = this.ended + (this.inProgress ? 2 : 1);
    const isFirst = sum(this.#waiting, cpu) === 0;
    if (isFirst) this.#until[cpu] = until;
    move(cpu, this.#fresh, isFirst || this.#until[cpu] === until ? this.#waiting : this.#next);
    const wakes = !this.inProgress && !this.#wanted;
    this.#wanted = true;
    return wakes;
  }

  /** True: it was the last. */
  #report(cpu: number): boolean {
    if (this.#owes[cpu] === 0) return false;
    this.#owes[cpu] = 0;
    this.#owing--;
    return this.#owing === 0;
  }
}

function sum(counts: Int32Array, cpu: number): number {
  let all = 0;
  for (let at = cpu * depths; at < (cpu + 1) * depths; at++) all += counts[at]!;
  return all;
}

function move(cpu: number, from: Int32Array, to: Int32Array): void {
  for (let at = cpu * depths; at < (cpu + 1) * depths; at++) {
    to[at]! += from[at]!;
    from[at] = 0;
  }
}
