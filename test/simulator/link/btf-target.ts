// A BTF as what CO-RE relocates into: the plain reading of libbpf's rules, against which fixtures are relocated.

import type { Btf } from '../../../src/bpf/btf.ts';
import type { BtfType, Member } from '../../../src/bpf/btf-types.ts';
import type { CoreRoot } from '../../../src/bpf/core-access.ts';
import { essentialName } from '../../../src/bpf/core-access.ts';
import type { CoreField, CoreTarget } from '../../../src/bpf/core-relocations.ts';

export function btfTarget(btf: Btf): CoreTarget {
  /** All flavours of a name are candidates; the first that has what is asked for answers. */
  const candidates = (root: CoreRoot): BtfType[] => {
    const found: BtfType[] = [];
    for (let id = 1; id < btf.count; id++) {
      const type = btf.type(id);
      if (type.name === '' || essentialName(type.name) !== root.name) continue;
      if (type.kind.slice(0, 4) === root.kind.slice(0, 4)) found.push(type);
    }
    return found;
  };
  return {
    name: 'the fixture',
    type: (root) => {
      const [found] = candidates(root);
      return found === undefined ? 'absent' : { size: btf.sizeOf(found.id), id: found.id };
    },
    field: (root, index, path) => {
      const fields = candidates(root).map(({ id }) => walk(btf, id, index, path));
      return fields.find(({ is }) => is === 'here') ?? { is: 'absent' };
    },
    enumerator: (root, name) => {
      for (const { id } of candidates(root)) {
        const type = btf.resolve(id);
        if (type.kind !== 'enum' && type.kind !== 'enum64') continue;
        const item = type.values.find((each) => essentialName(each.name) === name);
        if (item !== undefined) return item.value;
      }
      return 'absent';
    },
  };
}

function walk(btf: Btf, root: number, index: number, path: readonly (string | number)[]): CoreField {
  let bitOffset = index * btf.sizeOf(root) * 8;
  let id = root;
  let bitSize = 0;
  for (const step of path) {
    const type = btf.resolve(id);
    bitSize = 0;
    if (typeof step === 'number') {
      if (type.kind !== 'array' || (type.count > 0 && step >= type.count)) return { is: 'absent' };
      id = type.element;
      bitOffset += step * btf.sizeOf(id) * 8;
      continue;
    }
    const member = memberOf(btf, type, step);
    if (member === undefined) return { is: 'absent' };
    bitOffset += member.bitOffset;
    bitSize = member.bitSize;
    id = member.type;
  }
  const type = btf.resolve(id);
  const kinds = { ptr: 'pointer', struct: 'composite', union: 'composite', enum64: 'enum' } as const;
  const kind = kinds[type.kind as 'ptr'] ?? (type.kind as 'int');
  const signed = type.kind === 'int' ? type.encoding === 'signed' : 'signed' in type && type.signed;
  const isElement = typeof path.at(-1) !== 'string';
  return { is: 'here', bitOffset, bitSize, size: btf.sizeOf(id), kind, signed, isElement };
}

/** With the offset in `type`: members of anonymous members are its own. */
function memberOf(btf: Btf, type: BtfType, name: string): Member | undefined {
  if (type.kind !== 'struct' && type.kind !== 'union') return undefined;
  for (const member of type.members) {
    if (member.name === name) return member;
    if (member.name !== '') continue;
    const inner = memberOf(btf, btf.resolve(member.type), name);
    if (inner !== undefined) return { ...inner, bitOffset: inner.bitOffset + member.bitOffset };
  }
  return undefined;
}
