// CPU numbers: in range, not negative, and for a local DSQ one that the task may use. Source: ops_cpu_valid(), task_can_run_on_remote_rq(), finish_dispatch(), scx_bpf_kick_cpu(),
// kernel/sched/ext.c, v6.18. A CPU outside the affinity is what ejects policies most often in the field.

import { dsq, mostCpus } from '../data/kernels.ts';
import { kfuncs } from '../data/kfuncs.ts';
import { table } from '../data/table.ts';
import { atSite, type Draft, type Facts, type Followed, type Rule } from '../engine/facts.ts';
import { guardsOf, type Reached, truthOf } from '../engine/reach.ts';
import { callOf, isMaskOfTask } from '../engine/refine.ts';
import {
  type Atom,
  anyOrigin,
  constantOf,
  constantsOf,
  flag,
  type Origin,
  rootOf,
  type Value,
} from '../engine/values.ts';

export const cpusRule: Rule = {
  about: 'CPU numbers are valid, and a task goes only to CPUs that it may use',
  codes: ['cpu-not-allowed', 'cpu-out-of-range', 'cpu-negative', 'migration-disabled'],
  check: (facts) => [
    ...facts.sites.flatMap((reached) => [...local(facts, reached), ...numbers(reached)]),
    ...selected(facts),
    ...migrationDisabled(facts),
  ],
};

/** Which argument of a call is the DSQ that a task goes to, and which the task. */
const going = table<readonly [dsq: number, task: number]>({
  scx_bpf_dsq_insert: [1, 0],
  scx_bpf_dsq_move: [2, 1],
});

/** `remembered`: read from a map or from task storage. */
type Standing = 'good' | 'bad' | 'remembered' | 'unknown';

function local(facts: Facts, reached: Reached): Draft[] {
  const { members } = facts;
  const { site, callback, isAsync } = reached;
  const places = site.what === 'kfunc' ? going[site.name] : undefined;
  if (places === undefined) return [];
  const target = site.args[places[0]]!;
  const inDispatch = callback.member === 'dispatch' && !isAsync;
  const cpu = cpuOf(target, inDispatch);
  if (cpu === undefined) return [];
  const task = rootOf(site.args[places[1]]);
  // prev runs here; so does the task of enqueue on the CPU that was selected for it.
  if (cpu === 'own' && (task === undefined || task.name === 'prev' || task.kind === 'loaded')) return [];
  const standings: readonly Standing[] =
    cpu === 'own' ? (['bad'] satisfies Standing[]) : standingsOf(cpu, callback.member);
  if (standings.every((one) => one === 'good') || isGuarded(reached)) return [];
  // A DSQ that was chosen before: what decided is not seen from here.
  const isChosen = (target.atoms?.length ?? 0) > 1;
  const isBad = standings.includes('bad');
  const hasEvidence = (isBad ? (members.get(callback.member ?? '')?.sites ?? []) : []).some(showsCare);
  const isRemembered =
    cpu !== 'own' &&
    standings.includes('remembered') &&
    !isOfThisWakeup(facts, reached) &&
    !isAskedOfMemory(facts, reached, cpu);
  const isExcused = hasEvidence && (isChosen || !isConstantOnly(cpu));
  if ((!isBad || isExcused) && !isRemembered) return [];
  return [
    {
      code: 'cpu-not-allowed',
      severity: 'reject',
      sure: 'likely',
      why: `The task goes to the local DSQ of ${cpu === 'own' ? 'the dispatching CPU' : `a CPU (${nameOf(cpu)})`} that was not found in its cpus_ptr; when it is not allowed there, the kernel ejects the policy ("target CPU … not allowed").`,
      instead:
        'Ask first: if (bpf_cpumask_test_cpu(cpu, p->cpus_ptr)) …; or take the CPU from scx_bpf_pick_idle_cpu(p->cpus_ptr, 0); else use SCX_DSQ_GLOBAL.',
      at: placeOfChoice(reached, target),
    },
  ];
}

/** Compilers merge calls at the ends of branches; where the CPU came into the id is where the reader wrote it. */
function placeOfChoice(reached: Reached, target: Value): NonNullable<Draft['at']> {
  const made = target.atoms?.find(({ origin }) => origin.kind === 'local-on')?.origin;
  const place = atSite(reached);
  return made?.fn === place.fn && made.at >= 0 ? { ...place, slot: made.at } : place;
}

/** The CPU in SCX_DSQ_LOCAL_ON | cpu; `own`: SCX_DSQ_LOCAL where that is not the task's own choice; undefined: another DSQ. */
function cpuOf(target: Value, inDispatch: boolean): Value | 'own' | undefined {
  for (const atom of target.atoms ?? []) {
    const { kind, value, of } = atom.origin;
    if (kind === 'local-on') return of[0];
    if (kind !== 'const') continue;
    if (value === dsq.local && inDispatch) return 'own';
    if ((value & dsq.localOn) === dsq.localOn) return { atoms: [atom] };
  }
  return undefined;
}

