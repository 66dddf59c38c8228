// Whatever a program hands to a helper, the answer is a number or a finding, and nothing changes that the program may not write.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { helperLab } from '../../../test/simulator/helpers.ts';
import { Finding, made, place, shape, type TypeName } from '../../../test/simulator/maps.ts';
import { createHelpers } from './table.ts';

const kinds: TypeName[] = [
  'array',
  'percpu_array',
  'hash',
  'lru_hash',
  'queue',
  'stack',
  'ringbuf',
  'task_storage',
  'cgrp_storage',
];
const numbers = [0, 1, 2, 3, 4, 7, 8, 16, 64, 4096, -1, -8, 2 ** 31 - 1, -(2 ** 31), 65_536];

function surroundings() {
  const lab = helperLab();
  const { memory } = lab.world;
  const timer = [{ kind: 'timer', offset: 0, bytes: 16 }] as const;
  const maps = kinds.map((kind) => lab.add(made(shape(kind), lab.maps)));
  const timed = lab.add(made(shape('array', { valueSize: 16 }), lab.maps, timer));
  const fmt = place(memory, [...new TextEncoder().encode('%d %s %5lx'), 0]);
  const stack = place(memory, new Uint8Array(64));
  const readOnly = memory.allocate(256, 'read');
  memory.u8.fill(0x5a, readOnly, readOnly + 256);
  const pool = [
    ...numbers,
    ...maps.map(({ handle }) => handle),
    ...[timed.handle, timed.valueOfSlot(1, 0), maps[0]!.valueOfSlot(0, 0)],
    ...lab.tasks,
    ...lab.cgroups,
    ...[fmt, stack, stack + 1, stack + 8, stack + 60, readOnly, readOnly + 3],
  ];
  return { lab, pool, readOnly };
}

const { pool: samplePool } = surroundings();
const helperNumbers = Object.keys(createHelpers(helperLab().world, helperLab().timers)).map(Number);
const calls = fc.array(
  fc.record({
    helper: fc.constantFrom(...helperNumbers),
    args: fc.array(fc.nat(samplePool.length - 1), { minLength: 8, maxLength: 8 }),
  }),
  { minLength: 200, maxLength: 400 },
);

it('answers or ends with a finding, and writes only where it may', () => {
  let answers = 0;
  let findings = 0;
  fc.assert(
    fc.property(calls, (steps) => {
      const { lab, pool, readOnly } = surroundings();
      const helpers = createHelpers(lab.world, lab.timers);
      const { memory } = lab.world;
      let budget = 1000;
      lab.onCallback = () => (budget-- > 0 ? 0 : 1);
      for (const { helper, args } of steps) {
        const { params } = helpers[helper]!;
        const halves = params.flatMap((kind, i) => {
          const value = pool[args[i]!]!;
          return kind === 'wide' ? [value, value < 0 ? -1 : 0] : [value];
        });
        try {
          expect(Number.isInteger(lab.call(helper, ...halves))).toBe(true);
          answers++;
        } catch (error) {
          if (!(error instanceof Finding)) throw error;
          findings++;
        }
      }
      expect(memory.u8.subarray(0, 65_536).every((byte) => byte === 0)).toBe(true);
      expect(memory.u8.subarray(readOnly, readOnly + 256).every((byte) => byte === 0x5a)).toBe(true);
    }),
    { numRuns: 30 },
  );
  // neither kind of end is rare: the calls reach deep, and are wild
  expect(Math.min(answers, findings) / (answers + findings)).toBeGreaterThan(0.1);
});
