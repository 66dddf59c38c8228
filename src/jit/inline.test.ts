// Expected values follow from what the kinds say of memory (inline.ts); 'called' is what the call itself gives.
import { describe, expect, test } from 'vitest';
import { aluI, aluR, assemble, exit, imm64, jumpI, kfunc } from '../../test/jit/assembler.ts';
import { engine } from '../../test/jit/engine.ts';
import type { Callee, Inline } from './translate.ts';

const called = 0x77;
const [word, wordAfter] = [0x11008, 0x1100c];
const limit = 0x30000;

const allArguments: Callee['params'] = ['low', 'low', 'low', 'wide'];

describe.each(['checked', 'fast'] as const)('%s', (mode) => {
  /** Calls once with r1, …; `put` fills memory before. */
  function once(inline: Inline, args: readonly bigint[], put: (view: DataView) => void = () => {}) {
    const seen: number[][] = [];
    const run = engine({
      functions: [assemble(...args.map((value, i) => imm64(i + 1, value)), kfunc(0), exit)],
      mode,
      callees: [{ name: 'k', params: allArguments, result: 'unsigned', inline: () => inline }],
      onCall: (_, args) => {
        seen.push(args);
        return called;
      },
    });
    const view = new DataView(run.memory.buffer);
    put(view);
    const { r0 } = run.call(0);
    expect(run.executed()).toBe(args.length + 2);
    expect(r0 === BigInt(called)).toBe(seen.length === 1);
    return { r0, view, seen };
  }

  test('a word and a double', () => {
    const put = (view: DataView): void => {
      view.setInt32(word, -2, true);
      view.setInt32(wordAfter, 7, true);
    };
    expect(once({ kind: 'word', at: word }, [], put).r0).toBe(0xffff_fffen);
    for (const value of [0, 5, 2 ** 40 + 3, 2 ** 53 - 1])
      expect(once({ kind: 'double', at: word }, [], (view) => view.setFloat64(word, value, true)).r0).toBe(
        BigInt(value),
      );
  });

  describe('an element', () => {
    const element: Inline = { kind: 'element', valuesAt: word, stride: 24, count: 3 };
    const find = (index: number, key = 0x12100n) =>
      once(element, [0n, key], (view) => {
        view.setInt32(word, 0x5000, true);
        view.setInt32(Number(key & 0xffffn) + 0x10000, index, true);
      });

    test.each([
      [0, 0x5000n],
      [2, 0x5030n],
      [3, 0n],
      [-1, 0n],
    ])('at %i', (index, address) => expect(find(index).r0).toBe(address));

    test('its key may be anywhere in 4 readable bytes; only the low half of a pointer counts', () => {
      expect(find(1, 0x12104n).r0).toBe(0x5018n);
      expect(find(1, 0x12008n).r0).toBe(0x5018n);
      expect(find(1, 0x9_0001_2100n).r0).toBe(0x5018n);
    });

    test.each([0n, 0x12105n, 0x120ffn, 0x12009n, BigInt(limit), 0xffff_fffcn])('a key at %i', (key) => {
      expect(once(element, [9n, key]).seen).toEqual([[9, Number(BigInt.asIntN(32, key)), 0, 0, 0]]);
    });
  });

  describe('what an owner has', () => {
    const owned: Inline = { kind: 'owned', ownersAt: word, shift: 8, aliveAt: 16, tableAt: wordAfter };
    const [owners, table, value] = [0x14000, 0x15000, 0xffff_0000];
    const find = (owner: bigint, initial = 0n, flags = 0n, alive = 1) =>
      once(owned, [5n, owner, initial, flags], (view) => {
        view.setInt32(word, owners, true);
        view.setInt32(wordAfter, table, true);
        [3, 0, value, 0x6000].forEach((entry, i) => {
          view.setInt32(table + 4 * i, entry, true);
        });
        view.setInt32(table + 16, 0x9000, true); // of none: the length is 3
        for (let i = 0; i < 1024; i += 16) view.setInt32(owners + i, alive, true);
      });

    test('is found, with leave to make it and without', () => {
      expect(find(0x14100n).r0).toBe(0xffff_0000n);
      expect(find(0x14200n, 0n, 1n).r0).toBe(0x6000n);
      expect(find(0x5_0001_4200n).r0).toBe(0x6000n);
      expect(find(0x14200n, 0x7_0000_0000n).r0).toBe(0x6000n);
    });

    test.each([
      ['an owner that has nothing', 0x14000n],
      ['one beyond the table', 0x14300n],
      ['one between two', 0x14110n],
      ['one before all', 0x13f00n],
      ['null', 0n],
      ['a dead one', 0x14100n, 0n, 0n, 0],
      ['a first value', 0x14100n, 0x12000n],
      ['a flag too many', 0x14100n, 0n, 2n],
      ['a flag in the high half', 0x14100n, 0n, 1n << 32n],
    ])('%s: the call decides', (_, owner, initial = 0n, flags = 0n, alive = 1) => {
      const { seen } = find(owner, initial, flags, alive);
      const low = (wide: bigint): number => Number(BigInt.asIntN(32, wide));
      expect(seen).toEqual([[5, low(owner), low(initial), low(flags), low(flags >> 32n)]]);
    });
  });

  describe('numbers', () => {
    const [min, max] = [-(2 ** 31), 2 ** 31 - 1];
    const begin: Inline = { kind: 'numbers begin', most: 100 };
    const goOn: Inline = { kind: 'numbers go on' };
    const end: Inline = { kind: 'numbers end' };
    const at = 0x12000;
    const wide = (value: number): bigint => BigInt.asUintN(64, BigInt(value));
    const state = (view: DataView): number[] => [view.getInt32(at, true), view.getInt32(at + 4, true)];
    const put =
      (...numbers: number[]) =>
      (view: DataView): void => {
        view.setInt32(at, numbers[0]!, true);
        view.setInt32(at + 4, numbers[1]!, true);
      };

    test.each([
      [3, 8, [2, 8]],
      [-5, 95, [-6, 95]],
      [7, 7, [6, 7]],
      [min, min + 1, [max, min + 1]],
    ])('from %i to %i', (from, to, after) => {
      const { r0, view } = once(begin, [BigInt(at), wide(from), wide(to)], put(1, 1));
      expect([r0, ...state(view)]).toEqual([0n, ...after]);
    });

    test.each([
      ['backwards', 4, 3],
      ['too many', 0, 101],
      ['far too many', min, max],
    ])('%s: the call decides', (_, from, to) => {
      const { seen, view } = once(begin, [BigInt(at), wide(from), wide(to)], put(11, 12));
      expect(seen).toEqual([[at, from, to, 0, 0]]);
      expect(state(view)).toEqual([11, 12]);
    });

    test.each([
      [2, 8, 0x12000n, [3, 8]],
      [-1, 1, 0x12000n, [0, 1]],
      [6, 8, 0x12000n, [7, 8]],
      [7, 8, 0n, [0, 0]],
      [9, 8, 0n, [0, 0]],
      [0, 0, 0n, [0, 0]],
      [-3, -4, 0n, [0, 0]],
      [max, max, 0n, [0, 0]],
      [max, min, 0n, [0, 0]],
      [min, max, 0x12000n, [min + 1, max]],
    ])('after %i, before %i', (last, before, given, after) => {
      const { r0, view } = once(goOn, [BigInt(at)], put(last, before));
      expect([r0, ...state(view)]).toEqual([given, ...after]);
    });

    test('the end forgets them', () => {
      const { r0, view } = once(end, [0x3_0001_2000n], put(4, 9));
      expect([r0, ...state(view)]).toEqual([0n, 0, 0]);
    });

    test.each([begin, goOn, end])('%o of what is not 8 writable bytes: the call decides', (inline) => {
      for (const bad of [0n, 0x12001n, 0x12004n, 0x12008n, 0x12100n, 0x11ff8n, BigInt(limit), 0xffff_fff8n])
        expect(once(inline, [bad, 1n, 2n], put(4, 9)).seen).toEqual([
          [Number(BigInt.asIntN(32, bad)), 1, 2, 0, 0],
        ]);
    });
  });

  test('r1 is told where the code says it', () => {
    const firsts: (number | undefined)[] = [];
    const inline: Callee['inline'] = (first) => {
      firsts.push(first);
      return undefined;
    };
    const code = assemble(
      ...[imm64(1, 0x1234n), aluI('mov', 64, 2, 7), kfunc(0), kfunc(0)],
      ...[imm64(1, 0xffff_ffffn), kfunc(0), imm64(1, 1n << 32n), kfunc(0)],
      ...[imm64(1, 5n), aluI('add', 64, 1, 1), kfunc(0), imm64(3, 5n), aluR('mov', 64, 1, 3), kfunc(0)],
      ...[imm64(1, 5n), jumpI('eq', 64, 1, 5, 0), kfunc(0), exit],
    );
    const seen: number[][] = [];
    const run = engine({
      functions: [code],
      mode,
      callees: [{ name: 'k', params: ['low'], result: 'unsigned', inline }],
      onCall: (_, args) => seen.push(args),
    });
    run.call(0);
    expect(seen).toHaveLength(7);
    expect(firsts).toEqual([0x1234, undefined, 0xffff_ffff, ...new Array(4).fill(undefined)]);
  });
});
