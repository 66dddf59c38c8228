// What a scheduling policy may touch: kernel functions, helpers, map types and program types from a list; and none that a given kernel lacks, unless it is weak and asked for. Source: our
// lists in data/; libbpf's rule for weak ksyms (0 where the kernel lacks it, and a call that is not jumped over is refused).

import { helpers, mapTypes } from '../data/helpers.ts';
import { hasIt } from '../data/kernels.ts';
import { kfuncs, otherKernelFunctions } from '../data/kfuncs.ts';
import { table } from '../data/table.ts';
import { atSite, type Draft, type Facts, type Rule } from '../engine/facts.ts';
import { guardsOf, type Reached, truthOf } from '../engine/reach.ts';
import { kfuncNames } from '../engine/subject.ts';
import { anyOrigin } from '../engine/values.ts';

/** What the kernel enters for other reasons than scheduling, and is harmless beside it. */
const programSections =
  /^(struct_ops(\.s)?(\/|$)|syscall$|fentry(\.s)?\/|fexit(\.s)?\/|tp_btf\/|raw_tp(\/|$)|iter(\.s)?\/)/;
const knownHelpers: ReadonlySet<string> = new Set(Object.values(helpers).map(({ name }) => name));

export const whitelistRule: Rule = {
  about: 'only what a scheduling policy may touch, and only what the kernels have',
  codes: [
    'kfunc-unknown',
    'kfunc-not-allowed',
    'kfunc-missing',
    'helper-not-allowed',
    'map-type-not-allowed',
    'program-type-not-allowed',
  ],
  check: (facts) => [...functions(facts), ...helperCalls(facts), ...mapsAndPrograms(facts)],
};

function functions(facts: Facts): Draft[] {
  const weak = new Set(facts.object.externs.filter((one) => one.weak).map(({ name }) => name));
  const found: Draft[] = [];
  const said = new Set<string>();
  for (const reached of facts.sites) {
    const { site } = reached;
    if (site.what !== 'kfunc' || said.has(site.declared)) continue;
    const draft = problemOf(facts, reached, weak.has(site.declared));
    if (draft === undefined) continue;
    said.add(site.declared);
    found.push({ ...draft, at: atSite(reached) });
  }
  return found;
}

function problemOf(facts: Facts, reached: Reached, isWeak: boolean): Draft | undefined {
  const { name, declared } = reached.site;
  const fact = kfuncs[name];
  // Weak or not: a kernel may well have what is not on the list, and then the call is made.
  if (fact === undefined) {
    const isOther = otherKernelFunctions.test(name);
    return {
      code: isOther ? 'kfunc-not-allowed' : 'kfunc-unknown',
      severity: 'reject',
      sure: 'certain',
      why: isOther
        ? `${name}() has nothing to do with scheduling, and policies may not call it.`
        : isWeak
          ? `${name}() is not on the list of what a policy may call, and some kernel may have it.`
          : `No kernel that we know has ${name}(); the load fails with "not found in kernel or module BTFs".`,
      instead: 'Call what include/kfuncs.h declares.',
    };
  }
  const lacking = lackingIn(facts, declared, fact);
  if (lacking.length === 0 || (isWeak && isAskedFor(reached, declared))) return undefined;
  return {
    code: 'kfunc-missing',
    severity: 'reject',
    sure: 'certain',
    why: `${kfuncNames(declared).symbol}() does not exist on kernel ${lacking.join(', ')}${isWeak ? ', and is called without asking' : ''}; the load fails there.`,
    instead:
      `Declare it __ksym __weak and call it under if (bpf_ksym_exists(${declared})), with another way for kernels that lack it` +
      ', as task_set_slice() in include/kfuncs.h does.',
  };
}

/** Names with a version in them came with that version; old names went with 6.16. */
function lackingIn(
  { kernels }: Facts,
  declared: string,
  fact: { since?: string; until?: string },
): readonly string[] {
  const { symbol } = kfuncNames(declared);
  const own = symbolVersions[symbol] ?? fact;
  return kernels.filter((kernel) => !hasIt(kernel, own));
}

const symbolVersions = table<{ since?: string; until?: string }>({
  scx_bpf_dispatch: { until: '6.16' },
  scx_bpf_dispatch_vtime: { until: '6.16' },
  scx_bpf_consume: { until: '6.16' },
  scx_bpf_dispatch_from_dsq: { until: '6.16' },
  scx_bpf_dispatch_vtime_from_dsq: { until: '6.16' },
  scx_bpf_dispatch_from_dsq_set_slice: { until: '6.16' },
  scx_bpf_dispatch_from_dsq_set_vtime: { until: '6.16' },
  __scx_bpf_dsq_insert_vtime: { since: '6.19' },
  __scx_bpf_select_cpu_and: { since: '6.19' },
  scx_bpf_dsq_insert___v2: { since: '6.19' },
  scx_bpf_reenqueue_local___v2: { since: '6.19' },
  scx_bpf_dsq_move_to_local___v2: { since: '7.1' },
});

/** Whether a branch on its address, or on whether something of the same age exists, leads here. */
function isAskedFor(reached: Reached, declared: string): boolean {
  return guardsOf(reached).some((guard) => {
    const asks = anyOrigin(
      guard.left,
      ({ kind, name }) =>
        (kind === 'ksym' && name === declared) || (kind === 'calc' && name.endsWith('exists')),
    );
    return asks && truthOf(guard) !== false;
  });
}

function helperCalls(facts: Facts): Draft[] {
  const found = new Map<string, Draft>();
  for (const reached of facts.sites) {
    const { what, name } = reached.site;
    if (what !== 'helper' || knownHelpers.has(name) || found.has(name)) continue;
    found.set(name, {
      code: 'helper-not-allowed',
      severity: 'reject',
      sure: 'certain',
      why: `BPF ${name} is not on the list of what a scheduling policy may call.`,
      instead:
        'Use the helpers of the list (maps, storage, clocks, random numbers, reading kernel memory, timers, ring buffers).',
      at: atSite(reached),
    });
  }
  return [...found.values()];
}

function mapsAndPrograms({ object }: Facts): Draft[] {
  const found: Draft[] = [];
  for (const { name, typeName, section } of object.maps)
    if (section === '.maps' && !mapTypes.has(typeName))
      found.push({
        code: 'map-type-not-allowed',
        severity: 'reject',
        sure: 'certain',
        why: `The map ${name} is of type ${typeName}, which reaches beyond scheduling.`,
        instead: 'Use arrays, hashes, queues, task storage or a ring buffer.',
      });
  for (const { name, section } of object.programs)
    if (!programSections.test(section) && !section.startsWith('?'))
      found.push({
        code: 'program-type-not-allowed',
        severity: 'reject',
        sure: 'certain',
        why: `The program ${name} stands in section ${section}: a policy is a scheduler, and attaches to nothing else.`,
        instead: 'Remove it; what user space needs can be read from maps or asked of a syscall program.',
      });
  return found;
}
