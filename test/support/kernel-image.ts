// Kernel images made by hand: a boot header, an ELF file with a section .BTF, and BTF with a few names (kernel:
// Documentation/arch/x86/boot.rst, Documentation/bpf/btf.rst). Just enough to be read; nothing that could boot.

const setupSectors = 3;

/** A bzImage that carries `payload` uncompressed (or whatever its first bytes say it is). */
export function bzImage(release: string, payload: Uint8Array): Uint8Array {
  const start = (setupSectors + 1) * 512;
  const bytes = Buffer.alloc(start + payload.length + 64);
  bytes[0x1f1] = setupSectors;
  bytes.writeUInt16LE(0xaa55, 0x1fe);
  bytes.write('HdrS', 0x202);
  bytes.writeUInt16LE(0x20f, 0x206);
  bytes.writeUInt16LE(0x300, 0x20e);
  bytes.write(`${release} (builder@host) #1 SMP\0`, 0x500);
  bytes.writeUInt32LE(0, 0x248);
  bytes.writeUInt32LE(payload.length, 0x24c);
  bytes.set(payload, start);
  return bytes;
}

/** A 64-bit x86 ELF file with one section besides the names: .BTF, when given. */
export function vmlinux(btf: Uint8Array | undefined): Uint8Array {
  const names = Buffer.from('\0.shstrtab\0.BTF\0');
  const content = Buffer.concat([names, btf ?? Buffer.alloc(0)]);
  const padded = (content.length + 7) & ~7;
  const sections = [
    Buffer.alloc(64),
    section(1, 3, 64, names.length),
    ...(btf === undefined ? [] : [section(11, 1, 64 + names.length, btf.length)]),
  ];
  const head = Buffer.alloc(64);
  head.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  head.writeUInt16LE(2, 16);
  head.writeUInt16LE(62, 18);
  head.writeUInt32LE(1, 20);
  head.writeBigUInt64LE(BigInt(64 + padded), 40);
  head.writeUInt16LE(64, 52);
  head.writeUInt16LE(56, 54);
  head.writeUInt16LE(64, 58);
  head.writeUInt16LE(sections.length, 60);
  head.writeUInt16LE(1, 62);
  return Buffer.concat([head, content, Buffer.alloc(padded - content.length), ...sections]);
}

function section(name: number, type: number, offset: number, size: number): Buffer {
  const bytes = Buffer.alloc(64);
  bytes.writeUInt32LE(name, 0);
  bytes.writeUInt32LE(type, 4);
  bytes.writeBigUInt64LE(BigInt(offset), 24);
  bytes.writeBigUInt64LE(BigInt(size), 32);
  bytes.writeBigUInt64LE(1n, 48);
  return bytes;
}

/** BTF that knows those names: a struct, or a function of so many integers. */
export function kernelTypes(named: Readonly<Record<string, 'struct' | number>>): Uint8Array {
  let strings = '\0int\0';
  const name = (text: string): number => {
    const at = Buffer.byteLength(strings);
    strings += `${text}\0`;
    return at;
  };
  const words: number[] = [1, kind(1), 4, 0x0100_0020]; // type 1: int, 32 bits, signed
  let next = 2;
  for (const [text, what] of Object.entries(named)) {
    if (what === 'struct') {
      words.push(name(text), kind(4), 0);
      next += 1;
      continue;
    }
    words.push(0, kind(13, what), 1); // func_proto that returns int
    for (let i = 0; i < what; i++) words.push(0, 1);
    words.push(name(text), kind(12), next); // func
    next += 2;
  }
  const types = Buffer.alloc(4 * words.length);
  for (const [index, word] of words.entries()) types.writeUInt32LE(word, 4 * index);
  const head = Buffer.alloc(24);
  head.writeUInt16LE(0xeb9f, 0);
  head.writeUInt8(1, 2);
  head.writeUInt32LE(24, 4);
  head.writeUInt32LE(types.length, 12);
  head.writeUInt32LE(types.length, 16);
  head.writeUInt32LE(Buffer.byteLength(strings), 20);
  return Buffer.concat([head, types, Buffer.from(strings)]);
}

const kind = (type: number, count = 0): number => type * 2 ** 24 + count;
