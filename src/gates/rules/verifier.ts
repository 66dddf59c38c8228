// What the kernel's verifier would refuse anyway and is cheap to see here: null pointers that nobody asks about, writes to kernel structures, references that are never given back. Source:
// check_mem_access(), check_reference_leak(), kernel/bpf/verifier.c; bpf_scx_btf_struct_access(), kernel/sched/ext.c, v6.18. Only where hardly anything else is possible.
import { holds } from '../../bpf/arithmetic.ts';
import { kfuncs } from '../data/kfuncs.ts';
import { atSite, type Draft, type Facts, type Followed, type Rule } from '../engine/facts.ts';
import { reachableFrom } from '../engine/flow.ts';
import type { Branch, Callback, Instance, Site } from '../engine/instance.ts';
import { freedomOf, isAskedTwice, wayOut } from '../engine/paths.ts';
import { anyOrigin, constantOf, type Origin, rootOf, type Value } from '../engine/values.ts';

export const verifierRule: Rule = {
  about: 'pointers are asked for null, indexes bounded, kernel memory not written, references given back',
  codes: [
    'prev-unchecked',
    'null-unchecked',
    'index-unbounded',
    'kept-pointer',
    'kernel-write',
    'reference-leak',
    'lock-held-call',
  ],
  check: (facts) => [
    ...facts.all.flatMap((followed) => [
      ...nulls(facts, followed),
      ...indexes(followed),
      ...kept(facts, followed),
      ...writes(followed),
      ...leaks(followed),
    ]),
    ...underLock(facts),
  ],
};

function nulls({ object }: Facts, { callback, entered }: Followed): Draft[] {
  return entered.flatMap(({ instance }) => {
    const said = new Set<Origin>();
    return [...instance.untested.values()].flatMap(({ at, pointer }) => {
      const { origin } = pointer.atoms![0]!;
      if (said.has(origin)) return [];
      said.add(origin);
      const isArgument = origin.kind === 'arg';
      const map = origin.of[0]?.atoms?.[0]?.origin;
      const type = object.maps.find(({ name }) => map?.kind === 'map' && name === map.name)?.typeName;
      // From 6.14 on the verifier knows that a constant index of an array is there.
      if (type === 'array' || type === 'percpu_array') return [];
      const what = isArgument ? `${origin.name}` : `what ${origin.name}() gives`;
      return [
        {
          code: isArgument ? 'prev-unchecked' : 'null-unchecked',
          severity: 'reject',
          sure: 'certain',
          why: `${what} may be NULL, and is followed without asking; the verifier refuses the load.`,
          instead: isArgument
            ? `Ask first: if (${origin.name}) …; is_runnable(prev) in include/queue.h does.`
            : 'Ask first: if (!s) return …; a task that may not be lost is inserted first.',
          at: { fn: instance.fn, slot: at, member: callback.member },
        } satisfies Draft,
      ];
    });
  });
}

/** The number behind shifts and products; undefined where a mask, a division or a sum stands between. */
function plainIndex(value: Value): Origin | undefined {
  let origin = value.atoms?.length === 1 ? value.atoms[0]!.origin : undefined;
  for (let i = 0; i < 6; i++) {
    const isScaled = origin?.kind === 'calc' && (origin.name === 'lsh' || origin.name === 'mul');
    if (!isScaled && origin?.kind !== 'shl32') break;
    const of: Value | undefined = origin?.of[0];
    origin = of?.atoms?.length === 1 ? of.atoms[0]!.origin : undefined;
  }
  return origin;
}

const wideField = /\.(pid|tgid|prio|static_prio|policy|weight|val|nr_cpus_allowed|recent_used_cpu|wake_cpu)$/;

function isWide({ kind, name }: Origin): boolean {
  if (kind === 'arg') return /^(cpu|prev_cpu|weight)$/.test(name);
  if (kind === 'kfunc') return /^scx_bpf_(task_cpu|dsq_nr_queued|nr_cpu_ids)$/.test(name);
  return kind === 'field' && wideField.test(name);
}

