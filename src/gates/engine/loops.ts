// The loops of a function, and what ends each: bpf_for(), a walk over a queue, may_goto, a counter; with the number of rounds where it is known. What none of these ends, the kernel's
// verifier does not let pass (kernel/bpf/verifier.c, is_state_visited(): "infinite loop detected").

import { dominates } from './flow.ts';
import type { Branch, Callback, Instance } from './instance.ts';
import { constantsOf, type Origin, type Value } from './values.ts';

export interface Loop {
  readonly fn: number;
  readonly head: number;
  readonly body: ReadonlySet<number>;
  /** Slot of the head. */
  readonly at: number;
  readonly by: 'numbers' | 'queue' | 'may_goto' | 'counter' | 'iterator' | 'unknown';
  /** Most rounds, with parameters at their defaults. */
  readonly bound: number | undefined;
  /** No way leads out. */
  readonly isEndless: boolean;
}

const known = new WeakMap<Instance, readonly Loop[]>();

export function loopsOf(callback: Callback, instance: Instance): readonly Loop[] {
  let loops = known.get(instance);
  if (loops === undefined) {
    loops = findLoops(callback, instance);
    known.set(instance, loops);
  }
  return loops;
}

function findLoops(callback: Callback, instance: Instance): Loop[] {
  const { flow, fn } = instance;
  const bodies = new Map<number, Set<number>>();
  flow.blocks.forEach(({ next }, block) => {
    for (const head of next) {
      if (head > block || !dominates(flow, head, block)) continue;
      const body = bodies.get(head) ?? new Set([head]);
      bodies.set(head, body);
      const work = [block];
      for (let at = work.pop(); at !== undefined; at = work.pop()) {
        if (body.has(at)) continue;
        body.add(at);
        work.push(...flow.before[at]!);
      }
    }
  });
  return [...bodies]
    .filter(([head]) => instance.entered[head] === 1)
    .map(([head, body]) => ({
      fn,
      head,
      body,
      at: flow.blocks[head]!.at,
      ...endOf(callback, instance, body),
      isEndless: isEndless(instance, body),
    }));
}

function isEndless({ flow }: Instance, body: ReadonlySet<number>): boolean {
  for (const block of body) {
    const { next } = flow.blocks[block]!;
    if (next.length === 0 || next.some((to) => !body.has(to))) return false;
  }
  return true;
}

function endOf(
  callback: Callback,
  instance: Instance,
  body: ReadonlySet<number>,
): Pick<Loop, 'by' | 'bound'> {
  const { flow, fn } = instance;
  const code = callback.subject.functions[fn]!.instructions;
  let by: Loop['by'] = 'unknown';
  let bound: number | undefined;
  for (const site of instance.sites.values()) {
    if (!body.has(site.block) || !/^bpf_iter_.*_next$/.test(site.name)) continue;
    const iterator = site.result.atoms?.[0]?.origin.of[0]?.atoms?.[0]?.origin;
    if (iterator !== undefined && isMadeInside(instance, body, iterator)) continue;
    if (iterator?.kind === 'numbers') {
      by = 'numbers';
      bound = fewer(bound, roundsOf(iterator));
    } else if (by === 'unknown') by = site.name === 'bpf_iter_scx_dsq_next' ? 'queue' : 'iterator';
  }
  if (by !== 'unknown') return { by, bound };
  for (const block of body) {
    const last = code[flow.blocks[block]!.to - 1];
    if (last?.kind === 'may_goto') return { by: 'may_goto', bound: undefined };
  }
  return countedBy(instance, body);
}

function isMadeInside(instance: Instance, body: ReadonlySet<number>, { fn, at }: Origin): boolean {
  const made = fn === instance.fn ? instance.sites.get(at) : undefined;
  return made !== undefined && body.has(made.block);
}

function fewer(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined ? b : b === undefined ? a : Math.min(a, b);
}

function roundsOf({ of }: Origin): number | undefined {
  const [from, to] = of.map(constantsOf);
  if (to === undefined || to.values.length === 0) return undefined;
  const first = from?.values.length === 1 ? BigInt.asIntN(32, from.values[0]!) : 0n;
  const last = to.values.reduce((most, value) => {
    const signed = BigInt.asIntN(32, value);
    return signed > most ? signed : most;
  }, 0n);
  return Math.max(0, Number(last - first));
}

/** A way out whose comparison depends on something that the loop itself moves on. */
function countedBy(instance: Instance, body: ReadonlySet<number>): Pick<Loop, 'by' | 'bound'> {
  let bound: number | undefined;
  let isCounted = false;
  for (const branch of instance.branches.values()) {
    if (!body.has(branch.block)) continue;
    if (instance.flow.blocks[branch.block]!.next.every((to) => body.has(to))) continue;
    if (!movesOn(instance, branch, body)) continue;
    isCounted = true;
    const limit = constantsOf(branch.right)?.values;
    if (limit?.length === 1 && limit[0]! > 0n && limit[0]! < 1n << 31n)
      bound = fewer(bound, Number(limit[0]!));
  }
  return isCounted ? { by: 'counter', bound } : { by: 'unknown', bound: undefined };
}

/** Values that have become "anything" (a counter does, after some rounds) count as moved on. */
function movesOn(instance: Instance, { left, right }: Branch, body: ReadonlySet<number>): boolean {
  return [left, right].some((value) => {
    if (value.atoms === undefined) return true;
    if (value.atoms.length > 1 && value.atoms.every(({ origin }) => origin.kind === 'const')) return true;
    return isMovedOn(instance, body, value, 6);
  });
}

/** Calculated in the loop; what a call answers or memory holds is nothing that the verifier can count on. */
function isMovedOn(instance: Instance, body: ReadonlySet<number>, value: Value, depth: number): boolean {
  if (value.atoms === undefined) return true;
  return value.atoms.some(({ origin: { kind, fn, at, of } }) => {
    if (kind === 'kfunc' || kind === 'helper' || kind === 'loaded' || kind === 'field') return false;
    if (kind === 'calc' && fn === instance.fn && bodyHas(instance, body, at)) return true;
    return depth > 0 && of.some((one) => isMovedOn(instance, body, one, depth - 1));
  });
}

function bodyHas({ flow }: Instance, body: ReadonlySet<number>, at: number): boolean {
  for (const block of body) {
    const { at: first, end } = flow.blocks[block]!;
    if (at >= first && at < end) return true;
  }
  return false;
}
