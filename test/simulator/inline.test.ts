// What translated code says itself instead of calling is what the calls give: whole policies, recorded (then every call is made) and not; and maps, whatever
// happens to them.
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createHelpers } from '../../src/simulator/helpers/table.ts';
import { taskStride, taskStruct } from '../../src/simulator/kernel/structs.ts';
import { ArrayMap } from '../../src/simulator/maps/array.ts';
import type { SimMap } from '../../src/simulator/maps/map.ts';
import { StorageMap } from '../../src/simulator/maps/storage.ts';
import { type Binding, instantiate } from '../../src/simulator/program/instance.ts';
import type { Linked } from '../../src/simulator/program/link.ts';
import { words } from '../../src/simulator/program/words.ts';
import { costProfiles, Simulator } from '../../src/simulator/simulate.ts';
import { expand } from '../../src/workload/expand.ts';
import { libraryNames, standardWorkloads } from '../conformance/library.ts';
import { aluR, assemble, exit, helper, imm64 } from '../jit/assembler.ts';
import { policyFile, root } from '../support/paths.ts';
import { helperLab } from './helpers.ts';
import { shape } from './maps.ts';

const objects = new Map([
  ...libraryNames.map((name) => [name, policyFile(name)] as const),
  ...['journal', 'groups'].map((name) => [name, `${root}/test/conformance/objects/${name}.bpf.o`] as const),
]);

describe.each([...objects])('%s', (_, file) => {
  it.each(['web-poisson', 'pipes'])('%s', (name) => {
    const simulator = new Simulator();
    const expansion = expand(standardWorkloads.find((one) => one.name === name)!, { seed: 1, cpus: 4 });
    const run = (more: object) =>
      simulator.run({
        ...{ expansion, shape: { cpus: 4, llcs: 2 }, costs: costProfiles.hardware, mode: 'checked', seed: 1 },
        ...{ startOffsetNs: 0, pidOffset: 0, limitNs: 2e8, timeoutMs: 5000 },
        ...{ policy: { object: readFileSync(file), maps: [] }, ...more },
      });
    const plain = run({});
    expect(plain.switches).toBeGreaterThan(100);
    expect(run({ calls: [] })).toEqual(plain);
  });
});

/** Helper 1 or 156 on a map with r2, as translated code and as the helper alone; a finding is its text. */
function twoWays(map: (lab: ReturnType<typeof helperLab>) => SimMap, number: number) {
  const lab = helperLab();
  const { memory } = lab.maps;
  const resultHigh = memory.allocate(words.bytes, 'none');
  const owners = memory.allocate(100 * taskStride, 'none', taskStride);
  memory.i32[(resultHigh + words.tasks) >>> 2] = owners;
  const aliveAt = (owner: number): number => (owners + owner * taskStride + taskStruct.offsets.cpusPtr) >>> 2;
  const taskOf = (address: number): number => {
    const owner = (address - owners) / taskStride;
    return Number.isInteger(owner) && owner >= 0 && owner < 100 && memory.i32[aliveAt(owner)] !== 0
      ? owner
      : -1;
  };
  const made = lab.add(map(lab));
  const native = createHelpers({ ...lab.world, resultHigh, taskOf }, lab.timers)[number]!;
  let calls = 0;
  const run = (...args: number[]): number => {
    calls++;
    return native.run(...args);
  };
  const code = assemble(aluR('mov', 64, 2, 1), imm64(1, BigInt(made.handle)), helper(number), exit);
  const linked: Linked = {
    ...{ functions: [code], names: ['f'], entries: new Map([['f', 0]]), callbacks: [], ops: new Map() },
    ...{ poisoned: [], missing: [], skipped: [], calleeName: () => 'it', sourceOf: () => undefined },
  };
  const stack = memory.allocate(1024, 'write', 1024);
  const start = (isPlain: boolean) => {
    const binding: Binding = {
      ...{ memory, mode: 'checked', budget: 1000, resultHigh, stack, isPlain },
      native: () => ({ ...native, run }),
      mapAt: (handle) => (handle === made.handle ? made : undefined),
    };
    return instantiate(linked, binding, 'f').entries.get('f')!;
  };
  const textOr = (what: () => number): number | string => {
    try {
      return what() | 0;
    } catch (error) {
      return (error as Error).message;
    }
  };
  const [plain, watched] = [start(true), start(false)];
  const more = native.params.length > 2 ? [0, 0, 0] : [];
  return {
    ...{ lab, made, memory, owners, aliveAt },
    inCode: (second: number) => textOr(() => plain(second)),
    inWatchedCode: (second: number) => textOr(() => watched(second)),
    alone: (second: number) => textOr(() => native.run(made.handle, second | 0, ...more)),
    calls: () => calls,
  };
}

it.each([false, true])('lookups in an array, per CPU: %s', (perCpu) => {
  const { lab, memory, inCode, inWatchedCode, alone, calls } = twoWays(
    ({ maps }) =>
      new ArrayMap(
        shape(perCpu ? 'percpu_array' : 'array', { valueSize: 20, maxEntries: 5 }),
        maps,
        [],
        perCpu,
      ),
    1,
  );
  const key = memory.allocate(4, 'read');
  lab.cpu = 2;
  for (const index of [0, 1, 4, 5, -1]) {
    memory.i32[key >>> 2] = index;
    expect(inCode(key)).toBe(alone(key));
    expect(alone(key) !== 0).toBe(index >= 0 && index < 5);
  }
  expect(calls()).toBe(perCpu ? 5 : 0);
  const before = calls();
  expect(inWatchedCode(key)).toBe(alone(key));
  expect(calls()).toBe(before + 1);
  for (const bad of [0, key + 1, key - 1, -4, memory.limit]) {
    expect(inCode(bad)).toBe(alone(bad));
    expect(inCode(bad)).toMatch(
      /^bpf_map_lookup_elem: r2 is 0x[0-9a-f]+, not the address of 4 readable bytes$/,
    );
  }
});

it('what tasks have, while tasks and what they have come and go', () => {
  const act = fc.record({
    what: fc.constantFrom('make', 'drop', 'live', 'die'),
    owner: fc.constantFrom(0, 1, 63, 64, 99),
    crooked: fc.constantFrom(0, 0, 0, 8, 128),
  });
  fc.assert(
    fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
      const { made, memory, owners, aliveAt, inCode, alone, calls } = twoWays(
        ({ maps }) => new StorageMap(shape('task_storage', { valueSize: 12 }), maps, []),
        156,
      );
      const map = made as StorageMap;
      let mostCalls = 0;
      for (const { what, owner, crooked } of acts) {
        if (what === 'make') map.of(owner, true);
        else if (what === 'drop') map.dropOwner(owner);
        else memory.i32[aliveAt(owner)] = what === 'live' ? 1 : 0;
        for (const address of [owners + owner * taskStride + crooked, owners - taskStride, 0, -1]) {
          const expected = alone(address);
          if (typeof expected === 'string' || expected === 0) mostCalls++;
          expect(inCode(address)).toBe(expected);
        }
      }
      expect(calls()).toBe(mostCalls);
    }),
    { numRuns: 30 },
  );
});
