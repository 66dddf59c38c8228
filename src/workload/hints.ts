// What can be known of the tasks before they run: how long each computes, how long the longest chain of work is that
// starts with it, and how many wait for it. Over JOIN, FORK, and those SIGNAL → WAIT pairs that are static.
import { type Expansion, type Hint, type Op, opCodes } from '../core/workload.ts';
import { executionCounts } from './loops.ts';

/** An operation: task and place in its list. */
interface Spot {
  readonly task: number;
  readonly op: number;
}

interface Graph {
  readonly ops: readonly (readonly Op[])[];
  readonly counts: readonly (readonly number[])[];
  /** "task op" → where work can only go on after it. For the end of a task, op is the length of its list. */
  readonly after: ReadonlyMap<string, readonly Spot[]>;
}

/** One hint per comm, in the order of first appearance. Of several tasks with one comm: mean length, largest rank and dependents. */
export function hints(expansion: Expansion): Hint[] {
  const graph = makeGraph(expansion);
  const ranks = longestChains(graph);
  const dependents = countDependents(graph);
  const byComm = new Map<string, number[]>();
  for (const [task, { comm }] of expansion.tasks.entries())
    byComm.set(comm, [...(byComm.get(comm) ?? []), task]);
  return [...byComm].map(([comm, tasks]) => ({
    comm,
    lengthNs: capped(tasks.reduce((sum, task) => sum + workNs(graph, task), 0) / tasks.length),
    rank: capped(Math.max(...tasks.map((task) => ranks[task]!))),
    dependents: Math.max(...tasks.map((task) => dependents(task))),
  }));
}

/** Endless loops would go beyond what a number can hold. */
function capped(ns: number): number {
  return Math.min(Math.floor(ns), Number.MAX_SAFE_INTEGER);
}

function makeGraph({ tasks }: Expansion): Graph {
  const ops = tasks.map((task) => task.ops);
  const counts = ops.map(executionCounts);
  const after = new Map<string, Spot[]>();
  const add = (from: Spot, to: Spot) => {
    const key = `${from.task} ${from.op}`;
    after.set(key, [...(after.get(key) ?? []), to]);
  };
  for (const [task, list] of ops.entries()) {
    for (const [op, { code, a }] of list.entries()) {
      if (code === opCodes.FORK) add({ task, op }, { task: a, op: 0 });
      if (code === opCodes.JOIN) add({ task: a, op: ops[a]!.length }, { task, op });
    }
  }
  for (const [from, to] of staticSignals(ops, counts)) add(from, to);
  return { ops, counts, after };
}

interface SemaphoreUse {
  readonly signals: { spot: Spot; units: number; times: number }[];
  readonly waits: { spot: Spot; times: number }[];
}

/** SIGNAL → WAIT where the unit that a WAIT takes can be known. */
function staticSignals(ops: Graph['ops'], counts: Graph['counts']): [Spot, Spot][] {
  const uses = new Map<number, SemaphoreUse>();
  for (const [task, list] of ops.entries()) {
    for (const [op, { code, a, b }] of list.entries()) {
      if (code !== opCodes.WAIT && code !== opCodes.SIGNAL) continue;
      const use = uses.get(a) ?? { signals: [], waits: [] };
      uses.set(a, use);
      const entry = { spot: { task, op }, times: counts[task]![op]! };
      if (code === opCodes.WAIT) use.waits.push(entry);
      else use.signals.push({ ...entry, units: Number(b) });
    }
  }
  return [...uses.values()].flatMap(edgesOf);
}

function edgesOf({ signals, waits }: SemaphoreUse): [Spot, Spot][] {
  if (signals.some(({ times }) => times > 1)) return [];
  const [only] = signals;
  if (only === undefined) return [];
  if (signals.length === 1) return waits.map((wait) => [only.spot, wait.spot]);
  const waiters = new Set(waits.map((wait) => wait.spot.task));
  if (waiters.size !== 1) return [];
  const oneSignaler = new Set(signals.map((signal) => signal.spot.task)).size === 1;
  if (oneSignaler && waits.every(({ times }) => times === 1)) return inOrder(signals, waits);
  const given = signals.reduce((sum, { units }) => sum + units, 0);
  const taken = waits.reduce((sum, { times }) => sum + times, 0);
  const last = waits.at(-1)!.spot;
  return given === taken ? signals.map((signal) => [signal.spot, last]) : [];
}

/** One task signals, another waits: the k-th wait takes the k-th unit. */
function inOrder(signals: SemaphoreUse['signals'], waits: SemaphoreUse['waits']): [Spot, Spot][] {
  const edges: [Spot, Spot][] = [];
  let next = 0;
  for (const { spot, units } of signals) {
    for (const wait of waits.slice(next, next + units)) edges.push([spot, wait.spot]);
    next += units;
  }
  return edges;
}

function workNs({ ops, counts }: Graph, task: number): number {
  return ops[task]!.reduce(
    (sum, op, i) => sum + (op.code === opCodes.RUN ? Number(op.b) * counts[task]![i]! : 0),
    0,
  );
}

/** Longest chain of work from the start of each task: longest paths over operations, in depth-first post-order. */
function longestChains({ ops, counts, after }: Graph): number[] {
  const first: number[] = [];
  let nodes = 0;
  for (const list of ops) {
    first.push(nodes);
    nodes += list.length + 1;
  }
  const chain = new Float64Array(nodes);
  const done = new Uint8Array(nodes);
  const node = ({ task, op }: Spot) => first[task]! + op;
  const next = ({ task, op }: Spot): readonly Spot[] => {
    const jumps = after.get(`${task} ${op}`) ?? [];
    return op < ops[task]!.length ? [{ task, op: op + 1 }, ...jumps] : jumps;
  };
  for (const [task] of ops.entries()) {
    const stack: Spot[] = [{ task, op: 0 }];
    for (let spot = stack.at(-1); spot !== undefined; spot = stack.at(-1)) {
      const at = node(spot);
      if (done[at] === unseen) {
        done[at] = open;
        stack.push(...next(spot).filter((to) => done[node(to)] === unseen));
        continue;
      }
      stack.pop();
      if (done[at] === closed) continue;
      done[at] = closed;
      const op = ops[spot.task]![spot.op];
      const own = op?.code === opCodes.RUN ? Number(op.b) * counts[spot.task]![spot.op]! : 0;
      // An edge back to an open operation is part of a circle, which only an expansion that cannot end has.
      chain[at] = own + Math.max(0, ...next(spot).map((to) => chain[node(to)]!));
    }
  }
  return ops.map((_, task) => chain[first[task]!]!);
}

const unseen = 0;
const open = 1;
const closed = 2;

/** Tasks that wait, directly or not, for something this one does; being forked is not waiting. */
function countDependents(graph: Graph): (task: number) => number {
  const { ops, after } = graph;
  const direct = ops.map((list, task) => {
    const spots = Array.from({ length: list.length + 1 }, (_, op) =>
      list[op]?.code === opCodes.FORK ? [] : (after.get(`${task} ${op}`) ?? []),
    );
    return new Set(spots.flat().map((spot) => spot.task));
  });
  return (task) => {
    const seen = new Set<number>();
    const queue = [...direct[task]!];
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      if (seen.has(next)) continue;
      seen.add(next);
      queue.push(...direct[next]!);
    }
    seen.delete(task);
    return seen.size;
  };
}
