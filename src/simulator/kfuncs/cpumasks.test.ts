// bpf_cpumask_* against sets as big integers. Truth: what kernel/bpf/cpumask.c says of each, with bits from the number of CPUs on not counted.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Finding, kfuncTest, type TestKfuncs } from '../../../test/simulator/kfunc-world.ts';
import { bpfCpumask } from '../kernel/structs.ts';
import { kfMask } from '../model/ext/ops.ts';

const cpuCounts = [1, 4, 31, 32, 33, 64, 65, 100, 256];
const anyMask = fc
  .array(fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), { minLength: 4, maxLength: 4 })
  .chain((words) => {
    const dense = words.reduce((all, word, i) => all | (word << BigInt(64 * i)), 0n);
    return fc.constantFrom(
      dense,
      0n,
      (1n << 256n) - 1n,
      1n << (dense % 256n),
      dense & (dense >> 7n) & (dense >> 13n),
    );
  });

/** Bits that are CPUs, and bits of the longs that hold them. */
const valid = (cpus: number): bigint => (1n << BigInt(cpus)) - 1n;
const longs = (cpus: number): bigint => (1n << BigInt(64 * Math.ceil(cpus / 64))) - 1n;

function put(test: TestKfuncs, address: number, mask: bigint): void {
  for (let byte = 0; byte < 32; byte++)
    test.memory.u8[address + byte] = Number((mask >> BigInt(8 * byte)) & 255n);
}

function get(test: TestKfuncs, address: number): bigint {
  let mask = 0n;
  for (let byte = 31; byte >= 0; byte--) mask = (mask << 8n) | BigInt(test.memory.u8[address + byte]!);
  return mask;
}

function lowest(mask: bigint, none: number): number {
  for (let cpu = 0; cpu < none; cpu++) if ((mask >> BigInt(cpu)) & 1n) return cpu;
  return none;
}

function count(mask: bigint): number {
  return mask.toString(2).replaceAll('0', '').length;
}

const worlds = new Map(
  cpuCounts.map((cpus) => {
    const test = kfuncTest({ shape: { cpus } });
    const masks = [0, 1, 2].map(() => test.call('bpf_cpumask_create'));
    return [cpus, { test, a: masks[0]!, b: masks[1]!, to: masks[2]! }] as const;
  }),
);

/** Runs a check on machines of all sizes with two masks in memory. */
function forMasks(
  check: (
    world: { test: TestKfuncs; a: number; b: number; to: number },
    a: bigint,
    b: bigint,
    cpus: number,
  ) => void,
): void {
  fc.assert(
    fc.property(fc.constantFrom(...cpuCounts), anyMask, anyMask, (cpus, a, b) => {
      const world = worlds.get(cpus)!;
      put(world.test, world.a, a);
      put(world.test, world.b, b);
      check(world, a, b, cpus);
    }),
    { numRuns: 400 },
  );
}

describe('answers', () => {
  const one: readonly [string, (mask: bigint, cpus: number) => number][] = [
    ['bpf_cpumask_first', (mask, cpus) => lowest(mask, cpus)],
    ['bpf_cpumask_first_zero', (mask, cpus) => lowest(~mask & valid(cpus), cpus)],
    ['bpf_cpumask_weight', (mask, cpus) => count(mask & valid(cpus))],
    ['bpf_cpumask_empty', (mask, cpus) => Number((mask & valid(cpus)) === 0n)],
    ['bpf_cpumask_full', (mask, cpus) => Number((mask & valid(cpus)) === valid(cpus))],
  ];
  test.each(one)('%s', (name, model) => {
    forMasks(({ test, a }, mask, _b, cpus) => expect(test.call(name, a)).toBe(model(mask, cpus)));
  });
  const two: readonly [string, (a: bigint, b: bigint, cpus: number) => number][] = [
    ['bpf_cpumask_first_and', (a, b, cpus) => lowest(a & b, cpus)],
    ['bpf_cpumask_equal', (a, b, cpus) => Number(((a ^ b) & valid(cpus)) === 0n)],
    ['bpf_cpumask_intersects', (a, b, cpus) => Number((a & b & valid(cpus)) !== 0n)],
    ['bpf_cpumask_subset', (a, b, cpus) => Number((a & ~b & valid(cpus)) === 0n)],
  ];
  test.each(two)('%s', (name, model) => {
    forMasks(({ test, a, b }, maskA, maskB, cpus) => {
      expect(test.call(name, a, b)).toBe(model(maskA, maskB, cpus));
      expect(test.call(name, a, a)).toBe(model(maskA, maskA, cpus));
    });
  });
});

