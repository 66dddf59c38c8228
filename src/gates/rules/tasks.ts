// What becomes of a task: enqueue inserts it or keeps it somewhere, once, and only the task that the callback is about; dispatch hands on what was kept. Source: do_enqueue_task(),
// mark_direct_dispatch(), kernel/sched/ext.c, v6.18; a task that nobody runs ends the policy in the watchdog.
import { holds } from '../../bpf/arithmetic.ts';
import { inserts, moves } from '../data/kfuncs.ts';
import { atSite, type Draft, type Facts, type Followed, type Rule } from '../engine/facts.ts';
import { dominates, postdominates, reachableFrom } from '../engine/flow.ts';
import type { Callback, Instance, Site } from '../engine/instance.ts';
import { freedomOf, wayOut } from '../engine/paths.ts';
import { guardsOfBlock } from '../engine/reach.ts';
import { callOf } from '../engine/refine.ts';
import { anyOrigin, constantOf, rootOf, type Value } from '../engine/values.ts';
import { isBuiltIn, queueUses } from './queues.ts';

export const tasksRule: Rule = {
  about: 'every task is inserted or kept, once, and comes out again',
  codes: ['task-dropped', 'double-insert', 'foreign-insert', 'dispatch-does-nothing'],
  check: (facts) => [
    ...dropped(facts),
    ...twice(facts),
    ...foreign(facts),
    ...idleDispatch(facts),
    ...neverInserted(facts),
  ],
};

/** Calls by which a task, or its number, can be kept for later; or the policy ends. */
const keeping =
  /^(scx_bpf_(dsq_insert|dsq_insert_vtime|dsq_move|dsq_move_vtime|error_bstr|exit_bstr)|bpf_map_(update|push)_elem|bpf_ringbuf_(submit|output)|bpf_rbtree_add(_impl)?|bpf_list_push_(front|back)(_impl)?|bpf_kptr_xchg|bpf_arena_.*|bpf_refcount_acquire_impl)$/;

/** Whether the task may be kept in this block; what called functions may do counts. */
function keepsIn(callback: Callback, instance: Instance): Set<number> {
  const blocks = new Set<number>();
  const known = new Map<number, boolean>();
  for (const site of instance.sites.values()) if (mayKeep(callback, site, known)) blocks.add(site.block);
  for (const { value, block, base } of instance.stores.values())
    if (isOfTask(value) && !isFieldOfTask(base)) blocks.add(block);
  return blocks;
}

/** `known`: of functions, each followed once; one that is being followed, and so calls itself, adds nothing new. */
function mayKeep(callback: Callback, site: Site, known: Map<number, boolean>): boolean {
  if (site.what === 'helper' && site.name === 'unknown function') return true;
  if (site.what !== 'function') return keeping.test(site.name);
  const callee = site.callee === undefined ? undefined : callback.instances.get(site.callee);
  if (callee === undefined) return true;
  const before = known.get(callee.fn);
  if (before !== undefined) return before;
  known.set(callee.fn, false);
  const keeps =
    [...callee.sites.values()].some((inner) => mayKeep(callback, inner, known)) ||
    [...callee.stores.values()].some(({ value, base }) => isOfTask(value) && !isFieldOfTask(base));
  known.set(callee.fn, keeps);
  return keeps;
}

function isOfTask(value: Value): boolean {
  return anyOrigin(
    value,
    ({ kind, name }) =>
      (kind === 'arg' && name === 'p') ||
      (kind === 'field' && /^task_struct\.(pid|tgid|scx\.tid)$/.test(name)),
    3,
  );
}

function isFieldOfTask(base: Value): boolean {
  return rootOf(base)?.name === 'p';
}

function dropped(facts: Facts): Draft[] {
  const enqueue = facts.members.get('enqueue');
  const instance = enqueue?.callback.instances.get(enqueue.callback.entry);
  if (enqueue === undefined || instance === undefined) return [];
  const keeps = keepsIn(enqueue.callback, instance);
  const at = (block: number) => ({
    fn: instance.fn,
    slot: instance.flow.blocks[block]!.end - 1,
    member: 'enqueue',
  });
  // dispatch may find its tasks by itself: by looking through all there are.
  const findsTasks = (facts.members.get('dispatch')?.sites ?? []).some(
    ({ site }) => inserts.has(site.name) && rootOf(site.args[0])?.name !== 'prev',
  );
  if (keeps.size === 0 && findsTasks) return [];
  if (keeps.size === 0)
    return [
      {
        code: 'task-dropped',
        severity: 'reject',
        sure: 'certain',
        why: 'enqueue neither inserts the task into a DSQ nor keeps it in a map: every task is lost, and the watchdog ejects the policy.',
        instead: 'End enqueue with scx_bpf_dsq_insert(p, QUEUE, slice_ns, enq_flags).',
        at: at(0),
      },
    ];
  const avoid = (block: number): boolean => keeps.has(block);
  const freely = wayOut(instance, 0, avoid, (branch, way) => isOpen(instance, branch, way, false));
  if (freely !== undefined) return [droppedOn('likely', at(lastFree(instance, freely)))];
  const byNull = wayOut(instance, 0, avoid, (branch, way) => isOpen(instance, branch, way, true));
  return byNull === undefined ? [] : [droppedOn('possible', at(lastFree(instance, byNull)))];
}

