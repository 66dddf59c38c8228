// What a CO-RE relocation says in the terms of the object's own types: root type, path of names, and where that is in the object's idea of
// the type. Source: Documentation/bpf/llvm_reloc.rst (access strings); flavours and anonymous members as libbpf documents them.
import type { Btf } from './btf.ts';
import type { BtfType } from './btf-types.ts';

export interface CorePlace {
  readonly bitOffset: number;
  /** 0 when it is not a bit field. */
  readonly bitSize: number;
  /** Bytes of the whole member; of the declared type for bit fields. */
  readonly size: number;
  readonly kind: 'int' | 'pointer' | 'enum' | 'composite' | 'array' | 'float' | 'other';
  /** Of ints and enums. */
  readonly signed: boolean;
  /** An element of an array (or the root itself), not a member. */
  readonly isElement: boolean;
}

export interface CoreRoot {
  readonly kind: BtfType['kind'];
  /** Without flavour. */
  readonly name: string;
}

export interface LocalAccess {
  readonly root: CoreRoot;
  /** Which element of an array of roots; 0 nearly always. */
  readonly index: number;
  readonly path: readonly (string | number)[];
  readonly place: CorePlace;
  /** "task_struct.scx.weight". */
  readonly text: string;
}

/** The name without the last `___suffix`: "x___v2___compat" → "x___v2". */
export function essentialName(name: string): string {
  for (let i = name.length - 5; i >= 0; i--)
    if (/^[^_]___[^_]/.test(name.slice(i, i + 5))) return name.slice(0, i + 1);
  return name;
}

/** @throws Fault malformed when the path leaves the types. */
export function localAccess(btf: Btf, type: number, access: readonly number[]): LocalAccess {
  const named = btf.type(type);
  const [index = 0, ...steps] = access;
  let current = btf.resolve(type);
  const path: (string | number)[] = [];
  let bitOffset = index * btf.sizeOf(type) * 8;
  let last: { type: BtfType; size: number; bitSize: number; isElement: boolean } = {
    type: current,
    size: btf.sizeOf(type),
    bitSize: 0,
    isElement: true,
  };
  for (const step of steps) {
    if (current.kind === 'array') {
      const size = btf.sizeOf(current.element);
      if (current.count !== 0 && step >= current.count) btf.fail(type, `element ${step} of ${current.count}`);
      bitOffset += step * size * 8;
      current = btf.resolve(current.element);
      path.push(step);
      last = { type: current, size, bitSize: 0, isElement: true };
      continue;
    }
    if (current.kind !== 'struct' && current.kind !== 'union')
      btf.fail(type, `no members in a ${current.kind}`);
    const { members } = current as BtfType & { kind: 'struct' };
    const member = members[step] ?? btf.fail(type, `member ${step} of ${members.length}`);
    bitOffset += member.bitOffset;
    current = btf.resolve(member.type);
    if (member.name === '') continue;
    path.push(member.name);
    last = { type: current, size: btf.sizeOf(member.type), bitSize: member.bitSize, isElement: false };
  }
  const name = essentialName(named.name === '' ? btf.resolve(type).name : named.name);
  return {
    root: { kind: named.kind, name },
    index,
    path,
    place: placeOf(bitOffset, last),
    text: path.reduce<string>(
      (text, step) => text + (typeof step === 'number' ? `[${step}]` : `.${step}`),
      name,
    ),
  };
}

function placeOf(
  bitOffset: number,
  last: { type: BtfType; size: number; bitSize: number; isElement: boolean },
): CorePlace {
  const { type, size, bitSize, isElement } = last;
  const signed =
    (type.kind === 'int' && type.encoding === 'signed') ||
    ((type.kind === 'enum' || type.kind === 'enum64') && type.signed);
  return { bitOffset, bitSize, size, kind: placeKind(type), signed, isElement };
}

function placeKind(type: BtfType): CorePlace['kind'] {
  switch (type.kind) {
    case 'int':
    case 'array':
    case 'float':
      return type.kind;
    case 'ptr':
      return 'pointer';
    case 'enum':
    case 'enum64':
      return 'enum';
    case 'struct':
    case 'union':
      return 'composite';
    default:
      return 'other';
  }
}
