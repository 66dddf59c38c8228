// The table itself: one sched_ext_ops, with a name, flags, times and programs that the kernel accepts. Source: bpf_scx_init_member(), bpf_scx_check_member(), validate_ops(),
// kernel/sched/ext.c, 6.16 to 7.3; bpf_obj_name_cpy(), kernel/bpf/syscall.c; license_is_gpl_compatible(), include/linux/license.h.

import { isGplCompatible } from '../../bpf/licence.ts';
import { hasIt, memberArguments, opsFlags, sleepableMembers } from '../data/kernels.ts';
import { table } from '../data/table.ts';
import type { Draft, Facts, Rule } from '../engine/facts.ts';

const nameBytes = 128;
const mostTimeoutMs = 30_000n;
const leastTimeoutMs = 1_000n;

/** Members that came later than 6.16. */
const memberSince = table<string>({
  cgroup_set_bandwidth: '6.17',
  cgroup_set_idle: '6.19',
  sub_attach: '7.1',
  sub_detach: '7.1',
  sub_caps_updated: '7.3',
  sub_ecaps_updated: '7.3',
  init_cids: '7.3',
});

function certain(code: string, why: string, instead: string): Draft {
  return { code, severity: 'reject', sure: 'certain', why, instead };
}

export const opsRule: Rule = {
  about: 'one table sched_ext_ops with values that the kernel accepts',
  codes: [
    'ops-missing',
    'ops-several',
    'ops-name',
    'ops-flags',
    'ops-timeout',
    'ops-timeout-short',
    'ops-batch',
    'ops-member',
    'licence',
    'ops-sleepable',
  ],
  check: (facts) => {
    if (facts.tables.length === 0) return [missing(facts)];
    if (facts.tables.length > 1)
      return [
        certain(
          'ops-several',
          `The object has ${facts.tables.length} tables sched_ext_ops (${facts.tables.map(({ variable }) => variable).join(', ')}); one policy is one table.`,
          'Keep one table; make two policies two files.',
        ),
      ];
    return [...name(facts), ...flags(facts), ...numbers(facts), ...programs(facts), ...strays(facts)];
  },
};

function missing({ object }: Facts): Draft {
  const other = object.structOps.find(({ type }) => type.startsWith('sched_ext_ops'))?.type;
  return certain(
    'ops-missing',
    other === undefined
      ? 'The object has no struct sched_ext_ops, so there is no scheduler to attach.'
      : `The object's table is a struct ${other}; SchedCP knows struct sched_ext_ops only, whose callbacks are told of CPUs and cpumasks.`,
    'Close the file with POLICY(name, .enqueue = (void *)…, …) from include/exit.h.',
  );
}

function name({ ops, object }: Facts): Draft[] {
  const text = String(ops?.values.get('name') ?? '');
  const found: Draft[] = [];
  if (!/^[\w.]+$/.test(text) || text.length >= nameBytes)
    found.push(
      certain(
        'ops-name',
        text === ''
          ? 'The ops have no name; the kernel refuses the attachment (EINVAL).'
          : `The name ${JSON.stringify(text.slice(0, 40))} has ${text.length >= nameBytes ? `${text.length} bytes` : 'characters that the kernel refuses (EINVAL)'}.`,
        'Use letters, digits, "_" and "." only, at most 127 of them; POLICY(name, …) sets it.',
      ),
    );
  if (!isGplCompatible(object.licence))
    found.push(
      certain(
        'licence',
        `The licence is ${JSON.stringify(object.licence)}; the kernel loads struct_ops programs under a GPL-compatible one only.`,
        'Write char _license[] SEC("license") = "GPL"; POLICY(…) does.',
      ),
    );
  return found;
}

