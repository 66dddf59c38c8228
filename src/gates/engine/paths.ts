// Ways through a function that avoid what should have happened on them, and how free each is: a way whose branches depend on nothing but the task and the moment can be taken.
import { reachableFrom } from './flow.ts';
import type { Branch, Instance } from './instance.ts';
import { anyOrigin, constantOf, type Origin, rootOf } from './values.ts';

export type Freedom =
  /** Depends on the task, its flags, time or a counter: both ways happen. */
  | 'free'
  /** A lookup failed. */
  | 'null'
  /** It ends a loop, or depends on what was answered or calculated before. */
  | 'bound';

/**
 * Is there a way from the beginning of `from` to an exit that enters no block of `avoid`, over branches that may go so? A question that is asked several times gets one
 * answer on the whole way. Answers with the last block before the exit.
 */
export function wayOut(
  instance: Instance,
  from: number,
  avoid: (block: number) => boolean,
  may: (branch: Branch, way: number) => boolean,
): number | undefined {
  if (avoid(from)) return undefined;
  // Most questions are settled without asking which answers go together.
  const roots = new Set(switches(instance).map(({ root }) => root));
  const mayAtAll = (branch: Branch, way: number): boolean =>
    roots.has(rootOf(branch.left) as Origin) || may(branch, way);
  if (walk(instance, from, avoid, mayAtAll) === undefined) return undefined;
  // A switch: one of its cases is the one.
  for (const { root, questions } of switches(instance))
    for (const own of questions) {
      const exit = walk(instance, from, avoid, (branch, way) => {
        if (rootOf(branch.left) !== root) return may(branch, way);
        const { key, isTurned } = questionOf(branch);
        return ((way === 0) !== isTurned) === (key === own);
      });
      if (exit !== undefined) return exit;
    }
  const repeated = repeatedQuestions(instance);
  for (let answers = 0; answers < 1 << repeated.length; answers++) {
    const exit = walk(instance, from, avoid, (branch, way) => {
      const { key, isTurned } = questionOf(branch);
      const place = repeated.indexOf(key);
      const answer = (way === 0) !== isTurned;
      return (place < 0 || ((answers >> place) & 1) === (answer ? 1 : 0)) && may(branch, way);
    });
    if (exit !== undefined) return exit;
  }
  return undefined;
}

function walk(
  instance: Instance,
  from: number,
  avoid: (block: number) => boolean,
  may: (branch: Branch, way: number) => boolean,
): number | undefined {
  const { flow, branches, entered } = instance;
  const seen = new Set([from]);
  const work = [from];
  const go = (to: number): void => {
    if (seen.has(to) || entered[to] !== 1 || avoid(to)) return;
    seen.add(to);
    work.push(to);
  };
  for (let block = work.pop(); block !== undefined; block = work.pop()) {
    const { next } = flow.blocks[block]!;
    if (next.length === 0) return block;
    const branch = branches.get(block);
    const open = next.filter((_, way) => branch === undefined || may(branch, way));
    for (const to of open) go(to);
    if (open.length === next.length) continue;
    const below = flow.postdominator[block]!;
    if (below >= 0 && isClear(instance, block, below, avoid)) go(below);
  }
  return undefined;
}

/** Whichever way it goes, it comes to `below` without what is to be avoided. */
function isClear(
  { flow }: Instance,
  block: number,
  below: number,
  avoid: (block: number) => boolean,
): boolean {
  for (const between of reachableFrom(flow, block, (to) => to === below)) if (avoid(between)) return false;
  return true;
}

const mostCases = 8;

/** A field of the task that is compared with several constants, and with nothing else. */
function switches(instance: Instance): { root: Origin; questions: string[] }[] {
  const found: { root: Origin; questions: string[] }[] = [];
  for (const [root, branches] of questionsByRoot(instance)) {
    if (root?.kind !== 'field' || !freeFields.test(root.name)) continue;
    const isPlain = branches.every(
      ({ left, right, condition }) =>
        (condition === 'eq' || condition === 'ne') &&
        left.atoms?.[0]?.origin === root &&
        constantOf(right) !== undefined,
    );
    const questions = [...new Set(branches.map((branch) => questionOf(branch).key))];
    if (isPlain && questions.length > 1 && questions.length <= mostCases) found.push({ root, questions });
  }
  return found;
}

