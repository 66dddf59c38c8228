// What init and init_task answer: 0, or a negative error that comes from something that failed. Source: ops_sanitize_err(), scx_enable(), scx_init_task(), kernel/sched/ext.c, v6.18.
import type { Draft, Facts, Followed, Rule } from '../engine/facts.ts';
import { constantsOf } from '../engine/values.ts';

export const initRule: Rule = {
  about: 'init and init_task succeed on ordinary machines',
  codes: ['init-fails'],
  check: ({ members }: Facts) =>
    ['init', 'init_task', 'cgroup_init'].flatMap((member) => {
      const followed = members.get(member);
      return followed === undefined ? [] : problemOf(member, followed);
    }),
};

/** Calls whose answer is a number of things, a time or an address: never an error code. */
const counts =
  /^(scx_bpf_(nr_cpu_ids|nr_node_ids|now|task_cpu|dsq_nr_queued|cpu_node)|bpf_ktime_get_.*|bpf_get_smp_processor_id|bpf_get_prandom_u32|bpf_cpumask_(first|weight)|bpf_jiffies64)$/;

function problemOf(member: string, { callback }: Followed): Draft[] {
  const instance = callback.instances.get(callback.entry);
  if (instance === undefined) return [];
  const { result, flow, entered } = instance;
  const exit = flow.blocks.findIndex(({ next }, block) => next.length === 0 && entered[block] === 1);
  const at = { fn: instance.fn, slot: Math.max(0, (flow.blocks[exit]?.end ?? 1) - 1), member };
  const draft = {
    code: 'init-fails',
    severity: 'reject',
    instead: 'Return 0 at the end, and what scx_bpf_create_dsq() answers where it fails.',
    at,
  } as const;
  const known = constantsOf(result)?.values.map((value) => BigInt.asIntN(32, value));
  if (known !== undefined && known.length > 0 && known.every((value) => value !== 0n))
    return [
      {
        ...draft,
        sure: 'certain',
        why: `ops.${member} always answers ${known.join(' or ')}: the policy is never enabled.`,
      },
    ];
  const positive = (result.atoms ?? []).find(
    ({ origin }) => origin.kind === 'const' && BigInt.asIntN(32, origin.value) > 0n,
  );
  const counted = (result.atoms ?? []).find(
    ({ origin }) => (origin.kind === 'kfunc' || origin.kind === 'helper') && counts.test(origin.name),
  );
  if (positive === undefined && counted === undefined) return [];
  const what = positive === undefined ? `what ${counted!.origin.name}() says` : `${positive.origin.value}`;
  return [
    {
      ...draft,
      sure: 'likely',
      why: `ops.${member} can answer ${what}; anything but 0 is a failure, and a positive number an invalid one.`,
    },
  ];
}
