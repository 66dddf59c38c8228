// The global variables of an object as they stand before its first instruction: its own sections, with the kernel's enumerators filled in,
// and `.kconfig`. Source: libbpf's treatment of __kconfig externs; the scx convention of weak `__SCX_…` variables, which the loader sets.
import type { Btf } from '../../bpf/btf.ts';
import { dataVariables, sectionNamed } from '../../bpf/data-sections.ts';
import type { BpfObject } from '../../bpf/object.ts';
import { Fault } from '../../core/errors.ts';
import type { KernelVersion } from '../kernel/versions.ts';

/** One section of variables; each becomes a map, and lies where `Addresses.data` says. */
export interface Globals {
  /** ".rodata", ".kconfig". */
  readonly section: string;
  readonly size: number;
  /** First contents, `size` bytes, a copy. */
  readonly initial: Uint8Array;
  readonly isReadOnly: boolean;
}

/** More than any scheduler has; a damaged object can claim anything. */
const mostBytes = 1 << 26;

function checkSize(section: string, size: number): void {
  if (size <= mostBytes) return;
  throw new Fault('unsupported', `${section} has ${size} bytes; the simulator gives ${mostBytes}`, {
    tried: `make room for ${section}`,
    where: section,
    next: 'keep large tables in maps',
  });
}

/** Sections of variables in order of section, then `.kconfig` when the object has externs of that kind. @throws Fault unsupported beyond 64 MiB. */
export function globalsOf(object: BpfObject, kernel: KernelVersion): Globals[] {
  const own = object.maps
    .filter(({ section }) => section !== '.maps')
    .map(({ section, valueSize, initial }) => {
      checkSize(section, valueSize);
      const bytes = new Uint8Array(valueSize);
      if (initial !== undefined) bytes.set(initial.subarray(0, valueSize));
      const isReadOnly = section.startsWith('.rodata');
      if (isReadOnly) fillEnumerators(object, section, bytes, kernel);
      return { section, size: valueSize, initial: bytes, isReadOnly };
    });
  const { size, initial } = kconfigOf(object, kernel);
  return size === 0 ? own : [...own, { section: '.kconfig', size, initial, isReadOnly: true }];
}

/** Weak variables `__SCX_X` that are still zero get the value of enumerator SCX_X; a kernel without it leaves the zero. */
function fillEnumerators(object: BpfObject, section: string, bytes: Uint8Array, kernel: KernelVersion): void {
  const found = sectionNamed(object.elf, section);
  if (found === undefined) return;
  for (const { name, offset, size } of dataVariables(object.elf, object.btf, found)) {
    if (!name.startsWith('__SCX_') || bytes.subarray(offset, offset + size).some((byte) => byte !== 0))
      continue;
    const value = enumeratorValue(kernel, name.slice(2));
    if (value !== undefined) writeInteger(bytes, offset, size, value);
  }
}

function enumeratorValue(kernel: KernelVersion, name: string): bigint | undefined {
  for (const values of kernel.enums.values()) {
    const value = values.get(name);
    if (value !== undefined) return value;
  }
  return undefined;
}

function writeInteger(bytes: Uint8Array, offset: number, size: number, value: bigint): void {
  for (let i = 0; i < size; i++) bytes[offset + i] = Number((value >> BigInt(8 * i)) & 0xffn);
}

/** Where each kconfig extern lies in `.kconfig`, what it holds, and which strong ones the kernel's configuration lacks. */
export function kconfigOf(object: BpfObject, kernel: KernelVersion) {
  const offsets = new Map<string, number>();
  const missing: string[] = [];
  const values: { offset: number; size: number; bytes: Uint8Array }[] = [];
  let size = 0;
  for (const extern of object.externs) {
    if (extern.kind !== 'kconfig') continue;
    checkSize('.kconfig', size + object.btf.sizeOf(extern.type));
    const bytes = kconfigBytes(object.btf, extern.type, extern.name, kernel);
    if (bytes === undefined && !extern.weak) missing.push(extern.name);
    const length = Math.max(object.btf.sizeOf(extern.type), 1);
    const offset = Math.ceil(size / 8) * 8;
    offsets.set(extern.name, offset);
    if (bytes !== undefined) values.push({ offset, size: length, bytes });
    size = offset + length;
  }
  const initial = new Uint8Array(size);
  for (const { offset, bytes } of values) initial.set(bytes, offset);
  return { offsets, size, initial, missing };
}

/** Undefined when the configuration does not set it. bool: y is 1; tristate (an enum): m is 2; char: the letter; else number or text. */
function kconfigBytes(btf: Btf, type: number, name: string, kernel: KernelVersion): Uint8Array | undefined {
  const text = kconfigText(name, kernel);
  if (text === undefined) return undefined;
  const resolved = btf.resolve(type);
  const bytes = new Uint8Array(btf.sizeOf(type));
  if (resolved.kind === 'array') {
    bytes.set(new TextEncoder().encode(text.replaceAll('"', '')).subarray(0, Math.max(bytes.length - 1, 0)));
    return bytes;
  }
  const isLetter = resolved.kind === 'int' && resolved.size === 1 && resolved.encoding !== 'bool';
  const value = isLetter && /^[ym]$/.test(text) ? BigInt(text.charCodeAt(0)) : kconfigNumber(text);
  if (value === undefined) return undefined;
  writeInteger(bytes, 0, bytes.length, value);
  return bytes;
}

function kconfigText(name: string, kernel: KernelVersion): string | undefined {
  if (name === 'LINUX_KERNEL_VERSION') return String(kernel.code);
  if (name === 'LINUX_HAS_BPF_COOKIE' || name === 'LINUX_HAS_SYSCALL_WRAPPER') return 'y';
  return kernel.config.get(name.replace(/^CONFIG_/, ''));
}

function kconfigNumber(text: string): bigint | undefined {
  if (text === 'y') return 1n;
  if (text === 'm') return 2n;
  return /^(0x[0-9a-f]+|-?\d+)$/i.test(text) ? BigInt(text) : undefined;
}
