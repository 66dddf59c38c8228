// Which functions an object has and where they are: the FUNC symbols of its executable sections.
// Source: the ELF symbol table; the kernel wants whole instructions and no overlap.
import { type Elf, type Section, sectionFlag, symbolType } from './elf.ts';
import { malformed } from './malformed.ts';

export interface FunctionPlace {
  readonly name: string;
  readonly section: Section;
  /** Bytes, from the start of the section. */
  readonly offset: number;
  readonly size: number;
  /** False for `static`. */
  readonly global: boolean;
}

/** The key under which `readFunctions` lists a place. */
export function placeKey(section: number, offset: number | bigint): string {
  return `${section}:${offset}`;
}

/** All functions together; BPF_COMPLEXITY_LIMIT_INSNS (include/linux/bpf.h), as much as a kernel takes of one program. */
const mostInstructions = 1_000_000;

/** In order of section and offset, by `placeKey`. @throws Fault malformed. */
export function readFunctions(elf: Elf): ReadonlyMap<string, FunctionPlace> {
  const places: FunctionPlace[] = [];
  let bytes = 0;
  for (const symbol of elf.symbols) {
    const section = elf.sections[symbol.section];
    const isCode = section !== undefined && (section.flags & sectionFlag.executable) !== 0n;
    if (!isCode || symbol.type !== symbolType.function) continue;
    const { name, value: offset, size } = symbol;
    const fits = size > 0 && size % 8 === 0 && offset % 8 === 0 && offset + size <= section.data.length;
    if (!fits) malformed(section.name, offset, `function ${name} of ${size} bytes`);
    bytes += size;
    if (bytes > 8 * mostInstructions)
      malformed(section.name, offset, `with function ${name}, more than ${mostInstructions} instructions`);
    places.push({ name, section, offset, size, global: symbol.binding !== 'local' });
  }
  places.sort((a, b) => a.section.index - b.section.index || a.offset - b.offset);
  places.forEach((place, i) => {
    const last = places[i - 1];
    if (last?.section === place.section && last.offset + last.size > place.offset)
      malformed(place.section.name, place.offset, `functions ${last.name} and ${place.name} overlap`);
  });
  return new Map(places.map((place) => [placeKey(place.section.index, place.offset), place]));
}
