// The worst path of a callback in instructions, a called kernel function counting as about as many as it takes; and its stack. Loops count their bound, or `assumedRounds` where there is
// none. Source of the stack's rule: check_max_stack_depth(), kernel/bpf/verifier.c, v6.18 (frames in steps of 16 bytes, callbacks of helpers included).
import { helpers } from '../data/helpers.ts';
import { kfuncs } from '../data/kfuncs.ts';
import type { Callback, Instance, Site } from './instance.ts';
import { type Loop, loopsOf } from './loops.ts';
import { constantsOf } from './values.ts';

export const assumedRounds = 64;
const costByHelper = new Map(Object.values(helpers).map(({ name, cost }) => [name, cost]));

export interface Costs {
  readonly cost: number;
  readonly isKnown: boolean;
  readonly stackBytes: number;
  readonly loops: readonly Loop[];
}

export function costsOf(callback: Callback): Costs {
  const known = new Map<number, { cost: number; isKnown: boolean }>();
  const loops: Loop[] = [];
  const visit = (fn: number): { cost: number; isKnown: boolean } => {
    const instance = callback.instances.get(fn);
    const before = known.get(fn);
    if (instance === undefined) return { cost: 0, isKnown: false };
    if (before !== undefined) return before;
    known.set(fn, { cost: 0, isKnown: false });
    const own = loopsOf(callback, instance);
    loops.push(...own);
    const found = longestPath(callback, instance, own, visit);
    known.set(fn, found);
    return found;
  };
  const { cost, isKnown } = visit(callback.entry);
  return { cost, isKnown, loops, stackBytes: stackOf(callback, callback.entry, new Map()) };
}

function longestPath(
  callback: Callback,
  instance: Instance,
  loops: readonly Loop[],
  visit: (fn: number) => { cost: number; isKnown: boolean },
): { cost: number; isKnown: boolean } {
  const { flow, entered } = instance;
  let isKnown = loops.every(({ bound }) => bound !== undefined);
  const own = flow.blocks.map(({ from, to }) => to - from);
  for (const site of instance.sites.values()) {
    const called = costOfCall(callback, site, visit);
    own[site.block]! += called.cost;
    isKnown &&= called.isKnown;
  }
  const rounds = flow.blocks.map(() => 1);
  for (const { body, bound } of loops) for (const block of body) rounds[block]! *= bound ?? assumedRounds;
  const worst = new Float64Array(flow.blocks.length);
  let cost = 0;
  for (let block = 0; block < flow.blocks.length; block++) {
    if (entered[block] !== 1) continue;
    let before = 0;
    for (const from of flow.before[block]!) if (from < block) before = Math.max(before, worst[from]!);
    worst[block] = before + own[block]! * rounds[block]!;
    cost = Math.max(cost, worst[block]!);
  }
  return { cost, isKnown };
}

function costOfCall(
  callback: Callback,
  { name, what, callee, how, args }: Site,
  visit: (fn: number) => { cost: number; isKnown: boolean },
): { cost: number; isKnown: boolean } {
  const own = what === 'kfunc' ? (kfuncs[name]?.cost ?? 50) : (costByHelper.get(name) ?? 50);
  if (callee === undefined) return { cost: own, isKnown: true };
  const called = visit(callee);
  if (how === 'async') return { cost: own, isKnown: true };
  if (how === 'once') return { cost: called.cost + (what === 'function' ? 5 : own), isKnown: called.isKnown };
  const rounds = how === 'loop' ? mostOf(args[0]) : entriesOf(callback, args[0]);
  return {
    cost: own + (rounds ?? assumedRounds) * called.cost,
    isKnown: called.isKnown && rounds !== undefined,
  };
}

function mostOf(value: Site['args'][number] | undefined): number | undefined {
  const values = value === undefined ? undefined : constantsOf(value)?.values;
  return values === undefined || values.length === 0
    ? undefined
    : Number(values.reduce((most, one) => (one > most ? one : most)) & 0xffffffffn);
}

function entriesOf({ subject }: Callback, map: Site['args'][number] | undefined): number | undefined {
  const name = map?.atoms?.[0]?.origin.name;
  return subject.object.maps.find((one) => one.name === name)?.maxEntries;
}

function stackOf(callback: Callback, fn: number, known: Map<number, number>): number {
  const before = known.get(fn);
  if (before !== undefined) return before;
  known.set(fn, 0);
  const instance = callback.instances.get(fn);
  if (instance === undefined) return 0;
  let below = 0;
  for (const { callee, how } of instance.sites.values())
    if (callee !== undefined && how !== 'async') below = Math.max(below, stackOf(callback, callee, known));
  const bytes = Math.ceil(callback.subject.depthOf(fn) / 16) * 16 + below;
  known.set(fn, bytes);
  return bytes;
}
