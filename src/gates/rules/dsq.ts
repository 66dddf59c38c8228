// Dispatch queues: made once before they are used, in one order each, and emptied by somebody. Source: scx_bpf_create_dsq(), find_dsq_for_dispatch(), dispatch_enqueue(),
// scx_bpf_dsq_move_to_local(), kernel/sched/ext.c, v6.18.
import { atSite, type Draft, type Rule } from '../engine/facts.ts';
import { reachableFrom } from '../engine/flow.ts';
import { loopsOf } from '../engine/loops.ts';
import { guardsOf, type Reached, truthOf } from '../engine/reach.ts';
import { type Atom, anyOrigin, constantsOf, type Origin, rootOf, type Value } from '../engine/values.ts';
import { couldBe, idText, isBuiltIn, queueUses, type Use } from './queues.ts';

export const dsqRule: Rule = {
  about: 'dispatch queues exist, keep one order, and are emptied',
  codes: [
    'dsq-never-created',
    'dsq-created-twice',
    'dsq-built-in-id',
    'vtime-built-in',
    'dsq-mixed-order',
    'dsq-never-drained',
    'init-fails',
  ],
  check: (facts) => {
    const uses = queueUses(facts);
    return [
      ...neverCreated(uses),
      ...createdTwice(uses),
      ...counted(uses),
      ...badNode(uses),
      ...builtIn(uses),
      ...mixed(uses),
      ...neverDrained(uses),
    ];
  },
};

function of(uses: readonly Use[], ...kinds: Use['use'][]): Use[] {
  return uses.filter(({ use }) => kinds.includes(use));
}

const filling = ['insert', 'insert-vtime', 'move-in', 'move-in-vtime'] as const;

function neverCreated(uses: readonly Use[]): Draft[] {
  const created = of(uses, 'create');
  const [any] = created.length > 0 ? [] : of(uses, ...filling, 'drain').filter(isOfOurs);
  if (any !== undefined)
    return [
      {
        code: 'dsq-never-created',
        severity: 'reject',
        sure: any.ids === undefined ? 'likely' : 'certain',
        why: `${any.reached.site.name}() names a DSQ of the policy's own, and nothing creates one; the kernel ejects the policy ("invalid DSQ", "non-existent DSQ").`,
        instead: 'Create each in init: s32 SLEEPABLE_OP(name_init) { return scx_bpf_create_dsq(ID, -1); }',
        at: atSite(any.reached),
      },
    ];
  const found = new Map<bigint, Draft>();
  for (const { use, id: value, ids, exact, reached } of of(uses, ...filling, 'drain')) {
    const own = (ids ?? chosen(value)).filter((one) => !isBuiltIn(one));
    if (own.length === 0) continue;
    const missing = own.filter((one) => !created.some((made) => couldBe(made.id, one)));
    const isKnown = ids !== undefined && own.length === ids.length;
    if (missing.length === 0 || (isKnown && isMasked(value) && missing.length < own.length)) continue;
    if (isKnown && missing.length < own.length && use === 'drain') continue;
    own.splice(0, own.length, ...missing);
    const [id] = own as [bigint];
    if (found.has(id)) continue;
    const isCertain = exact && ids?.length === 1 && created.every((one) => one.ids !== undefined);
    found.set(id, {
      code: 'dsq-never-created',
      severity: 'reject',
      sure: isCertain ? 'certain' : 'likely',
      why: `${reached.site.name}() names DSQ ${idText(id)}, and nothing creates it; the kernel ejects the policy ("invalid DSQ", "non-existent DSQ").`,
      instead: `Create it in init: s32 SLEEPABLE_OP(name_init) { return scx_bpf_create_dsq(${idText(id)}, -1); }`,
      at: atSite(reached),
    });
  }
  return [...found.values()];
}

/** Nothing that the id can be is one of the kernel's own, which have bit 63. */
function isOfOurs({ id }: Use): boolean {
  const isSmall = ({ origin: { kind, value, name } }: Atom): boolean => {
    if (kind === 'const' || kind === 'parameter' || kind === 'bits') return !isBuiltIn(value);
    if (kind === 'kfunc') return name === 'scx_bpf_task_cpu';
    return kind === 'mod' || kind === 'counter' || kind === 'arg' || kind === 'field';
  };
  return id.atoms?.length !== 0 && (id.atoms?.every(isSmall) ?? false);
}

/** Of a choice between several, the constants and parameters: they are given on some way. */
function chosen({ atoms }: Value): bigint[] {
  return (atoms ?? [])
    .filter(({ origin }) => origin.kind === 'parameter' || countsFromZero(origin))
    .map(({ origin }) => (origin.kind === 'parameter' ? origin.value : 0n));
}

