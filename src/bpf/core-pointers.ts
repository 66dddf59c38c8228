// Which loads read a pointer to a structure out of one of the kernel's structures, as an object's CO-RE relocations and its own types tell. Source:
// Documentation/bpf/llvm_reloc.rst (access strings); btf_struct_walk(), kernel/bpf/btf.c, v6.18: pointers to anything else are numbers for the verifier.
import type { Btf } from './btf.ts';
import type { CoreRelocation } from './btf-ext.ts';

/** Slots of the relocated instructions whose member is such a pointer; not all of them need be loads. */
export function structurePointers(
  btf: Btf,
  relocations: ReadonlyMap<number, CoreRelocation>,
  known: Map<string, boolean> = new Map(),
): Set<number> {
  const slots = new Set<number>();
  for (const [at, { kind, type, access }] of relocations) {
    if (kind !== 'byte_off') continue;
    const key = `${type} ${access.join()}`;
    const is = known.get(key) ?? isStructurePointer(btf, type, access);
    known.set(key, is);
    if (is) slots.add(at);
  }
  return slots;
}

function isStructurePointer(btf: Btf, root: number, access: readonly number[]): boolean {
  let current = btf.resolve(root);
  for (const step of access.slice(1)) {
    if (current.kind === 'array') current = btf.resolve(current.element);
    else if (current.kind === 'struct' || current.kind === 'union') {
      const member = current.members[step];
      if (member === undefined) return false;
      current = btf.resolve(member.type);
    } else return false;
  }
  if (current.kind !== 'ptr') return false;
  const { kind } = btf.resolve(current.type);
  return kind === 'struct' || kind === 'union' || kind === 'fwd';
}
