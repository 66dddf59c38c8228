// Images are built by hand after Documentation/arch/x86/boot.rst.
import { expect, test } from 'vitest';
import { fixture } from '../../test/bpf/tools.ts';
import { findBtf, isX86Kernel, kernelPayload, kernelVersion } from './kernel-image.ts';
import { readObject } from './object.ts';

const setupSectors = 3;
const kernelStart = (setupSectors + 1) * 512;

/** A bzImage with that payload 100 bytes into its protected-mode part. */
function image(payload: readonly number[], protocol = 0x20f): Uint8Array {
  const bytes = new Uint8Array(kernelStart + 100 + payload.length + 50);
  const view = new DataView(bytes.buffer);
  bytes[0x1f1] = setupSectors;
  view.setUint16(0x1fe, 0xaa55, true);
  bytes.set(new TextEncoder().encode('HdrS'), 0x202);
  view.setUint16(0x206, protocol, true);
  view.setUint16(0x20e, 0x300, true);
  bytes.set(new TextEncoder().encode('6.18.15+deb13-cloud-amd64 (builder@host) #1 SMP\0'), 0x500);
  view.setUint32(0x248, 100, true);
  view.setUint32(0x24c, payload.length, true);
  bytes.set(payload, kernelStart + 100);
  return bytes;
}
const zeros = new Array<number>(20).fill(0);
const size = [0x40, 0x42, 0x0f, 0x00];

test.each([
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd], 4],
  ['gzip', [0x1f, 0x8b, 8], 0],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0], 4],
  ['lz4', [0x02, 0x21, 0x4c, 0x18], 4],
  ['lzma', [0x5d, 0, 0], 4],
  ['bzip2', [0x42, 0x5a, 0x68], 4],
  ['lzo', [0x89, 0x4c, 0x5a, 0x4f], 4],
])('a %s payload is found, without the size behind it', (compression, magic, trailer) => {
  const payload = [...magic, ...zeros, ...size];
  expect(kernelPayload(image(payload))).toEqual({
    offset: kernelStart + 100,
    length: payload.length - trailer,
    compression,
    unpackedSize: 1_000_000,
  });
});

test('an uncompressed payload is a whole ELF file', () => {
  const payload = [0x7f, 0x45, 0x4c, 0x46, ...zeros];
  expect(kernelPayload(image(payload))).toMatchObject({ compression: 'none', length: payload.length });
});

test('the release is told without its builder', () => {
  expect(kernelVersion(image([]))).toBe('6.18.15+deb13-cloud-amd64');
});

test('what is not a kernel is refused', () => {
  expect(isX86Kernel(image([]))).toBe(true);
  expect(isX86Kernel(fixture('policy'))).toBe(false);
  expect(() => kernelPayload(new Uint8Array(4096))).toThrow('bzImage+0x1fe: not an x86 kernel');
  expect(() => kernelPayload(image([1, 2, 3, 4]))).toThrow('payload of unknown compression');
  expect(() => kernelPayload(image([0x1f, 0x8b]))).toThrow('payload of 2 bytes');
  expect(() => kernelPayload(image([], 0x207))).toThrow('older than 2.08');
  const long = image([0x1f, 0x8b, ...zeros]);
  new DataView(long.buffer).setUint32(0x24c, 0xffffffff, true);
  expect(() => kernelPayload(long)).toThrow(`bzImage+0x${(kernelStart + 100).toString(16)}: needs`);
});

test('.BTF is found in any ELF file', () => {
  const bytes = fixture('policy');
  const expected = readObject(bytes).elf.sections.find(({ name }) => name === '.BTF')?.data;
  expect(findBtf(bytes)).toEqual(expected);
  // No machine check: a vmlinux is x86.
  bytes[18] = 62;
  expect(findBtf(bytes)).toEqual(expected);
  const bare = new Uint8Array(64);
  bare.set([0x7f, 0x45, 0x4c, 0x46, 2, 1]);
  expect(() => findBtf(bare)).toThrow(expect.objectContaining({ code: 'not-found' }));
});
