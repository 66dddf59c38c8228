// What an object wants from the kernel and the kernel lacks, in libbpf's words. Source: the messages of libbpf when it resolves externs.
import { essentialName } from '../../bpf/core-access.ts';
import type { BpfObject } from '../../bpf/object.ts';
import { signatureOf } from '../../bpf/signature.ts';
import type { KernelVersion } from '../kernel/versions.ts';

export interface Missing {
  readonly kind: 'kfunc' | 'ksym' | 'kconfig' | 'member';
  readonly name: string;
  /** As libbpf says it, where it does. */
  readonly message: string;
}

/** `incompatible`: the kernel has it with another prototype, and libbpf takes a weak one as absent. */
export function resolveKfunc(
  object: BpfObject,
  kernel: KernelVersion,
  name: string,
): 'found' | 'absent' | 'incompatible' {
  const signature = kernel.kfuncs.get(essentialName(name));
  if (signature === undefined) return 'absent';
  const extern = object.externs.find((item) => item.kind === 'kfunc' && item.name === name);
  return extern === undefined || signatureOf(object.btf, extern.type) === signature
    ? 'found'
    : 'incompatible';
}

/**
 * Strong externs only, those of programs that are not linked too: libbpf resolves all or refuses the object. Of kernel variables those alone that
 * no kernel of this version has.
 */
export function missingExterns(
  object: BpfObject,
  kernel: KernelVersion,
  addresses: { ksym(name: string): number | undefined },
  kconfig: readonly string[],
): Missing[] {
  const missing: Missing[] = [];
  for (const { kind, name, weak } of object.externs) {
    if (weak) continue;
    const essential = essentialName(name);
    if (kind === 'kfunc') {
      const found = resolveKfunc(object, kernel, name);
      const message =
        found === 'absent' ? 'not found in kernel or module BTFs' : 'func_proto incompatible with vmlinux';
      if (found !== 'found')
        missing.push({ kind, name: essential, message: `extern (func ksym) '${name}': ${message}` });
    } else if (kind === 'ksym') {
      if (addresses.ksym(essential) === undefined && !kernel.perCpu.has(essential))
        missing.push({
          kind,
          name: essential,
          message: `extern (var ksym) '${name}': not found in kernel BTF`,
        });
    } else if (kconfig.includes(name))
      missing.push({
        kind,
        name,
        message: `extern (kcfg) '${name}': not set in the configuration of ${kernel.release}`,
      });
  }
  return missing;
}
