// Traces drawn from numbers: a scheduler without a policy, whose choices are given, and what it did as a trace. All that a kernel's trace can have: several CPUs,
// migration, preemption, forks, exits, wake-ups by tasks, timers and interrupts, and those that find their task still on its CPU.

import {
  ended,
  stillRunnable,
  type Trace,
  type TraceKind,
  type TraceTask,
  traceKinds,
  waitReasons,
  wakeCauses,
} from '../../src/core/trace.ts';
import { createRandom, type Random } from '../../src/lib/random.ts';

export interface Drawn {
  readonly trace: Trace;
  /** CPU time by task. */
  readonly ranNs: readonly number[];
}

interface Row {
  readonly atNs: number;
  readonly kind: TraceKind;
  readonly cpu: number;
  readonly task: number;
  readonly other: number;
  readonly detail: number;
  readonly object: number;
}

const reasons = ['unknown', 'sleep', 'futex', 'pipe', 'poll', 'disk', 'child'] as const;

export function drawnTrace(
  seed: number,
  { cpus = 2, steps = 200, mostTasks = 20, outsiders = 1 } = {},
): Drawn {
  const world = new World(createRandom(seed), cpus, mostTasks, outsiders);
  for (let i = 0; i < steps; i++) world.step();
  return world.end();
}

class World {
  readonly #random: Random;
  readonly #mostTasks: number;
  readonly #current: number[];
  readonly #since: number[];
  readonly #state: ('ready' | 'running' | 'waiting' | 'ended')[] = [];
  /** About to leave its CPU, and woken already. */
  readonly #isWoken = new Set<number>();
  readonly #tasks: TraceTask[] = [];
  readonly #ran: number[] = [];
  readonly #rows: Row[] = [];
  #now = 0;

  constructor(random: Random, cpus: number, mostTasks: number, outsiders: number) {
    this.#random = random;
    this.#mostTasks = mostTasks;
    this.#current = Array.from({ length: cpus }, () => -1);
    this.#since = Array.from({ length: cpus }, () => 0);
    for (let i = 0; i < 1 + outsiders; i++) this.#born(-1, i === 0);
  }

