// What of a trace is replayed, and what made each burst ready: another replayed task, or time that passes by itself. From this the operations follow
// (replay-ops.ts).

import { type Bursts, type Trace, type WaitReason, waitReasons, wakeCauses } from '../core/trace.ts';
import { limits } from '../core/workload.ts';

/** How a burst begins. start: the player starts its task; fork: another task does; wait: another task signals; pass: time passes. */
export const begins = { none: 0, start: 1, fork: 2, wait: 3, pass: 4 } as const;

/** What becomes of an act. early: it found its target awake, which therefore did not wait: a unit is there before it is taken. */
export const actUses = { none: 0, fork: 1, signal: 2, early: 3 } as const;

export interface Links {
  /** Replayed tasks in the order of the trace, and by task its place among them, −1: none. */
  readonly tasks: readonly number[];
  readonly placeOf: Int32Array;
  /** Bursts of task t in their order: list[first[t]] … list[first[t + 1] − 1]. */
  readonly first: Int32Array;
  readonly list: Int32Array;
  /** By burst: begins; actUses by act. */
  readonly begin: Uint8Array;
  readonly use: Uint8Array;
  /** By act that signals: the semaphore or the pipe; there are so many. */
  readonly channel: Int32Array;
  readonly isPipe: Uint8Array;
  readonly semaphores: number;
  readonly pipes: number;
}

/** Wakers of these are taken to sleep soon (WF_SYNC): fs/pipe.c, net/core/sock.c, fs/select.c, kernel/exit.c. So are those of an expansion's pipes, and of its semaphores not. */
const isSync = new Set(
  ['pipe', 'socket', 'poll', 'child'].map((name) => waitReasons.indexOf(name as WaitReason)),
);

const [fork, task] = [wakeCauses.indexOf('fork'), wakeCauses.indexOf('task')];

export function links(trace: Trace, all: Bursts): Links {
  const isKept = keptBursts(trace, all);
  const { first, list } = byTask(trace.tasks.length, all, isKept);
  const tasks: number[] = [];
  const placeOf = new Int32Array(trace.tasks.length).fill(-1);
  for (let t = 0; t < trace.tasks.length; t++) if (first[t + 1]! > first[t]!) placeOf[t] = tasks.push(t) - 1;
  const begin = new Uint8Array(all.count);
  const use = new Uint8Array(all.acts.count);
  for (const t of tasks)
    for (let at = first[t]!; at < first[t + 1]!; at++)
      link(all, list[at]!, at === first[t], isKept, begin, use);
  early(all, isKept, use);
  const ways = { tasks, placeOf, first, list, begin, use };
  const fine = channels(all, ways, true);
  // beyond the limit a task has one for all that it waits for
  const chosen = fine.semaphores <= limits.semaphores ? fine : channels(all, ways, false);
  return { ...ways, ...chosen };
}

/** Of followed tasks, while the subject was there. Kernel threads that work for it count as the outside. */
function keptBursts({ tasks, subject }: Trace, all: Bursts): Uint8Array {
  const isReplayed = Uint8Array.from(tasks, ({ isFollowed, isKernel }) => (isFollowed && !isKernel ? 1 : 0));
  const isKept = new Uint8Array(all.count);
  for (let i = 0; i < all.count; i++) {
    const isWithin = all.readyNs[i]! <= subject.endNs && !(all.endNs[i]! < subject.startNs);
    if (isWithin && isReplayed[all.task[i]!] === 1) isKept[i] = 1;
  }
  return isKept;
}

function byTask(tasks: number, all: Bursts, isKept: Uint8Array): { first: Int32Array; list: Int32Array } {
  const first = new Int32Array(tasks + 1);
  for (let i = 0; i < all.count; i++) if (isKept[i] === 1) first[all.task[i]! + 1]!++;
  for (let t = 0; t < tasks; t++) first[t + 1]! += first[t]!;
  const list = new Int32Array(first[tasks]!);
  const next = first.slice();
  for (let i = 0; i < all.count; i++) if (isKept[i] === 1) list[next[all.task[i]!]!++] = i;
  return { first, list };
}

function link(
  all: Bursts,
  burst: number,
  isFirst: boolean,
  isKept: Uint8Array,
  begin: Uint8Array,
  use: Uint8Array,
): void {
  const act = all.byAct[burst]!;
  const maker = act < 0 ? -1 : all.acts.burst[act]!;
  const isOwn = maker >= 0 && isKept[maker] === 1 && all.task[maker] !== all.task[burst];
  if (isOwn && isFirst && all.cause[burst] === fork) {
    begin[burst] = begins.fork;
    use[act] = actUses.fork;
  } else if (isOwn && all.cause[burst] === task) {
    begin[burst] = begins.wait;
    use[act] = actUses.signal;
  } else begin[burst] = isFirst ? begins.start : begins.pass;
}

function early(all: Bursts, isKept: Uint8Array, use: Uint8Array): void {
  const { acts } = all;
  for (let act = 0; act < acts.count; act++) {
    const met = acts.met[act]!;
    if (use[act] !== actUses.none || acts.isFork[act] === 1 || met < 0 || all.byAct[met] === act) continue;
    const maker = acts.burst[act]!;
    if (isKept[met] === 1 && isKept[maker] === 1 && all.task[met] !== all.task[maker])
      use[act] = actUses.early;
  }
}

const unknown = waitReasons.indexOf('unknown');
const earlyKey = -1;

/**
 * Only its own task waits on a channel, so a unit is there whenever all that happened before has happened: the replay cannot get stuck. Where it is known what a task waits for, each
 * such thing has a semaphore or a pipe of its own: who writes into one pipe does not end the wait for another.
 */
function channels(
  all: Bursts,
  { tasks, first, list, begin, use }: Pick<Links, 'tasks' | 'first' | 'list' | 'begin' | 'use'>,
  isFine: boolean,
): Pick<Links, 'channel' | 'isPipe' | 'semaphores' | 'pipes'> {
  const channel = new Int32Array(all.acts.count).fill(-1);
  const isPipe = new Uint8Array(all.acts.count);
  const byKey: Map<number, number>[] = [];
  const counts = { semaphores: 0, pipes: 0 };
  /** Of task `t`: pipes as −1 − number. */
  const place = (t: number, key: number, isSynced: boolean): number => {
    byKey[t] ??= new Map();
    const own = byKey[t];
    const known = own.get(isFine ? key : 0);
    if (known !== undefined) return known;
    const isNew = isFine && isSynced && counts.pipes < limits.pipes;
    const made = isNew ? -1 - counts.pipes++ : counts.semaphores++;
    own.set(isFine ? key : 0, made);
    return made;
  };
  const put = (act: number, placed: number): void => {
    isPipe[act] = placed < 0 ? 1 : 0;
    channel[act] = placed < 0 ? -1 - placed : placed;
  };
  for (const t of tasks) {
    let [reason, object] = [unknown, 0];
    for (let at = first[t]!; at < first[t + 1]!; at++) {
      const burst = list[at]!;
      const key = reason * 2 ** 32 + object;
      if (begin[burst] === begins.wait) put(all.byAct[burst]!, place(t, key, isSync.has(reason)));
      [reason, object] = [all.end[burst]!, all.object[burst]!];
    }
  }
  for (let act = 0; act < use.length; act++)
    if (use[act] === actUses.early) put(act, place(all.task[all.acts.met[act]!]!, earlyKey, false));
  return { channel, isPipe, ...counts };
}
