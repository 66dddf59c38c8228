// The functions of an object: programs, which the kernel enters, and the subprograms that they call.
// Source: libbpf's conventions for section names; .BTF.ext for types and CO-RE relocations.
import type { Btf } from './btf.ts';
import type { BtfExt, CoreRelocation } from './btf-ext.ts';
import type { FunctionPlace } from './functions.ts';
import { decode, type Instruction } from './instructions.ts';
import { type Reference, type ReferenceContext, readReferences } from './references.ts';

export interface Program {
  readonly name: string;
  readonly section: string;
  /** Where it starts in the section, bytes. */
  readonly offset: number;
  /** Subprograms live in `.text` and are called or passed as callbacks; the kernel enters programs. */
  readonly kind: 'program' | 'subprogram';
  /** Global functions are verified on their own, static ones at each call. */
  readonly global: boolean;
  readonly sleepable: boolean;
  /** The struct_ops members that it fills: ["enqueue"]. */
  readonly members: readonly string[];
  /** BTF id of its `func`. */
  readonly type: number | undefined;
  /** Slots count from the start of the function. */
  readonly instructions: readonly Instruction[];
  /** By slot. */
  readonly references: ReadonlyMap<number, Reference>;
  /** By slot. */
  readonly coreRelocations: ReadonlyMap<number, CoreRelocation>;
}

/**
 * All functions, in order of section and offset. `members`: struct_ops members by name of program.
 * @throws Fault malformed.
 */
export function readPrograms(
  context: ReferenceContext,
  btf: Btf,
  ext: BtfExt | undefined,
  members: ReadonlyMap<string, readonly string[]>,
): Program[] {
  const places = [...context.functions.values()];
  const types = new Map(ext?.functions.map((item) => [`${item.section}:${item.offset}`, item.type]));
  const relocations = distribute(context.elf.relocations, places, ({ section }) => section.index);
  const core = distribute(bySection(ext?.coreRelocations ?? []), places, ({ section }) => section.name);
  return places.map((place) => {
    const { name, offset, size, global } = place;
    const section = place.section.name;
    const type = types.get(`${section}:${offset}`);
    if (type !== undefined) btf.typeOf(type, 'func');
    const instructions = decode(place.section.data.subarray(offset, offset + size), section, offset);
    return {
      name,
      section,
      offset,
      kind: section === '.text' ? 'subprogram' : 'program',
      global,
      sleepable: /^\??[a-z_+]+\.s(\/|$)|^syscall$/.test(section),
      members: members.get(name) ?? [],
      type,
      instructions,
      references: readReferences(context, place, instructions, relocations.get(place) ?? []),
      coreRelocations: new Map(core.get(place)?.map((item) => [(item.offset - offset) / 8, item])),
    };
  });
}

function bySection<T extends { readonly section: string; readonly offset: number }>(items: readonly T[]) {
  const lists = new Map<string, T[]>();
  for (const item of items) {
    const list = lists.get(item.section);
    if (list === undefined) lists.set(item.section, [item]);
    else list.push(item);
  }
  return lists;
}

/** Gives each function the records that lie in it. */
function distribute<K, T extends { readonly offset: number }>(
  lists: ReadonlyMap<K, readonly T[]>,
  places: readonly FunctionPlace[],
  keyOf: (place: FunctionPlace) => K,
): Map<FunctionPlace, T[]> {
  const sorted = new Map(
    [...lists].map(([key, list]) => [key, list.toSorted((a, b) => a.offset - b.offset)]),
  );
  const next = new Map<K, number>();
  const own = new Map<FunctionPlace, T[]>();
  for (const place of places) {
    const key = keyOf(place);
    const list = sorted.get(key) ?? [];
    let i = next.get(key) ?? 0;
    while (i < list.length && (list[i] as T).offset < place.offset) i++;
    const first = i;
    while (i < list.length && (list[i] as T).offset < place.offset + place.size) i++;
    next.set(key, i);
    own.set(place, list.slice(first, i));
  }
  return own;
}
