import { describe, expect, test } from 'vitest';
import {
  aluI,
  aluR,
  assemble,
  callFunction,
  exit,
  goto_,
  imm64,
  jumpI,
  kfunc,
  load,
  raw,
  store,
  storeImm,
} from '../../test/jit/assembler.ts';
import { cases } from '../../test/jit/cases.ts';
import { engine } from '../../test/jit/engine.ts';
import { flatWorld } from '../../test/jit/flat-world.ts';
import { interpret } from './interpreter.ts';
import { type Callee, translate } from './translate.ts';

const memoryAt = 0x12000;

describe.each(['checked', 'fast'] as const)('%s', (mode) => {
  test.each(cases)('$name', ({ functions, r0, executed }) => {
    const run = engine({ functions, mode });
    expect(run.call(0).r0).toBe(r0);
    if (executed !== undefined) expect(run.executed()).toBe(executed);
  });

  test('arguments and values of callees cross in halves', () => {
    const callees: Callee[] = [
      { name: 'k', params: ['low', 'wide'], result: 'wide' },
      { name: 's', params: [], result: 'signed' },
      { name: 'u', params: [], result: 'unsigned' },
      { name: 'n', params: [], result: 'none' },
    ];
    const seen: number[][] = [];
    const results = { k: 0x1234_5678, s: -2, u: -2, n: 7 };
    const answer = (id: number, ...more: Uint8Array[]) =>
      engine({
        functions: [
          assemble(aluI('mov', 64, 1, -1), imm64(2, 0x8000_0000_0000_0005n), kfunc(id), ...more, exit),
        ],
        mode,
        callees,
        onCall: (name, args, high) => {
          seen.push(args);
          high(0x7abc_0001);
          return results[name as 'k'];
        },
      }).call(0).r0;
    expect(answer(0)).toBe(0x7abc_0001_1234_5678n);
    expect(seen[0]).toEqual([-1, 5, -0x8000_0000]);
    expect(answer(1)).toBe(0xffff_ffff_ffff_fffen);
    expect(answer(2)).toBe(0xffff_fffen);
    expect(answer(3)).toBe(0n);
  });

  test.each([0, 1, 2, 3, 4, 5])(
    'an entry with %i parameters: they arrive zero-extended, what is not a parameter is 0',
    (params) => {
      // r0 = r1 + 2^4 r2 + 2^8 r3 + …, so each digit is one argument
      const digits = [1, 2, 3, 4, 5].flatMap((register) => [
        aluR('mov', 64, 6, register),
        aluI('lsh', 64, 6, 4 * (register - 1)),
        aluR('add', 64, 0, 6),
      ]);
      const code = assemble(...digits, exit);
      const args = [1, 2, 3, 4, 5].slice(0, params);
      const r0 = BigInt([0, 0x1, 0x21, 0x321, 0x4321, 0x54321][params]!);
      expect(engine({ functions: [code], mode, params }).call(...args).r0).toBe(r0);
      expect(interpret(flatWorld([code]), 0, args.map(BigInt)).r0).toBe(r0);
      if (params === 0) return;
      const last = assemble(aluR('mov', 64, 0, params), exit);
      expect(engine({ functions: [last], mode, params }).call(...args.slice(1), -2).r0).toBe(0xffff_fffen);
    },
  );

  test('entries of one module may take different numbers of arguments', () => {
    const code = assemble(aluR('mov', 64, 0, 1), aluR('add', 64, 0, 2), exit);
    const bytes = translate({
      functions: [code, code],
      calleeOf: () => expect.unreachable(),
      entries: [
        { fn: 0, params: 1 },
        { fn: 1, params: 2 },
      ],
      mode,
      stack: 0,
      shadow: 0,
      limit: 0,
      resultHigh: 0,
      budget: 1000,
      pages: 1,
    });
    const env = { memory: new WebAssembly.Memory({ initial: 1 }), fault: () => {} };
    const { f0, f1 } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env }).exports as Record<
      string,
      (...args: number[]) => number
    >;
    expect(f0!(7, 8)).toBe(7);
    expect(f1!(7, 8)).toBe(15);
  });

  test('what an entry has executed is put where it says, and the count begins anew', () => {
    const bytes = translate({
      functions: [assemble(aluI('mov', 64, 0, 9), aluI('add', 64, 0, 1), exit)],
      calleeOf: () => expect.unreachable(),
      entries: [{ fn: 0, params: 1, executedAt: 0x40 }],
      mode,
      stack: 0,
      shadow: 0,
      limit: 0,
      resultHigh: 0,
      budget: 1000,
      pages: 1,
    });
    const memory = new WebAssembly.Memory({ initial: 1 });
    const env = { memory, fault: () => {} };
    const { f0, executed } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env }).exports as {
      f0: (a: number) => number;
      executed: WebAssembly.Global;
    };
    for (let again = 0; again < 2; again++) {
      expect(f0(0)).toBe(10);
      expect(new DataView(memory.buffer).getInt32(0x40, true)).toBe(3);
      expect(executed.value).toBe(0);
    }
  });

  test('an endless loop ends with a finding at the head of the loop', () => {
    const run = engine({ functions: [assemble(aluI('mov', 64, 0, 0), goto_(-1), exit)], mode, budget: 1000 });
    expect(() => run.call(0)).toThrow('budget in function 0 at 1');
  });

  test('irreducible flow: two entries of one loop', () => {
    // from slot 2 into the middle of the loop 3…6: r0 counts to 10 by ones and r2 says how often the first half ran
    const code = (r1: number) =>
      assemble(
        aluI('mov', 64, 1, r1),
        aluI('mov', 64, 0, 0),
        jumpI('eq', 64, 1, 1, 1),
        aluI('add', 64, 0, 100),
        aluI('add', 64, 0, 1),
        jumpI('gt', 64, 0, 300, 1),
        goto_(-4),
        exit,
      );
    // 100, 101 → 201, 202 → 302; entered in the middle: 1 → 101, 102 → 202, 203 → 303
    expect(engine({ functions: [code(0)], mode }).call(0).r0).toBe(303n);
    expect(engine({ functions: [code(1)], mode }).call(0).r0).toBe(304n);
  });
});

