// The struct_ops variables of an object: which program fills which member, and the plain values beside them.
// Source: libbpf's sections `.struct_ops` (attached by hand) and `.struct_ops.link` (attached through a link).
import { decodeText, type Reader } from '../lib/bytes.ts';
import type { Btf } from './btf.ts';
import type { Member } from './btf-types.ts';
import { type DataVariable, dataVariables, sectionNamed } from './data-sections.ts';
import type { Elf, Relocation, Section } from './elf.ts';
import { type FunctionPlace, placeKey } from './functions.ts';
import { malformed, sectionReader } from './malformed.ts';

export interface StructOps {
  readonly variable: string;
  readonly section: string;
  /** Name of the kernel's struct: `sched_ext_ops`. Flavours (`sched_ext_ops___old`) keep their suffix. */
  readonly type: string;
  /** BTF id of the struct. */
  readonly typeId: number;
  /** Member → program. */
  readonly programs: ReadonlyMap<string, string>;
  /** Member → integer, or text for arrays of char. Members of other types are not listed. */
  readonly values: ReadonlyMap<string, bigint | string>;
}

const sections = ['.struct_ops', '.struct_ops.link', '?.struct_ops', '?.struct_ops.link'];

/** In order of section and offset. @throws Fault malformed. */
export function readStructOps(
  elf: Elf,
  btf: Btf,
  functions: ReadonlyMap<string, FunctionPlace>,
): StructOps[] {
  return sections.flatMap((name) => {
    const section = sectionNamed(elf, name);
    if (section === undefined) return [];
    const relocations = new Map(elf.relocations.get(section.index)?.map((item) => [item.offset, item]));
    const context = { elf, btf, section, relocations, functions };
    return dataVariables(elf, btf, section).map((variable) => readInstance(context, variable));
  });
}

interface Context {
  readonly elf: Elf;
  readonly btf: Btf;
  readonly section: Section;
  readonly relocations: ReadonlyMap<number, Relocation>;
  readonly functions: ReadonlyMap<string, FunctionPlace>;
}

function readInstance(context: Context, variable: DataVariable): StructOps {
  const { btf, section } = context;
  const struct = btf.resolve(variable.type);
  if (struct.kind !== 'struct')
    return malformed(section.name, variable.offset, `${variable.name} is a ${struct.kind}, not a struct`);
  const reader = sectionReader(section.data, section.name);
  const programs = new Map<string, string>();
  const values = new Map<string, bigint | string>();
  for (const member of struct.members) {
    if (member.bitSize !== 0 || member.bitOffset % 8 !== 0) continue;
    const offset = variable.offset + member.bitOffset / 8;
    const program = memberProgram(context, reader, offset);
    if (program !== undefined) programs.set(member.name, program);
    const value = memberValue(btf, reader, member, offset);
    if (value !== undefined) values.set(member.name, value);
  }
  return {
    variable: variable.name,
    section: section.name,
    type: struct.name,
    typeId: struct.id,
    programs,
    values,
  };
}

/** Static functions are named by their section's symbol, with the offset stored in the member itself. */
function memberProgram(context: Context, reader: Reader, offset: number): string | undefined {
  const relocation = context.relocations.get(offset);
  if (relocation === undefined) return undefined;
  const { symbol } = relocation;
  const place = BigInt(symbol.value) + reader.u64(offset);
  return context.functions.get(placeKey(symbol.section, place))?.name;
}

function memberValue(btf: Btf, reader: Reader, member: Member, offset: number): bigint | string | undefined {
  const type = btf.resolve(member.type);
  if (type.kind === 'array') {
    const element = btf.resolve(type.element);
    if (element.kind !== 'int' || element.size !== 1) return undefined;
    return decodeText(reader.slice(offset, type.count));
  }
  if (type.kind !== 'int' && type.kind !== 'enum' && type.kind !== 'enum64') return undefined;
  if (type.size > 8) return undefined;
  const signed = type.kind === 'int' ? type.encoding === 'signed' : type.signed;
  return reader.integer(offset, type.size, signed);
}

/** Which members each program fills, by name of program. */
export function membersByProgram(structOps: readonly StructOps[]): Map<string, string[]> {
  const members = new Map<string, string[]>();
  for (const { programs } of structOps)
    for (const [member, program] of programs) members.set(program, [...(members.get(program) ?? []), member]);
  return members;
}
