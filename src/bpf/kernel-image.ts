// Finds a kernel's types without booting it: the compressed payload of an x86 bzImage, and `.BTF` in the vmlinux that
// it unpacks to. Source: the kernel's Documentation/arch/x86/boot.rst (the real-mode header and its fields).
import { Fault } from '../core/errors.ts';
import type { Reader } from '../lib/bytes.ts';
import { readSections } from './elf.ts';
import { malformed, sectionReader } from './malformed.ts';

export type Compression = 'zstd' | 'gzip' | 'xz' | 'lz4' | 'lzma' | 'bzip2' | 'lzo' | 'none';

export interface KernelPayload {
  /** Where the compressed vmlinux starts in the image, and its length without the size that follows it. */
  readonly offset: number;
  readonly length: number;
  readonly compression: Compression;
  /** As the image promises; undefined for `none`. */
  readonly unpackedSize: number | undefined;
}

const signatures: readonly (readonly [Compression, readonly number[]])[] = [
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ['gzip', [0x1f, 0x8b]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ['lz4', [0x02, 0x21, 0x4c, 0x18]],
  ['lzma', [0x5d, 0x00, 0x00]],
  ['bzip2', [0x42, 0x5a, 0x68]],
  ['lzo', [0x89, 0x4c, 0x5a, 0x4f]],
  ['none', [0x7f, 0x45, 0x4c, 0x46]],
];

/** Does the file carry the x86 boot protocol's marks? */
export function isX86Kernel(bytes: Uint8Array): boolean {
  if (bytes.length < 0x250) return false;
  const reader = sectionReader(bytes, 'bzImage');
  return reader.u16(0x1fe) === 0xaa55 && reader.u32(0x202) === 0x53726448;
}

/** "6.18.15+deb13-cloud-amd64": the release, without the builder and date after it. @throws Fault malformed. */
export function kernelVersion(bzImage: Uint8Array): string {
  const reader = header(bzImage);
  const pointer = reader.u16(0x20e);
  if (pointer === 0) reader.fail(0x20e, 'the image does not tell its version');
  return reader.text(pointer + 0x200).split(' ')[0] ?? '';
}

/** @throws Fault malformed, also for a payload in a format that no kernel uses. */
export function kernelPayload(bzImage: Uint8Array): KernelPayload {
  const reader = header(bzImage);
  if (reader.u16(0x206) < 0x208) reader.fail(0x206, 'boot protocol older than 2.08: no payload field');
  // 0 set-up sectors mean 4, for images from before the field existed.
  const setupSectors = reader.u8(0x1f1) || 4;
  const offset = (setupSectors + 1) * 512 + reader.u32(0x248);
  const packed = reader.u32(0x24c);
  const bytes = reader.slice(offset, packed);
  const found = signatures.find(([, signature]) => signature.every((byte, i) => bytes[i] === byte));
  if (found === undefined) return reader.fail(offset, 'payload of unknown compression');
  const [compression] = found;
  if (compression === 'none') return { offset, length: packed, compression, unpackedSize: undefined };
  if (packed < 18) reader.fail(0x24c, `payload of ${packed} bytes`);
  // gzip ends in the size itself; behind the others the kernel's build appends it.
  const length = compression === 'gzip' ? packed : packed - 4;
  return { offset, length, compression, unpackedSize: reader.u32(offset + packed - 4) };
}

function header(bzImage: Uint8Array): Reader {
  if (!isX86Kernel(bzImage)) malformed('bzImage', 0x1fe, 'not an x86 kernel (no boot flag, no "HdrS")');
  return sectionReader(bzImage, 'bzImage');
}

/** Section `.BTF` of an unpacked kernel. @throws Fault malformed; not-found when built without types. */
export function findBtf(vmlinux: Uint8Array): Uint8Array {
  const { sections } = readSections(vmlinux);
  const section = sections.find(({ name }) => name === '.BTF');
  if (section !== undefined) return section.data;
  throw new Fault('not-found', 'the kernel has no section .BTF', {
    tried: 'find the types of a kernel',
    where: 'ELF section table',
    next: 'use a kernel built with CONFIG_DEBUG_INFO_BTF=y',
  });
}
