// This room against the tools: disassembly against llvm-objdump, types against bpftool, on recorded outputs always, and
// on fresh ones for every object of the library when the tools are there.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { instructionText } from '../../src/bpf/disassemble.ts';
import { decode } from '../../src/bpf/instructions.ts';
import { readObject } from '../../src/bpf/object.ts';
import { objectView } from '../../src/bpf/view.ts';
import { bpftoolLines, objdumpContent, objdumpLines } from './tool-formats.ts';
import {
  assemble,
  bpftoolBtf,
  fixture,
  fixtureNames,
  fixturePath,
  libraryObjects,
  objdump,
  recorded,
  toolRoot,
  whyNoTools,
} from './tools.ts';

const lines = (text: string) => text.trimEnd().split('\n');

describe('recorded outputs of the tools', () => {
  test.each(fixtureNames)('%s: llvm-objdump prints the same disassembly', (name) => {
    expect(objdumpLines(readObject(fixture(name)))).toEqual(objdumpContent(recorded(name, 'objdump')));
  });

  test.each(fixtureNames)('%s: bpftool prints the same types', (name) => {
    expect(bpftoolLines(readObject(fixture(name)).btf)).toEqual(lines(recorded(name, 'btf')));
  });
});

test('every object of the library is read', () => {
  for (const path of libraryObjects())
    expect(objectView(readObject(new Uint8Array(readFileSync(path)))), path).toMatch(
      /^licence .*\n\nprograms /,
    );
});

describe.skipIf(toolRoot === undefined)(`fresh outputs of the tools (skips when ${whyNoTools})`, () => {
  const paths = [...fixtureNames.map(fixturePath), ...libraryObjects()];

  test.each(paths.map((path) => [basename(path), path]))('%s', { timeout: 60_000 }, (_, path) => {
    const object = readObject(new Uint8Array(readFileSync(path)));
    expect(objdumpLines(object)).toEqual(objdumpContent(objdump(path)));
    expect(bpftoolLines(object.btf)).toEqual(lines(bpftoolBtf(path)));
  });

  test('40,000 random instructions print as llvm-objdump prints them', { timeout: 120_000 }, () => {
    const bytes = randomInstructions(1, 40_000);
    const theirs = objdumpTexts(bytes);
    const instructions = decode(bytes);
    const differences = instructions
      .map((code) => [code.at, code.opcode, theirs.get(code.at), instructionText(code)])
      .filter(([, , their, mine]) => their !== mine);
    expect(differences).toEqual([]);
    const known = instructions.filter(({ kind }) => kind !== 'unknown');
    // 53 arithmetic (12 × 2 widths × 2 sources, 2 neg, 3 swaps), 50 jumps (11 × 2 × 2, 6 others), 24 memory.
    expect(new Set(known.map(({ opcode }) => opcode)).size).toBe(127);
  });
});

/**
 * Every opcode with fields that decide its meaning. Fields that must be zero are zero: LLVM looks at fewer of them than
 * the kernel does (may_goto with registers, atomics with high bits in imm), and for `exit` at more than we do.
 */
function randomInstructions(seed: number, count: number): Uint8Array {
  let state = seed;
  const below = (limit: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
  const pick = (items: readonly number[]) => items[below(items.length)] as number;
  const bytes: number[] = [];
  for (let i = 0; i < count; i++) {
    const opcode = below(256);
    const isFixed = opcode === 0x95 || opcode === 0xe5 || opcode === 0x18;
    const dst = opcode === 0x95 || opcode === 0xe5 ? 0 : below(11);
    const src = isFixed ? (opcode === 0x18 ? below(7) : 0) : opcode === 0x85 ? below(3) : below(11);
    const offset = isFixed ? 0 : pick([0, 0, 0, 1, 8, 16, 32, -1, 300, -32768]);
    const imm =
      opcode === 0x95 ? 0 : pick([0, 1, -1, 16, 32, 64, 65, 80, 81, 160, 161, 225, 241, 65536, -(2 ** 31)]);
    const isAtomic = opcode >> 5 === 6 && (opcode & 7) === 3;
    const slot = new DataView(new ArrayBuffer(8));
    slot.setUint8(0, opcode);
    slot.setUint8(1, dst | (src << 4));
    slot.setInt16(2, offset, true);
    slot.setInt32(4, isAtomic ? imm & 0xff : imm, true);
    bytes.push(...new Uint8Array(slot.buffer));
    if (opcode === 0x18) bytes.push(0, 0, 0, 0, below(256), 0, 0, below(256));
  }
  return Uint8Array.from(bytes);
}

function objdumpTexts(bytes: Uint8Array): Map<number, string> {
  const folder = mkdtempSync(join(tmpdir(), 'schedcp-bpf-'));
  try {
    const [source, object] = [join(folder, 'random.s'), join(folder, 'random.o')];
    const rows = Array.from({ length: bytes.length / 8 }, (_, i) =>
      bytes.subarray(i * 8, i * 8 + 8).join(','),
    );
    writeFileSync(
      source,
      `.section random,"ax",@progbits\n${rows.map((row) => `.byte ${row}`).join('\n')}\n`,
    );
    assemble(source, object);
    const found = [...objdump(object).matchAll(/^ *(\d+):\t(.*?)(?: <[^<>]+\+0x[^<>]+>)?$/gm)];
    return new Map(found.map(([, slot, text]) => [Number(slot), text as string]));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
