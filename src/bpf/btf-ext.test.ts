// Sections are built by hand after Documentation/bpf/btf.rst 4.2; real ones are compared with llvm-objdump in test/bpf.
import { expect, test } from 'vitest';
import { readBtf } from './btf.ts';
import { readBtfExt } from './btf-ext.ts';

const strings = '\0s\x000:1:2\0bad\0a.c\0x = 1;\0';
const at = (text: string) => strings.indexOf(`\0${text}\0`) + 1;

function words(numbers: readonly number[], header: number, tail = ''): Uint8Array {
  const bytes = new Uint8Array(4 + numbers.length * 4 + tail.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 0xeb9f, true);
  bytes[2] = 1;
  numbers.forEach((number, i) => {
    view.setUint32(4 + i * 4, number, true);
  });
  view.setUint32(4, header, true);
  bytes.set(new TextEncoder().encode(tail), 4 + numbers.length * 4);
  return bytes;
}
const btf = readBtf(words([24, 0, 0, 0, strings.length], 24, strings));

/** Header of 32 bytes, then functions, lines and CO-RE relocations. */
function read(functions: number[], lines: number[], core: number[]) {
  const sizes = [functions, lines, core].map((part) => part.length * 4);
  const [f = 0, l = 0, c = 0] = sizes;
  return readBtfExt(words([32, 0, f, f, l, f + l, c, ...functions, ...lines, ...core], 32), btf);
}

test('records of all three parts', () => {
  const ext = read(
    [8, at('s'), 2, 0, 7, 16, 9],
    [16, at('s'), 1, 8, at('a.c'), at('x = 1;'), (12 << 10) | 3],
    [16, at('s'), 1, 24, 5, at('0:1:2'), 2],
  );
  expect({ ...ext, lineAt: undefined }).toEqual({
    lineAt: undefined,
    functions: [
      { section: 's', offset: 0, type: 7 },
      { section: 's', offset: 16, type: 9 },
    ],
    lines: [{ section: 's', offset: 8, file: 'a.c', text: 'x = 1;', line: 12, column: 3 }],
    coreRelocations: [{ section: 's', offset: 24, type: 5, access: [0, 1, 2], kind: 'field_exists' }],
  });
});

test('texts of lines are read late, but must be there', () => {
  const line = (file: number, text: number) => () => read([], [16, at('s'), 1, 0, file, text, 0], []);
  expect(line(at('a.c'), strings.length - 1)().lines).toEqual([
    { section: 's', offset: 0, file: 'a.c', text: '', line: 0, column: 0 },
  ]);
  expect(line(at('a.c'), strings.length)).toThrow('BTF strings+0x18');
  expect(line(strings.length, at('a.c'))).toThrow('BTF strings+0x18');
});

test('the line of an instruction is the last one there or before', () => {
  const record = (offset: number, line: number) => [offset, at('a.c'), at('x = 1;'), line << 10];
  const { lineAt } = read([], [16, at('s'), 3, ...record(8, 1), ...record(24, 2), ...record(40, 3)], []);
  expect([0, 8, 16, 24, 39, 40, 4000].map((offset) => lineAt('s', offset)?.line)).toEqual([
    undefined,
    1,
    1,
    2,
    2,
    3,
    3,
  ]);
  expect(lineAt('s', 24)).toEqual({
    section: 's',
    offset: 24,
    file: 'a.c',
    text: 'x = 1;',
    line: 2,
    column: 0,
  });
  expect(lineAt('t', 24)).toBeUndefined();
});

test('records may be longer than known', () => {
  expect(read([12, at('s'), 1, 0, 7, 99], [], []).functions).toEqual([{ section: 's', offset: 0, type: 7 }]);
});

test('an old header has no CO-RE relocations', () => {
  const old = words([24, 0, 0, 0, 0], 24);
  const { functions, lines, coreRelocations } = readBtfExt(old, btf);
  expect([functions, lines, coreRelocations]).toEqual([[], [], []]);
});

test.each([
  ['more records than bytes', [8, 1, 3, 0, 7], [], '.BTF.ext+0x28: 3 records of 8 bytes'],
  ['no records', [8, 1, 0], [], '.BTF.ext+0x28: 0 records'],
  ['short records', [4, 1, 1, 0], [], '.BTF.ext+0x20: records of 4 bytes'],
  ['crooked records', [9, 1, 1, 0, 7], [], '.BTF.ext+0x20: records of 9 bytes'],
  ['an access that is no path', [], [16, at('s'), 1, 0, 5, at('bad'), 0], 'access string "bad"'],
  ['an unknown kind', [], [16, at('s'), 1, 0, 5, at('0:1:2'), 13], 'CO-RE kind 13'],
  ['a name outside', [8, 999, 1, 0, 7], [], 'BTF strings+0x3e7'],
])('%s are refused with a place', (_, functions, core, message) => {
  expect(() => read(functions, [], core)).toThrow(message);
});
