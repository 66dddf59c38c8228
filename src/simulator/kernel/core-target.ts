// Answers CO-RE: what exists is what the kernel's version says, where it is say our layouts.
import type { CorePlace, CoreRoot } from '../../bpf/core-access.ts';
import type { CoreField, CoreTarget } from '../../bpf/core-relocations.ts';
import { arrayOf, type Layouts, shapeOf } from './layout.ts';
import { layouts as ours } from './structs.ts';
import type { KernelVersion } from './versions.ts';

/** Typedefs whose struct has another name. */
const typedefs: Readonly<Record<string, string>> = { cpumask_t: 'cpumask', refcount_t: 'refcount_struct' };
const composite = new Set(['struct', 'union', 'typedef', 'fwd']);

export function coreTarget(version: KernelVersion, layouts: Layouts = ours): CoreTarget {
  const ids = new Map([...version.structs.keys(), ...version.enums.keys()].map((name, i) => [name, i + 1]));
  const nameOf = ({ name, kind }: CoreRoot) => (kind === 'typedef' ? (typedefs[name] ?? name) : name);
  return {
    name: version.release,
    type: (root) => {
      const name = nameOf(root);
      const exists = version.hasType(name);
      if (exists === undefined) return 'unknown';
      const isSameKind = version.enums.has(name) ? root.kind.startsWith('enum') : composite.has(root.kind);
      if (!exists || !isSameKind) return 'absent';
      return { size: layouts.get(name)?.size, id: ids.get(name) as number };
    },
    field: (root, index, path) => findField(version, layouts, nameOf(root), index, path),
    enumerator: (root, name) => {
      const values = version.enums.get(root.name);
      if (values !== undefined) return values.get(name) ?? 'absent';
      return version.hasType(root.name) === undefined ? 'unknown' : 'absent';
    },
  };
}

function findField(
  version: KernelVersion,
  layouts: Layouts,
  root: string,
  index: number,
  path: readonly (string | number)[],
): CoreField {
  if (!version.structs.has(root)) return { is: version.hasType(root) === false ? 'absent' : 'unknown' };
  let type = root;
  let offset: number | undefined = layouts.has(root) ? index * shapeOf(layouts, root).size : undefined;
  let modelled = root;
  for (const step of path) {
    const next = stepInto(version, type, step);
    if (typeof next !== 'object') return { is: next };
    type = next.type;
    if (offset === undefined) continue;
    const mine = stepInLayout(layouts, modelled, step);
    offset = mine === undefined ? undefined : offset + mine.offset;
    modelled = mine?.type ?? '';
  }
  const kind = kindOf(type);
  if (offset === undefined) return { is: 'unmodelled', kind };
  return {
    is: 'here',
    kind,
    bitOffset: offset * 8,
    bitSize: 0,
    size: shapeOf(layouts, modelled).size,
    signed: /^s\d/.test(type),
    isElement: typeof path.at(-1) !== 'string',
  };
}

/** One step in the kernel's own types. */
function stepInto(version: KernelVersion, type: string, step: string | number) {
  const { element, count } = arrayOf(type);
  if (typeof step === 'number') {
    if (count === undefined || (count !== 0 && step >= count)) return 'absent';
    return { type: element };
  }
  if (count !== undefined) return 'absent';
  const members = version.structs.get(type);
  if (members === undefined) return isScalar(type) ? 'absent' : 'unknown';
  const member = members.get(step);
  return member === undefined ? 'absent' : { type: member };
}

function stepInLayout(layouts: Layouts, type: string, step: string | number) {
  if (typeof step === 'string') return layouts.get(type)?.members.get(step);
  const { element, count } = arrayOf(type);
  if (count === undefined || step >= count) return undefined;
  return { type: element, offset: step * shapeOf(layouts, element).size };
}

function isScalar(type: string): boolean {
  return /^([us]\d+|bool|char|enum\d+)(\/\d+)?$|^ptr$/.test(type);
}

function kindOf(type: string): CorePlace['kind'] {
  if (type.endsWith(']')) return 'array';
  if (type === 'ptr') return 'pointer';
  if (type.startsWith('enum') && isScalar(type)) return 'enum';
  return isScalar(type) ? 'int' : 'composite';
}
