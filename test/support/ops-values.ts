// An object whose sched_ext_ops says something else: plain members are written over where they lie in its bytes.

import { readObject } from '../../src/bpf/object.ts';

/** Texts fill the member with zeros behind; whole numbers are little-endian. */
export function withOps(
  image: Uint8Array,
  values: Readonly<Record<string, number | bigint | string>>,
): Uint8Array {
  const { structOps, elf, btf } = readObject(image);
  const ops = structOps[0]!;
  const symbol = elf.symbols.find(({ name }) => name === ops.variable)!;
  const struct = btf.resolve(ops.typeId);
  if (struct.kind !== 'struct') throw new Error(`${ops.variable} is no struct`);
  const bytes = image.slice();
  for (const [name, value] of Object.entries(values)) {
    const member = struct.members.findIndex((one) => one.name === name);
    if (member < 0) throw new Error(`${ops.type} of this object has no ${name}`);
    const from = struct.members[member]!.bitOffset / 8;
    const end = (struct.members[member + 1]?.bitOffset ?? struct.size * 8) / 8;
    const at = elf.sections[symbol.section]!.offset + symbol.value + from;
    const place = bytes.subarray(at, at + end - from);
    place.fill(0);
    if (typeof value === 'string') place.set(new TextEncoder().encode(value));
    else for (let i = 0; i < place.length; i++) place[i] = Number((BigInt(value) >> BigInt(8 * i)) & 255n);
  }
  return bytes;
}