/** CPUs and groups are numbered from 0, and the first is always there. */
function countsFromZero({ kind, name, value }: Origin): boolean {
  if (kind === 'bits') return value > 0n && (value & (value + 1n)) === 0n;
  return (
    kind === 'mod' || (kind === 'arg' && name === 'cpu') || (kind === 'kfunc' && name === 'scx_bpf_task_cpu')
  );
}

/** A mask tells what an id cannot be, not what it is. */
function isMasked({ atoms }: Value): boolean {
  return atoms?.some(({ origin }) => origin.kind === 'bits' || origin.kind === 'mod') ?? true;
}

/** A result that nobody looks at cannot fail. */
function isUsed({ instance, site }: Reached): boolean {
  const origin = site.result.atoms?.[0]?.origin;
  const fits = (one: unknown): boolean => one === origin;
  if (anyOrigin(instance.result, fits) || instance.result.atoms === undefined) return true;
  for (const { left } of instance.branches.values()) if (anyOrigin(left, fits)) return true;
  return false;
}

/** scx_bpf_create_dsq() of a NUMA node that hardly any machine has. */
function badNode(uses: readonly Use[]): Draft[] {
  return of(uses, 'create').flatMap(({ reached }) => {
    const node = constantsOf(reached.site.args[1]!)?.values.map((value) => BigInt.asIntN(32, value));
    const worst = node?.find((value) => value < -1n || value > 0n);
    if (worst === undefined) return [];
    return [
      {
        code: 'init-fails',
        severity: worst < -1n || worst >= 8n ? 'reject' : 'warn',
        sure: 'likely',
        why: `The DSQ is to lie on NUMA node ${worst}; where there is no such node scx_bpf_create_dsq() answers -EINVAL, and init fails.`,
        instead: 'Write -1: any node.',
        at: atSite(reached),
      } satisfies Draft,
    ];
  });
}

function createdTwice(uses: readonly Use[]): Draft[] {
  const created = of(uses, 'create').filter(({ ids, exact }) => ids?.length === 1 && exact);
  const found: Draft[] = [];
  created.forEach((use, i) => {
    const id = use.ids![0]!;
    const before = created.slice(0, i).find((one) => one.ids![0] === id && follows(one.reached, use.reached));
    const isRepeated = isInLoop(use.reached);
    if ((before === undefined && !isRepeated) || !isUsed(use.reached)) return;
    found.push({
      code: 'dsq-created-twice',
      severity: 'reject',
      sure: 'certain',
      why: `DSQ ${idText(id)} exists already when it is created ${isRepeated ? 'in the second round' : 'here'}: scx_bpf_create_dsq() answers -EEXIST, and init fails.`,
      instead: 'Create each DSQ once, with an id of its own.',
      at: atSite(use.reached),
    });
  });
  return found;
}

/** One for each CPU or so, and another whose number the loop comes to as well. */
function counted(uses: readonly Use[]): Draft[] {
  const created = of(uses, 'create');
  const found: Draft[] = [];
  for (const use of created) {
    const id = use.exact && use.ids?.length === 1 ? use.ids[0]! : undefined;
    if (id === undefined || id >= manyCpus || !isUsed(use.reached)) continue;
    const loop = created.find((one) => {
      const root = rootOf(one.id);
      const from = root?.kind === 'counter' ? constantsOf(root.of[0]!)?.values[0] : undefined;
      const to = root?.of[1] === undefined ? undefined : constantsOf(root.of[1])?.values[0];
      const comesToIt = from !== undefined && from <= id && (to === undefined || id < to);
      return comesToIt && isUsed(one.reached) && one.reached.callback === use.reached.callback;
    });
    if (loop === undefined) continue;
    found.push({
      code: 'dsq-created-twice',
      severity: 'reject',
      sure: 'likely',
      why: `DSQ ${idText(id)} has a number that the loop which creates DSQs comes to as well (on a machine with enough CPUs): the second one answers -EEXIST, and init fails.`,
      instead: 'Give the shared DSQ a number that no CPU has: 1 << 20, say.',
      at: atSite(use.reached),
    });
  }
  return found;
}

/** Counters of CPUs come to these on machines that people have. */
const manyCpus = 64n;

function follows(first: Reached, second: Reached): boolean {
  if (first.callback !== second.callback) return false;
  if (first.instance !== second.instance) return true;
  if (first.site.block === second.site.block) return first.site.at < second.site.at;
  return reachableFrom(first.instance.flow, first.site.block).has(second.site.block);
}

function isInLoop({ callback, instance, site }: Reached): boolean {
  return loopsOf(callback, instance).some(({ body, bound }) => body.has(site.block) && (bound ?? 2) > 1);
}

