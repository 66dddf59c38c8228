// An untimed run of one round with unlimited CPUs, to find mistakes that can be known in advance: a wait that nobody
// signals, a read that nobody writes, a circle of joins, a lock taken twice or never released, locks taken in two orders.
import { type Expansion, type Op, opCodes } from '../core/workload.ts';
import { bodyStart } from './loops.ts';

export interface Stuck {
  readonly task: number;
  readonly op: number;
  readonly message: string;
}

/** A pipe's buffer, in bytes (Linux's default). */
const pipeBytes = 65_536;
const mostSteps = 20_000_000;
const turn = 10_000;

interface Actor {
  readonly task: number;
  readonly ops: readonly Op[];
  readonly background: boolean;
  /** Whether each REPEAT's body has something that another task can notice. */
  readonly noticed: readonly boolean[];
  readonly counters: Map<number, number>;
  readonly held: number[];
  at: number;
  /** Bytes of the READ or WRITE at `at` that are still to be moved. */
  left: number;
  state: 'unborn' | 'ready' | 'blocked' | 'ended';
}

interface Stage {
  readonly actors: Map<number, Actor>;
  readonly ready: Actor[];
  readonly semaphores: Map<number, number>;
  readonly owners: Map<number, number>;
  readonly pipes: Map<number, number>;
  /** Blocked actors by what they wait for. */
  readonly waiting: Map<string, Actor[]>;
  /** Lock → locks taken while it is held. */
  readonly orders: Map<number, Set<number>>;
  /** Foreground tasks that have not ended. */
  unfinished: number;
  steps: number;
}

const silent = new Set<number>(
  (['RUN', 'SLEEP', 'UNTIL', 'YIELD', 'LAP', 'SINCE', 'NICE', 'CPUS', 'REPEAT'] as const).map(
    (n) => opCodes[n],
  ),
);

/** The first mistake found, or undefined. Tasks are numbered as in the expansion. */
export function rehearse(expansion: Expansion, round: number): Stuck | undefined {
  const stage = openStage(expansion, round);
  while (stage.unfinished > 0) {
    const actor = stage.ready.shift();
    if (actor === undefined) return firstStuck(stage);
    const mistake = act(actor, stage);
    if (mistake !== undefined) return { task: actor.task, op: actor.at, message: mistake };
    if (stage.steps > mostSteps) return tooLong(stage, actor);
    if (actor.state === 'ready') stage.ready.push(actor);
  }
  return undefined;
}

function openStage(expansion: Expansion, round: number): Stage {
  const actors = new Map<number, Actor>();
  for (const [task, { round: own, ops, background, forked }] of expansion.tasks.entries()) {
    if (own !== round) continue;
    const state = forked ? 'unborn' : 'ready';
    const bare = { task, ops, background, state } as const;
    actors.set(task, { ...bare, noticed: noticedBodies(ops), counters: new Map(), held: [], at: 0, left: 0 });
  }
  const ready = [...actors.values()].filter((actor) => actor.state === 'ready');
  const maps = {
    semaphores: new Map(),
    owners: new Map(),
    pipes: new Map(),
    waiting: new Map(),
    orders: new Map(),
  };
  const unfinished = [...actors.values()].filter((actor) => !actor.background).length;
  return { actors, ready, ...maps, unfinished, steps: 0 };
}

function noticedBodies(ops: readonly Op[]): boolean[] {
  const before = [0];
  for (const op of ops) before.push(before.at(-1)! + (silent.has(op.code) ? 0 : 1));
  return ops.map((op, i) => op.code === opCodes.REPEAT && before[i]! > before[bodyStart(op, i)]!);
}

/** Runs until the actor blocks, ends or has had its turn; the answer is a mistake. */
function act(actor: Actor, stage: Stage): string | undefined {
  for (let i = 0; i < turn; i++) {
    const op = actor.ops[actor.at];
    if (op === undefined) return end(actor, stage);
    stage.steps++;
    const result = step(actor, op, stage);
    if (result === 'blocked') {
      actor.state = 'blocked';
      return undefined;
    }
    if (result !== undefined) return result.mistake;
    if (op.code !== opCodes.REPEAT) actor.at++;
  }
  return undefined;
}

function end(actor: Actor, stage: Stage): string | undefined {
  actor.at = Math.max(0, actor.ops.length - 1);
  if (actor.held.length > 0) return 'ends while it holds a lock';
  actor.state = 'ended';
  if (!actor.background) stage.unfinished--;
  wake(stage, `task ${actor.task}`);
  return undefined;
}

type StepResult = undefined | 'blocked' | { readonly mistake: string };

function step(actor: Actor, op: Op, stage: Stage): StepResult {
  switch (op.code) {
    case opCodes.WAIT:
      return waitUnit(actor, op.a, stage);
    case opCodes.SIGNAL:
      stage.semaphores.set(op.a, (stage.semaphores.get(op.a) ?? 0) + Number(op.b));
      return wake(stage, `semaphore ${op.a}`);
    case opCodes.LOCK:
      return lock(actor, op.a, stage);
    case opCodes.UNLOCK:
      return unlock(actor, op.a, stage);
    case opCodes.WRITE:
    case opCodes.READ:
      return transfer(actor, op, stage);
    case opCodes.FORK: {
      const child = stage.actors.get(op.a)!;
      child.state = 'ready';
      stage.ready.push(child);
      return undefined;
    }
    case opCodes.JOIN:
      return stage.actors.get(op.a)!.state === 'ended' ? undefined : block(actor, stage, `task ${op.a}`);
    case opCodes.REPEAT:
      return repeat(actor, op);
    default:
      return undefined;
  }
}

