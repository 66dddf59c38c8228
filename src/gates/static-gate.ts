// The static gate: what can be said of a policy's object before anything runs. One abstract interpretation of each callback, then rules over what it found. Pure; no finding is no promise:
// later gates run the policy.
import { type BpfObject, readObject } from '../bpf/object.ts';
import type { CallbackFacts, GateFinding, StaticReport } from '../core/gate.ts';
import { type Draft, type Facts, type Followed, factsOf, placeOf } from './engine/facts.ts';
import { slotsOf } from './engine/subject.ts';
import { rules } from './rules.ts';

export interface GateOptions {
  /** Releases ("6.18.15") or versions ("6.18") that the policy is to run on; empty: any. */
  readonly kernels: readonly string[];
}

/** @throws Fault malformed. */
export function staticGate(object: BpfObject | Uint8Array, { kernels }: GateOptions): StaticReport {
  const facts = factsOf(object instanceof Uint8Array ? readObject(object) : object, kernels);
  const drafts = rules.flatMap((rule) => rule.check(facts));
  return {
    findings: ordered(facts, drafts),
    facts: [...facts.members].map(([member, followed]) => factsRow(facts, member, followed)),
  };
}

const severities = { reject: 0, warn: 1 };
const sureness = { certain: 0, likely: 1, possible: 2 };

/** What is said of one place by the same rule is said once: a function may be reached from several callbacks. */
function ordered(facts: Facts, drafts: readonly Draft[]): GateFinding[] {
  const seen = new Set<string>();
  const findings: GateFinding[] = [];
  for (const draft of drafts) {
    const key = `${draft.code} ${draft.at?.fn} ${draft.at?.slot} ${draft.at === undefined ? draft.why : ''}`;
    if (seen.has(key)) continue;
    seen.add(key);
    const { code, severity, sure, why, instead } = draft;
    findings.push({ gate: 'static', code, severity, sure, place: placeOf(facts, draft), why, instead });
  }
  return findings.sort(
    (a, b) => severities[a.severity] - severities[b.severity] || sureness[a.sure] - sureness[b.sure],
  );
}

function factsRow(
  { subject }: Facts,
  callback: string,
  { program, entered, sites, costs }: Followed,
): CallbackFacts {
  const names = (what: 'kfunc' | 'helper'): string[] =>
    [...new Set(sites.filter(({ site }) => site.what === what).map(({ site }) => site.name))].sort();
  const maps = new Set<string>();
  for (const { instance } of entered)
    for (const reference of subject.functions[instance.fn]!.references.values())
      if (reference.kind === 'map') maps.add(reference.name);
  return {
    callback,
    program: program.name,
    instructions: entered.reduce(
      (sum, { instance }) => sum + slotsOf(subject.functions[instance.fn]!.instructions),
      0,
    ),
    stackBytes: costs.stackBytes,
    loops: costs.loops.map(({ fn, at, by, bound }) => ({
      program: subject.functions[fn]!.name,
      line: subject.line(fn, at)?.line ?? null,
      by,
      bound: bound ?? null,
    })),
    cost: costs.cost,
    costIsKnown: costs.isKnown,
    kfuncs: names('kfunc'),
    helpers: names('helper'),
    maps: [...maps].sort(),
  };
}
