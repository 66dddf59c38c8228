// Kernel functions called from a callback in which the kernel does not allow them: refused at load from 7.3 on, the end of the policy when called before. Source: scx_kf_allowed() and the sets
// scx_kfunc_ids_*, kernel/sched/ext.c, v6.18; scx_kfunc_context_filter(), 7.3.

import { checksPlacesAtLoad, orderOf, unlockedMembers } from '../data/kernels.ts';
import { kfuncs, type Places } from '../data/kfuncs.ts';
import { atSite, type Draft, type Facts, type Rule } from '../engine/facts.ts';
import type { Reached } from '../engine/reach.ts';

export const kfuncPlacesRule: Rule = {
  about: 'each kernel function only where the kernel allows it',
  codes: ['kfunc-place', 'kfunc-sleeps'],
  check: (facts) =>
    facts.sites.flatMap((reached) => {
      const draft = problemOf(facts, reached);
      return draft === undefined ? [] : [{ ...draft, at: atSite(reached) }];
    }),
};

const only: Readonly<Record<Places, string>> = {
  any: 'everywhere',
  enqueue: 'in select_cpu, enqueue and dispatch',
  dispatch: 'in dispatch',
  'dispatch-or-unlocked': 'in dispatch, in timers and in syscall programs',
  'cpu-release': 'in cpu_release',
  sleepable: 'in sleepable programs',
  select: 'in select_cpu and enqueue',
};

function problemOf({ kernels }: Facts, reached: Reached): Draft | undefined {
  const { site, callback, isAsync } = reached;
  const places = site.what === 'kfunc' ? kfuncs[site.name]?.places : undefined;
  if (places === undefined || places === 'any') return undefined;
  const program = callback.subject.functions[callback.entry]!;
  if (places === 'sleepable') return sleeping(reached, program.sleepable && !isAsync);
  const where = isAsync || program.section === 'syscall' ? 'unlocked' : (callback.member ?? 'unlocked');
  if (isAllowed(places, where)) return undefined;
  const isLater = kernels.every((kernel) => orderOf(kernel) < orderOf(checksPlacesAtLoad));
  return {
    code: 'kfunc-place',
    severity: 'reject',
    sure: 'certain',
    why:
      `${site.name}() is called from ${isAsync ? 'a timer or work queue' : (callback.member ?? 'a program of another kind')}, and is allowed ${only[places]} only; ` +
      (isLater && kernels.length > 0
        ? 'the policy loads and is ejected at that call (kind 1024).'
        : 'kernels before 7.3 eject the policy at that call, later ones refuse to load it.'),
    instead: adviceFor(places),
  };
}

function isAllowed(places: Places, where: string): boolean {
  const isUnlocked = where === 'unlocked' || unlockedMembers.has(where);
  switch (places) {
    case 'enqueue':
      return where === 'select_cpu' || where === 'enqueue' || where === 'dispatch';
    case 'dispatch':
      return where === 'dispatch';
    case 'dispatch-or-unlocked':
      return where === 'dispatch' || isUnlocked;
    case 'cpu-release':
      return where === 'cpu_release';
    case 'select':
      return where === 'select_cpu' || where === 'enqueue' || isUnlocked;
    default:
      return true;
  }
}

function sleeping(reached: Reached, maySleep: boolean): Draft | undefined {
  if (maySleep) return undefined;
  const { site, callback } = reached;
  return {
    code: 'kfunc-sleeps',
    severity: 'reject',
    sure: 'certain',
    why: `${site.name}() may sleep, and is called from ${callback.member ?? 'a program'} in a section that may not; the verifier refuses the load.`,
    instead: 'Create all DSQs in init, and declare it s32 SLEEPABLE_OP(name_init) (SEC("struct_ops.s/…")).',
  };
}

function adviceFor(places: Places): string {
  switch (places) {
    case 'enqueue':
      return 'Insert tasks in select_cpu, enqueue or dispatch; elsewhere note what is to be done in a map and do it there.';
    case 'dispatch':
      return 'Move tasks from a DSQ in dispatch: the kernel calls it whenever a CPU needs a task; scx_bpf_kick_cpu() makes it ask.';
    case 'cpu-release':
      return 'Call it in ops.cpu_release.';
    default:
      return 'Call it where it is allowed, and leave a note in a map for that.';
  }
}
