// Expected texts: what the kernel's own documentation and tests say (Documentation/core-api/printk-formats.rst; snprintf's checks in
// tools/testing/selftests/bpf), the C standard for flags and widths.
import { describe, expect, it } from 'vitest';
import { helperLab } from '../../../test/simulator/helpers.ts';
import { bytesAt, place } from '../../../test/simulator/maps.ts';
import { SimMemory } from '../memory.ts';
import { format } from './format.ts';

const EINVAL = -22;
const bytesOf = (text: string) => [...new TextEncoder().encode(text), 0];
const words = (values: readonly (number | bigint)[]) =>
  values.flatMap((value) =>
    Array.from({ length: 8 }, (_, i) => Number((BigInt.asUintN(64, BigInt(value)) >> BigInt(8 * i)) & 255n)),
  );

function formatted(fmt: string, ...args: (number | bigint | string)[]): string | number {
  const memory = new SimMemory(2 ** 20);
  const values = args.map((arg) => (typeof arg === 'string' ? place(memory, bytesOf(arg)) : arg));
  return format(
    memory,
    place(memory, bytesOf(fmt)),
    values.length === 0 ? 0 : place(memory, words(values)),
    8 * values.length,
  );
}

describe('numbers, texts, characters', () => {
  it.each([
    ['%d %u %x %li %llu %lX', [-8, 9, 150, -424242, 1337, 0xdabbad00], '-8 9 96 -424242 1337 DABBAD00'],
    ['%d', [2n ** 32n + 5n], '5'],
    ['%d', [0xffff_ffff], '-1'],
    ['%u', [-1], '4294967295'],
    ['%i', [7], '7'],
    ['%x', [-1], 'ffffffff'],
    ['%lld', [-(2n ** 63n)], '-9223372036854775808'],
    ['%llu', [-1], '18446744073709551615'],
    ['%lx', [-1], 'ffffffffffffffff'],
    ['[%5d][%-5d][%05d][%+d][% d]', [42, 42, -42, 42, 42], '[   42][42   ][-0042][+42][ 42]'],
    ['[%-05d]', [42], '[42   ]'],
    ['%08x', [0xbeef], '0000beef'],
    ['%3d', [12345], '12345'],
    ['%s:%s', ['abc', ''], 'abc:'],
    ['[%6s][%-6s]', ['abc', 'abc'], '[   abc][abc   ]'],
    ['%c%c', [72, 105], 'Hi'],
    ['[%3c]', [72], '[  H]'],
    ['%px', [0xffff00000add4e55n], 'ffff00000add4e55'],
    ['%p', [0], '0000000000000000'],
    ['%20px', [0x1234], '                1234'],
    ['100%%', [], '100%'],
    ['%d%%', [3], '3%'],
    ['plain\n', [], 'plain\n'],
    ['%pks.', ['abc'], 'abc.'],
    ['%s', [8], ''],
    ['%s', [2n ** 40n], ''],
  ])('%s of %o', (fmt, args, wanted) => {
    expect(formatted(fmt, ...args)).toBe(wanted);
  });
});

describe('refusals', () => {
  it.each([
    ['%', [1]],
    ['%y', [1]],
    ['%hd', [1]],
    ['%.3d', [1]],
    ['%#x', [1]],
    ['%llld', [1]],
    ['%d %d', [1]],
    ['%sx', ['a']],
    ['%pz', [1]],
    ['\u0001', []],
    ['é', []],
    ['%d', new Array(13).fill(1)],
  ])('%s of %o', (fmt, args) => {
    expect(formatted(fmt, ...args)).toBe(EINVAL);
  });

  it('what is not eight bytes an argument, not there, or does not end', () => {
    const memory = new SimMemory(2 ** 20);
    const fmt = place(memory, bytesOf('%d'));
    expect(format(memory, fmt, place(memory, [1, 2, 3, 4]), 4)).toBe(EINVAL);
    expect(format(memory, fmt, 0, 8)).toBe(EINVAL);
    expect(format(memory, place(memory, [37, 37]), 0, 0)).toBe(EINVAL);
  });

  it('texts beyond the 512 bytes that the kernel has for arguments', () => {
    const long = 'x'.repeat(600);
    expect(formatted('%s', long)).toBe('x'.repeat(511));
    expect(formatted('%s%d', long, 1)).toBe(-28);
    expect(formatted('%s%lld%d', 'x'.repeat(499), 1, 1)).toBe(`${'x'.repeat(499)}11`);
    expect(formatted('%s%lld%d', 'x'.repeat(500), 1, 1)).toBe(-28);
    // an int begins at a multiple of 4
    expect(formatted('%s%d%c', 'x'.repeat(503), 1, 33)).toBe(`${'x'.repeat(503)}1!`);
    expect(formatted('%s%d%c', 'x'.repeat(504), 1, 33)).toBe(-28);
  });
});

