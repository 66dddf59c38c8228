// From one callback to every call that it can come to: through functions and what helpers call, with the branches that must have gone one way on the way there.

import { holds } from '../../bpf/arithmetic.ts';
import { isOnWay } from './analysis.ts';
import type { Branch, Callback, Instance, Site } from './instance.ts';
import type { Comparison } from './refine.ts';
import { constantOf } from './values.ts';

/** A call on the way, from the callback inwards. */
export interface Step {
  readonly instance: Instance;
  readonly site: Site;
}

export interface Reached extends Step {
  readonly callback: Callback;
  /** Calls that lead here; empty in the program itself. */
  readonly chain: readonly Step[];
  /** It runs later, from a timer or a work queue. */
  readonly isAsync: boolean;
}

export interface Guard extends Comparison {
  readonly taken: boolean;
  readonly branch: Branch;
  readonly instance: Instance;
}

export interface Entered {
  readonly instance: Instance;
  readonly chain: readonly Step[];
  readonly isAsync: boolean;
}

/** Each function once, by the first chain of calls that leads there. */
export function enteredFrom(callback: Callback): Entered[] {
  const found: Entered[] = [];
  const seen = new Set<number>();
  const visit = (fn: number, chain: readonly Step[], isAsync: boolean): void => {
    const instance = callback.instances.get(fn);
    if (instance === undefined || seen.has(fn)) return;
    seen.add(fn);
    found.push({ instance, chain, isAsync });
    for (const site of instance.sites.values())
      if (site.callee !== undefined)
        visit(site.callee, [...chain, { instance, site }], isAsync || site.how === 'async');
  };
  visit(callback.entry, [], false);
  return found;
}

export function reachedFrom(callback: Callback): Reached[] {
  return enteredFrom(callback).flatMap(({ instance, chain, isAsync }) =>
    [...instance.sites.values()].map((site) => ({ callback, instance, site, chain, isAsync })),
  );
}

/** Branches that must have gone one way for this block to be reached, the nearest first. */
export function guardsOfBlock(instance: Instance, block: number): Guard[] {
  const guards: Guard[] = [];
  const { flow, branches } = instance;
  for (let at = block; at > 0; ) {
    at = flow.dominator[at]!;
    const branch = branches.get(at);
    if (branch === undefined) continue;
    for (const way of [0, 1])
      if (isOnWay(flow, at, way, block)) guards.push({ ...branch, taken: way === 0, branch, instance });
  }
  return guards;
}

export function guardsOf({ instance, site, chain }: Omit<Reached, 'callback' | 'isAsync'>): Guard[] {
  return [
    ...guardsOfBlock(instance, site.block),
    ...[...chain].reverse().flatMap((step) => guardsOfBlock(step.instance, step.site.block)),
  ];
}

/** Whether the comparison, as it went, says that left is not zero (true) or is zero (false); undefined: neither. */
export function truthOf({ right, condition, width, taken }: Guard): boolean | undefined {
  const constant = constantOf(right);
  if (constant === undefined) return undefined;
  const zero = holds(condition, width, 0n, constant) === taken;
  const one = holds(condition, width, 1n, constant) === taken;
  return zero === one ? undefined : one;
}