/** Numbers of CPUs or tasks straight into an array: nothing bounds them for the verifier. */
function indexes({ callback, entered }: Followed): Draft[] {
  return entered.flatMap(({ instance }) =>
    [...instance.indexes.values()].flatMap(({ at, index }) => {
      const origin = plainIndex(index);
      if (origin === undefined || !isWide(origin)) return [];
      for (const { left, right } of instance.branches.values())
        if ([left, right].some((value) => anyOrigin(value, (one) => one === origin, 2))) return [];
      return [
        {
          code: 'index-unbounded',
          severity: 'reject',
          sure: 'likely',
          why: `${origin.name.replace(/^task_struct\./, 'p->')}${origin.kind === 'kfunc' ? '()' : ''} is an index here, and nothing bounds it; the verifier refuses the load ("unbounded min value", "outside of the allowed memory range").`,
          instead:
            'Mask it: CPU_SLOT(cpu) in include/kernel.h, or & (SIZE - 1) for a size that is a power of two.',
          at: { fn: instance.fn, slot: at, member: callback.member },
        } satisfies Draft,
      ];
    }),
  );
}

/** What memory holds is a number for the verifier, unless its type says __kptr. */
function kept({ object: { btf } }: Facts, { callback, entered }: Followed): Draft[] {
  if (btf.find('kptr', 'type_tag') ?? btf.find('kptr_untrusted', 'type_tag')) return [];
  return entered.flatMap(({ instance }) =>
    [...instance.remembered.values()].map(
      ({ at }) =>
        ({
          code: 'kept-pointer',
          severity: 'reject',
          sure: 'certain',
          why: 'A task is reached through a pointer that a map or a variable kept; for the verifier that is a number, and it refuses the load ("invalid mem access \'scalar\'"). The task may be gone, too.',
          instead:
            'Keep the pid and ask bpf_task_from_pid() (then bpf_task_release()); or declare the pointer __kptr and exchange it with bpf_kptr_xchg().',
          at: { fn: instance.fn, slot: at, member: callback.member },
        }) satisfies Draft,
    ),
  );
}

const writable = /^task_struct\.scx\.(slice|dsq_vtime|disallow)$/;

function writes({ callback, entered }: Followed): Draft[] {
  return entered.flatMap(({ instance }) =>
    [...instance.stores.values()].flatMap(({ at, field, base }) => {
      const kind = rootOf(base)?.kind ?? '';
      const isKernels = ['arg', 'kfunc', 'field', 'fieldptr'].includes(kind);
      if (field === undefined || writable.test(field) || !isKernels) return [];
      return [
        {
          code: 'kernel-write',
          severity: 'reject',
          sure: 'certain',
          why: `${field} belongs to the kernel; of a task only scx.slice and scx.dsq_vtime may be written, and the verifier refuses the load.`,
          instead: 'Keep what you need to know about a task in task storage (include/task.h).',
          at: { fn: instance.fn, slot: at, member: callback.member },
        } satisfies Draft,
      ];
    }),
  );
}

/** Where something is taken: what gives it back; undefined: nothing is taken. */
function releaseOf({ what, name }: Site): RegExp | undefined {
  if (name === 'bpf_spin_lock') return /^bpf_spin_unlock$/;
  if (name === 'bpf_ringbuf_reserve') return /^bpf_ringbuf_(submit|discard)$/;
  if (what !== 'kfunc') return undefined;
  const iterator = /^(bpf_iter_\w+)_new$/.exec(name)?.[1];
  if (iterator !== undefined) return new RegExp(`^${iterator}_destroy$`);
  if (name === 'bpf_rcu_read_lock') return /^bpf_rcu_read_unlock$/;
  if (name === 'bpf_preempt_disable') return /^bpf_preempt_enable$/;
  const by = kfuncs[name]?.releasedBy;
  if (by === undefined) return undefined;
  return new RegExp(
    by.includes('put_')
      ? '^scx_bpf_put_(idle_)?cpumask$'
      : `^(${by}|bpf_kptr_xchg|bpf_rbtree_add(_impl)?|bpf_list_push_(front|back)_impl)$`,
  );
}

