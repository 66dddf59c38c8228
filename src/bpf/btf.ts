// Reads BTF, the types of a BPF object or of a kernel: one cheap pass indexes where each type starts, and a type is
// decoded when asked for. Source: the kernel's Documentation/bpf/btf.rst, sections 2 and 4.
import type { Reader } from '../lib/bytes.ts';
import { sectionReader } from './malformed.ts';

const kindNumbers = {
  int: 1,
  ptr: 2,
  array: 3,
  struct: 4,
  union: 5,
  enum: 6,
  fwd: 7,
  typedef: 8,
  volatile: 9,
  const: 10,
  restrict: 11,
  func: 12,
  func_proto: 13,
  var: 14,
  datasec: 15,
  float: 16,
  decl_tag: 17,
  type_tag: 18,
  enum64: 19,
} as const;
type Kind = keyof typeof kindNumbers;
const kindNames = new Map<number, Kind>(
  Object.entries(kindNumbers).map(([name, number]) => [number, name as Kind]),
);

/** Bytes after the 12-byte common part: fixed, and per element. */
const tailSizes: Record<Kind, readonly [fixed: number, element: number]> = {
  int: [4, 0],
  ptr: [0, 0],
  array: [12, 0],
  struct: [0, 12],
  union: [0, 12],
  enum: [0, 8],
  fwd: [0, 0],
  typedef: [0, 0],
  volatile: [0, 0],
  const: [0, 0],
  restrict: [0, 0],
  func: [0, 0],
  func_proto: [0, 8],
  var: [4, 0],
  datasec: [0, 12],
  float: [0, 0],
  decl_tag: [4, 0],
  type_tag: [0, 0],
  enum64: [0, 12],
};

interface Named {
  readonly id: number;
  readonly name: string;
}
export interface Member {
  readonly name: string;
  readonly type: number;
  readonly bitOffset: number;
  /** 0 when the member is not a bit field. */
  readonly bitSize: number;
}
export interface Enumerator {
  readonly name: string;
  readonly value: bigint;
}
export interface Variable {
  readonly type: number;
  /** 0 in objects fresh from clang, which leave it to the symbol table. */
  readonly offset: number;
  readonly size: number;
}
export type Linkage = 'static' | 'global' | 'extern';

export type VoidType = Named & { readonly kind: 'void' };
export type IntType = Named & {
  readonly kind: 'int';
  readonly size: number;
  readonly bits: number;
  readonly bitOffset: number;
  readonly encoding: 'unsigned' | 'signed' | 'char' | 'bool';
};
export type FloatType = Named & { readonly kind: 'float'; readonly size: number };
/** Types that only point at another type. `fwd`s are declared structs or unions. */
export type ReferenceType = Named & {
  readonly kind: 'ptr' | 'typedef' | 'volatile' | 'const' | 'restrict' | 'type_tag';
  readonly type: number;
};
export type ForwardType = Named & { readonly kind: 'fwd'; readonly of: 'struct' | 'union' };
export type ArrayType = Named & {
  readonly kind: 'array';
  readonly element: number;
  readonly index: number;
  readonly count: number;
};
export type CompositeType = Named & {
  readonly kind: 'struct' | 'union';
  readonly size: number;
  readonly members: readonly Member[];
};
export type EnumType = Named & {
  readonly kind: 'enum' | 'enum64';
  readonly size: number;
  readonly signed: boolean;
  readonly values: readonly Enumerator[];
};
export type FunctionType = Named & {
  readonly kind: 'func';
  readonly type: number;
  readonly linkage: Linkage;
};
/** A last parameter of type 0 without a name means "and more" (`...`). */
export type PrototypeType = Named & {
  readonly kind: 'func_proto';
  readonly returns: number;
  readonly parameters: readonly { readonly name: string; readonly type: number }[];
};
export type VariableType = Named & { readonly kind: 'var'; readonly type: number; readonly linkage: Linkage };
export type DataSectionType = Named & {
  readonly kind: 'datasec';
  readonly size: number;
  readonly variables: readonly Variable[];
};
export type DeclarationTagType = Named & {
  readonly kind: 'decl_tag';
  readonly type: number;
  /** Which member or parameter; -1 for the type itself. */
  readonly component: number;
};
export type BtfType =
  | VoidType
  | IntType
  | FloatType
  | ReferenceType
  | ForwardType
  | ArrayType
  | CompositeType
  | EnumType
  | FunctionType
  | PrototypeType
  | VariableType
  | DataSectionType
  | DeclarationTagType;
export type BtfKind = BtfType['kind'];
type OfKind<K extends BtfKind> = Extract<BtfType, { readonly kind: K }>;

const voidType: VoidType = { id: 0, kind: 'void', name: 'void' };
const longestChain = 64;

/** @throws Fault malformed. `section` names the bytes in messages. */
export function readBtf(bytes: Uint8Array, section = '.BTF'): Btf {
  return new Btf(sectionReader(bytes, section));
}

