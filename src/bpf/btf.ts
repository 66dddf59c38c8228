// Reads BTF, the types of a BPF object or of a kernel: one cheap pass indexes where each type starts, and a type is
// decoded when asked for. Source: the kernel's Documentation/bpf/btf.rst, sections 2 and 4.
import type { Reader } from '../lib/bytes.ts';
import { TypeDecoder } from './btf-decode.ts';
import type { BtfKind, BtfType, OfKind, ReferenceType, VoidType } from './btf-types.ts';
import { sectionReader } from './malformed.ts';

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
  readonly #decoder: TypeDecoder;
  readonly #types = new Map<number, BtfType>();
  readonly #texts = new Map<number, string>();
  #names: Map<string, number[]> | undefined;

  constructor(reader: Reader) {
    this.#reader = reader;
    if (reader.u16(0) !== 0xeb9f) reader.fail(0, 'no BTF magic (0xeb9f, little-endian)');
    if (reader.u8(2) !== 1) reader.fail(2, `BTF version ${reader.u8(2)}, only 1 is known`);
    const header = reader.u32(4);
    if (header < 24) reader.fail(4, `header of ${header} bytes`);
    const types = header + reader.u32(8);
    const typesEnd = types + reader.u32(12);
    const stringsStart = header + reader.u32(16);
    reader.need(types, typesEnd - types);
    const strings = reader.slice(stringsStart, reader.u32(20));
    if (strings[0] !== 0 || strings.at(-1) !== 0) reader.fail(stringsStart, 'strings lack their zeros');
    this.#strings = sectionReader(strings, 'BTF strings');
    this.#decoder = new TypeDecoder(reader, this.#strings);
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
    const type = this.#decoder.decode(id, start as number);
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
      const kind = this.#decoder.kindAt(this.#starts[id] as number);
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
    const starts = [0];
    for (let at = start; at < end; ) {
      starts.push(at);
      at = this.#decoder.endOf(at);
      if (at > end) this.#reader.fail(starts.at(-1) as number, 'type runs past the type section');
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

  /** Fails unless a text of the string section can begin there: they all end, with the section at the latest. */
  needString(offset: number): void {
    if (offset >= this.#strings.length) this.#strings.need(offset, 1);
  }

  /** A text of the string section, for .BTF.ext. */
  string(offset: number): string {
    let text = this.#texts.get(offset);
    if (text === undefined) {
      text = this.#strings.text(offset);
      this.#texts.set(offset, text);
    }
    return text;
  }
}

function isTransparent(type: BtfType): type is ReferenceType {
  return 'type' in type && type.kind !== 'ptr' && type.kind in transparent;
}
const transparent = { typedef: true, volatile: true, const: true, restrict: true, type_tag: true };
