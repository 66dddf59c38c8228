// Any bytes give a value or a `malformed` fault with a place: truncations at every length, and seeded damage.
// A failure prints its seed and case.
import { expect, test } from 'vitest';
import { readBtf } from '../../src/bpf/btf.ts';
import { typeText } from '../../src/bpf/btf-text.ts';
import { findBtf, isX86Kernel, kernelPayload, kernelVersion } from '../../src/bpf/kernel-image.ts';
import { readObject } from '../../src/bpf/object.ts';
import { parameters, patchParameters } from '../../src/bpf/parameters.ts';
import { disassembly, objectView } from '../../src/bpf/view.ts';
import { Fault } from '../../src/core/errors.ts';
import { fixture } from './tools.ts';

/** Everything the room does with an object, in one go. */
function readAll(bytes: Uint8Array): void {
  const object = readObject(bytes);
  objectView(object);
  for (const program of [...object.programs, ...object.subprograms]) disassembly(object, program);
  for (let id = 0; id < object.btf.count; id++) {
    typeText(object.btf, id, 'x');
    object.btf.sizeOf(id);
  }
  const all = parameters(object);
  const isUnique = (name: string) => all.filter((item) => item.name === name).length === 1;
  const values = all.flatMap(({ name, value }) =>
    value === undefined || !isUnique(name) ? [] : [[name, value]],
  );
  const patched = patchParameters(bytes, Object.fromEntries(values));
  if (Buffer.compare(patched, bytes) !== 0) throw new Error('patching the present values changed the bytes');
}

/** True when the bytes were read; throws whatever is neither a value nor a proper fault. */
function isReadable(read: (bytes: Uint8Array) => void, bytes: Uint8Array): boolean {
  try {
    read(bytes);
    return true;
  } catch (error) {
    const isProper =
      error instanceof Fault && error.code === 'malformed' && /.\+0x[0-9a-f]+$/.test(error.where ?? '');
    if (isProper) return false;
    throw error;
  }
}

function mulberry(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit);
  };
}

const telling = [
  0, 1, 2, 7, 8, 24, 64, 0x7f, 0xff, 0x7fff, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff,
];

/** One to four damages: a bit, a byte, a telling 32-bit number, a copied block. */
function damaged(bytes: Uint8Array, below: (limit: number) => number): Uint8Array {
  const copy = bytes.slice();
  const view = new DataView(copy.buffer);
  for (let n = below(4); n >= 0; n--) {
    const at = below(copy.length - 4);
    const aligned = at & ~3;
    const how = below(4);
    if (how === 0) copy[at] = (copy[at] as number) ^ (1 << below(8));
    else if (how === 1) copy[at] = below(256);
    else if (how === 2) view.setUint32(aligned, telling[below(telling.length)] as number, true);
    else copy.copyWithin(at, below(copy.length), below(copy.length));
  }
  return copy;
}

function fuzz(name: string, seed: number, cases: number): { read: number; refused: number } {
  const below = mulberry(seed);
  const original = fixture(name);
  const counts = { read: 0, refused: 0 };
  for (let i = 0; i < cases; i++) {
    const bytes = damaged(original, below);
    try {
      if (isReadable(readAll, bytes)) counts.read++;
      else counts.refused++;
    } catch (error) {
      throw new Error(`fixture ${name} seed ${seed} case ${i}`, { cause: error });
    }
  }
  return counts;
}

test.each(['types', 'v4'])('%s cut short at every length is refused', (name) => {
  const bytes = fixture(name);
  for (let length = 0; length < bytes.length; length++)
    expect(isReadable(readAll, bytes.subarray(0, length)), `${length} bytes`).toBe(false);
  expect(isReadable(readAll, bytes)).toBe(true);
});

// Both outcomes must be common, or the damage is too coarse or too fine to test anything.
test.each([
  ['types', 1, 14_000],
  ['v4', 2, 3_000],
  ['policy', 3, 3_000],
])('%s damaged with seed %i', { timeout: 60_000 }, (name, seed, cases) => {
  const { read, refused } = fuzz(name, seed, cases);
  expect(read).toBeGreaterThan(cases / 50);
  expect(refused).toBeGreaterThan(cases / 50);
});

test('noise is refused by every reader', () => {
  const below = mulberry(4);
  const readers = [readAll, readBtf, findBtf, kernelPayload, kernelVersion];
  for (let i = 0; i < 2_000; i++) {
    const noise = Uint8Array.from({ length: below(700) }, () => below(256));
    for (const read of readers) expect(isReadable(read, noise)).toBe(false);
    expect(isX86Kernel(noise)).toBe(false);
  }
});
