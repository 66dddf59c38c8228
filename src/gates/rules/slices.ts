// How long a task may run: not for ever unless somebody can take the CPU away, not longer than the watchdog waits, and not nothing. Source: task_tick_scx(), dsq_insert ("0: keep the current
// slice"), kernel/sched/ext.c, v6.18. The kernel does not notice an infinite slice that starves others while CPUs are spare.

import { kick, kthreadBit, sliceInf } from '../data/kernels.ts';
import { inserts } from '../data/kfuncs.ts';
import { table } from '../data/table.ts';
import { atSite, type Draft, type Facts, type Rule } from '../engine/facts.ts';
import { guardsOf, type Reached, truthOf } from '../engine/reach.ts';
import { constantsOf, flag, type Origin, rootOf, type Value } from '../engine/values.ts';

export const slicesRule: Rule = {
  about: 'slices end, in time',
  codes: ['slice-infinite', 'slice-too-long', 'slice-zero'],
  check: (facts) => [
    ...facts.sites.flatMap((reached) => {
      const slice = sliceOf(reached);
      return slice === undefined ? [] : problemOf(facts, reached, slice, atSite(reached));
    }),
    ...written(facts),
  ],
};

const longNs = 1_000_000_000n;
const noticeableNs = 500_000_000n;
/** The watchdog that our runner sets at most. */
const watchdogMs = 5_000n;

function sliceOf({ site }: Reached): Value | undefined {
  if (inserts.has(site.name)) return site.args[2];
  return /^scx_bpf_(dsq_move_set_slice|task_set_slice)$/.test(site.name) ? site.args[1] : undefined;
}

function written(facts: Facts): Draft[] {
  return facts.all.flatMap(({ callback, entered }) =>
    entered.flatMap(({ instance, chain, isAsync }) =>
      [...instance.stores.values()].flatMap((store) => {
        if (store.field !== 'task_struct.scx.slice') return [];
        const site = { ...store, what: 'kfunc', name: '', declared: '', args: [], how: 'once' } as const;
        const reached = {
          callback,
          instance,
          chain,
          isAsync,
          site: { ...site, result: store.value, callee: undefined, key: undefined },
        };
        return problemOf(facts, reached, store.value, {
          fn: instance.fn,
          slot: store.at,
          member: callback.member,
        });
      }),
    ),
  );
}

function problemOf(facts: Facts, reached: Reached, slice: Value, at: NonNullable<Draft['at']>): Draft[] {
  const known = constantsOf(slice);
  if (known === undefined) return calculated(facts, slice, at);
  const parameter = (slice.atoms ?? []).find(({ origin }) => origin.kind === 'parameter')?.origin.name;
  const who =
    parameter === undefined || known.values.length > 1
      ? 'The slice'
      : `The slice (parameter ${parameter}, by default)`;
  const longest = known.values.reduce((most, value) => (value > most ? value : most), 0n);
  const sure = known.exact && known.values.length === 1 ? 'certain' : 'likely';
  const instead =
    'Give slices of 1 to 100 ms, as a parameter: const volatile u64 slice_ns = 20000000; crowded_slice() in include/vtime.h cuts them where many wait.';
  if (longest === sliceInf) {
    if (isForKernelThreads(reached) || canPreempt(facts)) return [];
    return [
      {
        code: 'slice-infinite',
        severity: 'reject',
        sure: 'likely',
        why: `${who} is SCX_SLICE_INF, and nothing in the policy ever takes a CPU away: a task that does not sleep keeps its CPU for ever, whoever waits.`,
        instead,
        at,
      },
    ];
  }
  if (longest > noticeableNs && !canPreempt(facts)) {
    const timeoutMs = limitMs(facts);
    const isReject = longest > longNs;
    return [
      {
        code: 'slice-too-long',
        severity: isReject ? 'reject' : 'warn',
        sure: isReject ? sure : 'likely',
        why: `${who} is ${Number(longest) / 1e9} s; who waits behind ${isReject ? `a few such turns waits longer than the watchdog does (${timeoutMs} ms)` : 'a few such turns waits for seconds'}.`,
        instead,
        at,
      },
    ];
  }
  if (inserts.has(reached.site.name) && known.values.length === 1 && longest === 0n)
    return [
      {
        code: 'slice-zero',
        severity: 'warn',
        sure: 'likely',
        why: `${who} is 0, which means "what is left of the last one"; at its end that is one nanosecond, and the task is interrupted at every tick.`,
        instead,
        at,
      },
    ];
  return [];
}

