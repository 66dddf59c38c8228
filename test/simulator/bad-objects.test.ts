// Objects that no kernel would load, and damaged ones. Each ends in a finding that says where, or in a fault that says where; never in a crash, a hang or
// more memory than the simulator has.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { patchParameters } from '../../src/bpf/parameters.ts';
import { Fault } from '../../src/core/errors.ts';
import { createRandom } from '../../src/lib/random.ts';
import { costProfiles, type Simulated, Simulator } from '../../src/simulator/simulate.ts';
import { expand } from '../../src/workload/expand.ts';
import { workload } from '../conformance/case.ts';
import { libraryNames } from '../conformance/library.ts';
import { policyFile, root } from '../support/paths.ts';

const simulator = new Simulator();
const tasks = expand(workload('few', { groups: [{ name: 'few', count: 3, phases: [{ run: '30ms' }] }] }), {
  seed: 1,
  cpus: 2,
});

function run(object: Uint8Array): Simulated {
  return simulator.run({
    ...{ expansion: tasks, shape: { cpus: 2 }, costs: costProfiles.free, mode: 'checked', seed: 1 },
    ...{ startOffsetNs: 0, pidOffset: 0, limitNs: 50_000_000, timeoutMs: 1000, policy: { object, maps: [] } },
  });
}

const bad = (name: string): Uint8Array => readFileSync(`${root}/test/simulator/bad-objects/${name}.bpf.o`);
const source = readFileSync(`${root}/test/simulator/bad-objects/faults.bpf.c`, 'utf8').split('\n');
/** Where in the source the text stands: "faults.bpf.c:47". */
const lineOf = (text: string): string =>
  `faults.bpf.c:${source.findIndex((line) => line.includes(text)) + 1}`;

describe('a finding names instruction and source line', () => {
  it.each([
    [1, 'write to address', '/* beyond the section */'],
    [2, 'read of address 0x0, which is not allowed (null, or near it)', '/* there is none */'],
    [3, 'more than 1000000 instructions in one callback', '/* for ever */'],
    [4, 'read of address 0xdead', '/* nowhere */'],
    [5, 'write to address', '/* read only */'],
    [6, 'read of address', '/* beyond the frame */'],
    [7, 'write to address', '/* not for policies to write */'],
    [8, 'read of address', '/* beyond the task */'],
  ])('fault %i: %s', (fault, message, comment) => {
    const { finding } = run(patchParameters(bad('faults'), { fault }));
    expect(finding).toMatchObject({ code: 'bad-program', message: expect.stringContaining(message) });
    expect(finding!.place).toMatch(/^in bad_enqueue at instruction \d+ \(/);
    expect(finding!.place).toContain(lineOf(comment));
  });

  it('without a fault it runs', () => {
    expect(run(bad('faults')).finding).toBeUndefined();
  });

  it.each([
    ['recursion', 'recursion', 'in down at instruction', 'recursion.bpf.c:7'],
    ['deep', 'stack overflow', 'in level8 at instruction', 'deep.bpf.c'],
  ])('%s', (name, message, where, line) => {
    const { finding } = run(bad(name));
    expect(finding).toMatchObject({ code: 'bad-program', message });
    expect(finding!.place).toContain(where);
    expect(finding!.place).toContain(line);
  });

  it('a map larger than the memory', () => {
    const { finding, events } = run(bad('huge-map'));
    const text = `${finding?.message} ${JSON.stringify(events)}`;
    expect(text).toContain('map counts needs');
  });
});

/** What came of it; throws whatever is neither a run nor a fault with its place. */
function outcome(object: Uint8Array): 'ran' | 'finding' | 'fault' | 'unloadable' {
  try {
    const { finding, events } = run(object);
    if (finding !== undefined) return 'finding';
    return events.some((one) => one.event === 'load' && !one.ok) ? 'unloadable' : 'ran';
  } catch (error) {
    if (error instanceof Fault && error.where !== undefined && error.where !== '') return 'fault';
    throw error;
  }
}

describe('damaged objects', () => {
  it.each(libraryNames)('%s cut short', { timeout: 120_000 }, (name) => {
    const object = readFileSync(policyFile(name));
    for (let length = 0; length < object.length; length += 1 + (length >> 5)) {
      const what = outcome(object.subarray(0, length));
      expect(what, `${length} bytes`).toBe('fault');
    }
  });

  const cases = Number(process.env.SCHEDCP_DAMAGED_OBJECTS ?? 150);
  const firstSeed = Number(process.env.SCHEDCP_DAMAGED_SEED ?? 0);

  it.each(libraryNames)(`%s with bytes changed, ${cases} times`, { timeout: 3_600_000 }, (name) => {
    const object = readFileSync(policyFile(name));
    const counts = { ran: 0, finding: 0, fault: 0, unloadable: 0 };
    for (let seed = firstSeed; seed < firstSeed + cases; seed++) {
      const from = performance.now();
      try {
        counts[outcome(damaged(object, seed))]++;
      } catch (error) {
        throw new Error(`${name}, seed ${seed}`, { cause: error });
      }
      expect(performance.now() - from, `ms, seed ${seed}`).toBeLessThan(20_000);
    }
    // damage of every depth was done
    const text = JSON.stringify(counts);
    for (const count of [counts.ran, counts.finding, counts.fault])
      expect(count, text).toBeGreaterThan(cases / 30);
  });
});

/** One to three bytes are others, half of the time in the code. */
function damaged(object: Uint8Array, seed: number): Uint8Array {
  const random = createRandom(seed);
  const copy = new Uint8Array(object); // slice() of a Buffer is no copy
  for (let n = random.below(3); n >= 0; n--) {
    const at = random.below(2) === 0 ? 64 + random.below(4096) : random.below(copy.length);
    copy[at] = random.below(2) === 0 ? copy[at]! ^ (1 << random.below(8)) : random.below(256);
  }
  return copy;
}