describe('changes', () => {
  const whole: readonly [string, (a: bigint, b: bigint, cpus: number) => bigint, number][] = [
    ['bpf_cpumask_and', (a, b, cpus) => a & b & valid(cpus), 3],
    ['bpf_cpumask_or', (a, b, cpus) => (a | b) & longs(cpus), 3],
    ['bpf_cpumask_xor', (a, b, cpus) => (a ^ b) & longs(cpus), 3],
    ['bpf_cpumask_copy', (a, _b, cpus) => a & longs(cpus), 2],
    ['bpf_cpumask_setall', (_a, _b, cpus) => longs(cpus), 1],
    ['bpf_cpumask_clear', () => 0n, 1],
  ];
  test.each(whole)('%s', (name, model, arity) => {
    forMasks(({ test, a, b, to }, maskA, maskB, cpus) => {
      const before = maskA ^ maskB;
      put(test, to, before);
      const result = test.call(name, ...[to, a, b].slice(0, arity));
      // what lies behind the longs of the machine's CPUs stays
      const expected = (before & ~longs(cpus)) | model(maskA, maskB, cpus);
      expect(get(test, to)).toBe(expected);
      if (name === 'bpf_cpumask_and') expect(result).toBe(Number((expected & valid(cpus)) !== 0n));
    });
  });

  test('single CPUs; those that do not exist are passed over', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...cpuCounts),
        anyMask,
        fc.oneof(fc.nat(300), fc.constantFrom(-1, 2 ** 31 - 1)),
        (cpus, mask, cpu) => {
          const { test, a } = worlds.get(cpus)!;
          const exists = cpu >= 0 && cpu < cpus;
          const bit = exists ? 1n << BigInt(cpu) : 0n;
          const was = Number((mask & bit) !== 0n);
          put(test, a, mask);
          expect(test.call('bpf_cpumask_test_cpu', cpu, a)).toBe(was);
          for (const [name, after] of [
            ['bpf_cpumask_set_cpu', mask | bit],
            ['bpf_cpumask_clear_cpu', mask & ~bit],
          ] as const) {
            put(test, a, mask);
            test.call(name, cpu, a);
            expect(get(test, a)).toBe(after);
          }
          put(test, a, mask);
          expect(test.call('bpf_cpumask_test_and_set_cpu', cpu, a)).toBe(was);
          expect(get(test, a)).toBe(mask | bit);
          put(test, a, mask);
          expect(test.call('bpf_cpumask_test_and_clear_cpu', cpu, a)).toBe(was);
          expect(get(test, a)).toBe(mask & ~bit);
        },
      ),
    );
  });

  test('populate copies the longs of the CPUs, and refuses less', () => {
    const { test, a } = worlds.get(65)!;
    const from = test.bytes(16);
    test.memory.u8.fill(0xa5, from, from + 16);
    put(test, a, 0n);
    expect(test.call('bpf_cpumask_populate', a, from, 15, 0)).toBe(-13);
    expect(get(test, a)).toBe(0n);
    expect(test.call('bpf_cpumask_populate', a, from, 16, 0)).toBe(0);
    expect(get(test, a)).toBe(0xa5a5a5a5_a5a5a5a5_a5a5a5a5_a5a5a5a5n);
    expect(() => test.call('bpf_cpumask_populate', a, from, 64, 0)).toThrow(Finding);
    expect(() => test.call('bpf_cpumask_populate', a, from, 0, 1)).toThrow(Finding);
  });
});

describe('distribution', () => {
  test('goes round, each CPU from where it was itself, and skips CPU 0 first', () => {
    const test = kfuncTest();
    const [mask, other] = [test.call('bpf_cpumask_create'), test.call('bpf_cpumask_create')];
    put(test, mask, 0b1011n);
    put(test, other, 0b1110n);
    const any = (): number => test.call('bpf_cpumask_any_distribute', mask);
    expect([any(), any(), any(), any()]).toEqual([1, 3, 0, 1]);
    // the same memory of the last choice serves both functions
    expect(test.call('bpf_cpumask_any_and_distribute', mask, other)).toBe(3);
    expect(test.call('bpf_cpumask_any_and_distribute', mask, other)).toBe(1);
    test.core.execCpu = 2;
    expect(any()).toBe(1);
    put(test, mask, 0n);
    expect(any()).toBe(4);
    expect(test.call('bpf_cpumask_any_and_distribute', mask, other)).toBe(4);
  });
});