function leaks({ callback, entered }: Followed): Draft[] {
  return entered.flatMap(({ instance }) =>
    [...instance.sites.values()].flatMap((site) => {
      const release = releaseOf(site);
      if (release === undefined || !isLeaked(callback, instance, site, release)) return [];
      return [
        {
          code: 'reference-leak',
          severity: 'reject',
          sure: 'likely',
          why: `A way leads from ${site.name}() out of the function without giving back what it took; the verifier refuses the load ("Unreleased reference").`,
          instead: `Call ${release.source.replace(/[\^$]|\(.*?\)\?|\|.*$/g, '').replace(/^\(/, '')}() on every way out.`,
          at: { fn: instance.fn, slot: site.at, member: callback.member },
        } satisfies Draft,
      ];
    }),
  );
}

function isLeaked(callback: Callback, instance: Instance, site: Site, release: RegExp): boolean {
  const origin = site.result.atoms?.[0]?.origin;
  // It may be handed to the caller, or kept.
  if (instance.result.atoms === undefined && instance.fn !== callback.entry) return false;
  if (instance.fn !== callback.entry && anyOrigin(instance.result, (one) => one === origin)) return false;
  if ([...instance.stores.values()].some(({ value }) => rootOf(value) === origin)) return false;
  const released = new Set<number>();
  const known = new Map<number, boolean>();
  for (const one of instance.sites.values())
    if (releases(callback, one, release, known) && (one.block !== site.block || one.at > site.at))
      released.add(one.block);
  const { flow } = instance;
  if (released.has(site.block)) return false;
  // Around a loop and here again, the first one has been given back.
  if (reachableFrom(flow, site.block).has(site.block) && released.size > 0) released.delete(site.block);
  const exit = wayOut(
    instance,
    site.block,
    (block) => released.has(block),
    (branch, way) => isOpen(instance, branch, way, origin),
  );
  return exit !== undefined;
}

/** `known`: of functions, each followed once; one that is being followed, and so calls itself, adds nothing new. */
function releases(callback: Callback, site: Site, release: RegExp, known: Map<number, boolean>): boolean {
  if (site.what !== 'function') return release.test(site.name);
  const callee = site.callee === undefined ? undefined : callback.instances.get(site.callee);
  if (callee === undefined) return true;
  const before = known.get(callee.fn);
  if (before !== undefined) return before;
  known.set(callee.fn, false);
  const gives = [...callee.sites.values()].some((inner) => releases(callback, inner, release, known));
  known.set(callee.fn, gives);
  return gives;
}

function isOpen(instance: Instance, branch: Branch, way: number, origin: Origin | undefined): boolean {
  const { left, right, condition, width } = branch;
  const root = rootOf(left);
  const constant = constantOf(right);
  if (left.atoms?.some((atom) => atom.origin === origin)) {
    // Where it is null there is nothing to give back.
    return root === origin && constant === 0n && holds(condition, width, 0n, 0n) !== (way === 0);
  }
  if (root?.kind === 'parameter' && constant !== undefined)
    return holds(condition, width, root.value, constant) === (way === 0);
  if (freedomOf(instance, branch) !== 'bound') return true;
  return left.atoms?.length === 1 && !isAskedTwice(instance, branch);
}

const allowedUnderLock =
  /^bpf_(spin_unlock|res_spin_.*|iter_num_.*|rbtree_.*|list_.*|refcount_.*|obj_drop.*|cast_.*|rdonly_cast)$/;

function underLock({ sites }: Facts): Draft[] {
  if (!sites.some(({ site }) => site.name === 'bpf_spin_lock')) return [];
  return sites.flatMap((reached) => {
    const { instance, site } = reached;
    if (site.what === 'function' || allowedUnderLock.test(site.name)) return [];
    const before = [...instance.sites.values()]
      .filter(({ block, at }) => block === site.block && at < site.at)
      .sort((a, b) => b.at - a.at);
    const last = before.find(({ name }) => name === 'bpf_spin_lock' || name === 'bpf_spin_unlock');
    if (last?.name !== 'bpf_spin_lock') return [];
    return [
      {
        code: 'lock-held-call',
        severity: 'reject',
        sure: 'certain',
        why: `${site.name}() is called while a bpf_spin_lock is held; the verifier refuses the load.`,
        instead: 'Read and write under the lock, call after bpf_spin_unlock().',
        at: atSite(reached),
      } satisfies Draft,
    ];
  });
}