function standingsOf(cpu: Value, member: string | undefined): Standing[] {
  return (cpu.atoms ?? []).length === 0 ? ['unknown'] : cpu.atoms!.map((atom) => standingOf(atom, member));
}

const choosing =
  /^scx_bpf_(pick_(idle|any)_cpu(_node)?|select_cpu_(dfl|and)|task_cpu)$|^bpf_cpumask_(any_|first)/;

function standingOf(atom: Atom, member: string | undefined): Standing {
  const { origin, flags } = atom;
  if ((flags & flag.allowed) !== 0) return 'good';
  switch (origin.kind) {
    case 'kfunc':
      if (!choosing.test(origin.name)) return 'unknown';
      return masksOf(origin).some(isMaskOfMachine) && !masksOf(origin).some(isMaskOfTask) ? 'bad' : 'good';
    case 'const':
      // The answer of a search that found nothing.
      return BigInt.asIntN(32, origin.value) < 0n && (origin.value & dsq.builtIn) === 0n ? 'good' : 'bad';
    case 'arg':
      return member === 'dispatch' && origin.name === 'cpu' ? 'bad' : 'unknown';
    case 'helper':
      return origin.name === 'bpf_get_smp_processor_id' ? 'bad' : 'unknown';
    case 'loaded':
      return anyOrigin(origin.of[0], isMemory, 2) ? 'remembered' : 'unknown';
    case 'parameter':
    case 'global':
    case 'mod':
    case 'bits':
    case 'counter':
      return 'bad';
    case 'calc':
      return anyOrigin(atom, ({ name }) => choosing.test(name)) ? 'unknown' : 'bad';
    default:
      return 'unknown';
  }
}

/** Among which a call chooses. */
const masksOf = ({ name, of }: Origin): readonly Value[] => of.slice(0, /_and(_|$)/.test(name) ? 2 : 1);

/** Of all CPUs that are there, or idle: whatever is chosen from it, a task may have to stay elsewhere. */
function isMaskOfMachine(mask: Value): boolean {
  const root = rootOf(mask);
  return root?.kind === 'kfunc' && /^scx_bpf_get_(online|possible|idle)_/.test(root.name);
}

function isMemory({ kind, name }: Origin): boolean {
  return (
    (kind === 'helper' && /^bpf_(map_lookup|task_storage|cgrp_storage)/.test(name)) ||
    (kind === 'data' && !name.startsWith('.rodata'))
  );
}

function isGuarded(reached: Reached): boolean {
  return guardsOf(reached).some((guard) => {
    const call = callOf(guard.left);
    if (call !== undefined && /^bpf_cpumask_(test_cpu|subset|intersects|equal)$/.test(call.name))
      return truthOf(guard) === true;
    // All CPUs, or of another kind than "more than one".
    const isAsked = anyOrigin(guard.left, isAffinity, 2) || anyOrigin(guard.right, isAffinity, 2);
    return isAsked && constantOf(guard.right) === undefined;
  });
}

/** Chosen in select_cpu, a moment ago; otherwise the affinity may have changed since it was remembered. */
function isOfThisWakeup({ members }: Facts, reached: Reached): boolean {
  if (members.has('set_cpumask')) return true;
  return guardsOf(reached).some(({ left }) =>
    anyOrigin(left, ({ kind, name }) => kind === 'arg' && name === 'enq_flags', 2),
  );
}

/** Another load of the same place was asked about in this callback. */
function isAskedOfMemory({ members }: Facts, { callback }: Reached, cpu: Value): boolean {
  const places = new Set((cpu.atoms ?? []).map(({ origin }) => `${origin.name} ${origin.value}`));
  return (members.get(callback.member ?? '')?.sites ?? []).some(({ site }) => {
    const root = site.name === 'bpf_cpumask_test_cpu' ? rootOf(site.args[0]) : undefined;
    return root?.kind === 'loaded' && places.has(`${root.name} ${root.value}`);
  });
}

function isAffinity({ kind, name }: { kind: string; name: string }): boolean {
  return kind === 'field' && /\.(nr_cpus_allowed|migration_disabled)$/.test(name);
}

/** It asks what the task may use, somewhere: in a function of its own, or with a mask of its own making. */
function showsCare({ site }: Followed['sites'][number]): boolean {
  if (site.name === 'bpf_cpumask_test_cpu') return isMaskOfTask(site.args[1]);
  return /^bpf_cpumask_(subset|intersects|and)$/.test(site.name);
}

/** All that may be a CPU here are constants that nobody asked about. */
function isConstantOnly(cpu: Value | 'own'): boolean {
  if (cpu === 'own') return false;
  const bad = (cpu.atoms ?? []).filter(
    ({ origin, flags }) =>
      (flags & flag.allowed) === 0 && !(origin.kind === 'kfunc' && choosing.test(origin.name)),
  );
  const positive = bad.filter(
    ({ origin }) => origin.kind !== 'const' || BigInt.asIntN(32, origin.value) >= 0n,
  );
  return positive.length > 0 && positive.every(({ origin }) => origin.kind === 'const');
}

