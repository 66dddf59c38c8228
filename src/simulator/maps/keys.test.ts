import fc from 'fast-check';
import { expect, it } from 'vitest';
import { place } from '../../../test/simulator/maps.ts';
import { SimMemory } from '../memory.ts';
import { equalBytes, hashBytes, readU32 } from './keys.ts';

const memory = new SimMemory(2 ** 20);
memory.mark();
const skew = fc.nat(3);

it('compares and hashes bytes wherever they lie', () => {
  const pair = fc
    .array(fc.nat(255), { minLength: 1, maxLength: 20 })
    .chain((bytes) => fc.tuple(fc.constant(bytes), fc.nat(bytes.length - 1), fc.nat(255)));
  fc.assert(
    fc.property(pair, skew, skew, ([bytes, where, other], first, second) => {
      memory.reset();
      const changed = bytes.with(where, other);
      const [a, b, c] = [
        place(memory, bytes, first),
        place(memory, bytes, second),
        place(memory, changed, second),
      ];
      expect(equalBytes(memory, a, b, bytes.length)).toBe(true);
      expect(equalBytes(memory, a, c, bytes.length)).toBe(bytes[where] === other);
      expect(hashBytes(memory, a, bytes.length)).toBe(hashBytes(memory, b, bytes.length));
    }),
  );
});

it('reads little-endian numbers wherever they lie', () => {
  fc.assert(
    fc.property(fc.nat(0xffff_ffff), skew, (value, off) => {
      memory.reset();
      const bytes = [value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24];
      expect(readU32(memory, place(memory, bytes, off))).toBe(value);
    }),
  );
});

it('spreads small numbers over the low bits', () => {
  // 4096 balls in 4096 bins at random leave 1/e of them empty
  const at = place(memory, new Uint8Array(8));
  for (const step of [1, 256, 65_536]) {
    const seen = new Set<number>();
    for (let n = 0; n < 4096; n++) {
      memory.u32[at >>> 2] = n * step;
      seen.add(hashBytes(memory, at, 8) & 4095);
    }
    expect(seen.size / 4096).toBeGreaterThan(0.6);
  }
});
