// Which variables a data section holds, and where. BTF names and types them (DATASEC); clang leaves the offsets of
// global ones to the symbol table. Source: Documentation/bpf/btf.rst 2.2.15 and libbpf's documented treatment of BTF_KIND_DATASEC.
import type { Btf } from './btf.ts';
import { type Elf, type Section, symbolType } from './elf.ts';
import { malformed } from './malformed.ts';

export interface DataVariable {
  readonly name: string;
  /** Id of the declared type. */
  readonly type: number;
  /** In bytes, from the start of the section. */
  readonly offset: number;
  readonly size: number;
}

/** In ascending order of offset; empty when BTF does not know the section. @throws Fault malformed. */
export function dataVariables(elf: Elf, btf: Btf, section: Section): DataVariable[] {
  const offsets = symbolOffsets(elf, section.index);
  const entries = btf.find(section.name, 'datasec')?.variables ?? [];
  const variables = entries.map((entry) => {
    const { name, type, linkage } = btf.typeOf(entry.type, 'var');
    // Static variables have their offset in BTF; their names may repeat among symbols of a linked object.
    const offset = linkage === 'static' ? entry.offset : (offsets.get(name) ?? entry.offset);
    const size = btf.sizeOf(type);
    if (offset + size > section.size)
      malformed(section.name, offset, `variable ${name} of ${size} bytes runs past the section`);
    return { name, type, offset, size };
  });
  return variables.sort((a, b) => a.offset - b.offset);
}

function symbolOffsets(elf: Elf, section: number): Map<string, number> {
  const offsets = new Map<string, number>();
  for (const symbol of elf.symbols) {
    const isVariable = symbol.section === section && symbol.type === symbolType.object;
    if (isVariable) offsets.set(symbol.name, symbol.value);
  }
  return offsets;
}

/** The section of that name; names are unique among the sections of a BPF object that matter. */
export function sectionNamed(elf: Elf, name: string): Section | undefined {
  return elf.sections.find((section) => section.name === name);
}