describe('checked accesses', () => {
  const run = (...parts: Uint8Array[]) =>
    engine({ functions: [assemble(...parts, exit)], mode: 'checked' }).call(0).r0;

  test('memory that is there, to the byte', () => {
    expect(run(aluI('mov', 64, 1, memoryAt), storeImm(8, 1, 0, 5), load(8, 0, 1, 0))).toBe(5n);
    expect(run(aluI('mov', 64, 1, memoryAt), storeImm(4, 1, 8, 5), load(4, 0, 1, 8))).toBe(5n);
    expect(() => run(aluI('mov', 64, 1, memoryAt), load(8, 0, 1, 5))).toThrow(
      'read in function 0 at 1: 0x12005',
    );
    expect(() => run(aluI('mov', 64, 1, memoryAt), load(1, 0, 1, 12))).toThrow(
      'read in function 0 at 1: 0x1200c',
    );
    expect(() => run(aluI('mov', 64, 1, memoryAt), storeImm(1, 1, -1, 0))).toThrow(
      'write in function 0 at 1: 0x11fff',
    );
  });

  test('what may only be read', () => {
    expect(run(aluI('mov', 64, 1, memoryAt + 0x100), load(8, 0, 1, 0))).toBe(0n);
    expect(() => run(aluI('mov', 64, 1, memoryAt + 0x100), store(8, 1, 1, 0))).toThrow(
      'write in function 0 at 1: 0x12100',
    );
    expect(() => run(aluI('mov', 64, 1, memoryAt + 0x100), raw(0xdb, 1, 2, 0, 0))).toThrow('write');
  });

  test('null, wild and high pointers', () => {
    expect(() => run(aluI('mov', 64, 1, 0), load(8, 0, 1, 16))).toThrow('read in function 0 at 1: 0x10');
    expect(() => run(aluI('mov', 64, 1, -8), load(8, 0, 1, 0))).toThrow(
      'read in function 0 at 1: 0xfffffffffffffff8',
    );
    expect(() => run(imm64(1, (1n << 32n) + BigInt(memoryAt)), load(4, 0, 1, 0))).toThrow('0x100012000');
    expect(() => run(imm64(1, 0x7fff_0000n), load(4, 0, 1, 0))).toThrow('0x7fff0000');
    expect(() => run(aluR('mov', 64, 1, 10), load(8, 0, 1, 100))).toThrow('read in function 0 at 1');
  });
});