/** Of weights and priorities, at their most. */
const mostOfField = table<bigint>({
  'task_struct.scx.weight': 10_000n,
  'task_struct.static_prio': 139n,
  'task_struct.prio': 139n,
});

/** What it can come to where only parameters, weights and constants are in it; undefined where anything else is. What was found below a limit is no more than that. */
function mostOf(value: Value, depth: number): bigint | undefined {
  if (value.atoms === undefined || depth < 0) return undefined;
  let most = 0n;
  for (const { origin, flags } of value.atoms) {
    const one = (flags & flag.limited) === 0 ? mostOfOrigin(origin, depth) : longNs;
    if (one === undefined) return undefined;
    if (one > most) most = one;
  }
  return most;
}

function mostOfOrigin(origin: Origin, depth: number): bigint | undefined {
  const { kind, name, value, of } = origin;
  if (kind === 'const' || kind === 'parameter') return value;
  if (kind === 'field') return mostOfField[name];
  if (kind !== 'calc') return undefined;
  const [a, b] = of.map((one) => mostOf(one, depth - 1));
  const divisor = of[1] === undefined ? undefined : constantsOf(of[1])?.values[0];
  if (a === undefined) return undefined;
  if (name === 'div') return divisor ? a / divisor : undefined;
  if (name === 'rsh') return divisor === undefined ? undefined : a >> divisor;
  if (b === undefined) return undefined;
  return name === 'mul' ? a * b : name === 'add' ? a + b : undefined;
}

function calculated(facts: Facts, slice: Value, at: NonNullable<Draft['at']>): Draft[] {
  const most = mostOf(slice, 8);
  if (most === undefined || most <= longNs || canPreempt(facts)) return [];
  return [
    {
      code: 'slice-too-long',
      severity: 'reject',
      sure: 'likely',
      why: `The slice is calculated without an upper limit: with the parameters as they are it comes to ${(Number(most) / 1e9).toFixed(1)} s for the heaviest task, and everybody else on that CPU waits.`,
      instead: 'Limit it: smaller(slice, 100000000) of include/vtime.h.',
      at,
    },
  ];
}

function limitMs({ ops }: Facts): bigint {
  const own = BigInt(ops?.values.get('timeout_ms') ?? 0n);
  return own > 0n && own < watchdogMs ? own : watchdogMs;
}

function isForKernelThreads(reached: Reached): boolean {
  return guardsOf(reached).some((guard) => {
    const origin = guard.left.atoms?.length === 1 ? guard.left.atoms[0]!.origin : undefined;
    const isFlag = origin?.kind === 'bits' && (origin.value & kthreadBit) !== 0n;
    return isFlag && rootOf(guard.left)?.name === 'task_struct.flags' && truthOf(guard) !== false;
  });
}

/** It kicks with PREEMPT, or ends slices. */
function canPreempt({ sites, all }: Facts): boolean {
  const kicked = sites.some(({ site }) => {
    if (site.name === 'scx_bpf_task_set_slice')
      return constantsOf(site.args[1]!)?.values.includes(0n) === true;
    if (site.name !== 'scx_bpf_kick_cpu') return false;
    const flags = constantsOf(site.args[1]!);
    return flags === undefined || flags.values.some((value) => (value & kick.preempt) !== 0n);
  });
  return (
    kicked ||
    all.some(({ entered }) =>
      entered.some(({ instance }) =>
        [...instance.stores.values()].some(
          ({ field, value }) =>
            field === 'task_struct.scx.slice' && constantsOf(value)?.values.includes(0n) === true,
        ),
      ),
    )
  );
}