export class Btf {
  /** Number of types, `void` (id 0) included: ids are 0 … count - 1. */
  readonly count: number;
  readonly #reader: Reader;
  readonly #starts: Uint32Array;
  readonly #strings: Reader;
  readonly #stringsStart: number;
  readonly #types = new Map<number, BtfType>();
  #names: Map<string, number[]> | undefined;

  constructor(reader: Reader) {
    this.#reader = reader;
    if (reader.u16(0) !== 0xeb9f) reader.fail(0, 'no BTF magic (0xeb9f, little-endian)');
    if (reader.u8(2) !== 1) reader.fail(2, `BTF version ${reader.u8(2)}, only 1 is known`);
    const header = reader.u32(4);
    if (header < 24) reader.fail(4, `header of ${header} bytes`);
    const types = header + reader.u32(8);
    const typesEnd = types + reader.u32(12);
    this.#stringsStart = header + reader.u32(16);
    reader.need(types, typesEnd - types);
    const strings = reader.slice(this.#stringsStart, reader.u32(20));
    if (strings[0] !== 0 || strings.at(-1) !== 0) reader.fail(this.#stringsStart, 'strings lack their zeros');
    this.#strings = sectionReader(strings, 'BTF strings');
    this.#starts = this.#index(types, typesEnd);
    this.count = this.#starts.length;
  }

  /** The type of that id; decoded once. @throws Fault malformed on an id out of range. */
  type(id: number): BtfType {
    if (id === 0) return voidType;
    const known = this.#types.get(id);
    if (known !== undefined) return known;
    const start = this.#starts[id];
    if (start === undefined) this.#reader.fail(0, `type ${id} of ${this.count}`);
    const type = this.#decode(id, start as number);
    this.#types.set(id, type);
    return type;
  }

  /** As `type`, and malformed unless it is of that kind. */
  typeOf<K extends BtfKind>(id: number, ...kinds: K[]): OfKind<K> {
    const type = this.type(id);
    if (!kinds.includes(type.kind as K))
      this.#reader.fail(this.#starts[id] ?? 0, `type ${id} is a ${type.kind}, not a ${kinds.join(' or ')}`);
    return type as OfKind<K>;
  }

  /** The first type with that name and kind. */
  find<K extends BtfKind>(name: string, ...kinds: K[]): OfKind<K> | undefined {
    for (const id of this.idsOf(name)) {
      const kind = this.#kindAt(this.#starts[id] as number);
      if (kinds.includes(kind as K)) return this.type(id) as OfKind<K>;
    }
    return undefined;
  }

  /** All ids of types with that name, in ascending order. */
  idsOf(name: string): readonly number[] {
    this.#names ??= this.#indexNames();
    return this.#names.get(name) ?? [];
  }

  /** Skips typedefs, const, volatile, restrict and type tags. */
  resolve(id: number): BtfType {
    let type = this.type(id);
    for (let steps = 0; steps < longestChain; steps++) {
      if (!isTransparent(type)) return type;
      type = this.type(type.type);
    }
    return this.#reader.fail(
      this.#starts[id] ?? 0,
      `type ${id} never ends: a loop of typedefs or qualifiers`,
    );
  }

  /** Size in bytes; 0 for void, functions, forward declarations and flexible arrays. */
  sizeOf(id: number): number {
    let factor = 1;
    let type = this.resolve(id);
    for (let steps = 0; type.kind === 'array'; steps++) {
      if (steps > longestChain) this.#reader.fail(this.#starts[id] ?? 0, `type ${id} is a loop of arrays`);
      factor *= type.count;
      type = this.resolve(type.element);
    }
    const size = type.kind === 'ptr' ? 8 : 'size' in type ? type.size : 0;
    const total = factor * size;
    if (!Number.isSafeInteger(total)) this.#reader.fail(this.#starts[id] ?? 0, `type ${id} is too big`);
    return total;
  }

  /** Refuses the bytes on behalf of a reader of types. */
  fail(id: number, problem: string): never {
    return this.#reader.fail(this.#starts[id] ?? 0, problem);
  }

  #index(start: number, end: number): Uint32Array {
    const reader = this.#reader;
    const starts = [0];
    for (let at = start; at < end; ) {
      starts.push(at);
      reader.need(at, 12);
      const [fixed, element] = tailSizes[this.#kindAt(at)];
      at += 12 + fixed + element * this.#lengthAt(at);
      if (at > end) reader.fail(starts.at(-1) as number, 'type runs past the type section');
    }
    return Uint32Array.from(starts);
  }

  #indexNames(): Map<string, number[]> {
    const names = new Map<string, number[]>();
    // Names repeat (members, forward declarations), so each offset is decoded once.
    const byOffset = new Map<number, number[]>();
    for (let id = 1; id < this.count; id++) {
      const offset = this.#reader.u32(this.#starts[id] as number);
      if (offset === 0) continue;
      let ids = byOffset.get(offset);
      if (ids === undefined) {
        const name = this.#strings.text(offset);
        ids = names.get(name) ?? [];
        names.set(name, ids);
        byOffset.set(offset, ids);
      }
      ids.push(id);
    }
    return names;
  }

  #kindAt(start: number): Kind {
    const number = (this.#reader.u32(start + 4) >>> 24) & 0x7f;
    return kindNames.get(number) ?? this.#reader.fail(start + 4, `unknown kind of type ${number}`);
  }

