// Blocks, dominators both ways and live registers of small functions, drawn by hand.

import { expect, test } from 'vitest';
import { decode } from '../../bpf/instructions.ts';
import type { Program } from '../../bpf/programs.ts';
import { dominates, postdominates, readFlow } from './flow.ts';

/** opcode, dst and src, offset, imm. */
type Word = readonly [number, number, number, number];
const exit: Word = [0x95, 0, 0, 0];
const jump = (offset: number): Word => [0x05, 0, offset, 0];
const ifZero = (register: number, offset: number): Word => [0x15, register, offset, 0];
const move = (dst: number, src: number): Word => [0xbf, dst | (src << 4), 0, 0];

function program(...words: Word[]): Program {
  const bytes = new Uint8Array(words.length * 8);
  const view = new DataView(bytes.buffer);
  words.forEach(([opcode, registers, offset, imm], i) => {
    bytes[i * 8] = opcode;
    bytes[i * 8 + 1] = registers;
    view.setInt16(i * 8 + 2, offset, true);
    view.setInt32(i * 8 + 4, imm, true);
  });
  return { section: '.text', offset: 0, instructions: decode(bytes) } as unknown as Program;
}

/** if (r1) r2 = r3 else r2 = r4; r0 = r2 */
const diamond = program(ifZero(1, 2), move(2, 3), jump(1), move(2, 4), move(0, 2), exit);

test('a diamond', () => {
  const flow = readFlow(diamond);
  const at = (slot: number): number => flow.blocks.findIndex((block) => block.at === slot);
  expect(flow.blocks.map((block) => [block.at, block.end]).sort()).toEqual([
    [0, 1],
    [1, 3],
    [3, 4],
    [4, 6],
  ]);
  expect([1, 3, 4].map((slot) => dominates(flow, at(0), at(slot)))).toEqual([true, true, true]);
  expect(dominates(flow, at(1), at(4))).toBe(false);
  expect([0, 1, 3].map((slot) => postdominates(flow, at(4), at(slot)))).toEqual([true, true, true]);
  expect(postdominates(flow, at(1), at(0))).toBe(false);
  // r1, r3 and r4 are read first; in the arms one of them, and r2 where they meet
  expect(flow.live[at(0)]).toBe(0b11010);
  expect(flow.live[at(1)]).toBe(0b01000);
  expect(flow.live[at(4)]).toBe(0b00100);
});

test('two exits have nothing behind them in common', () => {
  const flow = readFlow(program(ifZero(1, 1), exit, exit));
  expect(flow.blocks).toHaveLength(3);
  expect([1, 2].map((block) => postdominates(flow, block, 0))).toEqual([false, false]);
});

test('what cannot be reached is left out, and a jump outside is refused with its place', () => {
  expect(readFlow(program(jump(1), move(0, 1), exit)).blocks.map(({ at }) => at)).toEqual([0, 2]);
  expect(() => readFlow(program(jump(5), exit))).toThrow('.text+0x0: leads outside the function');
  expect(() => readFlow(program(move(0, 1)))).toThrow('leads outside');
});
