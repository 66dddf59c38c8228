// One policy of the corpus through the gauntlet, as far as it exists: source, object, simulator, and what kernels were recorded to say. Whoever says no ends it, as in the gauntlet itself.

import { Fault } from '../../src/core/errors.ts';
import type { CheckerName } from '../../src/core/scenario.ts';
import { staticGate } from '../../src/gates/static-gate.ts';
import { openPolicies } from '../../src/knowledge/policies.ts';
import { attackPolicy } from '../../src/machines/attack.ts';
import { rightCheckers, rightCodes } from '../../test/gauntlet/classes.ts';
import type { Compiler, Entry, GateName, Label } from '../../test/gauntlet/corpus.ts';
import { root } from '../../test/support/paths.ts';

export interface GateRun {
  readonly label: Label;
  /** Null: nobody said no. */
  readonly rejectedBy: GateName | null;
  readonly reasons: readonly string[];
  /** One of the reasons is right for its class of fault; null of a sound one, and where the kernel said it. */
  readonly right: boolean | null;
  readonly ms: Partial<Record<GateName, number>>;
}

export interface Budget {
  /** Of the simulator; 0: it is left out. */
  readonly scenarios: number;
  readonly seconds: number;
}

/** What kernels a policy must pass on: those that the corpus was labelled with. */
const kernelsOf = ({ kernels }: Label): string[] =>
  Object.keys(kernels).map((release) => release.split('+')[0]!);

export async function runGates(
  entry: Entry,
  label: Label,
  compiler: Compiler,
  budget: Budget,
): Promise<GateRun> {
  const ms: Partial<Record<GateName, number>> = {};
  const right = (reasons: readonly string[], of: readonly string[]): boolean | null =>
    label.faulty ? reasons.some((reason) => of.includes(reason)) : null;
  const codes = label.class === null ? [] : rightCodes[label.class];
  const object = await timed(ms, 'source', () => compiled(compiler, entry));
  if (object === undefined) {
    const reasons = ['does-not-compile'];
    return { label, rejectedBy: 'source', reasons, right: right(reasons, codes), ms };
  }
  const report = await timed(ms, 'object', () => staticGate(object, { kernels: kernelsOf(label) }));
  const rejections = report.findings.filter(({ severity }) => severity === 'reject');
  if (rejections.length > 0) {
    const reasons = [...new Set(rejections.map(({ code }) => code))];
    return { label, rejectedBy: 'object', reasons, right: right(reasons, codes), ms };
  }
  const checker =
    budget.scenarios === 0
      ? undefined
      : await timed(ms, 'simulator', () => attacked(entry, object, label, budget));
  if (checker !== undefined) {
    const checkers = label.class === null ? [] : rightCheckers[label.class];
    return { label, rejectedBy: 'simulator', reasons: [checker], right: right([checker], checkers), ms };
  }
  const said = Object.values(label.kernels).filter(({ answer }) => answer !== 'never noticed');
  if (said.length > 0)
    return {
      label,
      rejectedBy: 'kernel',
      reasons: [...new Set(said.map(({ message }) => message ?? 'refused'))],
      right: null,
      ms,
    };
  return { label, rejectedBy: null, reasons: [], right: null, ms };
}

async function compiled(compiler: Compiler, entry: Entry): Promise<Uint8Array | undefined> {
  try {
    return await compiler.compile(entry);
  } catch (error) {
    if (error instanceof Fault && error.code === 'malformed') return undefined;
    throw error;
  }
}

const cards = await openPolicies(`${root}/policies`).list();

/** What it does not promise: the library says so on its cards, the others in what they say of themselves. */
function ignoresOf({ name, ignores = [] }: Label): { checker: CheckerName; why: string }[] {
  const card = cards.find((item) => item.card.name === name)?.card;
  return [
    ...(card?.ignores ?? []),
    ...ignores.map((checker) => ({ checker, why: 'its source says that it does not' })),
  ];
}

async function attacked(
  { name }: Entry,
  object: Uint8Array,
  label: Label,
  { scenarios, seconds }: Budget,
): Promise<string | undefined> {
  const { signal } = new AbortController();
  const report = await attackPolicy(
    {
      attacked: { name, object, ignores: ignoresOf(label), parameters: {} },
      seed: 1,
      seconds,
      scenarios,
    },
    { progress: () => {}, signal },
  );
  return report.failure?.violation.checker;
}

async function timed<T>(
  ms: Partial<Record<GateName, number>>,
  gate: GateName,
  work: () => T | Promise<T>,
): Promise<T> {
  const started = performance.now();
  try {
    return await work();
  } finally {
    ms[gate] = performance.now() - started;
  }
}
