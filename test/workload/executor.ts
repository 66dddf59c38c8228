// A trivial machine for tests: a discrete-event list scheduler over an expansion. N equal CPUs, no costs, no kernel.
// Written from docs/protocol.md, section 1, and not from src/: it is an independent reading of the contract.
import type { RunEvent } from '../../src/core/metrics.ts';
import { type Expansion, type Op, opCodes } from '../../src/core/workload.ts';

export interface ExecutorOptions {
  readonly cpus: number;
  /** Who goes first: the larger number; equal numbers in order of becoming ready. Default: FIFO. */
  readonly priority?: (task: number) => number;
  /** A RUN is put back after so long; default never. */
  readonly sliceNs?: number;
}

interface Actor {
  readonly task: number;
  readonly ops: readonly Op[];
  readonly background: boolean;
  readonly repeated: Map<number, number>;
  at: number;
  left: number;
  since: number;
  startNs: number;
  endNs: number;
  cpuNs: number;
  delayNs: number;
  state: 'unborn' | 'ready' | 'running' | 'blocked' | 'ended';
}

interface Timer {
  readonly ns: number;
  readonly run: () => void;
}

/** The runner's events for the whole expansion. Throws when a round cannot end. */
export function execute(expansion: Expansion, options: ExecutorOptions): RunEvent[] {
  const events: RunEvent[] = [];
  const samples = expansion.series.map((): number[] => []);
  let startNs = 0;
  for (let round = 0; round < expansion.rounds; round++) {
    const { makespanNs, actors } = executeRound(expansion, round, options, samples);
    events.push({ event: 'round', round, startNs, endNs: startNs + makespanNs, makespanNs });
    for (const { task, startNs, endNs, cpuNs, delayNs, background, state } of actors) {
      const killed = background && state !== 'ended';
      events.push({ event: 'task', task, startNs, endNs, cpuNs, delayNs, vcsw: 0, icsw: 0, cpu: 0, killed });
    }
    startNs += makespanNs;
  }
  for (const [series, values] of samples.entries()) events.push({ event: 'samples', series, values });
  return [...events, { event: 'done', status: 'ok' }];
}