/** The branch that decided for the way out, rather than the exit that all ways share. */
function lastFree(instance: Instance, exit: number): number {
  const { flow } = instance;
  return flow.blocks[exit]!.to - flow.blocks[exit]!.from === 1 ? flow.dominator[exit]! : exit;
}

function isOpen(
  instance: Instance,
  branch: Parameters<typeof freedomOf>[1],
  way: number,
  nullToo: boolean,
): boolean {
  const root = rootOf(branch.left);
  const right = constantOf(branch.right);
  if (root?.kind === 'parameter' && right !== undefined)
    return holds(branch.condition, branch.width, root.value, right) === (way === 0);
  // A full ring buffer is an ordinary thing.
  if (root?.name === 'bpf_ringbuf_reserve') return true;
  const freedom = freedomOf(instance, branch);
  if (freedom === 'null') {
    // Without the value (the usual case is with it) nothing is promised.
    const isNullWay = holds(branch.condition, branch.width, 0n, 0n) === (way === 0);
    return nullToo || !isNullWay;
  }
  return freedom === 'free';
}

function droppedOn(sure: 'likely' | 'possible', at: NonNullable<Draft['at']>): Draft {
  return {
    code: 'task-dropped',
    severity: sure === 'likely' ? 'reject' : 'warn',
    sure,
    why:
      sure === 'likely'
        ? 'On this way through enqueue the task is neither inserted into a DSQ nor kept in a map; it never runs, and the watchdog ejects the policy.'
        : 'When a lookup finds nothing, enqueue returns without inserting the task or keeping it; should that happen, the task never runs.',
    instead:
      'Insert on every way: where nothing better is known, scx_bpf_dsq_insert(p, SCX_DSQ_GLOBAL, slice_ns, enq_flags).',
    at,
  };
}

/** Sites of this function by which the task of that origin is surely inserted: itself, or in a function that it calls. */
function insertsOf(callback: Callback, instance: Instance): Site[] {
  return [...instance.sites.values()].filter((site) => {
    if (site.what === 'kfunc') return inserts.has(site.name);
    const callee = site.what === 'function' ? callback.instances.get(site.callee ?? -1) : undefined;
    if (callee === undefined) return false;
    return [...callee.sites.values()].some(
      (inner) => inserts.has(inner.name) && postdominates(callee.flow, inner.block, 0) && isOfP(inner),
    );
  });
}

function isOfP({ args }: Site): boolean {
  const root = rootOf(args[0]);
  return root?.kind === 'arg' && root.name === 'p';
}

function twice({ members }: Facts): Draft[] {
  const found: Draft[] = [];
  for (const member of ['select_cpu', 'enqueue']) {
    const { callback, entered } = members.get(member) ?? {};
    if (callback === undefined) continue;
    for (const { instance } of entered ?? []) {
      const sites = insertsOf(callback, instance).filter(isOfP);
      const second = sites.find((later) => sites.some((first) => isAgain(instance, first, later)));
      if (second === undefined) continue;
      found.push({
        code: 'double-insert',
        severity: 'reject',
        sure: 'certain',
        why: 'The task has been inserted already when it is inserted here; the kernel ejects the policy ("already direct-dispatched").',
        instead: 'Return after the first insert, or choose the DSQ first and insert once.',
        at: { fn: instance.fn, slot: second.at, member },
      });
    }
  }
  return found;
}

function isAgain(instance: Instance, first: Site, later: Site): boolean {
  const { flow } = instance;
  if (first === later) return false;
  if (first.block === later.block) return first.at < later.at;
  if (!reachableFrom(flow, first.block).has(later.block)) return false;
  if (!dominates(flow, first.block, later.block) && !postdominates(flow, later.block, first.block))
    return false;
  // 6.19's insert says whether it worked.
  const origin = first.result.atoms?.[0]?.origin;
  return !guardsOfBlock(instance, later.block).some((guard) => callOf(guard.left) === origin);
}

const otherTasks: ReadonlySet<string> = new Set([
  'bpf_task_from_pid',
  'bpf_task_from_vpid',
  'bpf_iter_scx_dsq_next',
  'scx_bpf_cpu_curr',
  'scx_bpf_dsq_peek',
  'bpf_get_current_task_btf',
  'bpf_iter_task_next',
]);

