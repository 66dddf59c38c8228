// Flags that need something of the policy, or exclude each other. Source: validate_ops(), scx_bpf_kick_cpu(), check_builtin_idle_enabled(), the comment on SCX_OPS_ENQ_LAST,
// kernel/sched/ext.c, v6.18.

import { kick } from '../data/kernels.ts';
import { kfuncs } from '../data/kfuncs.ts';
import { atSite, type Draft, type Facts, type Rule } from '../engine/facts.ts';
import { guardsOf, truthOf } from '../engine/reach.ts';
import { callOf } from '../engine/refine.ts';
import { anyOrigin, constantsOf, rootOf, type Value } from '../engine/values.ts';

export const flagsRule: Rule = {
  about: 'flags go with what the policy does',
  codes: [
    'enq-last-unhandled',
    'enq-last-skipped',
    'kick-flags',
    'kick-own-cpu',
    'preempt-always',
    'idle-tracking-off',
  ],
  check: (facts) => [...last(facts), ...kicks(facts), ...ownKicks(facts), ...always(facts), ...idle(facts)],
};

const keepBuiltinIdle = 1n;
const opsEnqLast = 2n;

/** What with SCX_OPS_ENQ_LAST also has to come to enqueue: SCX_OPS_ENQ_EXITING, SCX_OPS_ENQ_MIGRATION_DISABLED. */
const opsEnqAlways = 0x4n | 0x10n;

/** put_prev_task_scx() inserts while the CPU is on its way to idle: whatever enqueue does, nothing but a kick makes the CPU look again. */
function last(facts: Facts): Draft[] {
  const enqueue = facts.members.get('enqueue');
  if ((facts.flags & opsEnqLast) === 0n) return [];
  const draft = {
    code: 'enq-last-unhandled',
    severity: 'reject',
    instead:
      'Leave SCX_OPS_ENQ_LAST out: the kernel then goes on with the last task by itself. Or in enqueue: if (enq_flags & SCX_ENQ_LAST) { scx_bpf_dsq_insert(p, SCX_DSQ_LOCAL, slice_ns, enq_flags); scx_bpf_kick_cpu(scx_bpf_task_cpu(p), 0); return; }',
  } as const;
  if (enqueue === undefined)
    return [
      {
        ...draft,
        sure: 'certain',
        why: 'SCX_OPS_ENQ_LAST requires ops.enqueue(); the kernel ejects the policy when it is attached.',
      },
    ];
  if (keepsPrev(facts)) return [];
  const at = { fn: enqueue.callback.entry, slot: 0, member: 'enqueue' };
  const kicksOwn = enqueue.sites.some(
    ({ site }) => site.name === 'scx_bpf_kick_cpu' && isOwnCpu(site.args[0]),
  );
  if (!kicksOwn)
    return [
      {
        ...draft,
        ...{ sure: 'likely', at },
        why: 'With SCX_OPS_ENQ_LAST the last task of a CPU comes to enqueue while the CPU is on its way to idle; without a kick it idles, whichever queue the task is in, until something else happens.',
      },
    ];
  if ((facts.flags & opsEnqAlways) === opsEnqAlways) return [];
  return [
    {
      ...{ code: 'enq-last-skipped', severity: 'reject', sure: 'possible', at },
      why: 'A last task that is exiting or may not migrate at that moment is put into the local queue by the kernel, without enqueue: nobody kicks the CPU, and it idles with a task in its queue.',
      instead:
        'Set SCX_OPS_ENQ_EXITING and SCX_OPS_ENQ_MIGRATION_DISABLED too, or leave SCX_OPS_ENQ_LAST out.',
    },
  ];
}

/** dispatch gives the running task more time, so that it does not come to enqueue as the last one. */
function keepsPrev({ members }: Facts): boolean {
  const dispatch = members.get('dispatch');
  return (
    dispatch?.sites.some(({ site }) => site.name === 'scx_bpf_task_set_slice') === true ||
    dispatch?.entered.some(({ instance }) =>
      [...instance.stores.values()].some(({ field }) => field === 'task_struct.scx.slice'),
    ) === true
  );
}

/** An idle CPU that is kicked is another: this one still runs the task. */
function isOwnCpu(cpu: Value | undefined): boolean {
  const root = rootOf(cpu);
  return root === undefined || root.name === 'scx_bpf_task_cpu' || root.name === 'bpf_get_smp_processor_id';
}

