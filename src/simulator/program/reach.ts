// Which functions of an object its struct_ops can reach, by calls and as callbacks; the others are not linked.
import type { BpfObject } from '../../bpf/object.ts';
import type { Program } from '../../bpf/programs.ts';
import type { Reference } from '../../bpf/references.ts';

/** The key of a function: names may repeat among static functions, places do not. */
export function placeOf({ section, offset }: { readonly section: string; readonly offset: number }): string {
  return `${section}+${offset}`;
}

/** In order of first reach, the entries first; numbers of functions are positions in it. */
export function reachable(object: BpfObject, entries: readonly Program[]): Program[] {
  const byPlace = new Map([...object.programs, ...object.subprograms].map((item) => [placeOf(item), item]));
  const found = new Map(entries.map((item) => [placeOf(item), item]));
  for (const { references } of found.values())
    for (const reference of references.values()) {
      if (reference.kind !== 'function') continue;
      const target = byPlace.get(placeOf(reference));
      if (target !== undefined) found.set(placeOf(target), target);
    }
  return [...found.values()];
}

export function isFunction(reference: Reference): reference is Reference & { kind: 'function' } {
  return reference.kind === 'function';
}
