// The maps of an object: those declared in `.maps` through BTF, and one per section of global variables.
// Source: libbpf's BTF-defined maps (a member is a pointer to an array whose length is the value, or to the type).
import type { Btf } from './btf.ts';
import type { CompositeType, Member } from './btf-types.ts';
import { dataVariables, sectionNamed } from './data-sections.ts';
import { type Elf, type Section, sectionFlag, sectionType } from './elf.ts';
import { malformed } from './malformed.ts';

/** enum bpf_map_type of the kernel's uapi, in order. */
const mapTypes =
  'unspec hash array prog_array perf_event_array percpu_hash percpu_array stack_trace cgroup_array lru_hash lru_percpu_hash lpm_trie array_of_maps hash_of_maps devmap sockmap cpumap xskmap sockhash cgroup_storage reuseport_sockarray percpu_cgroup_storage queue stack sk_storage devmap_hash struct_ops ringbuf inode_storage task_storage bloom_filter user_ringbuf cgrp_storage arena insn_array'.split(
    ' ',
  );
const arrayType = 2;
const mmapable = 1 << 10;
const readOnlyForPrograms = 1 << 7;

export interface MapShape {
  /** Number and lower-case name of enum bpf_map_type. */
  readonly type: number;
  readonly typeName: string;
  /** Bytes. */
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags: number;
  readonly numaNode: number;
  /** 0 none, 1 by name. */
  readonly pinning: number;
  readonly extra: bigint;
  /** BTF ids, when the declaration gives types. */
  readonly keyType: number | undefined;
  readonly valueType: number | undefined;
}
export interface BpfMap extends MapShape {
  readonly name: string;
  /** `.maps`, or the section of global variables that it holds. */
  readonly section: string;
  /** In `.maps`; 0 for global variables. */
  readonly offset: number;
  /** First contents of a map of global variables; absent for zeros (`.bss`) and for declared maps. */
  readonly initial: Uint8Array | undefined;
  /** Shape of the maps inside a map of maps. */
  readonly inner: MapShape | undefined;
  /** Declared contents of a map of maps or of programs: index → symbol. */
  readonly slots: ReadonlyMap<number, string>;
}

/** Declared maps in order of offset, then maps of globals in order of section. @throws Fault malformed. */
export function readMaps(elf: Elf, btf: Btf): BpfMap[] {
  const section = sectionNamed(elf, '.maps');
  const declared = section === undefined ? [] : declaredMaps(elf, btf, section);
  return [...declared, ...elf.sections.filter(isGlobals).map(globalsMap)];
}

function declaredMaps(elf: Elf, btf: Btf, section: Section): BpfMap[] {
  const variables = dataVariables(elf, btf, section);
  return variables.map(({ name, type, offset }, i) => {
    const end = variables[i + 1]?.offset ?? section.size;
    const struct = btf.resolve(type);
    if (struct.kind !== 'struct') return malformed('.maps', offset, `map ${name} is a ${struct.kind}`);
    const values = struct.members.find((member) => member.name === 'values');
    return {
      name,
      section: section.name,
      offset,
      ...mapShape(btf, struct, offset),
      initial: undefined,
      inner: values && innerShape(btf, values, offset),
      slots: values ? declaredSlots(elf, section, offset + values.bitOffset / 8, end) : new Map(),
    };
  });
}

function mapShape(btf: Btf, struct: CompositeType, offset: number): MapShape {
  const members = new Map(struct.members.map((member) => [member.name, member]));
  const number = (name: string) => declaredNumber(btf, members.get(name), offset);
  const small = (name: string) => Number(BigInt.asUintN(32, number(name)));
  const typeOf = (name: string) => {
    const member = members.get(name);
    return member && pointee(btf, member, offset);
  };
  const [keyType, valueType] = [typeOf('key'), typeOf('value')];
  const type = small('type');
  // A map of maps, or of programs, holds 32-bit ids.
  const ids = members.has('values') ? 4 : 0;
  return {
    type,
    typeName: mapTypes[type] ?? `type ${type}`,
    keySize: keyType === undefined ? small('key_size') : btf.sizeOf(keyType),
    valueSize: valueType === undefined ? small('value_size') || ids : btf.sizeOf(valueType),
    maxEntries: small('max_entries'),
    flags: small('map_flags'),
    numaNode: small('numa_node'),
    pinning: small('pinning'),
    extra: number('map_extra'),
    keyType,
    valueType,
  };
}

/** `int (*name)[value]` by __uint, or an enumerator by __ulong. */
function declaredNumber(btf: Btf, member: Member | undefined, offset: number): bigint {
  if (member === undefined) return 0n;
  const type = btf.resolve(member.type);
  if (type.kind === 'enum' || type.kind === 'enum64') return type.values[0]?.value ?? 0n;
  const array = btf.resolve(pointee(btf, member, offset));
  if (array.kind !== 'array') return malformed('.maps', offset, `${member.name} is not a number by array`);
  return BigInt(array.count);
}

function pointee(btf: Btf, member: Member, offset: number): number {
  const type = btf.resolve(member.type);
  return type.kind === 'ptr' ? type.type : malformed('.maps', offset, `${member.name} is not a pointer`);
}

/** `struct inner *values[]`; programs (`void (*values[])(void)`) have no shape. */
function innerShape(btf: Btf, values: Member, offset: number): MapShape | undefined {
  const array = btf.resolve(values.type);
  if (array.kind !== 'array') return malformed('.maps', offset, 'values is not an array');
  const pointer = btf.resolve(array.element);
  const target = pointer.kind === 'ptr' ? btf.resolve(pointer.type) : pointer;
  return target.kind === 'struct' ? mapShape(btf, target, offset) : undefined;
}

function declaredSlots(elf: Elf, section: Section, start: number, end: number): Map<number, string> {
  const slots = new Map<number, string>();
  for (const { offset, symbol } of elf.relocations.get(section.index) ?? [])
    if (offset >= start && offset < end) slots.set((offset - start) / 8, symbol.name);
  return slots;
}

function isGlobals(section: Section): boolean {
  const isData = section.type === sectionType.programBits || section.type === sectionType.noBits;
  const isAllocated = (section.flags & sectionFlag.alloc) !== 0n && section.size > 0;
  return isData && isAllocated && /^\.(rodata|data|bss)(\.|$)/.test(section.name);
}

function globalsMap(section: Section): BpfMap {
  const isReadOnly = section.name.startsWith('.rodata');
  return {
    name: section.name,
    section: section.name,
    offset: 0,
    type: arrayType,
    typeName: 'array',
    keySize: 4,
    valueSize: section.size,
    maxEntries: 1,
    flags: isReadOnly ? mmapable | readOnlyForPrograms : mmapable,
    numaNode: 0,
    pinning: 0,
    extra: 0n,
    keyType: undefined,
    valueType: undefined,
    initial: section.type === sectionType.noBits ? undefined : section.data,
    inner: undefined,
    slots: new Map(),
  };
}
