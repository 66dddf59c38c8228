// Objects without their DWARF, as `llvm-strip -g` makes them, but for the numbers of sections and symbols, which stay: nothing that refers to one has to be written anew.
// Source: the System V gABI, chapters "ELF Header", "Sections", "Symbol Table".

const headerBytes = 64;
const symbolBytes = 24;
const noBits = 8;
const symbolTable = 2;
const fileSymbol = 4;

/**
 * A 64-bit little-endian object, as a compiler has just written it, without debugging sections and without the name of its source.
 * One with more sections than the ELF header counts (0xff00) is returned as it is.
 */
export function withoutDebug(written: Uint8Array): Uint8Array {
  const object = new Uint8Array(written); // slices of a Buffer would be no copies
  const view = new DataView(object.buffer);
  const [table, count, namesIndex] = [
    view.getUint32(40, true),
    view.getUint16(60, true),
    view.getUint16(62, true),
  ];
  if (count === 0) return object;
  const headers = Array.from({ length: count }, (_, n) => object.slice(table + n * 64, table + (n + 1) * 64));
  const sections = headers.map((header) => {
    const fields = new DataView(header.buffer);
    const [offset, size] = [fields.getUint32(24, true), fields.getUint32(32, true)];
    const isEmpty = fields.getUint32(4, true) === noBits;
    const data: Uint8Array = isEmpty ? object.slice(0, 0) : object.slice(offset, offset + size);
    return { fields, header, data };
  });
  const names = sections[namesIndex]!;
  const nameOf = (at: number): string => {
    const end = names.data.indexOf(0, at);
    return Buffer.from(names.data.subarray(at, end)).toString('latin1');
  };
  const strings = new Strings();
  for (const section of sections) {
    const { fields, header } = section;
    const name = nameOf(fields.getUint32(0, true));
    if (/^(\.rela?)?\.debug/.test(name)) {
      header.fill(0);
      section.data = object.slice(0, 0);
      continue;
    }
    fields.setUint32(0, strings.at(name), true);
    if (fields.getUint32(4, true) === symbolTable) renameSymbols(section.data, nameOf, strings);
  }
  names.data = strings.bytes();
  names.fields.setBigUint64(32, BigInt(names.data.length), true);
  return assembled(object.slice(0, headerBytes), sections);
}

/** Which file it was is in BTF, if anywhere. */
function renameSymbols(data: Uint8Array, nameOf: (at: number) => string, strings: Strings): void {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  for (let at = 0; at < data.length; at += symbolBytes) {
    const isFile = (view.getUint8(at + 4) & 15) === fileSymbol;
    view.setUint32(at, isFile ? 0 : strings.at(nameOf(view.getUint32(at, true))), true);
  }
}

/** ELF header, contents one after the other, section headers. */
function assembled(
  start: Uint8Array,
  sections: readonly { readonly fields: DataView; readonly header: Uint8Array; readonly data: Uint8Array }[],
): Uint8Array {
  const parts: Uint8Array[] = [start];
  let end = start.length;
  const put = (bytes: Uint8Array, alignment: number): number => {
    const gap = (alignment - (end % alignment)) % alignment;
    parts.push(new Uint8Array(gap), bytes);
    end += gap + bytes.length;
    return end - bytes.length;
  };
  for (const { fields, data } of sections)
    if (fields.getUint32(4, true) !== 0)
      fields.setBigUint64(24, BigInt(put(data, Math.max(1, fields.getUint32(48, true)))), true);
  const table = put(Buffer.concat(sections.map(({ header }) => header)), 8);
  new DataView(start.buffer, start.byteOffset).setBigUint64(40, BigInt(table), true);
  return new Uint8Array(Buffer.concat(parts));
}

/** A string table: each string once, the empty one at 0. */
class Strings {
  readonly #places = new Map([['', 0]]);
  #end = 1;

  at(text: string): number {
    const known = this.#places.get(text);
    if (known !== undefined) return known;
    const place = this.#end;
    this.#places.set(text, place);
    this.#end += text.length + 1;
    return place;
  }

  bytes(): Uint8Array {
    return new Uint8Array(Buffer.from(`${[...this.#places.keys()].join('\0')}\0`, 'latin1'));
  }
}
