// Everything that rules ask about an object, worked out once: its ops, a followed callback for each member and each other program, and all calls that they come to.
import type { BpfObject } from '../../bpf/object.ts';
import type { Program } from '../../bpf/programs.ts';
import type { StructOps } from '../../bpf/struct-ops.ts';
import type { GateFinding, GatePlace } from '../../core/gate.ts';
import { type Kernel, kernelOf } from '../data/kernels.ts';
import { analyse } from './analysis.ts';
import { type Costs, costsOf } from './costs.ts';
import type { Callback } from './instance.ts';
import { type Entered, enteredFrom, type Reached } from './reach.ts';
import { Subject, wholeObject } from './subject.ts';

export interface Followed {
  readonly callback: Callback;
  readonly program: Program;
  readonly entered: readonly Entered[];
  readonly sites: readonly Reached[];
  readonly costs: Costs;
}

export interface Facts {
  readonly object: BpfObject;
  readonly subject: Subject;
  /** The one ops table for sched_ext; undefined when there is none, or several. */
  readonly ops: StructOps | undefined;
  readonly tables: readonly StructOps[];
  readonly flags: bigint;
  /** Members of the ops by name. */
  readonly members: ReadonlyMap<string, Followed>;
  /** Members and all other programs. */
  readonly all: readonly Followed[];
  readonly sites: readonly Reached[];
  /** Empty: any. */
  readonly kernels: readonly Kernel[];
}

/** @throws Fault malformed where code leads outside its function. */
export function factsOf(object: BpfObject, kernels: readonly string[]): Facts {
  const subject = new Subject(object);
  const tables = object.structOps.filter(({ type }) => /^sched_ext_ops(___|$)/.test(type));
  const ops = tables[0];
  const members = new Map<string, Followed>();
  const all: Followed[] = [];
  const used = new Set<number>();
  for (const table of tables)
    for (const [member, name] of table.programs) {
      const fn = subject.functionNamed(name);
      if (fn === undefined) continue;
      const one = follow(subject, member, fn);
      if (table === ops) members.set(member, one);
      all.push(one);
      used.add(fn);
    }
  object.programs.forEach((program, fn) => {
    // libbpf loads struct_ops programs only for a table that names them.
    if (!used.has(fn) && !/^(\?|struct_ops)/.test(program.section)) all.push(follow(subject, undefined, fn));
  });
  return {
    object,
    subject,
    ops: tables.length === 1 ? ops : undefined,
    tables,
    flags: BigInt(ops?.values.get('flags') ?? 0n),
    members,
    all,
    sites: all.flatMap(({ sites }) => sites),
    kernels: kernels.map(kernelOf).filter((kernel) => kernel !== undefined),
  };
}

function follow(subject: Subject, member: string | undefined, fn: number): Followed {
  const callback = analyse(subject, member, fn);
  const entered = enteredFrom(callback);
  return {
    callback,
    program: subject.functions[fn]!,
    entered,
    sites: entered.flatMap(({ instance, chain, isAsync }) =>
      [...instance.sites.values()].map((site) => ({ callback, instance, site, chain, isAsync })),
    ),
    costs: costsOf(callback),
  };
}

/** A finding without its place in the source. */
export interface Draft {
  readonly code: string;
  readonly severity: GateFinding['severity'];
  readonly sure: GateFinding['sure'];
  readonly why: string;
  readonly instead: string;
  /** The object as a whole without. */
  readonly at?: { readonly fn: number; readonly slot: number; readonly member: string | undefined };
}

export interface Rule {
  /** In words, for lists. */
  readonly about: string;
  readonly codes: readonly string[];
  check(facts: Facts): Draft[];
}

export function placeOf({ subject }: Facts, { at }: Draft): GatePlace {
  return at === undefined ? wholeObject : subject.place(at.fn, at.slot, at.member ?? null);
}

export function atSite({
  instance,
  site,
  callback,
}: Pick<Reached, 'instance' | 'site' | 'callback'>): NonNullable<Draft['at']> {
  return { fn: instance.fn, slot: site.at, member: callback.member };
}