function flags({ flags: set, kernels }: Facts): Draft[] {
  const known = Object.values(opsFlags).reduce((all, { bit }) => all | bit, 0n);
  const found: Draft[] = [];
  if ((set & ~known) !== 0n)
    found.push(
      certain(
        'ops-flags',
        `The flags 0x${set.toString(16)} contain 0x${(set & ~known).toString(16)}, which no kernel knows; it refuses the attachment (EINVAL).`,
        'Use SCX_OPS_* constants only.',
      ),
    );
  for (const [flag, { bit, ...versions }] of Object.entries(opsFlags)) {
    const lacking = (set & bit) === 0n ? [] : kernels.filter((kernel) => !hasIt(kernel, versions));
    if (lacking.length > 0)
      found.push(
        certain(
          'ops-flags',
          `${flag} does not exist on kernel ${lacking.join(', ')}, which refuses the attachment (EINVAL).`,
          `Leave ${flag} out, or do not ask for that kernel.`,
        ),
      );
  }
  return found;
}

function numbers({ ops }: Facts): Draft[] {
  const timeout = BigInt(ops?.values.get('timeout_ms') ?? 0n);
  const batch = BigInt(ops?.values.get('dispatch_max_batch') ?? 0n);
  const found: Draft[] = [];
  if (timeout > mostTimeoutMs)
    found.push(
      certain(
        'ops-timeout',
        `timeout_ms is ${timeout}; the kernel takes 30000 at most and refuses the attachment (E2BIG).`,
        'Set .timeout_ms = 5000, as POLICY(…) does.',
      ),
    );
  else if (timeout > 0n && timeout < leastTimeoutMs)
    found.push({
      code: 'ops-timeout-short',
      severity: timeout < 100n ? 'reject' : 'warn',
      sure: 'likely',
      why: `timeout_ms is ${timeout}: on a busy machine a task waits longer under a sound policy, and the watchdog ejects it.`,
      instead: 'Set .timeout_ms = 5000, as POLICY(…) does.',
    });
  if (batch > 2_147_483_647n)
    found.push(
      certain(
        'ops-batch',
        `dispatch_max_batch is ${batch}; the kernel refuses it (E2BIG).`,
        'Leave it out: 32 is enough for nearly all.',
      ),
    );
  return found;
}

function programs({ members, kernels }: Facts): Draft[] {
  const found: Draft[] = [];
  for (const [member, { program, callback }] of members) {
    const at = { fn: callback.entry, slot: 0, member };
    const since = memberSince[member];
    const lacking = since === undefined ? [] : kernels.filter((kernel) => !hasIt(kernel, { since }));
    if (memberArguments[member] === undefined && since === undefined)
      found.push({
        ...certain(
          'ops-member',
          `sched_ext_ops has no member ${member}; libbpf refuses the object.`,
          'Remove it, or spell it as the kernel does.',
        ),
        at,
      });
    else if (lacking.length > 0)
      found.push({
        ...certain(
          'ops-member',
          `ops.${member} does not exist before ${since}; libbpf refuses the object on ${lacking.join(', ')}.`,
          `Leave .${member} out for kernels before ${since}.`,
        ),
        at,
      });
    if (program.sleepable && !sleepableMembers.has(member))
      found.push({
        ...certain(
          'ops-sleepable',
          `ops.${member} may not sleep, and its program stands in a sleepable section (${program.section}).`,
          'Use OP(…) (SEC("struct_ops/…")); SLEEPABLE_OP is for init, init_task, exit and the cgroup ops.',
        ),
        at,
      });
  }
  return found;
}

/** Loaders refuse what they cannot attach, or leave it out: nobody calls it either way. */
function strays({ object, subject }: Facts): Draft[] {
  return object.programs.flatMap(({ name: program, section, members }) => {
    if (!/^struct_ops/.test(section) || members.length > 0) return [];
    return [
      {
        ...certain(
          'ops-member',
          `${program}() is written as an op, and the table does not name it; libbpf refuses the object, or leaves the program out.`,
          `Name it in the table: POLICY(name, …, .op = (void *)${program}).`,
        ),
        at: { fn: subject.functionNamed(program) ?? 0, slot: 0, member: undefined },
      },
    ];
  });
}
