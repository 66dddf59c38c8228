// Expected numbers by hand, after check_max_stack_depth(): each frame rounded up to 16 bytes, at most 512 together, at most 8 frames.
import { describe, expect, it } from 'vitest';
import { decode, type Instruction } from '../bpf/instructions.ts';
import { type CallNames, frameUse, tooDeep } from './stack-depth.ts';

/** opcode, dst, src, offset, imm of each slot. */
function code(...slots: readonly (readonly [number, number, number, number, number])[]): Instruction[] {
  const bytes = new Uint8Array(slots.length * 8);
  const view = new DataView(bytes.buffer);
  for (const [i, [opcode, dst, src, offset, imm]] of slots.entries()) {
    bytes[8 * i] = opcode;
    bytes[8 * i + 1] = (src << 4) | dst;
    view.setInt16(8 * i + 2, offset, true);
    view.setInt32(8 * i + 4, imm, true);
  }
  return decode(bytes);
}
const exit = [0x95, 0, 0, 0, 0] as const;
/** *(u64 *)(r10 - bytes) = 0 */
const touch = (bytes: number) => [0x7a, 10, 0, -bytes, 0] as const;
/** Function calls keep the number of the function as their target once they are linked. */
const calling = (bytes: number, ...targets: number[]): Instruction[] => {
  const own = code(touch(bytes), ...targets.map(() => [0x85, 0, 1, 0, 0] as const), exit);
  return own.map((one) =>
    one.kind === 'call' ? ({ ...one, what: 'function', target: targets[one.at - 1] } as Instruction) : one,
  );
};
const names: CallNames = { functionAt: () => undefined, isAsync: () => false };

describe('a frame', () => {
  it.each([
    ['none', [exit], 0],
    ['a store 8 below r10', [touch(8), exit], 16],
    ['a store 17 below r10', [[0x72, 10, 0, -17, 0], exit], 32],
    ['a load 512 below r10', [[0x79, 1, 10, -512, 0], exit], 512],
    ['an address, though nothing is read', [[0xbf, 2, 10, 0, 0], [0x07, 2, 0, 0, -48], exit], 48],
    ['an address of something else', [[0xbf, 2, 10, 0, 0], [0x07, 3, 0, 0, -48], exit], 0],
    ['an atomic addition', [[0xdb, 10, 1, -24, 0], exit], 32],
  ] as const)('%s', (_, slots, bytes) => {
    expect(frameUse(code(...slots))).toBe(bytes);
  });
});

describe('a chain', () => {
  it('of 512 bytes passes, of 528 does not, and its last call is named', () => {
    expect(tooDeep([calling(240, 1), calling(256, 2), calling(1)], [0], names)).toBeUndefined();
    expect(tooDeep([calling(248, 1), calling(249, 2), calling(1)], [0], names)).toEqual({
      problem: 'bytes',
      chain: [
        { fn: 0, bytes: 256 },
        { fn: 1, bytes: 256 },
        { fn: 2, bytes: 16 },
      ],
      at: 1,
    });
  });

  it('is the deepest of several, and ends where it is too deep', () => {
    const found = tooDeep([calling(16, 1, 2), calling(16), calling(504, 3), calling(16)], [0], names);
    expect(found!.chain.map(({ fn }) => fn)).toEqual([0, 2]);
    expect(found!.at).toBe(2);
  });

  it('counts only from where programs begin', () => {
    expect(tooDeep([calling(16), calling(500, 2), calling(500)], [0], names)).toBeUndefined();
  });

  it('has eight frames at most', () => {
    const chain = (frames: number) =>
      Array.from({ length: frames }, (_, i) => (i + 1 < frames ? calling(8, i + 1) : calling(8)));
    expect(tooDeep(chain(8), [0], names)).toBeUndefined();
    expect(tooDeep(chain(9), [0], names)).toMatchObject({ problem: 'frames', at: 1 });
  });
});

describe('a function whose address is taken', () => {
  /** r2 = function 1; call helper 181 (loop). */
  const taking = [touch(300), [0x18, 2, 0, 0, 7001], [0, 0, 0, 0, 0], [0x85, 0, 0, 0, 181], exit] as const;
  const at = (async: boolean): CallNames => ({
    functionAt: (value) => (value === 7001n ? 1 : undefined),
    isAsync: () => async,
  });

  it('is called from there', () => {
    expect(tooDeep([code(...taking), calling(300)], [0], at(false))).toMatchObject({
      problem: 'bytes',
      chain: [
        { fn: 0, bytes: 304 },
        { fn: 1, bytes: 304 },
      ],
      at: 1,
    });
  });

  it('has a stack of its own if it is called later', () => {
    expect(tooDeep([code(...taking), calling(300)], [0], at(true))).toBeUndefined();
    expect(tooDeep([code(...taking), calling(300, 2), calling(300)], [0], at(true))?.chain[0]).toEqual({
      fn: 1,
      bytes: 304,
    });
  });

  it('that asks for itself again is too deep', () => {
    const itself: CallNames = {
      functionAt: (value) => (value === 7001n ? 0 : undefined),
      isAsync: () => false,
    };
    const small = [[0x18, 2, 0, 0, 7001], [0, 0, 0, 0, 0], [0x85, 0, 0, 0, 181], exit] as const;
    expect(tooDeep([code(...small)], [0], itself)).toMatchObject({ problem: 'frames' });
  });
});
