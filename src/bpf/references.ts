// What the immediates of instructions stand for once loaded: maps, globals, kernel symbols, other functions.
// Source: Documentation/bpf/llvm_reloc.rst (relocations R_BPF_64_64 and R_BPF_64_32, and their implicit addends).
import { type Elf, type Relocation, relocationType, type Section, sectionFlag, symbolType } from './elf.ts';
import type { Extern } from './externs.ts';
import { type FunctionPlace, placeKey } from './functions.ts';
import type { Instruction } from './instructions.ts';
import { malformed } from './malformed.ts';

/** What the immediate of an instruction stands for once loaded. */
export type Reference =
  | { readonly kind: 'map'; readonly name: string }
  /** A byte of a section of globals; `symbol` is absent for unnamed data (string literals, static variables). */
  | {
      readonly kind: 'data';
      readonly section: string;
      readonly offset: number;
      readonly symbol: string | undefined;
    }
  | { readonly kind: Extern['kind']; readonly name: string; readonly weak: boolean }
  | {
      readonly kind: 'function';
      readonly name: string;
      readonly section: string;
      /** Bytes, from the start of the section. */
      readonly offset: number;
    };

export interface ReferenceContext {
  readonly elf: Elf;
  readonly externs: ReadonlyMap<string, Extern>;
  /** By `placeKey`. */
  readonly functions: ReadonlyMap<string, FunctionPlace>;
  /** Names by offset in `.maps`. */
  readonly maps: ReadonlyMap<number, string>;
}

/** By slot. `relocations`: in order of offset. A call of a kernel function decodes as a call of a function; the reference tells the truth. */
export function readReferences(
  context: ReferenceContext,
  place: FunctionPlace,
  instructions: readonly Instruction[],
  relocations: readonly Relocation[],
): Map<number, Reference> {
  const found = new Map<number, Reference>();
  let next = 0;
  for (const code of instructions) {
    const relocation = relocations[next];
    if (relocation !== undefined && relocation.offset === place.offset + code.at * 8) {
      next++;
      found.set(code.at, referenceOf(context, place, code, relocation));
    } else if (code.kind === 'call' && code.what === 'function') {
      const target = place.offset + code.target * 8;
      found.set(code.at, functionReference(context, place.section, target, place, code));
    }
  }
  const stray = relocations[next];
  if (stray !== undefined) malformed(place.section.name, stray.offset, 'relocation inside an instruction');
  return found;
}

function referenceOf(
  context: ReferenceContext,
  place: FunctionPlace,
  code: Instruction,
  relocation: Relocation,
): Reference {
  const { symbol, type } = relocation;
  const fits =
    (code.kind === 'imm64' && type === relocationType.imm64) ||
    (code.kind === 'call' && type === relocationType.call);
  if (!fits) return malformed(place.section.name, relocation.offset, `relocation ${type} of a ${code.kind}`);
  if (symbol.section === 0) return externReference(context, place, relocation);
  const section = context.elf.sections[symbol.section];
  if (section === undefined)
    return malformed(place.section.name, relocation.offset, `symbol ${symbol.name} has no section`);
  if (code.kind === 'call')
    return functionReference(context, section, symbol.value + (code.imm + 1) * 8, place, code);
  const target = symbol.value + code.imm;
  if ((section.flags & sectionFlag.executable) !== 0n)
    return functionReference(context, section, target, place, code);
  if (section.name === '.maps') {
    const name = context.maps.get(target);
    return name === undefined
      ? malformed(place.section.name, relocation.offset, `no map at .maps+${target}`)
      : { kind: 'map', name };
  }
  if (target < 0 || target > section.size)
    return malformed(place.section.name, relocation.offset, `${section.name}+${target} is outside`);
  const isNamed = symbol.type === symbolType.object && code.imm === 0;
  return { kind: 'data', section: section.name, offset: target, symbol: isNamed ? symbol.name : undefined };
}

function externReference(context: ReferenceContext, place: FunctionPlace, relocation: Relocation): Reference {
  const { name } = relocation.symbol;
  const extern = context.externs.get(name);
  if (extern === undefined)
    return malformed(
      place.section.name,
      relocation.offset,
      `extern ${JSON.stringify(name)} has no type in BTF`,
    );
  return { kind: extern.kind, name, weak: extern.weak };
}

function functionReference(
  context: ReferenceContext,
  section: Section,
  offset: number,
  from: FunctionPlace,
  code: Instruction,
): Reference {
  const target = context.functions.get(placeKey(section.index, offset));
  if (target === undefined)
    return malformed(
      from.section.name,
      from.offset + code.at * 8,
      `no function at ${section.name}+${offset}`,
    );
  return { kind: 'function', name: target.name, section: section.name, offset };
}
