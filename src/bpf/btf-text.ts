// Writes a BTF type as C declares it ("const char *const names[3]"), for people; also walks CO-RE access strings.
// Source: C23 6.7.6 (declarators), Documentation/bpf/llvm_reloc.rst (CO-RE access strings).
import type { Btf } from './btf.ts';
import type { BtfType, EnumType, PrototypeType } from './btf-types.ts';

// A hostile object can nest prototypes without end; no type a person reads needs more parts than this.
const mostParts = 500;

/** The type as C writes it, around `name` when given: typeText(btf, id, "call") → "int (*call)(u64)". */
export function typeText(btf: Btf, id: number, name = ''): string {
  return declare(btf, id, name, { parts: mostParts });
}

function declare(btf: Btf, id: number, inner: string, budget: { parts: number }): string {
  if (--budget.parts < 0) btf.fail(id, `type ${id} has more than ${mostParts} parts, or is a loop`);
  const type = btf.type(id);
  switch (type.kind) {
    case 'ptr':
      return declare(btf, type.type, `*${inner}`, budget);
    case 'const':
    case 'volatile':
    case 'restrict':
      return qualified(btf, type.kind, type.type, inner, budget);
    case 'type_tag':
      return declare(btf, type.type, inner, budget);
    case 'array': {
      const count = type.count === 0 ? '' : String(type.count);
      return declare(btf, type.element, `${grouped(inner)}[${count}]`, budget);
    }
    case 'func_proto':
      return declare(btf, type.returns, `${grouped(inner)}(${parametersText(btf, type, budget)})`, budget);
    case 'func':
      return declare(btf, type.type, inner || type.name, budget);
    case 'var':
      return declare(btf, type.type, inner || type.name, budget);
    default:
      return inner === '' ? typeName(type) : `${typeName(type)} ${inner}`;
  }
}

/** Qualifiers of a pointer stand right of its star; of anything else, left of all. */
function qualified(btf: Btf, word: string, id: number, inner: string, budget: { parts: number }): string {
  let pointee = btf.type(id);
  for (let i = 0; i < 8 && isQualifier(pointee); i++) pointee = btf.type(pointee.type);
  if (pointee.kind !== 'ptr') return `${word} ${declare(btf, id, inner, budget)}`;
  const separator = inner === '' || inner.startsWith('[') ? '' : ' ';
  return declare(btf, id, `${word}${separator}${inner}`, budget);
}

function isQualifier(type: BtfType): type is BtfType & { kind: 'const'; type: number } {
  return type.kind === 'const' || type.kind === 'volatile' || type.kind === 'restrict';
}

function grouped(inner: string): string {
  return inner.startsWith('*') ? `(${inner})` : inner;
}

function parametersText(btf: Btf, type: PrototypeType, budget: { parts: number }): string {
  if (type.parameters.length === 0) return 'void';
  const text = ({ name, type: id }: { name: string; type: number }) =>
    id === 0 && name === '' ? '...' : declare(btf, id, name, budget);
  return type.parameters.map(text).join(', ');
}

function typeName(type: BtfType): string {
  switch (type.kind) {
    case 'struct':
    case 'union':
      return type.name === '' ? `${type.kind} {…}` : `${type.kind} ${type.name}`;
    case 'fwd':
      return `${type.of} ${type.name}`;
    case 'enum':
    case 'enum64':
      return type.name === '' ? 'enum {…}' : `enum ${type.name}`;
    default:
      return type.name;
  }
}

/** "struct task_struct::scx.weight" for type and access path [0, 4, 2]; array steps as "[2]". */
export function accessText(btf: Btf, id: number, access: readonly number[]): string {
  const root = btf.resolve(id);
  let text = '';
  let type: BtfType = root;
  const [first = 0] = access;
  if (root.kind === 'enum' || root.kind === 'enum64') return enumeratorText(btf, root, first);
  if (first !== 0) text = `[${first}]`;
  for (const step of access.slice(1)) {
    if (type.kind === 'array') {
      text += `[${step}]`;
      type = btf.resolve(type.element);
      continue;
    }
    if (type.kind !== 'struct' && type.kind !== 'union') return btf.fail(id, `no members in a ${type.kind}`);
    const member: { name: string; type: number } | undefined = type.members[step];
    if (member === undefined) return btf.fail(id, `member ${step} of ${type.members.length}`);
    if (member.name !== '') text += `${text === '' ? '' : '.'}${member.name}`;
    type = btf.resolve(member.type);
  }
  return text === '' ? typeName(root) : `${typeName(root)}::${text}`;
}

function enumeratorText(btf: Btf, type: EnumType, index: number): string {
  const item = type.values[index];
  if (item === undefined) return btf.fail(type.id, `enumerator ${index} of ${type.values.length}`);
  return `${typeName(type)}::${item.name} = ${item.value}`;
}