test('what one access says of a base holds as far as offsets lead, and no further', () => {
  const from = (added: number) => () =>
    engine({
      functions: [
        assemble(
          aluI('mov', 64, 1, memoryAt),
          load(8, 0, 1, 0),
          aluI('add', 64, 1, added),
          load(8, 0, 1, 0),
          exit,
        ),
      ],
      mode: 'checked',
    }).call(0);
  const fault = (added: number): string =>
    `read in function 0 at 3: 0x${BigInt.asUintN(64, BigInt(memoryAt + added)).toString(16)}`;
  expect(from(4)().r0).toBe(0n);
  for (const added of [
    5, -1, -0x8000, -0x8001, -0x12000, -0x20000, -0x70000, 0x7fff, 0x8000, 0x40000, 0x7fffffff,
  ])
    expect(from(added)).toThrow(fault(added));
});

test('a chain of branches is translated once: no code is copied where paths meet', () => {
  const links = (count: number) =>
    Array.from({ length: count }, () => [jumpI('eq', 64, 0, 1, 1), aluI('add', 64, 0, 1)]).flat();
  const size = (count: number) =>
    engine({ functions: [assemble(...links(count), exit)], mode: 'fast' }).moduleBytes;
  expect(size(2000)).toBeLessThan(20.5 * size(100));
});

test('what cannot be translated is refused with its place', () => {
  const refused =
    (...parts: Uint8Array[]) =>
    () =>
      engine({ functions: [assemble(...parts)], mode: 'checked' });
  expect(refused(aluI('mov', 64, 0, 0))).toThrow('leads outside the function in function 0 at 0');
  expect(refused(goto_(7), exit)).toThrow('leads outside the function in function 0 at 0');
  expect(refused(raw(0xff), exit)).toThrow('unknown instruction in function 0 at 0');
  expect(refused(raw(0x8d), exit)).toThrow('unsupported instruction in function 0 at 0');
  expect(refused(aluI('add', 64, 10, 8), exit)).toThrow('write to r10 in function 0 at 0');
  expect(refused(callFunction(0, 0), exit)).toThrow('recursion in function 0 at 0');
  expect(refused(callFunction(3, 0), exit)).toThrow('call of no function in function 0 at 0');
});

/** Function n calls function n + 1 at slot 1; the last gives 7. */
const chain = (count: number) =>
  Array.from({ length: count }, (_, fn) =>
    fn === count - 1
      ? assemble(aluI('mov', 64, 0, 7), exit)
      : assemble(aluI('mov', 64, 0, 0), callFunction(fn + 1, 1), exit),
  );

test('eight frames are allowed; the call of a ninth is refused, by translator and interpreter at the same place', () => {
  const input = {
    calleeOf: () => expect.unreachable(),
    entries: [],
    mode: 'checked',
    stack: 0,
    shadow: 0,
    limit: 0,
    resultHigh: 0,
    budget: 1000,
    pages: 1,
  } as const;
  expect(translate({ ...input, functions: chain(8) }).length).toBeGreaterThan(8);
  expect(interpret(flatWorld(chain(8)), 0, []).r0).toBe(7n);
  const tooDeep = 'stack overflow in function 7 at 1';
  expect(() => translate({ ...input, functions: chain(9) })).toThrow(tooDeep);
  expect(() => interpret(flatWorld(chain(9)), 0, [])).toThrow(tooDeep);
  // the place is on the longest way, wherever in the program that begins
  const ways = [assemble(callFunction(9, 0), callFunction(1, 1), exit), ...chain(10).slice(1)];
  expect(() => translate({ ...input, functions: ways })).toThrow(tooDeep);
});
