import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { faultOf } from '../../test/linux/support.ts';
import { readKernelImage } from './kernel-reading.ts';

/** BTF (Documentation/bpf/btf.rst) with the struct, if asked for, and functions of so many parameters. */
function btf(functions: Readonly<Record<string, number>>, struct: boolean): Buffer {
  let strings = '\0';
  const name = (text: string): number => {
    const at = strings.length;
    strings += `${text}\0`;
    return at;
  };
  const types: number[] = [];
  let last = 0;
  const type = (
    text: string,
    kind: number,
    count: number,
    size: number,
    rest: readonly number[] = [],
  ): number => {
    types.push(text === '' ? 0 : name(text), (kind << 24) | count, size, ...rest);
    return ++last;
  };
  const int = type('int', 1, 0, 4, [0x01000020]);
  if (struct) type('sched_ext_ops', 4, 0, 0);
  for (const [text, count] of Object.entries(functions)) {
    const parameters = Array.from({ length: count }, () => [0, int]).flat();
    const prototype = type('', 13, count, int, parameters);
    type(text, 12, 0, prototype);
  }
  const body = Buffer.from(Uint32Array.from(types).buffer);
  const head = Buffer.alloc(24);
  head.writeUInt16LE(0xeb9f, 0);
  head.writeUInt8(1, 2);
  for (const [at, value] of [24, 0, body.length, body.length, strings.length].entries())
    head.writeUInt32LE(value, 4 + 4 * at);
  return Buffer.concat([head, body, Buffer.from(strings, 'latin1')]);
}

/** An ELF file with one section, if any, and the table of names. */
function elf(content: Buffer | undefined): Buffer {
  const names = Buffer.from('\0.BTF\0.names\0', 'latin1');
  const data = content ?? Buffer.alloc(0);
  const head = Buffer.alloc(64);
  head.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  const table = 64 + data.length + names.length;
  head.writeUInt16LE(2, 16);
  head.writeUInt16LE(62, 18);
  head.writeUInt32LE(1, 20);
  head.writeBigUInt64LE(BigInt(table), 40);
  for (const [at, value] of [
    [52, 64],
    [58, 64],
    [60, 3],
    [62, 2],
  ] as const)
    head.writeUInt16LE(value, at);
  const section = (nameAt: number, type: number, offset: number, size: number): Buffer => {
    const bytes = Buffer.alloc(64);
    bytes.writeUInt32LE(nameAt, 0);
    bytes.writeUInt32LE(type, 4);
    bytes.writeBigUInt64LE(BigInt(offset), 24);
    bytes.writeBigUInt64LE(BigInt(size), 32);
    return bytes;
  };
  const first = content === undefined ? section(0, 0, 0, 0) : section(1, 1, 64, data.length);
  return Buffer.concat([
    head,
    data,
    names,
    section(0, 0, 0, 0),
    first,
    section(6, 3, 64 + data.length, names.length),
  ]);
}

/** A bzImage (Documentation/arch/x86/boot.rst) with that payload. */
function image(payload: Buffer): Buffer {
  const bytes = Buffer.alloc(1024);
  bytes[0x1f1] = 1;
  bytes.writeUInt16LE(0xaa55, 0x1fe);
  bytes.write('HdrS', 0x202);
  bytes.writeUInt16LE(0x20f, 0x206);
  bytes.writeUInt16LE(0x80, 0x20e);
  bytes.write('6.18.15-test (us@here) #1\0', 0x280);
  bytes.writeUInt32LE(payload.length, 0x24c);
  return Buffer.concat([bytes, payload]);
}

const good = { scx_bpf_create_dsq: 2, scx_bpf_dsq_nr_queued: 1, scx_bpf_kick_cpu: 2 };
const never = async (): Promise<Uint8Array> => {
  throw new Error('nothing to unpack');
};

describe('a kernel image', () => {
  it('with sched_ext is good', async () => {
    expect(await readKernelImage(image(elf(btf(good, true))), never)).toEqual({ release: '6.18.15-test' });
  });

  it.each<[string, Buffer | undefined, RegExp, boolean]>([
    ['without BTF', undefined, /without BTF/, false],
    ['without sched_ext', btf(good, false), /without sched_ext/, false],
    [
      'with a parameter too many',
      btf({ ...good, scx_bpf_create_dsq: 3 }, true),
      /broken: the prototype of scx_bpf_create_dsq/,
      true,
    ],
    ['with one too few', btf({ ...good, scx_bpf_kick_cpu: 1 }, true), /scx_bpf_kick_cpu/, true],
    [
      'with a kfunc that is not there',
      btf({ scx_bpf_create_dsq: 2, scx_bpf_kick_cpu: 2 }, true),
      /scx_bpf_dsq_nr_queued/,
      true,
    ],
  ])('%s is refused', async (_, types, why, broken) => {
    expect(await readKernelImage(image(elf(types)), never)).toEqual({
      release: '6.18.15-test',
      refusal: { why: expect.stringMatching(why), broken },
    });
  });

  it('is unpacked by whoever can', async () => {
    const packed = gzipSync(elf(btf(good, true)));
    const asked: string[] = [];
    const reading = await readKernelImage(image(packed), async (bytes, format) => {
      asked.push(`${format} ${bytes.length === packed.length}`);
      return elf(btf(good, true));
    });
    expect([reading, asked]).toEqual([{ release: '6.18.15-test' }, ['gzip true']]);
  });

  it.each([
    ['empty', Buffer.alloc(0)],
    ['something else', Buffer.from('#!/bin/sh\n'.repeat(100))],
    ['an ELF file', elf(undefined)],
  ])('that is none is a fault: %s', async (_, bytes) => {
    expect(await faultOf(() => readKernelImage(bytes, never))).toMatchObject({
      code: 'malformed',
      message: expect.stringContaining('not an x86 kernel image'),
    });
  });

  it.each([
    ['BTF cut off', elf(btf(good, true).subarray(0, 60))],
    ['BTF of zeros', elf(Buffer.alloc(100))],
    ['no ELF file inside', Buffer.alloc(100, 0x7f)],
  ])('that is damaged is a fault: %s', async (_, payload) => {
    expect((await faultOf(() => readKernelImage(image(payload), never))).code).toBe('malformed');
  });
});
