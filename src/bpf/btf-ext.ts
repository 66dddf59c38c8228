// Reads .BTF.ext: which function and which source line an instruction belongs to, and the CO-RE relocations.
// Source: the kernel's Documentation/bpf/btf.rst section 4.2 and llvm_reloc.rst ("CO-RE Relocations").
import type { Reader } from '../lib/bytes.ts';
import type { Btf } from './btf.ts';
import { sectionReader } from './malformed.ts';

/** Names as llvm-objdump prints them. */
export const coreKinds = [
  'byte_off',
  'byte_sz',
  'field_exists',
  'signed',
  'lshift_u64',
  'rshift_u64',
  'local_type_id',
  'target_type_id',
  'type_exists',
  'type_size',
  'enumval_exists',
  'enumval_value',
  'type_matches',
] as const;
export type CoreKind = (typeof coreKinds)[number];

interface AtInstruction {
  readonly section: string;
  /** In bytes, from the start of the section. */
  readonly offset: number;
}
export interface FunctionRecord extends AtInstruction {
  /** Id of a BTF `func`. */
  readonly type: number;
}
export interface LineRecord extends AtInstruction {
  readonly file: string;
  readonly text: string;
  readonly line: number;
  readonly column: number;
}
export interface CoreRelocation extends AtInstruction {
  /** Root type of the access, an id in the object's own BTF. */
  readonly type: number;
  /** Pointer step, then member or element numbers; for enums the number of the enumerator. One list for all relocations that have the same text. */
  readonly access: readonly number[];
  readonly kind: CoreKind;
}
export interface BtfExt {
  readonly functions: readonly FunctionRecord[];
  /** Read when first asked for: there are many, and they are for messages. */
  readonly lines: readonly LineRecord[];
  /** The line of the instruction at this offset: the last record there or before. The kernel wants them in order, and so does this. */
  lineAt(section: string, offset: number): LineRecord | undefined;
  readonly coreRelocations: readonly CoreRelocation[];
}

/** @throws Fault malformed. */
export function readBtfExt(bytes: Uint8Array, btf: Btf): BtfExt {
  const reader = sectionReader(bytes, '.BTF.ext');
  if (reader.u16(0) !== 0xeb9f) reader.fail(0, 'no BTF magic (0xeb9f, little-endian)');
  if (reader.u8(2) !== 1) reader.fail(2, `version ${reader.u8(2)}, only 1 is known`);
  const header = reader.u32(4);
  if (header < 24) reader.fail(4, `header of ${header} bytes`);
  const part = (field: number) => ({ start: header + reader.u32(field), length: reader.u32(field + 4) });
  const ofLines = groups(reader, btf, part(16), 16);
  for (const { first, count, size } of ofLines)
    for (let at = first; at < first + count * size; at += size) {
      btf.needString(reader.u32(at + 4));
      btf.needString(reader.u32(at + 8));
    }
  const accesses = new Map<string, readonly number[]>();
  let lines: LineRecord[] | undefined;
  const readLine = (at: number) => ({
    file: btf.string(reader.u32(at + 4)),
    text: btf.string(reader.u32(at + 8)),
    line: reader.u32(at + 12) >>> 10,
    column: reader.u32(at + 12) & 0x3ff,
  });
  return {
    functions: records(reader, groups(reader, btf, part(8), 8), (at) => ({ type: reader.u32(at + 4) })),
    get lines() {
      lines ??= records(reader, ofLines, readLine);
      return lines;
    },
    lineAt(section, offset) {
      const at = lastBefore(reader, ofLines, section, offset);
      return at === undefined ? undefined : { section, offset: reader.u32(at), ...readLine(at) };
    },
    coreRelocations:
      header < 32
        ? []
        : records(reader, groups(reader, btf, part(24), 16), (at) =>
            readCoreRelocation(reader, btf, accesses, at),
          ),
  };
}

/** Records of one ELF section; offset of the first, and bytes of each. */
interface Group {
  readonly section: string;
  readonly first: number;
  readonly count: number;
  readonly size: number;
}

/** One sub-section: the size of a record, then per ELF section its name, the number of records and the records. */
function groups(
  reader: Reader,
  btf: Btf,
  part: { start: number; length: number },
  smallest: number,
): Group[] {
  if (part.length === 0) return [];
  reader.need(part.start, part.length);
  const size = reader.u32(part.start);
  if (size < smallest || size % 4 !== 0) reader.fail(part.start, `records of ${size} bytes`);
  const end = part.start + part.length;
  const found: Group[] = [];
  for (let at = part.start + 4; at < end; ) {
    const section = btf.string(reader.u32(at));
    const count = reader.u32(at + 4);
    const first = at + 8;
    if (count === 0 || count * size > end - first) reader.fail(at + 4, `${count} records of ${size} bytes`);
    found.push({ section, first, count, size });
    at = first + count * size;
  }
  return found;
}

/** Where the last record of the section starts whose offset is not beyond. */
function lastBefore(
  reader: Reader,
  found: readonly Group[],
  section: string,
  offset: number,
): number | undefined {
  const group = found.find((one) => one.section === section);
  if (group === undefined) return undefined;
  let [low, high] = [0, group.count];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (reader.u32(group.first + middle * group.size) <= offset) low = middle + 1;
    else high = middle;
  }
  return low === 0 ? undefined : group.first + (low - 1) * group.size;
}

function records<T extends object>(
  reader: Reader,
  found: readonly Group[],
  read: (at: number) => T,
): (T & AtInstruction)[] {
  return found.flatMap(({ section, first, count, size }) =>
    Array.from({ length: count }, (_, i) => {
      const at = first + i * size;
      return { section, offset: reader.u32(at), ...read(at) };
    }),
  );
}

/** `accesses`: those that were read, by their text. */
function readCoreRelocation(
  reader: Reader,
  btf: Btf,
  accesses: Map<string, readonly number[]>,
  at: number,
): Omit<CoreRelocation, keyof AtInstruction> {
  const text = btf.string(reader.u32(at + 8));
  const kind = coreKinds[reader.u32(at + 12)] ?? reader.fail(at + 12, `CO-RE kind ${reader.u32(at + 12)}`);
  let access = accesses.get(text);
  if (access === undefined) {
    if (!/^\d{1,9}(:\d{1,9}){0,63}$/.test(text)) reader.fail(at + 8, `access string ${JSON.stringify(text)}`);
    access = text.split(':').map(Number);
    accesses.set(text, access);
  }
  return { type: reader.u32(at + 4), access, kind };
}