function foreign({ members }: Facts): Draft[] {
  return ['select_cpu', 'enqueue'].flatMap((member) =>
    (members.get(member)?.sites ?? []).flatMap((reached) => {
      const { site, isAsync } = reached;
      if (isAsync || !inserts.has(site.name)) return [];
      const root = rootOf(site.args[0]);
      const isOther =
        root !== undefined &&
        ((['kfunc', 'helper'].includes(root.kind) && otherTasks.has(root.name)) ||
          (root.kind === 'field' && /\.(real_parent|parent|group_leader|last_wakee)$/.test(root.name)));
      if (!isOther) return [];
      return [
        {
          code: 'foreign-insert',
          severity: 'reject',
          sure: 'certain',
          why: `${member} may insert only the task that it is called for, and this is another one; the kernel ejects the policy ("trying to direct-dispatch").`,
          instead: 'Insert p. Other tasks that wait in a DSQ are moved in dispatch.',
          at: atSite(reached),
        } satisfies Draft,
      ];
    }),
  );
}

/** Kept tasks, or own DSQs, and a dispatch that takes nothing from anywhere. */
function idleDispatch(facts: Facts): Draft[] {
  const [enqueue, dispatch] = [facts.members.get('enqueue'), facts.members.get('dispatch')];
  if (enqueue === undefined || (dispatch !== undefined && handsOn(dispatch))) return [];
  const filled = queueUses(facts).filter(({ use }) => use === 'insert' || use === 'insert-vtime');
  const needsIt = filled.some(
    ({ ids, reached }) =>
      reached.callback.member === 'enqueue' &&
      ids !== undefined &&
      ids.length > 0 &&
      !ids.some((id) => isBuiltIn(id)),
  );
  const keepsAll =
    !enqueue.sites.some(({ site }) => inserts.has(site.name)) &&
    enqueue.sites.some(({ site }) => /^bpf_map_(update|push)_elem$/.test(site.name));
  if (!needsIt && !keepsAll) return [];
  if (facts.all.some(({ callback, sites }) => callback !== dispatch?.callback && movesElsewhere(sites)))
    return [];
  return [
    {
      code: 'dispatch-does-nothing',
      severity: 'reject',
      sure: 'certain',
      why: `${dispatch === undefined ? 'There is no dispatch' : 'dispatch neither moves nor inserts a task'}, and enqueue puts tasks where only dispatch can fetch them; nothing runs, and the watchdog ejects the policy.`,
      instead:
        'In dispatch: scx_bpf_dsq_move_to_local(QUEUE); for tasks kept in a map, scx_bpf_dsq_insert().',
      at: {
        fn: (dispatch ?? enqueue).callback.entry,
        slot: 0,
        member: dispatch === undefined ? 'enqueue' : 'dispatch',
      },
    },
  ];
}

/** Pushed in enqueue, and no task but the one in hand is ever inserted: what was pushed stays where it is. */
function neverInserted(facts: Facts): Draft[] {
  const enqueue = facts.members.get('enqueue');
  const pushed = enqueue?.sites.find(({ site }) => site.name === 'bpf_map_push_elem');
  const dispatch = facts.members.get('dispatch');
  if (enqueue === undefined || pushed === undefined || dispatch === undefined || !handsOn(dispatch))
    return [];
  const others = facts.sites.filter(
    ({ site, callback }) =>
      (inserts.has(site.name) && !['select_cpu', 'enqueue'].includes(callback.member ?? '')) ||
      site.name === 'unknown function',
  );
  const isAlsoInserted = enqueue.sites.some(({ site, instance }) => {
    if (!inserts.has(site.name) || instance !== pushed.instance) return false;
    const { flow } = instance;
    return (
      postdominates(flow, site.block, pushed.site.block) || dominates(flow, site.block, pushed.site.block)
    );
  });
  if (others.length > 0 || isAlsoInserted) return [];
  return [
    {
      code: 'task-dropped',
      severity: 'reject',
      sure: 'likely',
      why: 'enqueue keeps tasks in a map, and nothing ever inserts a task that was kept; they never run, and the watchdog ejects the policy.',
      instead:
        'In dispatch: take the number out of the map, bpf_task_from_pid(), scx_bpf_dsq_insert(), bpf_task_release().',
      at: atSite(pushed),
    },
  ];
}

function handsOn({ sites }: Followed): boolean {
  return sites.some(
    ({ site }) =>
      inserts.has(site.name) ||
      moves.has(site.name) ||
      site.name === 'scx_bpf_dsq_move_to_local' ||
      site.name === 'scx_bpf_sub_dispatch' ||
      site.name === 'unknown function',
  );
}

function movesElsewhere(sites: Followed['sites']): boolean {
  return sites.some(({ site }) => moves.has(site.name));
}