  #born(parent: number, isFollowed: boolean): number {
    const tid = 100 + this.#tasks.length;
    const about = { tid, tgid: tid, parent, comm: 'a b\u00ff', isKernel: false, isFollowed };
    this.#tasks.push({ ...about, nice: this.#random.below(3) - 1, schedClass: 0 });
    this.#state.push('ready');
    this.#ran.push(0);
    return this.#tasks.length - 1;
  }

  #add(kind: TraceKind, cpu: number, task: number, other: number, detail = 0, object = 0): void {
    this.#rows.push({ atNs: this.#now, kind, cpu, task, other, detail, object });
  }

  #one(of: number[]): number | undefined {
    return of.length === 0 ? undefined : of[this.#random.below(of.length)];
  }

  #those(state: string): number[] {
    return this.#state.flatMap((one, task) => (one === state ? [task] : []));
  }

  step(): void {
    const random = this.#random;
    this.#now += 1 + random.below(300_000);
    const cpu = random.below(this.#current.length);
    const running = this.#current[cpu]!;
    const what = random.below(10);
    if (running < 0) this.#arrive(cpu);
    else if (what < 2) this.#wake(cpu, running);
    else if (what === 2) this.#fork(cpu, running);
    else if (what === 3) this.#early(cpu, running);
    else if (what < 6) this.#leave(cpu, stillRunnable);
    else if (what === 6 && this.#tasks.length > 3) this.#leave(cpu, ended);
    else this.#leave(cpu, waitReasons.indexOf(reasons[random.below(reasons.length)]!));
    if (random.below(3) === 0) this.#ring(cpu);
  }

  #wake(cpu: number, by: number): void {
    const task = this.#one(this.#those('waiting'));
    if (task === undefined) return;
    this.#state[task] = 'ready';
    this.#add(traceKinds.wake, cpu, task, by, wakeCauses.indexOf('task'));
  }

  #ring(cpu: number): void {
    const task = this.#one(this.#those('waiting'));
    if (task === undefined) return;
    this.#state[task] = 'ready';
    const cause = this.#random.below(2) === 0 ? 'timer' : 'interrupt';
    this.#add(traceKinds.wake, cpu, task, -1, wakeCauses.indexOf(cause));
  }

  #fork(cpu: number, by: number): void {
    if (this.#tasks.length >= this.#mostTasks) return;
    const child = this.#born(by, this.#tasks[by]!.isFollowed);
    this.#add(traceKinds.fork, cpu, child, by);
  }

  /** A wake-up of a task that is on another CPU: it will not wait after all, or has decided to leave and is woken before. */
  #early(cpu: number, by: number): void {
    const task = this.#one(this.#current.filter((one) => one >= 0 && one !== by));
    if (task === undefined) return;
    this.#add(traceKinds.wake, cpu, task, by, wakeCauses.indexOf('task'));
    if (this.#random.below(2) === 0) return;
    this.#isWoken.add(task);
    this.#now += 1 + this.#random.below(1000);
    this.#leave(this.#current.indexOf(task), waitReasons.indexOf('futex'));
  }

  #leave(cpu: number, detail: number): void {
    const task = this.#current[cpu]!;
    this.#ran[task]! += this.#now - this.#since[cpu]!;
    const isWoken = this.#isWoken.delete(task);
    if (detail === ended) this.#add(traceKinds.exit, cpu, task, -1);
    this.#state[task] =
      detail === ended ? 'ended' : detail === stillRunnable || isWoken ? 'ready' : 'waiting';
    this.#arrive(cpu, task, detail);
  }

  #arrive(cpu: number, prev = -1, detail = 0): void {
    const next = this.#random.below(8) === 0 ? undefined : this.#one(this.#those('ready'));
    if (prev < 0 && next === undefined) return;
    if (next === prev) {
      this.#state[prev] = 'running'; // nothing is seen of that
      this.#since[cpu] = this.#now;
      if (detail !== stillRunnable) this.#add(traceKinds.switch, cpu, prev, next, detail);
      return;
    }
    const object = detail < 20 ? this.#random.below(3) : 0;
    this.#add(traceKinds.switch, cpu, prev, next ?? -1, prev < 0 ? 0 : detail, object);
    this.#current[cpu] = next ?? -1;
    if (next === undefined) return;
    this.#state[next] = 'running';
    this.#since[cpu] = this.#now;
  }

  end(): Drawn {
    for (const [cpu, task] of this.#current.entries())
      if (task >= 0) this.#ran[task]! += this.#now - this.#since[cpu]!;
    const rows = this.#rows;
    const column = (name: keyof Row) => rows.map((row) => row[name]);
    const trace: Trace = {
      source: 'probes',
      cpus: this.#current.length,
      release: '',
      durationNs: this.#now,
      lost: 0,
      notes: [],
      subject: { name: 'drawn', startNs: 0, endNs: this.#now },
      tasks: this.#tasks,
      count: rows.length,
      atNs: Float64Array.from(column('atNs')),
      kind: Uint8Array.from(column('kind')),
      cpu: Uint16Array.from(column('cpu')),
      task: Int32Array.from(column('task')),
      other: Int32Array.from(column('other')),
      detail: Uint8Array.from(column('detail')),
      object: Uint32Array.from(column('object')),
    };
    return { trace, ranNs: this.#ran };
  }
}

/** Events are left out, doubled, moved, or have other numbers. */
export function damaged(trace: Trace, seed: number): Trace {
  const random = createRandom(seed);
  const order: number[] = [];
  for (let i = 0; i < trace.count; i++) {
    const what = random.below(12);
    if (what > 0) order.push(i);
    if (what === 1) order.push(i);
    if (what === 2) order.push(random.below(trace.count));
  }
  const wild = (value: number): number => (random.below(20) === 0 ? random.below(40) - 3 : value);
  const pick = (column: ArrayLike<number>): number[] => order.map((i) => column[i]!);
  return {
    ...trace,
    count: order.length,
    atNs: Float64Array.from(pick(trace.atNs)).sort(),
    kind: Uint8Array.from(pick(trace.kind).map(wild)),
    cpu: Uint16Array.from(pick(trace.cpu).map(wild)),
    task: Int32Array.from(pick(trace.task).map(wild)),
    other: Int32Array.from(pick(trace.other).map(wild)),
    detail: Uint8Array.from(pick(trace.detail).map((value) => (random.below(20) === 0 ? 7 : value))),
    object: Uint32Array.from(pick(trace.object)),
  };
}
