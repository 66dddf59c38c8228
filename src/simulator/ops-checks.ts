// What the kernel refuses of a sched_ext_ops before anything of it runs. Source: bpf_scx_check_member() when its programs are loaded and
// bpf_scx_init_member() when it is written into the kernel, kernel/sched/ext.c; check_struct_ops_btf_id() and check_kfunc_call(), kernel/bpf/verifier.c; bpf_obj_name_cpy(),
// kernel/bpf/syscall.c; v6.18. What validate_ops() refuses has run ops.init() before: it ends the policy (model/ext/ext.ts).

import { isGplCompatible } from '../bpf/licence.ts';
import type { BpfObject } from '../bpf/object.ts';
import type { KernelVersion } from './kernel/versions.ts';
import type { Linked } from './program/link.ts';

export const errno = { EACCES: 13, EINVAL: 22, E2BIG: 7 } as const;

/** Why the kernel would not have it: libbpf's or the verifier's words; none of what is refused at attach. */
export class LoadRefusal extends Error {
  readonly stage: 'load' | 'attach' | 'map';
  readonly error: keyof typeof errno;

  constructor(message: string, stage: LoadRefusal['stage'] = 'load', error: keyof typeof errno = 'EINVAL') {
    super(message);
    this.stage = stage;
    this.error = error;
  }

  get errno(): number {
    return errno[this.error];
  }
}

/** Members whose programs may sleep. */
const sleepable = new Set([
  'init_task',
  'cgroup_init',
  'cgroup_exit',
  'cgroup_prep_move',
  'cpu_online',
  'cpu_offline',
  'init',
  'exit',
]);
const intMax = 2_147_483_647n;
const nameBytes = 128;
const jiffyMs = 4n;

/** KF_SLEEPABLE. */
const sleepingKfuncs = new Set(['scx_bpf_create_dsq']);

/** @throws LoadRefusal. */
export function checkPrograms(object: BpfObject, linked: Linked): void {
  const { entries } = linked;
  for (const program of object.programs)
    for (const member of program.members) {
      const fn = entries.get(member);
      if (fn === undefined) continue;
      if (!isGplCompatible(object.licence))
        throw new LoadRefusal('struct ops programs must have a GPL compatible license');
      if (program.sleepable && !sleepable.has(member))
        throw new LoadRefusal(`attach to unsupported member ${member} of struct sched_ext_ops`);
      const sleeps = program.sleepable ? undefined : sleepingCall(linked, fn);
      if (sleeps !== undefined)
        throw new LoadRefusal(
          `program must be sleepable to call sleepable kfunc ${sleeps}`,
          'load',
          'EACCES',
        );
    }
}

/** A kfunc that may sleep and that this function calls, or one that it calls. The verifier only looks where code can come to; here all code counts. */
function sleepingCall(linked: Linked, entry: number): string | undefined {
  const seen = new Set([entry]);
  for (const fn of seen)
    for (const code of linked.functions[fn]!) {
      if (code.kind !== 'call') continue;
      if (code.what === 'function') seen.add(code.target);
      if (code.what !== 'kfunc') continue;
      const name = linked.calleeName('kfunc', code.id);
      if (sleepingKfuncs.has(name)) return name;
    }
  return undefined;
}

/** Members in the order of the kernel's struct, for the first fault counts. @throws LoadRefusal. */
export function checkValues({ ops }: Linked, kernel: KernelVersion): void {
  const refuse = (error: keyof typeof errno): never => {
    throw new LoadRefusal('', 'attach', error);
  };
  const number = (member: string): bigint => BigInt(ops.get(member) ?? 0n);
  const constant = (type: string, name: string): bigint => kernel.enums.get(type)?.get(name) ?? 0n;
  if (number('dispatch_max_batch') > intMax) refuse('E2BIG');
  if ((number('flags') & ~constant('scx_ops_flags', 'SCX_OPS_ALL_FLAGS')) !== 0n) refuse('EINVAL');
  const jiffies = (number('timeout_ms') + jiffyMs - 1n) / jiffyMs;
  if (jiffies > constant('scx_consts', 'SCX_WATCHDOG_MAX_TIMEOUT')) refuse('E2BIG');
  const name = String(ops.get('name') ?? '');
  if (!/^[\w.]+$/.test(name) || name.length >= nameBytes) refuse('EINVAL');
}
