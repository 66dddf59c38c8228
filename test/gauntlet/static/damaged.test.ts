// Any object, however damaged, gets an answer from the static gate or a `malformed` fault, in bounded time: bytes changed anywhere, instructions moved about, and code that is nothing but jumps.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { decode } from '../../../src/bpf/instructions.ts';
import { readObject } from '../../../src/bpf/object.ts';
import { Fault } from '../../../src/core/errors.ts';
import { gateFindingSchema } from '../../../src/core/gate.ts';
import { staticGate } from '../../../src/gates/static-gate.ts';
import { createRandom } from '../../../src/lib/random.ts';
import { policyFile } from '../../support/paths.ts';

const names = ['fifo', 'vtime', 'layers', 'llc'];
const cases = Number(process.env.SCHEDCP_DAMAGED_OBJECTS ?? 60);
/** Far more than any object of this size needs, on a busy machine. */
const limitMs = 5_000;

function outcome(bytes: Uint8Array): 'answered' | 'refused' {
  const from = performance.now();
  try {
    const { findings } = staticGate(bytes, { kernels: ['6.18'] });
    for (const finding of findings) gateFindingSchema.parse(finding);
    return 'answered';
  } catch (error) {
    if (error instanceof Fault && error.code === 'malformed') return 'refused';
    throw error;
  } finally {
    expect(performance.now() - from).toBeLessThan(limitMs);
  }
}

/** Where the code of the programs lies in the file. */
function codeOf(object: Uint8Array): { from: number; to: number }[] {
  const { programs, elf } = readObject(object);
  return programs.map(({ section, offset, instructions }) => {
    const { offset: start } = elf.sections.find(({ name }) => name === section)!;
    const last = instructions.at(-1)!;
    return { from: start + offset, to: start + offset + (last.at + last.slots) * 8 };
  });
}

describe('a damaged object', () => {
  it.each(names)('%s with bytes changed', { timeout: 120_000 }, (name) => {
    const original = new Uint8Array(readFileSync(policyFile(name)));
    const counts = { answered: 0, refused: 0 };
    for (let seed = 0; seed < cases; seed++) {
      const random = createRandom(seed);
      const copy = original.slice();
      for (let n = random.below(4); n >= 0; n--) {
        const at = random.below(copy.length);
        copy[at] = random.below(2) === 0 ? copy[at]! ^ (1 << random.below(8)) : random.below(256);
      }
      counts[outcome(copy)]++;
    }
    expect(counts.answered, JSON.stringify(counts)).toBeGreaterThan(cases / 30);
  });

  it.each(names)('%s with instructions moved about', { timeout: 120_000 }, (name) => {
    const original = new Uint8Array(readFileSync(policyFile(name)));
    const code = codeOf(original);
    const counts = { answered: 0, refused: 0 };
    for (let seed = 0; seed < cases; seed++) {
      const random = createRandom(1000 + seed);
      const copy = original.slice();
      const { from, to } = code[random.below(code.length)]!;
      for (let n = random.below(12); n >= 0; n--) {
        const slots = (to - from) / 8;
        const [a, b] = [from + random.below(slots) * 8, from + random.below(slots) * 8];
        copy.copyWithin(a, b, b + 8);
      }
      counts[outcome(copy)]++;
    }
    expect(counts.answered, JSON.stringify(counts)).toBeGreaterThan(cases / 30);
  });

  it('jumps from anywhere to anywhere', { timeout: 120_000 }, () => {
    const object = readObject(readFileSync(policyFile('fifo')));
    const most = { ms: 0, seed: 0 };
    for (let seed = 0; seed < cases; seed++) {
      const programs = object.programs.map((program) => ({
        ...program,
        instructions: decode(jumps(seed, 40 + 80 * (seed % 20))),
        references: new Map(),
        coreRelocations: new Map(),
      }));
      const from = performance.now();
      const { facts } = staticGate({ ...object, programs }, { kernels: [] });
      const ms = performance.now() - from;
      if (ms > most.ms) Object.assign(most, { ms, seed });
      expect(facts.length).toBeGreaterThan(3);
    }
    expect(most.ms, `seed ${most.seed}`).toBeLessThan(limitMs);
  });
});

/** Code of branches and additions that ends somewhere. */
function jumps(seed: number, slots: number): Uint8Array {
  const random = createRandom(2000 + seed);
  const bytes = new Uint8Array(slots * 8);
  const view = new DataView(bytes.buffer);
  for (let slot = 0; slot < slots - 1; slot++) {
    const at = slot * 8;
    const isJump = random.below(3) > 0;
    const codes = isJump ? [0x15, 0x55, 0x25, 0xa5, 0x1d, 0xe5] : [0x07, 0xb7, 0xbf, 0x0f, 0x7b, 0x79];
    bytes[at] = codes[random.below(codes.length)]!;
    const frame = bytes[at] === 0x7b ? 10 | (random.below(10) << 4) : random.below(10) | (10 << 4);
    const isStack = bytes[at] === 0x7b || bytes[at] === 0x79;
    bytes[at + 1] = isStack ? frame : random.below(10) | (bytes[at] === 0xe5 ? 0 : random.below(10) << 4);
    view.setInt16(
      at + 2,
      isJump ? random.below(slots) - slot - 1 : isStack ? -8 * (1 + random.below(64)) : 0,
      true,
    );
    view.setInt32(at + 4, isStack ? 0 : random.below(1 << 20), true);
  }
  view.setUint8(slots * 8 - 8, 0x95);
  return bytes;
}