function block(actor: Actor, stage: Stage, on: string): 'blocked' {
  const waiting = stage.waiting.get(on) ?? [];
  waiting.push(actor);
  stage.waiting.set(on, waiting);
  return 'blocked';
}

function wake(stage: Stage, on: string): undefined {
  const waiting = stage.waiting.get(on);
  if (waiting === undefined) return;
  stage.waiting.delete(on);
  for (const actor of waiting) actor.state = 'ready';
  stage.ready.push(...waiting);
}

function waitUnit(actor: Actor, semaphore: number, stage: Stage): StepResult {
  const units = stage.semaphores.get(semaphore) ?? 0;
  if (units === 0) return block(actor, stage, `semaphore ${semaphore}`);
  stage.semaphores.set(semaphore, units - 1);
  return undefined;
}

function lock(actor: Actor, index: number, stage: Stage): StepResult {
  const owner = stage.owners.get(index);
  if (owner === actor.task) return { mistake: 'locks a lock that it already holds' };
  for (const held of actor.held) {
    const later = stage.orders.get(held) ?? new Set();
    stage.orders.set(held, later.add(index));
    if (isBefore(index, held, stage, new Set())) {
      return { mistake: 'takes two locks in the opposite order of another phase: they can deadlock' };
    }
  }
  if (owner !== undefined) return block(actor, stage, `lock ${index}`);
  stage.owners.set(index, actor.task);
  actor.held.push(index);
  return undefined;
}

function isBefore(first: number, second: number, stage: Stage, seen: Set<number>): boolean {
  if (seen.has(first)) return false;
  seen.add(first);
  const later = stage.orders.get(first);
  return (
    later !== undefined &&
    (later.has(second) || [...later].some((next) => isBefore(next, second, stage, seen)))
  );
}

function unlock(actor: Actor, index: number, stage: Stage): StepResult {
  if (stage.owners.get(index) !== actor.task) return { mistake: 'unlocks a lock that it does not hold' };
  stage.owners.delete(index);
  actor.held.splice(actor.held.indexOf(index), 1);
  return wake(stage, `lock ${index}`);
}

function transfer(actor: Actor, op: Op, stage: Stage): StepResult {
  const inside = stage.pipes.get(op.a) ?? 0;
  const isWrite = op.code === opCodes.WRITE;
  if (actor.left === 0) actor.left = Number(op.b);
  const moved = Math.min(actor.left, isWrite ? pipeBytes - inside : inside);
  actor.left -= moved;
  stage.pipes.set(op.a, isWrite ? inside + moved : inside - moved);
  if (moved > 0) wake(stage, `${isWrite ? 'data' : 'room'} in pipe ${op.a}`);
  return actor.left === 0 ? undefined : block(actor, stage, `${isWrite ? 'room' : 'data'} in pipe ${op.a}`);
}

function repeat(actor: Actor, op: Op): undefined {
  const done = actor.counters.get(actor.at) ?? 0;
  const again = done < op.a && actor.noticed[actor.at]!;
  actor.counters.set(actor.at, again ? done + 1 : 0);
  actor.at = again ? bodyStart(op, actor.at) : actor.at + 1;
}

function tooLong(stage: Stage, actor: Actor): Stuck {
  const stuck = firstStuck(stage);
  if (stuck !== undefined) return stuck;
  const most = mostSteps.toLocaleString('en');
  return { task: actor.task, op: actor.at, message: `a round has more than ${most} steps; make it shorter` };
}

function firstStuck(stage: Stage): Stuck | undefined {
  const actors = [...stage.actors.values()];
  const stuck = actors.find(({ state, background }) => state === 'blocked' && !background);
  return stuck && { task: stuck.task, op: stuck.at, message: whyStuck(stuck, actors) };
}

function whyStuck({ ops, at }: Actor, actors: readonly Actor[]): string {
  const { code, a } = ops[at]!;
  const someone = (wanted: number) =>
    actors.some((other) => other.ops.some((op) => op.code === wanted && op.a === a));
  if (code === opCodes.WAIT) {
    return someone(opCodes.SIGNAL)
      ? 'waits for ever: too few signals reach it'
      : 'waits for ever: nobody signals';
  }
  if (code === opCodes.READ) {
    return someone(opCodes.WRITE) ? 'reads for ever: too little is written' : 'reads for ever: nobody writes';
  }
  if (code === opCodes.WRITE) {
    return someone(opCodes.READ) ? 'writes for ever: too little is read' : 'writes for ever: nobody reads';
  }
  if (code === opCodes.JOIN) return 'joins a task that never ends';
  return 'waits for ever for a lock';
}
