// The object itself is what runs: change one instruction of it and the simulation goes another way, on a simulator that has run the original before too.

import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { Instruction } from '../../src/bpf/instructions.ts';
import { readObject } from '../../src/bpf/object.ts';
import { costProfiles, Simulator } from '../../src/simulator/simulate.ts';
import { expand } from '../../src/workload/expand.ts';
import { workload } from '../conformance/case.ts';
import { policyFile } from '../support/paths.ts';

/** Unequal weights, sleepers beside hogs, more tasks than CPUs. */
const mixed = workload('mixed', {
  groups: [
    { name: 'heavy', count: 2, nice: -5, phases: [{ run: '300ms' }] },
    { name: 'light', count: 3, nice: 5, phases: [{ run: '200ms' }] },
    { name: 'sleeper', count: 2, phases: [{ loop: 30, phases: [{ run: '1ms' }, { sleep: '9ms' }] }] },
  ],
});

/** Who was switched to, where and when; instructions cost nothing, so that only what the policy decides shows. */
function history(simulator: Simulator, object: Uint8Array): string {
  const switches: string[] = [];
  const { finding } = simulator.run({
    expansion: expand(mixed, { seed: 1, cpus: 2 }),
    ...{
      shape: { cpus: 2 },
      costs: costProfiles.free,
      mode: 'checked',
      seed: 1,
      limitNs: 5e9,
      timeoutMs: 5000,
    },
    ...{ startOffsetNs: 0, pidOffset: 0, policy: { object, maps: [] } },
    recorder: {
      switched: (cpu, _prev, next, atNs) => switches.push(`${cpu} ${next} ${atNs}`),
      woke: () => {},
    },
  });
  expect(finding).toBeUndefined();
  expect(switches.length).toBeGreaterThan(50);
  return switches.join('\n');
}

/** The first instruction of a program that `is` answers to, its eight bytes rewritten. */
function withChanged(
  object: Uint8Array,
  name: string,
  is: (code: Instruction) => boolean,
  change: (bytes: DataView) => void,
): Uint8Array {
  const changed = object.slice();
  const { programs, elf } = readObject(object);
  const program = programs.find((one) => one.name === name)!;
  const section = elf.sections.find((one) => one.name === program.section)!;
  const { at } = program.instructions.find(is)!;
  change(new DataView(changed.buffer, changed.byteOffset + section.offset + program.offset + 8 * at, 8));
  return changed;
}

/** BPF_ADD from a register; jumps if signed less, and if not (RFC 9669 sections 4.1 and 4.3). */
const opcodes = { addX: 0x0f, jslt: 0xc5, jsge: 0x75 } as const;

const isLess = (code: Instruction): boolean => code.kind === 'branch' && code.opcode === opcodes.jslt;

const vtime = new Uint8Array(readFileSync(policyFile('vtime')));
const changes: readonly (readonly [string, Uint8Array])[] = [
  [
    'what a running task pays: a constant, 100 → 3',
    withChanged(
      vtime,
      'vtime_dispatch',
      (code) => code.kind === 'alu' && code.op === 'mul' && !code.fromSrc && code.imm === 100,
      (bytes) => bytes.setInt32(4, 3, true),
    ),
  ],
  [
    'what it ran: a difference becomes a sum',
    withChanged(
      vtime,
      'vtime_stopping',
      (code) => code.kind === 'alu' && code.op === 'sub' && code.fromSrc,
      (bytes) => bytes.setUint8(0, opcodes.addX),
    ),
  ],
  [
    'how far sleepers fall back: a comparison turned round',
    withChanged(vtime, 'vtime_enqueue', isLess, (bytes) => bytes.setUint8(0, opcodes.jsge)),
  ],
];

it.each(changes)('%s', (_, object) => {
  const simulator = new Simulator();
  const original = history(simulator, vtime);
  const changed = history(simulator, object);
  expect(changed).not.toBe(original);
  // nothing of one clings to the other
  expect(history(simulator, vtime)).toBe(original);
  expect(history(new Simulator(), object)).toBe(changed);
});