/** What a branch asks, the same for a condition and its opposite. */
function questionOf({ left, right, condition }: Branch): { key: string; isTurned: boolean } {
  const isTurned = condition === 'ne';
  const name = isTurned ? 'eq' : condition;
  return { key: `${left.atoms?.[0]?.origin.number} ${name} ${constantOf(right)}`, isTurned };
}

const mostRepeated = 4;

const repeatedOf = new WeakMap<Instance, readonly string[]>();

function repeatedQuestions(instance: Instance): readonly string[] {
  let found = repeatedOf.get(instance);
  if (found === undefined) {
    found = findRepeated(instance);
    repeatedOf.set(instance, found);
  }
  return found;
}

function findRepeated(instance: Instance): string[] {
  const counts = new Map<string, number>();
  for (const branch of instance.branches.values()) {
    if (branch.left.atoms?.length !== 1 || constantOf(branch.right) === undefined) continue;
    const { key } = questionOf(branch);
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return [...counts]
    .filter(([, count]) => count > 1)
    .map(([key]) => key)
    .slice(0, mostRepeated);
}

const freeFields = /^task_struct\.(?!scx\.(slice|dsq_vtime)$)/;

export function freedomOf(instance: Instance, branch: Branch): Freedom {
  const { left, right } = branch;
  const constant = constantOf(right);
  if (constant === 0n && isLookup(branch)) return 'null';
  const root = rootOf(left);
  if (root === undefined || (constant === undefined && rootOf(right) === undefined)) return 'bound';
  const isFree =
    (root.kind === 'field' && freeFields.test(root.name)) ||
    (root.kind === 'arg' && root.name.endsWith('flags')) ||
    (root.kind === 'helper' && root.name === 'bpf_get_prandom_u32') ||
    (root.kind === 'calc' && anyOrigin(left, ({ name }) => name === 'bpf_get_prandom_u32')) ||
    (root.kind === 'calc' && (dependsOnTask(branch) || isEverySoOften(branch))) ||
    (root.kind === 'mod' && isEverySoOften(branch)) ||
    (root.kind === 'mod' && anyOrigin(left, ({ kind, name }) => kind === 'field' && freeFields.test(name)));
  return isFree && !isAskedTwice(instance, branch) ? 'free' : 'bound';
}

function dependsOnTask({ left }: Branch): boolean {
  const fits = anyOrigin(left, ({ kind, name }) => kind === 'field' && freeFields.test(name));
  return fits && !anyOrigin(left, ({ kind }) => kind === 'kfunc' || kind === 'loaded' || kind === 'global');
}

/** `++count % 100`. */
function isEverySoOften({ left }: Branch): boolean {
  const divides = anyOrigin(left, ({ kind, name }) => kind === 'mod' || (kind === 'calc' && name === 'mod'));
  return divides && anyOrigin(left, ({ kind }) => kind === 'global');
}

function isLookup({ left }: Branch): boolean {
  const origin = left.atoms?.length === 1 ? left.atoms[0]!.origin : undefined;
  return (
    origin?.kind === 'helper' || (origin?.kind === 'kfunc' && /^bpf_(task|cgroup|obj)/.test(origin.name))
  );
}

/** Another branch asks something else about the same thing: which ways go together is not known. */
export function isAskedTwice(instance: Instance, branch: Branch): boolean {
  const own = branch.left.atoms?.[0]?.origin;
  const { key } = questionOf(branch);
  for (const other of questionsByRoot(instance).get(rootOf(branch.left)) ?? [])
    if (other !== branch && questionOf(other).key !== key) {
      const theirs = other.left.atoms?.[0]?.origin;
      // Other bits of the same flags are another question.
      if (own?.kind === 'bits' && theirs?.kind === 'bits' && (own.value & theirs.value) === 0n) continue;
      return true;
    }
  return false;
}

type Questions = ReadonlyMap<Origin | undefined, readonly Branch[]>;
const questions = new WeakMap<Instance, Questions>();

function questionsByRoot(instance: Instance): Questions {
  const known = questions.get(instance);
  if (known !== undefined) return known;
  const found = new Map<Origin | undefined, Branch[]>();
  for (const branch of instance.branches.values()) {
    const root = rootOf(branch.left);
    const list = found.get(root);
    if (list === undefined) found.set(root, [branch]);
    else list.push(branch);
  }
  questions.set(instance, found);
  return found;
}
