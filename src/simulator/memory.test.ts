import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Permission, permissions, SimMemory } from './memory.ts';

const limit = 2 ** 20;
const permission = fc.constantFrom<Permission>('read', 'write', 'none');

/** What each byte permits, kept the plain way: the shadow must follow from it. */
class PlainShadow {
  readonly kinds = new Map<number, Permission>();

  permit(address: number, bytes: number, kind: Permission): void {
    for (let at = address; at < address + bytes; at++) this.kinds.set(at, kind);
  }

  /** Bytes from `address` on that may be read; and written. */
  run(address: number, way: 'read' | 'write'): number {
    let count = 0;
    while (count < 8) {
      const kind = this.kinds.get(address + count) ?? 'none';
      if (kind === 'none' || (way === 'write' && kind !== 'write')) break;
      count++;
    }
    return count;
  }

  shadow(address: number): number {
    const isWritable = this.kinds.get(address) === 'write';
    return isWritable ? 16 + this.run(address, 'write') : this.run(address, 'read');
  }
}

function expectShadow(memory: SimMemory, plain: PlainShadow, from: number, end: number): void {
  for (let at = from; at < end; at++)
    if (memory.u8[memory.limit + at] !== plain.shadow(at))
      expect.fail(`shadow of ${at} is ${memory.u8[memory.limit + at]}, should be ${plain.shadow(at)}`);
}

const step = fc.oneof(
  fc.record({
    kind: fc.constant('allocate' as const),
    bytes: fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 5000 })),
    permission,
    align: fc.constantFrom(1, 8, 16, 64, 4096),
  }),
  fc.record({ kind: fc.constant('free' as const), which: fc.nat() }),
);

describe('allocation', () => {
  it('keeps the shadow exact, blocks apart and contents zero', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const memory = new SimMemory(limit);
        const plain = new PlainShadow();
        const live: { address: number; bytes: number }[] = [];
        let top = 0;
        for (const code of steps) {
          if (code.kind === 'allocate') {
            const address = memory.allocate(code.bytes, code.permission, code.align);
            if (address === 0) continue;
            expect(address % Math.max(16, code.align)).toBe(0);
            for (const other of live)
              expect(
                address >= other.address + other.bytes + 8 || other.address >= address + code.bytes + 8,
              ).toBe(true);
            const bytes = memory.u8.subarray(address, address + code.bytes);
            expect(bytes.every((byte) => byte === 0)).toBe(true);
            bytes.fill(0xff);
            plain.permit(address, code.bytes, code.permission);
            live.push({ address, bytes: code.bytes });
            top = Math.max(top, address + code.bytes);
          } else if (live.length > 0) {
            const [block] = live.splice(code.which % live.length, 1);
            memory.free(block!.address);
            plain.permit(block!.address, block!.bytes, 'none');
          }
        }
        expectShadow(memory, plain, 0, top + 64);
      }),
      { numRuns: 60 },
    );
  });

  it('gives the same addresses to the same calls, after a reset too, in memory that is zero again', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.nat(300), (steps, old) => {
        const play = (memory: SimMemory): number[] => {
          const live: number[] = [];
          return steps.map((code) => {
            if (code.kind === 'free') {
              const address = live.splice(code.which % (live.length || 1), 1)[0];
              if (address !== undefined) memory.free(address);
              return -1;
            }
            const address = memory.allocate(code.bytes, code.permission, code.align);
            if (address === 0) return 0;
            memory.u8.fill(0xaa, address, address + code.bytes);
            live.push(address);
            return address;
          });
        };
        const [one, two] = [new SimMemory(limit), new SimMemory(limit)];
        const kept = one.allocate(old, 'write');
        two.allocate(old, 'write');
        one.u8.fill(7, kept, kept + old);
        one.mark();
        two.mark();
        const first = play(one);
        expect(play(two)).toEqual(first);
        one.reset();
        expect(one.u8.subarray(kept, kept + old).every((byte) => byte === 7)).toBe(true);
        expect(one.u8.subarray(kept + old, limit).every((byte) => byte === 0)).toBe(true);
        expect(one.u8.subarray(limit + kept + old).every((byte) => byte === 0)).toBe(true);
        expect(play(one)).toEqual(first);
      }),
      { numRuns: 40 },
    );
  });

  it('answers 0 at the limit and goes on with what fits', () => {
    const memory = new SimMemory(limit);
    expect(memory.allocate(limit, 'read')).toBe(0);
    expect(memory.allocate(2 ** 40, 'read')).toBe(0);
    const { available } = memory;
    expect(memory.allocate(available, 'read')).toBe(0);
    let given = 0;
    while (memory.allocate(1000, 'read') !== 0) given++;
    // a block of 1000 bytes takes 1008 with its header
    expect(given).toBe(Math.floor((limit - 65_536 - 16) / 1008));
  });

  it('rests a freed address until the others of its size have been used', () => {
    const memory = new SimMemory(limit);
    const [a, b] = [memory.allocate(24, 'read'), memory.allocate(24, 'read')];
    memory.free(b);
    memory.free(a);
    expect([memory.allocate(24, 'read'), memory.allocate(24, 'read')]).toEqual([b, a]);
    for (let i = 0; i < 3; i++) {
      memory.free(a);
      expect(memory.allocate(24, 'read')).toBe(a);
    }
  });

  it('treats a wrong free as a bug', () => {
    const memory = new SimMemory(limit);
    const old = memory.allocate(8, 'read');
    memory.mark();
    const block = memory.allocate(100, 'read');
    expect(() => memory.free(old)).toThrow('bug');
    expect(() => memory.free(block + 16)).toThrow('bug');
    memory.free(block);
    expect(() => memory.free(block)).toThrow('bug');
  });
});