describe('references', () => {
  test('a mask lives as long as somebody holds it, and until its callback is over', () => {
    const test = kfuncTest();
    let mask = 0;
    test.within(kfMask.rest, () => {
      mask = test.call('bpf_cpumask_create');
      expect(test.memory.i32[(mask + bpfCpumask.offsets.usage) >>> 2]).toBe(1);
      expect(test.call('bpf_cpumask_acquire', mask)).toBe(mask);
      test.call('bpf_cpumask_release', mask);
      expect(test.call('bpf_cpumask_weight', mask)).toBe(0);
    });
    expect(test.memory.readable(mask, 32)).toBe(true);
    test.within(kfMask.rest, () => {
      test.call('bpf_cpumask_release', mask);
      // readers under RCU may still be there
      test.within(kfMask.enqueue, () => {});
      expect(test.memory.readable(mask, 32)).toBe(true);
      expect(() => test.call('bpf_cpumask_acquire', mask)).toThrow(Finding);
    });
    expect(test.memory.readable(mask, 1)).toBe(false);
    expect(() => test.call('bpf_cpumask_weight', mask)).toThrow(Finding);
    expect(() => test.call('bpf_cpumask_release', mask)).toThrow(Finding);
  });

  test('a map gives its masks back', () => {
    const test = kfuncTest();
    const mask = test.call('bpf_cpumask_create');
    test.table.dropKptr(mask);
    expect(test.memory.readable(mask, 1)).toBe(false);
  });

  test('programs read masks and cannot write to them', () => {
    const test = kfuncTest();
    const mask = test.call('bpf_cpumask_create');
    expect(test.memory.readable(mask, bpfCpumask.size)).toBe(true);
    expect(test.memory.writable(mask, 1)).toBe(false);
    expect(test.memory.readable(mask + bpfCpumask.size, 1)).toBe(false);
  });

  test('no memory left: null', () => {
    const test = kfuncTest();
    let last = 1;
    for (let i = 0; i < 100_000 && last !== 0; i++) last = test.call('bpf_cpumask_create');
    expect(last).toBe(0);
    expect(test.exit()).toBe('');
  });
});

describe('bad pointers are findings', () => {
  const names = Object.keys(kfuncTest().table.kfuncs).filter((name) => name.startsWith('bpf_cpumask_'));
  const arity = (test: TestKfuncs, name: string): number => test.table.kfuncs[name]!.params.length;

  test.each(names.filter((name) => name !== 'bpf_cpumask_create'))('%s', (name) => {
    const test = kfuncTest();
    const good = test.call('bpf_cpumask_create');
    const isPerCpu = /_cpu$/.test(name);
    const places =
      name === 'bpf_cpumask_populate' ? [0] : isPerCpu ? [1] : [...Array(arity(test, name)).keys()];
    const usable = test.bytes(64);
    const before = test.memory.u8.slice();
    for (const place of places)
      for (const bad of [
        0,
        8,
        65_535,
        good + 4,
        good + 16,
        test.memory.limit - 8,
        test.memory.limit + 64,
        -16,
      ]) {
        const args = isPerCpu
          ? [1, good]
          : name === 'bpf_cpumask_populate'
            ? [good, usable, 64, 0]
            : [good, good, good];
        args[place] = bad;
        expect(
          () => test.call(name, ...args.slice(0, Math.max(args.length, arity(test, name)))),
          `${place} ${bad}`,
        ).toThrow(Finding);
      }
    expect(Buffer.compare(test.memory.u8, before)).toBe(0);
  });

  test.each([
    ['bpf_cpumask_set_cpu', 1],
    ['bpf_cpumask_test_and_clear_cpu', 1],
    ['bpf_cpumask_setall', 0],
    ['bpf_cpumask_and', 0],
    ['bpf_cpumask_copy', 0],
    ['bpf_cpumask_populate', 0],
    ['bpf_cpumask_acquire', 0],
    ['bpf_cpumask_release', 0],
  ] as const)('%s changes only masks that a program owns', (name, place) => {
    const test = kfuncTest();
    const mask = test.call('bpf_cpumask_create');
    const forged = test.bytes(64);
    test.memory.u8.copyWithin(forged, mask, mask + 44);
    const tag = bpfCpumask.size / 4;
    test.memory.i32[forged / 4 + tag] = test.memory.i32[mask / 4 + tag]! ^ mask ^ forged;
    for (const bad of [test.world.tasks.maskOf(0), test.world.scx.idle.cpuMask, forged]) {
      const args = [mask, mask, 8, 0];
      args[place] = bad;
      if (place === 1) args[0] = 1;
      expect(() => test.call(name, ...args)).toThrow('which is no bpf_cpumask');
    }
  });
});
