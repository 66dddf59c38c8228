// Limits of a callback: stack, loops that end, recursion, the cost of its worst path, inserts into the dispatch buffer. Source: check_max_stack_depth(), is_state_visited(), MAX_CALL_FRAMES,
// kernel/bpf/verifier.c; scx_dsq_insert_commit() ("dispatch buffer overflow"), kernel/sched/ext.c, v6.18. The limit of cost is ours: callbacks run with a run queue locked.
import { inserts } from '../data/kfuncs.ts';
import type { Draft, Facts, Followed, Rule } from '../engine/facts.ts';
import { atSite } from '../engine/facts.ts';
import { loopsOf } from '../engine/loops.ts';

export const boundsRule: Rule = {
  about: 'callbacks end, soon, and within their stack',
  codes: [
    'stack-too-deep',
    'recursion',
    'loop-endless',
    'loop-unbounded',
    'cost-too-high',
    'dispatch-overflow',
  ],
  check: (facts) => [...facts.all.flatMap(limits), ...overflow(facts)],
};

const mostStack = 512;
/** About 50 ms and 10 ms of a CPU with its run queue locked; loops rarely take all their rounds. */
const mostCost = 50_000_000;
const highCost = 10_000_000;

function limits({ callback, costs }: Followed): Draft[] {
  const { member, entry, recursive, subject } = callback;
  const found: Draft[] = [];
  const add = (
    code: string,
    sure: Draft['sure'],
    why: string,
    instead: string,
    at: { fn: number; slot: number },
    severity: Draft['severity'] = 'reject',
  ): void => {
    found.push({ code, severity, sure, why, instead, at: { ...at, member } });
  };
  const start = { fn: entry, slot: 0 };
  if (costs.stackBytes > mostStack)
    add(
      'stack-too-deep',
      'certain',
      `The chain of calls takes ${costs.stackBytes} bytes of stack, and the kernel gives 512 to all frames together.`,
      'Keep large values in a map (a per-CPU array of one element), or call fewer functions within each other.',
      start,
    );
  for (const fn of recursive)
    add(
      'recursion',
      'certain',
      `${subject.functions[fn]!.name}() calls itself; BPF has no recursion.`,
      'Write it as a loop with a bound: bpf_for(i, 0, N).',
      { fn, slot: 0 },
    );
  for (const { fn, at, isEndless, by } of costs.loops) {
    const advice = 'Bound it: bpf_for(i, 0, N) { … if (done) break; }';
    if (isEndless && by !== 'may_goto')
      add('loop-endless', 'certain', 'No way leads out of this loop; the verifier refuses it.', advice, {
        fn,
        slot: at,
      });
    else if (by === 'unknown')
      add(
        'loop-unbounded',
        'likely',
        'Nothing that the verifier can follow ends this loop; it refuses the load ("infinite loop detected", or more than a million instructions).',
        advice,
        { fn, slot: at },
      );
  }
  if (costs.isKnown && costs.cost > highCost && !callback.subject.functions[entry]!.sleepable)
    add(
      'cost-too-high',
      'likely',
      `The worst path takes about ${Math.round(costs.cost / 1e6)} million instructions; callbacks run with a run queue locked, and everything else on the CPU waits.`,
      'Look at fewer tasks or CPUs each time: a bpf_for() of 32 or 128 rounds, and go on from there at the next call.',
      start,
      costs.cost > mostCost ? 'reject' : 'warn',
    );
  return found;
}

function overflow({ members, ops }: Facts): Draft[] {
  const dispatch = members.get('dispatch');
  if (dispatch === undefined) return [];
  const own = Number(ops?.values.get('dispatch_max_batch') ?? 0n);
  const most = own > 0 ? own : 32;
  const asks = dispatch.sites.some(({ site }) => site.name === 'scx_bpf_dispatch_nr_slots');
  if (asks) return [];
  return dispatch.sites.flatMap((reached) => {
    if (!inserts.has(reached.site.name) || reached.isAsync) return [];
    const { instance, site, callback } = reached;
    const rounds = loopsOf(callback, instance)
      .filter(({ body }) => body.has(site.block))
      .filter(
        ({ body }) =>
          ![...instance.sites.values()].some(
            (one) => one.name === 'scx_bpf_dsq_move_to_local' && body.has(one.block),
          ),
      )
      .reduce((all, { bound }) => all * (bound ?? 1), 1);
    if (rounds <= most) return [];
    return [
      {
        code: 'dispatch-overflow',
        severity: 'reject',
        sure: 'likely',
        why: `This loop may insert ${rounds} tasks in one dispatch, and the buffer holds ${most}; the kernel ejects the policy ("dispatch buffer overflow").`,
        instead:
          'Stop when scx_bpf_dispatch_nr_slots() is 0, or loop at most 32 times; .dispatch_max_batch raises the limit.',
        at: atSite(reached),
      } satisfies Draft,
    ];
  });
}