function executeRound(
  expansion: Expansion,
  round: number,
  { cpus, priority = () => 0, sliceNs = Number.POSITIVE_INFINITY }: ExecutorOptions,
  samples: number[][],
) {
  let now = 0;
  let idle = cpus;
  /** Whether the actor that has the CPU did something for which others may have waited. */
  let changed = false;
  const timers: Timer[] = [];
  const ready: Actor[] = [];
  const units = new Map<number, number>();
  const stamps = new Map<number, number>();
  const held = new Map<number, number>();
  const inside = new Map<number, number>();
  const waiting = new Set<Actor>();
  const actors = new Map<number, Actor>();
  for (const [task, { round: own, ops, background, forked, startNs }] of expansion.tasks.entries()) {
    if (own !== round) continue;
    const zero = { at: 0, left: 0, since: 0, startNs: 0, endNs: 0, cpuNs: 0, delayNs: 0 };
    actors.set(task, { task, ops, background, repeated: new Map(), ...zero, state: 'unborn' });
    if (!forked) at(startNs, () => start(actors.get(task)!));
  }

  function at(ns: number, run: () => void): void {
    let low = 0;
    for (let high = timers.length; low < high; ) {
      const middle = (low + high) >> 1;
      if (timers[middle]!.ns <= ns) low = middle + 1;
      else high = middle;
    }
    timers.splice(low, 0, { ns, run });
  }

  function start(actor: Actor): void {
    actor.startNs = now;
    enqueue(actor);
  }

  function enqueue(actor: Actor): void {
    waiting.delete(actor);
    actor.state = 'ready';
    actor.since = now;
    ready.push(actor);
  }

  function dispatch(): void {
    while (idle > 0 && ready.length > 0) {
      const best = ready.reduce((a, b) => (priority(b.task) > priority(a.task) ? b : a));
      ready.splice(ready.indexOf(best), 1);
      best.delayNs += now - best.since;
      best.state = 'running';
      idle--;
      advance(best);
    }
  }

  /** The actor has a CPU: until it computes, blocks or ends. */
  function advance(actor: Actor): void {
    changed = false;
    for (;;) {
      const op = actor.ops[actor.at];
      if (op === undefined) {
        actor.state = 'ended';
        actor.endNs = now;
        changed = true;
        break;
      }
      if (op.code === opCodes.RUN) {
        compute(actor, op);
        return;
      }
      if (!perform(actor, op)) {
        actor.state = 'blocked';
        if (op.code !== opCodes.SLEEP && op.code !== opCodes.UNTIL) waiting.add(actor);
        break;
      }
      if (op.code !== opCodes.REPEAT) actor.at++;
      changed = true;
    }
    idle++;
    if (changed) for (const other of [...waiting]) if (other !== actor) enqueue(other);
  }

  function compute(actor: Actor, op: Op): void {
    if (changed) for (const other of [...waiting]) enqueue(other);
    if (actor.left === 0) actor.left = Number(op.b);
    const ns = Math.min(actor.left, sliceNs);
    at(now + ns, () => {
      actor.cpuNs += ns;
      actor.left -= ns;
      if (actor.left === 0) actor.at++;
      if (actor.left === 0 && actor.ops[actor.at]?.code !== opCodes.REPEAT) advance(actor);
      else {
        idle++;
        enqueue(actor);
      }
    });
  }

  /** false: it cannot go on now. */
  function perform(actor: Actor, { code, a, b }: Op): boolean {
    const n = Number(b);
    if (code === opCodes.SLEEP || code === opCodes.UNTIL) {
      const ns = code === opCodes.SLEEP ? now + n : n;
      if (code === opCodes.UNTIL && ns <= now) return true;
      at(ns, () => {
        actor.at++;
        enqueue(actor);
      });
      return false;
    }
    if (code === opCodes.WAIT) {
      const have = units.get(a) ?? 0;
      units.set(a, Math.max(0, have - 1));
      return have > 0;
    }
    if (code === opCodes.SIGNAL) {
      units.set(a, (units.get(a) ?? 0) + n);
      stamps.set(a, now);
    } else if (code === opCodes.LOCK) {
      if (held.has(a)) return false;
      held.set(a, actor.task);
    } else if (code === opCodes.UNLOCK) {
      if (held.get(a) !== actor.task) throw new Error('unlocks a lock that it does not hold');
      held.delete(a);
    } else if (code === opCodes.WRITE || code === opCodes.READ) {
      const have = inside.get(a) ?? 0;
      if (actor.left === 0) actor.left = n;
      const moved = Math.min(actor.left, code === opCodes.WRITE ? 65_536 - have : have);
      inside.set(a, code === opCodes.WRITE ? have + moved : have - moved);
      actor.left -= moved;
      changed ||= moved > 0;
      return actor.left === 0;
    } else if (code === opCodes.FORK) start(actors.get(a)!);
    else if (code === opCodes.JOIN) return actors.get(a)!.state === 'ended';
    else if (code === opCodes.LAP) sample(a, now - stamps.get(n)!);
    else if (code === opCodes.SINCE) sample(a, now - n);
    else if (code === opCodes.REPEAT) {
      const times = actor.repeated.get(actor.at) ?? 0;
      actor.repeated.set(actor.at, times < a ? times + 1 : 0);
      actor.at = times < a ? actor.at - n : actor.at + 1;
    }
    return true;
  }

  function sample(series: number, ns: number): void {
    if (round >= expansion.warmupRounds) samples[series]!.push(ns);
  }

  const foreground = [...actors.values()].filter((actor) => !actor.background);
  while (foreground.some((actor) => actor.state !== 'ended')) {
    const timer = timers.shift();
    if (timer === undefined) throw new Error(`round ${round} cannot end`);
    now = timer.ns;
    timer.run();
    dispatch();
  }
  for (const actor of actors.values()) if (actor.state !== 'ended') actor.endNs = now;
  return { makespanNs: now, actors: [...actors.values()] };
}
