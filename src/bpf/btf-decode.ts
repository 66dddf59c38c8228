// Turns the bytes of one BTF type into a value, and says how long it is.
// Source: the kernel's Documentation/bpf/btf.rst, section 2.2 (one sub-section per kind).
import type { Reader } from '../lib/bytes.ts';
import type { BtfType, Enumerator, IntType, Linkage, Member, Named } from './btf-types.ts';

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

export class TypeDecoder {
  readonly #reader: Reader;
  readonly #strings: Reader;

  constructor(types: Reader, strings: Reader) {
    this.#reader = types;
    this.#strings = strings;
  }

  /** Where the type after the one at `start` begins. */
  endOf(start: number): number {
    const [fixed, element] = tailSizes[this.kindAt(start)];
    return start + 12 + fixed + element * this.#lengthAt(start);
  }

  kindAt(start: number): Kind {
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

  #list<T>(start: number, size: number, read: (at: number) => T): T[] {
    return Array.from({ length: this.#lengthAt(start) }, (_, i) => read(start + 12 + i * size));
  }

  decode(id: number, start: number): BtfType {
    const kind = this.kindAt(start);
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
        return this.#compound(kind, named, start, sizeOrType);
    }
  }

  #compound(
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