function nameOf(cpu: Value): string {
  const root = rootOf(cpu);
  const id = constantOf(cpu);
  if (id !== undefined) return `${id & 0xffffffffn}`;
  if (root?.kind === 'parameter') return `parameter ${root.name}`;
  if (root?.kind === 'loaded') return 'remembered in a map';
  return root?.kind === 'arg' ? `the argument ${root.name}` : 'calculated';
}

/** scx_bpf_kick_cpu(), test_and_clear, and the number in LOCAL_ON. */
function numbers(reached: Reached): Draft[] {
  const { site, callback } = reached;
  const places = site.what === 'kfunc' ? going[site.name] : undefined;
  const target = places === undefined ? undefined : cpuOf(site.args[places[0]]!, false);
  const isDirect = /^scx_bpf_(kick_cpu|test_and_clear_cpu_idle|cpuperf_set)$/.test(site.name);
  const cpu = isDirect ? site.args[0] : target === 'own' ? undefined : target;
  if (cpu === undefined) return [];
  return problemsOf(cpu, `${site.name}()`, callback.member).map((draft) => ({
    ...draft,
    at: atSite(reached),
  }));
}

function selected({ members }: Facts): Draft[] {
  const { callback } = members.get('select_cpu') ?? {};
  const instance = callback?.instances.get(callback.entry);
  if (callback === undefined || instance === undefined) return [];
  const exit = instance.flow.blocks.findIndex(
    ({ next }, i) => next.length === 0 && instance.entered[i] === 1,
  );
  const slot = Math.max(0, (instance.flow.blocks[exit]?.end ?? 1) - 1);
  return problemsOf(instance.result, 'the return value of select_cpu', 'select_cpu').map((draft) => ({
    ...draft,
    at: { fn: instance.fn, slot, member: 'select_cpu' },
  }));
}

/** Beyond any machine that we know of, a number is a mistake even if some kernel could be told it. */
const manyCpus = 64n;

function problemsOf(cpu: Value, where: string, member: string | undefined): Draft[] {
  const unasked = (cpu.atoms ?? []).find(
    ({ origin, flags }) =>
      origin.kind === 'kfunc' &&
      kfuncs[origin.name]?.mayBeNegative === true &&
      (flags & (flag.nonNegative | flag.tested)) === 0,
  );
  if (unasked !== undefined)
    return [
      {
        code: 'cpu-negative',
        severity: 'reject',
        sure: 'certain',
        why: `${unasked.origin.name}() answers a negative number when it finds no CPU, and ${where} gets it unasked; the kernel ejects the policy ("invalid CPU").`,
        instead: 'Test it: if (cpu >= 0) …; select_cpu returns prev_cpu otherwise.',
      },
    ];
  const known = constantsOf(cpu);
  if (known === undefined || member === undefined) return [];
  const worst = known.values
    .map((value) => BigInt.asIntN(32, value))
    .find((value) => value < 0n || value >= manyCpus);
  const isOnly = known.values.length === 1;
  if (worst === undefined || (worst < 0n && !isOnly && !where.startsWith('the return'))) return [];
  return [
    {
      code: 'cpu-out-of-range',
      severity: 'reject',
      sure: worst < 0n || worst >= mostCpus ? 'certain' : 'likely',
      why: `CPU ${worst} in ${where}: machines have fewer CPUs, and the kernel ejects the policy ("invalid CPU").`,
      instead: 'Take CPUs from scx_bpf_pick_idle_cpu() or count them up to scx_bpf_nr_cpu_ids().',
    },
  ];
}

const enqMigrationDisabled = 16n;

/** With that flag, enqueue gets tasks that may not leave their CPU, and has to look. */
function migrationDisabled(facts: Facts): Draft[] {
  if ((facts.flags & enqMigrationDisabled) === 0n) return [];
  const { subject, object } = facts;
  for (const { coreRelocations } of [...object.programs, ...object.subprograms])
    for (const relocation of coreRelocations.values())
      if (/\.(migration_disabled|nr_cpus_allowed)$/.test(subject.fieldOf(relocation) ?? '')) return [];
  const moved = (facts.members.get('enqueue')?.sites ?? []).find(({ site }) => {
    const places = going[site.name];
    const target = places === undefined ? undefined : cpuOf(site.args[places[0]]!, false);
    return target !== undefined && rootOf(target === 'own' ? undefined : target)?.name !== 'scx_bpf_task_cpu';
  });
  if (moved === undefined) return [];
  return [
    {
      code: 'migration-disabled',
      severity: 'reject',
      sure: 'likely',
      why: 'SCX_OPS_ENQ_MIGRATION_DISABLED brings tasks that may not leave their CPU, and enqueue sends them to another without looking; the kernel ejects the policy.',
      instead: 'Leave the flag out: the kernel then runs such tasks where they are.',
      at: atSite(moved),
    },
  ];
}
