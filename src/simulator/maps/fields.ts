// What the kernel owns inside a map's value: timers, locks, pointers it counts. Copies leave these bytes alone.
// Source: btf_parse_fields() in kernel/bpf/btf.c v6.18, which knows them by the names of their types, and pointers by their tags.
import type { Btf } from '../../bpf/btf.ts';

export interface ValueField {
  readonly kind: 'timer' | 'lock' | 'kptr' | 'other';
  readonly offset: number;
  readonly bytes: number;
}

const structs: Readonly<Record<string, ValueField['kind']>> = {
  bpf_timer: 'timer',
  bpf_spin_lock: 'lock',
  bpf_res_spin_lock: 'lock',
  bpf_wq: 'other',
  bpf_task_work: 'other',
  bpf_refcount: 'other',
  bpf_list_head: 'other',
  bpf_list_node: 'other',
  bpf_rb_root: 'other',
  bpf_rb_node: 'other',
};
const pointerTags = new Set(['kptr', 'kptr_untrusted', 'percpu_kptr', 'uptr']);
const deepest = 8;

/** In order of offset. A map declared without a type of its values has none. */
export function valueFields(btf: Btf, valueType: number | undefined): ValueField[] {
  const fields: ValueField[] = [];
  if (valueType !== undefined) collect(btf, valueType, 0, fields, 0);
  return fields.sort((a, b) => a.offset - b.offset);
}

function collect(btf: Btf, id: number, offset: number, fields: ValueField[], depth: number): void {
  const type = btf.resolve(id);
  if (depth > deepest) return;
  if (type.kind === 'struct' || type.kind === 'union') {
    const kind = structs[type.name];
    if (kind !== undefined) fields.push({ kind, offset, bytes: type.size });
    else
      for (const member of type.members)
        collect(btf, member.type, offset + member.bitOffset / 8, fields, depth + 1);
  } else if (type.kind === 'array' && type.count > 0) {
    const before = fields.length;
    collect(btf, type.element, offset, fields, depth + 1);
    const first = fields.slice(before);
    const stride = first.length === 0 ? 0 : btf.sizeOf(type.element);
    for (let i = 1; first.length > 0 && i < type.count; i++)
      fields.push(...first.map((field) => ({ ...field, offset: field.offset + i * stride })));
  } else if (type.kind === 'ptr' && isTagged(btf, type.type)) fields.push({ kind: 'kptr', offset, bytes: 8 });
}

/** Tags come first among the modifiers of what a pointer points at. */
function isTagged(btf: Btf, id: number): boolean {
  const type = btf.type(id);
  return type.kind === 'type_tag' && (pointerTags.has(type.name) || isTagged(btf, type.type));
}