  #lengthAt(start: number): number {
    const info = this.#reader.u32(start + 4);
    if ((info & 0xff0000) !== 0) this.#reader.fail(start + 4, 'unused bits of a type are set');
    return info & 0xffff;
  }

  #name(at: number): string {
    const offset = this.#reader.u32(at);
    return offset === 0 ? '' : this.#strings.text(offset);
  }

  /** A text of the string section, for .BTF.ext. */
  string(offset: number): string {
    return this.#strings.text(offset);
  }

  #list<T>(start: number, size: number, read: (at: number) => T): T[] {
    return Array.from({ length: this.#lengthAt(start) }, (_, i) => read(start + 12 + i * size));
  }

  #decode(id: number, start: number): BtfType {
    const kind = this.#kindAt(start);
    const named = { id, name: this.#name(start) };
    const sizeOrType = this.#reader.u32(start + 8);
    switch (kind) {
      case 'ptr':
      case 'typedef':
      case 'volatile':
      case 'const':
      case 'restrict':
      case 'type_tag':
        return { ...named, kind, type: sizeOrType };
      case 'float':
        return { ...named, kind, size: sizeOrType };
      case 'fwd':
        return { ...named, kind, of: this.#flagAt(start) ? 'union' : 'struct' };
      case 'func':
        return { ...named, kind, type: sizeOrType, linkage: this.#linkage(start, this.#lengthAt(start)) };
      case 'var':
        return {
          ...named,
          kind,
          type: sizeOrType,
          linkage: this.#linkage(start, this.#reader.u32(start + 12)),
        };
      case 'decl_tag':
        return { ...named, kind, type: sizeOrType, component: this.#reader.i32(start + 12) };
      default:
        return this.#decodeCompound(kind, named, start, sizeOrType);
    }
  }

  #decodeCompound(
    kind: 'int' | 'array' | 'struct' | 'union' | 'enum' | 'enum64' | 'func_proto' | 'datasec',
    named: Named,
    start: number,
    size: number,
  ): BtfType {
    const reader = this.#reader;
    switch (kind) {
      case 'int':
        return { ...named, kind, size, ...this.#intShape(start) };
      case 'array':
        return {
          ...named,
          kind,
          element: reader.u32(start + 12),
          index: reader.u32(start + 16),
          count: reader.u32(start + 20),
        };
      case 'struct':
      case 'union':
        return { ...named, kind, size, members: this.#members(start) };
      case 'enum':
      case 'enum64':
        return { ...named, kind, size, signed: this.#flagAt(start), values: this.#enumerators(start, kind) };
      case 'func_proto': {
        const read = (at: number) => ({ name: this.#name(at), type: reader.u32(at + 4) });
        return { ...named, kind, returns: size, parameters: this.#list(start, 8, read) };
      }
      case 'datasec': {
        const read = (at: number) => ({
          type: reader.u32(at),
          offset: reader.u32(at + 4),
          size: reader.u32(at + 8),
        });
        return { ...named, kind, size, variables: this.#list(start, 12, read) };
      }
    }
  }

  #flagAt(start: number): boolean {
    return this.#reader.u32(start + 4) >>> 31 === 1;
  }

  #linkage(start: number, number: number): Linkage {
    const linkage = (['static', 'global', 'extern'] as const)[number];
    return linkage ?? this.#reader.fail(start, `linkage ${number}`);
  }

  #intShape(start: number): Pick<IntType, 'bits' | 'bitOffset' | 'encoding'> {
    const shape = this.#reader.u32(start + 12);
    const encodings = { 0: 'unsigned', 1: 'signed', 2: 'char', 3: 'char', 4: 'bool' } as const;
    const encoding = encodings[((shape >>> 24) & 15) as 0] as IntType['encoding'] | undefined;
    if (encoding === undefined) this.#reader.fail(start + 12, `integer encoding ${(shape >>> 24) & 15}`);
    return {
      bits: shape & 0xff,
      bitOffset: (shape >>> 16) & 0xff,
      encoding: encoding as IntType['encoding'],
    };
  }

  #members(start: number): Member[] {
    const packed = this.#flagAt(start);
    return this.#list(start, 12, (at) => {
      const offset = this.#reader.u32(at + 8);
      return {
        name: this.#name(at),
        type: this.#reader.u32(at + 4),
        bitOffset: packed ? offset & 0xffffff : offset,
        bitSize: packed ? offset >>> 24 : 0,
      };
    });
  }

  #enumerators(start: number, kind: 'enum' | 'enum64'): Enumerator[] {
    const signed = this.#flagAt(start);
    const size = kind === 'enum' ? 4 : 8;
    return this.#list(start, size + 4, (at) => ({
      name: this.#name(at),
      value: this.#reader.integer(at + 4, size, signed),
    }));
  }
}

function isTransparent(type: BtfType): type is ReferenceType {
  return 'type' in type && type.kind !== 'ptr' && type.kind in transparent;
}
const transparent = { typedef: true, volatile: true, const: true, restrict: true, type_tag: true };