describe('helpers', () => {
  it('print to the trace', () => {
    const lab = helperLab();
    const put = (text: string) => place(lab.world.memory, bytesOf(text));
    expect(lab.call(6, put('%d %llx %s'), 11, -3, -1, 1, 2, put('ok'), 0)).toBe('-3 200000001 ok'.length);
    expect(lab.call(6, put('%d %d %d %d'), 12, 1, 0, 1, 0, 1, 0)).toBe(EINVAL);
    expect(lab.call(6, put('abc'), 3, 0, 0, 0, 0, 0, 0)).toBe(EINVAL);
    const data = place(lab.world.memory, words([1, 2, 3, 4]));
    expect(lab.call(177, put('%d%d%d%d'), 9, data, 32)).toBe(4);
    expect(lab.call(177, put('%d'), 3, data, 4)).toBe(EINVAL);
    expect(lab.call(6, put('y'.repeat(1100)), 1101, 0, 0, 0, 0, 0, 0)).toBe(1100);
    expect(lab.printed).toEqual(['-3 200000001 ok', '1234', 'y'.repeat(1023)]);
    expect(() => lab.call(6, put('a'), 9, 0, 0, 0, 0, 0, 0)).toThrow('bpf_trace_printk: r1');
  });

  it('print to memory, cut where it ends', () => {
    const lab = helperLab();
    const { memory } = lab.world;
    const to = place(memory, new Array(8).fill(9));
    const [fmt, data] = [place(memory, bytesOf('%d!')), place(memory, words([123_456]))];
    expect(lab.call(165, to, 8, fmt, data, 8)).toBe(8);
    expect(bytesAt(memory, to, 8)).toEqual(bytesOf('123456!'));
    expect(lab.call(165, to, 4, fmt, data, 8)).toBe(8);
    expect(bytesAt(memory, to, 5)).toEqual([...bytesOf('123'), 53]);
    expect(lab.call(165, 0, 0, fmt, data, 8)).toBe(8);
    expect(lab.call(165, to, 8, fmt, 0, 0)).toBe(EINVAL);
    expect(() => lab.call(165, to, 9, fmt, data, 8)).toThrow('bpf_snprintf: r1');
  });

  it.each<[string, number, number, number | bigint, number, number | bigint]>([
    // text, base, strtol's answer and number, strtoul's
    ['123', 10, 3, 123, 3, 123],
    [' \t-12x', 0, 5, -12, EINVAL, 0],
    ['0x1fg', 0, 4, 31, 4, 31],
    ['0x1f', 16, 4, 31, 4, 31],
    ['1f', 16, 2, 31, 2, 31],
    ['0x', 16, EINVAL, 0, EINVAL, 0],
    ['0xg', 0, 1, 0, 1, 0],
    ['0x1f', 10, 1, 0, 1, 0],
    ['017', 0, 3, 15, 3, 15],
    ['178', 8, 2, 15, 2, 15],
    ['-', 10, EINVAL, 0, EINVAL, 0],
    ['+1', 10, EINVAL, 0, EINVAL, 0],
    ['x', 10, EINVAL, 0, EINVAL, 0],
    ['1', 2, EINVAL, 0, EINVAL, 0],
    ['1', 32, EINVAL, 0, EINVAL, 0],
    ['-9223372036854775808', 10, 20, -(2n ** 63n), EINVAL, 0],
    ['-9223372036854775809', 10, -34, 0, EINVAL, 0],
    ['9223372036854775808', 10, -34, 0, 19, 2n ** 63n],
    ['18446744073709551616', 10, -34, 0, -34, 0],
  ])('read "%s" in base %d', (text, base, signed, signedNumber, plain, plainNumber) => {
    const lab = helperLab();
    const { memory } = lab.world;
    const to = place(memory, new Array(8).fill(9));
    const at = place(memory, new TextEncoder().encode(text));
    expect(lab.call(105, at, text.length, base, 0, to)).toBe(signed);
    expect(bytesAt(memory, to, 8)).toEqual(words([signedNumber]));
    expect(lab.call(106, at, text.length, base, 0, to)).toBe(plain);
    expect(bytesAt(memory, to, 8)).toEqual(words([plainNumber]));
    expect(lab.call(105, at, text.length, base, 1, to)).toBe(EINVAL);
  });
});