describe('permissions', () => {
  const at = 65_536 + 64;
  const change = fc.record({ from: fc.nat(40), bytes: fc.nat(24), kind: permission });

  it('change piece by piece, neighbours included', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 12 }), (changes) => {
        const memory = new SimMemory(2 * 65_536);
        const plain = new PlainShadow();
        for (const { from, bytes, kind } of changes) {
          memory.permit(at + from, bytes, kind);
          plain.permit(at + from, bytes, kind);
        }
        expectShadow(memory, plain, at - 16, at + 80);
        const allowed = (from: number, bytes: number, ways: readonly Permission[]) =>
          Array.from({ length: bytes }, (_, i) => plain.kinds.get(from + i) ?? 'none').every((kind) =>
            ways.includes(kind),
          );
        for (let from = at - 4; from < at + 70; from += 3)
          for (const bytes of [0, 1, 2, 7, 8, 9, 16, 31]) {
            expect(memory.readable(from, bytes)).toBe(allowed(from, bytes, ['read', 'write']));
            expect(memory.writable(from, bytes)).toBe(allowed(from, bytes, ['write']));
          }
      }),
      { numRuns: 60 },
    );
  });

  it('laid down for a block at once are those given piece by piece', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 12 }), (changes) => {
        const memory = new SimMemory(2 * 65_536);
        const plain = new PlainShadow();
        for (const { from, bytes, kind } of changes) plain.permit(at + from, bytes, kind);
        memory.u8.fill(24, memory.limit + at, memory.limit + at + 64); // whatever was there
        const pieces = changes.map(({ from, bytes, kind }) => [from, from + bytes, kind] as const);
        memory.permitAs(at, permissions(64, pieces));
        expectShadow(memory, plain, at - 16, at + 80);
      }),
      { numRuns: 60 },
    );
  });

  it.each([
    [0, 1],
    [-1, 1],
    [65_535, 1],
    [limit - 1, 1],
    [limit - 1, 2],
    [limit, 1],
    [2 ** 31, 8],
    [at, -1],
    [Number.NaN, 1],
  ])('are none at %d for %d bytes', (address, bytes) => {
    const memory = new SimMemory(limit);
    memory.allocate(4096, 'write');
    expect(memory.readable(address, bytes)).toBe(false);
    expect(memory.writable(address, bytes)).toBe(false);
  });
});
