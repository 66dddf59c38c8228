// What a branch tells: on each of its ways, what the compared value can no longer be. Pointers that were tested are not null, CPU numbers not negative; a CPU that was found in
// cpus_ptr may run the task.
import { holds } from '../../bpf/arithmetic.ts';
import type { Condition, Width } from '../../bpf/instructions.ts';
import type { State } from './frame.ts';
import {
  type Atom,
  anyOrigin,
  constantOf,
  constantsOf,
  flag,
  indexOf,
  type Origin,
  type Value,
  type Values,
} from './values.ts';

export interface Comparison {
  readonly left: Value;
  readonly right: Value;
  readonly condition: Condition;
  readonly width: Width;
}

const opposite: Readonly<Record<Condition, Condition | 'clear'>> = {
  eq: 'ne',
  ne: 'eq',
  gt: 'le',
  le: 'gt',
  ge: 'lt',
  lt: 'ge',
  sgt: 'sle',
  sle: 'sgt',
  sge: 'slt',
  slt: 'sge',
  set: 'clear',
};

/** Changes the state to what holds on this way. False: nobody can come this way. */
export function refine(values: Values, state: State, comparison: Comparison, taken: boolean): boolean {
  const { left, right, width } = comparison;
  const condition = taken ? comparison.condition : opposite[comparison.condition];
  const constant = constantOf(right);
  learnOfLimit(values, state, comparison, condition);
  if (left.atoms === undefined) return true;
  if (left.atoms.length === 1 && constant !== undefined && left.atoms[0]!.origin.kind !== 'const') {
    learnOfTest(values, state, left, condition, constant);
    const { origin } = left.atoms[0]!;
    if (matters(origin)) substitute(values, state, origin, flagsOf(condition, width, constant) | flag.tested);
    return true;
  }
  if (constant === undefined) {
    const isBelow = condition === 'lt' || condition === 'le';
    if (isBelow) mark(values, state, left, flag.nonNegative | flag.tested);
    return true;
  }
  const kept = left.atoms.filter(
    ({ origin }) => origin.kind !== 'const' || isTrue(condition, width, origin.value, constant),
  );
  if (kept.length === 0) return false;
  const flags = flagsOf(condition, width, constant);
  learnOfTest(values, state, left, condition, constant);
  const marked = kept.map((atom) =>
    atom.origin.kind === 'const' ? atom : values.atom(atom.origin, atom.flags | flags | flag.tested),
  );
  replace(state, left, values.ofAtoms(marked));
  const others = kept.filter(({ origin }) => origin.kind !== 'const');
  for (const { origin } of others)
    substitute(values, state, origin, others.length === 1 ? flags | flag.tested : flag.tested);
  return true;
}

const below: ReadonlySet<string> = new Set(['lt', 'le', 'slt', 'sle']);
const above: ReadonlySet<string> = new Set(['gt', 'ge', 'sgt', 'sge']);
const second = 1_000_000_000n;

/** What was calculated is below a limit, on this way: its copies are too, but not the same origin in other mixtures. */
function learnOfLimit(
  values: Values,
  state: State,
  { left, right }: Comparison,
  condition: Condition | 'clear',
): void {
  const isBelow = below.has(condition);
  if (!isBelow && !above.has(condition)) return;
  const limited = isBelow ? left : right;
  const limit = isBelow ? right : left;
  if (limited.atoms === undefined) return;
  if (!limited.atoms.some(({ origin }) => origin.kind === 'calc')) return;
  if (constantsOf(limit)?.values.every((value) => value <= second) !== true) return;
  const marked = limited.atoms.map((atom) =>
    atom.origin.kind === 'calc' ? values.atom(atom.origin, atom.flags | flag.limited) : atom,
  );
  replace(state, limited, values.ofAtoms(marked));
}

/** What may be null, or negative, and is asked about for that. */
function matters({ kind }: Origin): boolean {
  return kind === 'kfunc' || kind === 'helper' || kind === 'arg';
}

/** As a jump decides, and its contrary where no condition says it. */
function isTrue(condition: Condition | 'clear', width: Width, a: bigint, b: bigint): boolean {
  return condition === 'clear' ? !holds('set', width, a, b) : holds(condition, width, a, b);
}

function flagsOf(condition: Condition | 'clear', width: Width, constant: bigint): number {
  const signed = BigInt.asIntN(width, constant);
  const isNonNegative =
    (condition === 'sgt' && signed >= -1n) ||
    (condition === 'sge' && signed >= 0n) ||
    (condition === 'eq' && signed >= 0n) ||
    ((condition === 'lt' || condition === 'le') && BigInt.asUintN(width, constant) < 1n << 31n);
  const isNotNegative = condition === 'ne' && signed < 0n;
  return isNonNegative || isNotNegative ? flag.nonNegative : 0;
}

/** A call of bpf_cpumask_test_cpu() that said yes. */
function learnOfTest(
  values: Values,
  state: State,
  value: Value,
  condition: Condition | 'clear',
  constant: bigint,
): void {
  const origin = callOf(value);
  if (origin?.name !== 'bpf_cpumask_test_cpu') return;
  if (isTrue(condition, 32, 0n, constant) || !isTrue(condition, 32, 1n, constant)) return;
  const [cpu, mask] = origin.of;
  if (cpu === undefined || !isMaskOfTask(mask)) return;
  mark(values, state, cpu, flag.allowed | flag.nonNegative);
}

/** The call whose answer this is, also behind `& 1`. */
export function callOf(value: Value | undefined): Origin | undefined {
  let origin = value?.atoms?.length === 1 ? value.atoms[0]!.origin : undefined;
  if (origin?.kind === 'bits') {
    const of: Value | undefined = origin.of[0];
    origin = of?.atoms?.length === 1 ? of.atoms[0]!.origin : undefined;
  }
  return origin?.kind === 'kfunc' || origin?.kind === 'helper' ? origin : undefined;
}

/** Not a mask that says nothing of what a task may use. */
export function isMaskOfTask(mask: Value | undefined): boolean {
  if (mask === undefined) return false;
  return !anyOrigin(mask, ({ kind, name }) => kind === 'kfunc' && /^scx_bpf_get_/.test(name), 1);
}

/** Sets flags of a value wherever it is held. */
function mark(values: Values, state: State, value: Value, flags: number): void {
  if (value.atoms === undefined) return;
  if (value.atoms.length === 1) substitute(values, state, value.atoms[0]!.origin, flags);
  else replace(state, value, values.withFlags(value, flags));
}

function substitute(values: Values, state: State, origin: Origin, flags: number): void {
  for (let i = 0; i < state.length; i++) {
    const { atoms } = state[i]!;
    if (atoms === undefined) continue;
    const at = indexOf(atoms, origin);
    if (at < 0 || (atoms[at]!.flags & flags) === flags) continue;
    const atom = values.atom(origin, atoms[at]!.flags | flags);
    if (atoms.length === 1) {
      state[i] = values.ofAtom(atom);
      continue;
    }
    const changed: Atom[] = [...atoms];
    changed[at] = atom;
    state[i] = values.ofAtoms(changed);
  }
}

function replace(state: State, from: Value, to: Value): void {
  for (let i = 0; i < state.length; i++) if (state[i] === from) state[i] = to;
}