function kicks({ sites }: Facts): Draft[] {
  return sites.flatMap((reached) => {
    const { site } = reached;
    const flags = site.name === 'scx_bpf_kick_cpu' ? constantsOf(site.args[1]!) : undefined;
    const isBad = (value: bigint): boolean =>
      (value & kick.idle) !== 0n && (value & (kick.preempt | kick.wait)) !== 0n;
    if (!flags?.values.some(isBad)) return [];
    return [
      {
        code: 'kick-flags',
        severity: 'reject',
        sure: flags.values.every(isBad) && flags.exact ? 'certain' : 'likely',
        why: 'SCX_KICK_IDLE goes with neither SCX_KICK_PREEMPT nor SCX_KICK_WAIT; the kernel ejects the policy.',
        instead:
          'Use SCX_KICK_IDLE to wake an idle CPU, SCX_KICK_PREEMPT to interrupt a busy one: one of them.',
        at: atSite(reached),
      } satisfies Draft,
    ];
  });
}

/** Found nothing, asks again at once: the CPU never sleeps. */
function ownKicks({ members }: Facts): Draft[] {
  return (members.get('dispatch')?.sites ?? []).flatMap((reached) => {
    const { site, isAsync } = reached;
    const cpu = site.name === 'scx_bpf_kick_cpu' ? rootOf(site.args[0]) : undefined;
    if (cpu?.kind !== 'arg' || cpu.name !== 'cpu' || isAsync) return [];
    const guards = guardsOf(reached);
    const foundNothing = guards.some(
      (guard) => callOf(guard.left)?.name === 'scx_bpf_dsq_move_to_local' && truthOf(guard) === false,
    );
    const knowsOfWork = guards.some(
      (guard) => callOf(guard.left)?.name === 'scx_bpf_dsq_nr_queued' && truthOf(guard) !== false,
    );
    if (!foundNothing || knowsOfWork) return [];
    return [
      {
        code: 'kick-own-cpu',
        severity: 'reject',
        sure: 'likely',
        why: 'dispatch kicks the CPU that it runs on when it has found nothing: the CPU asks again and again, and never sleeps.',
        instead:
          'Leave it out: whoever inserts a task kicks an idle CPU (kick_idle_cpu() in include/idle.h).',
        at: atSite(reached),
      } satisfies Draft,
    ];
  });
}

/** Every wakeup interrupts whoever runs: nothing is compared. */
function always({ members }: Facts): Draft[] {
  return ['enqueue', 'select_cpu', 'runnable'].flatMap((member) =>
    (members.get(member)?.sites ?? []).flatMap((reached) => {
      const { site, isAsync } = reached;
      const flags = site.name === 'scx_bpf_kick_cpu' ? constantsOf(site.args[1]!)?.values : undefined;
      if (
        isAsync ||
        !flags?.length ||
        flags.some((value) => (value & (kick.preempt | kick.idle)) !== kick.preempt)
      )
        return [];
      if (guardsOf(reached).some(({ left, right }) => chooses(left) || chooses(right))) return [];
      return [
        {
          code: 'preempt-always',
          severity: 'reject',
          sure: 'likely',
          why: `${member} interrupts a CPU with SCX_KICK_PREEMPT without comparing who runs there with who comes: tasks cut each other short at every wakeup.`,
          instead:
            'Compare: preempt_for(p, rank, tries) of include/preempt.h interrupts only who ranks behind.',
          at: atSite(reached),
        } satisfies Draft,
      ];
    }),
  );
}

/** It depends on a task, on what is remembered, or on time; flags, CPU numbers and parameters are the same for all. */
function chooses(value: Value): boolean {
  if (value.atoms === undefined) return true;
  return anyOrigin(
    value,
    ({ kind, name }) =>
      kind === 'field' ||
      kind === 'loaded' ||
      kind === 'global' ||
      /^(scx_bpf_(now|dsq_nr_queued|cpu_curr|dsq_peek)|bpf_ktime_.*|bpf_get_prandom_u32)$/.test(name),
    3,
  );
}

function idle(facts: Facts): Draft[] {
  if (!facts.members.has('update_idle') || (facts.flags & keepBuiltinIdle) !== 0n) return [];
  const reached = facts.sites.find(({ site }) => site.what === 'kfunc' && kfuncs[site.name]?.idle === true);
  if (reached === undefined) return [];
  return [
    {
      code: 'idle-tracking-off',
      severity: 'reject',
      sure: 'certain',
      why: `ops.update_idle switches the kernel's own tracking of idle CPUs off, and ${reached.site.name}() needs it; the kernel ejects the policy ("built-in idle tracking is disabled").`,
      instead: 'Set .flags = SCX_OPS_KEEP_BUILTIN_IDLE, or leave ops.update_idle out.',
      at: atSite(reached),
    },
  ];
}
