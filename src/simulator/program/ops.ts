// Which struct of an object is its sched_ext_ops, and what it says. Source: libbpf's matching of struct_ops members by name.

import { essentialName } from '../../bpf/core-access.ts';
import type { BpfObject } from '../../bpf/object.ts';
import type { Program } from '../../bpf/programs.ts';
import { Fault } from '../../core/errors.ts';
import type { KernelVersion } from '../kernel/versions.ts';
import type { Missing } from './externs.ts';

export interface Ops {
  /** Member → program. */
  readonly entries: ReadonlyMap<string, Program>;
  /** Plain members, zeros included. */
  readonly ops: ReadonlyMap<string, bigint | string>;
  /** Members that are set and that the kernel's struct lacks. */
  readonly missing: readonly Missing[];
}

/** The first sched_ext_ops, flavours stripped. @throws Fault unsupported when there is none. */
export function opsOf(object: BpfObject, kernel: KernelVersion): Ops {
  const struct = object.structOps.find(({ type }) => essentialName(type) === 'sched_ext_ops');
  if (struct === undefined)
    throw new Fault('unsupported', 'the object has no sched_ext_ops', {
      tried: 'link a scheduler',
      where: '.struct_ops.link',
      next: 'declare a struct sched_ext_ops in section .struct_ops.link',
    });
  const known = kernel.structs.get('sched_ext_ops');
  const entries = new Map<string, Program>();
  const ops = new Map<string, bigint | string>();
  const missing: Missing[] = [];
  const check = (member: string, isSet: boolean): boolean => {
    if (known?.has(member)) return true;
    const message = `struct_ops init_kern ${struct.variable}: Cannot find member ${member} in kernel BTF`;
    if (isSet) missing.push({ kind: 'member', name: member, message });
    return false;
  };
  for (const [member, name] of struct.programs) {
    const program = object.programs.find((item) => item.name === name && item.members.includes(member));
    if (check(member, true) && program !== undefined) entries.set(member, program);
  }
  for (const [member, value] of struct.values)
    if (check(member, value !== 0n && value !== '')) ops.set(member, value);
  return { entries, ops, missing };
}