function builtIn(uses: readonly Use[]): Draft[] {
  const found: Draft[] = [];
  for (const { use, id, ids, reached } of uses) {
    const isLocalOn = rootOf(id)?.kind === 'local-on';
    // of a choice between constants each is meant
    const own = ids === undefined || isMasked(id) ? [] : ids.filter(isBuiltIn);
    const isAll = isLocalOn || (own.length > 0 && own.length === ids?.length);
    if (!isAll && (own.length === 0 || use === 'create')) continue;
    const name = isLocalOn ? 'SCX_DSQ_LOCAL_ON' : idText(own[0]!);
    if (use === 'create')
      found.push({
        code: 'dsq-built-in-id',
        severity: 'reject',
        sure: 'certain',
        why: `${name} is an id of the kernel's own (bit 63); scx_bpf_create_dsq() answers -EINVAL, and init fails.`,
        instead: 'Give your DSQ a small number: 0, 1, 2 …',
        at: atSite(reached),
      });
    else if (use === 'insert-vtime' || use === 'move-in-vtime')
      found.push({
        code: 'vtime-built-in',
        severity: 'reject',
        sure: isAll ? 'certain' : 'likely',
        why: `${name} is a built-in DSQ, which is FIFO only; a vtime insert into it ejects the policy ("cannot use vtime ordering for built-in DSQs").`,
        instead:
          'Insert by vtime into a DSQ that you created, or use scx_bpf_dsq_insert() for the built-in one.',
        at: atSite(reached),
      });
  }
  return found;
}

function mixed(uses: readonly Use[]): Draft[] {
  const ownOf = ({ id, ids }: Use): readonly bigint[] =>
    ids === undefined || (ids.length > 1 && isMasked(id)) ? [] : ids.filter((one) => !isBuiltIn(one));
  const fifo = of(uses, 'insert', 'move-in');
  const found = new Map<bigint, Draft>();
  for (const sorted of of(uses, 'insert-vtime', 'move-in-vtime')) {
    const meets = (one: Use, id: bigint): boolean =>
      ownOf(one).includes(id) && !excludeEachOther(one.reached, sorted.reached);
    const id = ownOf(sorted).find((one) => fifo.some((use) => meets(use, one)));
    if (id === undefined || found.has(id)) continue;
    const other = fifo.find((use) => meets(use, id))!;
    const line = other.reached.callback.subject.line(other.reached.instance.fn, other.reached.site.at);
    found.set(id, {
      code: 'dsq-mixed-order',
      severity: 'reject',
      sure: 'likely',
      why: `DSQ ${idText(id)} gets tasks by vtime here and in FIFO order${line === undefined ? ' elsewhere' : ` in line ${line.line}`}; with both kinds waiting the kernel ejects the policy ("already had FIFO-enqueued tasks").`,
      instead:
        'Use one order for a DSQ: give the FIFO tasks a vtime too (vtime_now, say), or a DSQ of their own.',
      at: atSite(sorted.reached),
    });
  }
  return [...found.values()];
}

/** A parameter decides: where one happens, the other never does. */
function excludeEachOther(a: Reached, b: Reached): boolean {
  const chosen = (reached: Reached): Map<string, boolean> => {
    const truths = new Map<string, boolean>();
    for (const guard of guardsOf(reached)) {
      const root = rootOf(guard.left);
      const truth = truthOf(guard);
      if (root?.kind === 'parameter' && truth !== undefined) truths.set(root.name, truth);
    }
    return truths;
  };
  const [first, second] = [chosen(a), chosen(b)];
  return [...first].some(([name, truth]) => second.get(name) === !truth);
}

function neverDrained(uses: readonly Use[]): Draft[] {
  const drains = of(uses, 'drain', 'walk');
  const found = new Map<bigint, Draft>();
  for (const { id: value, ids, exact, reached } of of(uses, ...filling)) {
    const chosenIds = ids === undefined || (ids.length > 1 && isMasked(value)) ? [] : ids;
    const id = chosenIds.find((one) => !isBuiltIn(one) && !drains.some((drain) => couldBe(drain.id, one)));
    if (id === undefined || found.has(id)) continue;
    const isCertain = exact && ids?.length === 1 && drains.every((one) => one.ids !== undefined);
    found.set(id, {
      code: 'dsq-never-drained',
      severity: 'reject',
      sure: isCertain ? 'certain' : 'likely',
      why: `Tasks go into DSQ ${idText(id)}, and nothing takes them out: they wait until the watchdog ejects the policy.`,
      instead: `In dispatch: scx_bpf_dsq_move_to_local(${idText(id)});`,
      at: atSite(reached),
    });
  }
  return [...found.values()];
}
