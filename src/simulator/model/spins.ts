// CPUs that wait in an interrupt, with interrupts off, until others have been through the scheduler: nothing goes on there meanwhile, and ticks and timers ring when it is
// over. Source: kick_cpus_irq_workfn(), kernel/sched/ext.c, v6.18.15 (pnt_seq).

export class Spins {
  /** CPUs that wait, and CPUs that have not had a tick: 0 is the rule. */
  busy = 0;
  /** By CPU: on whom it still waits. Made when somebody does. */
  #targets: number[][] = [];
  /** By CPU: when it would have gone on, had it not waited. */
  since: number[] = [];
  #ticks: number[] = [];
  /** By CPU: wheel slots of timers that have not rung. */
  #timers: number[][] = [];
  readonly #cpus: number;

  constructor(cpus: number) {
    this.#cpus = cpus;
  }

  #make(): void {
    const cpus = Array.from({ length: this.#cpus }, (_, cpu) => cpu);
    this.#targets = cpus.map(() => []);
    this.#timers = cpus.map(() => []);
    this.since = cpus.map(() => 0);
    this.#ticks = cpus.map(() => 0);
  }

  /** Asked only when somebody is busy. */
  waits(cpu: number): boolean {
    return this.#targets[cpu]!.length > 0;
  }

  /** `cpu` waits on these CPUs too, none of them itself. */
  begin(cpu: number, targets: readonly number[]): void {
    if (this.#targets.length === 0) this.#make();
    const own = this.#targets[cpu]!;
    if (own.length === 0) this.busy++;
    for (const target of targets) if (!own.includes(target)) own.push(target);
  }

  /** CPUs that wait for one another, from `cpu` on: none of them ever goes on. */
  circle(cpu: number): number[] | undefined {
    const seen = new Set<number>();
    const lead = (from: number, way: readonly number[]): number[] | undefined => {
      for (const target of this.#targets[from]!) {
        if (target === cpu) return [...way, from];
        if (seen.has(target)) continue;
        seen.add(target);
        const found = lead(target, [...way, from]);
        if (found !== undefined) return found;
      }
      return undefined;
    };
    return lead(cpu, []);
  }

  /** `target` has been through the scheduler. Gives those that need not wait any longer. */
  reached(target: number): number[] {
    const free: number[] = [];
    for (let cpu = 0; cpu < this.#targets.length; cpu++) {
      const own = this.#targets[cpu]!;
      const at = own.indexOf(target);
      if (at < 0) continue;
      own.splice(at, 1);
      if (own.length > 0) continue;
      this.busy--;
      free.push(cpu);
    }
    return free;
  }

  /** True: its tick must wait. */
  putOffTick(cpu: number): boolean {
    if (!this.waits(cpu)) return false;
    if (this.#ticks[cpu] === 0) this.busy++;
    this.#ticks[cpu] = 1;
    return true;
  }

  /** Whether it has still to have a tick; from now on not. */
  takeTick(cpu: number): boolean {
    if (this.#ticks[cpu] === 0) return false;
    this.#ticks[cpu] = 0;
    this.busy--;
    return true;
  }

  hasTick(cpu: number): boolean {
    return this.#ticks[cpu] === 1;
  }

  /** True: the timer of this slot must wait. */
  putOffTimer(cpu: number, slot: number): boolean {
    if (!this.waits(cpu)) return false;
    this.#timers[cpu]!.push(slot);
    return true;
  }

  takeTimers(cpu: number): number[] {
    return this.#timers[cpu]!.splice(0);
  }
}

/** "CPU 0 waits for CPU 1, which waits for CPU 0". */
export function circleText(circle: readonly number[]): string {
  const [first, ...others] = [...circle, circle[0]!];
  return `CPU ${first} waits for ${others.map((cpu) => `CPU ${cpu}`).join(', which waits for ')}`;
}
