// Code that is kept from run to run: a long-lived simulator gives what a new one gives, whatever it ran before.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { patchParameters } from '../bpf/parameters.ts';
import { expand } from '../workload/expand.ts';
import { parseWorkload } from '../workload/read.ts';
import { costProfiles, type Model, type SimulationInput, Simulator } from './simulate.ts';

const root = new URL('../../', import.meta.url);
const object = (name: string): Uint8Array => readFileSync(new URL(`policies/${name}/${name}.bpf.o`, root));
const workload = parseWorkload(readFileSync(new URL('workloads/long-tail.json', root), 'utf8'), 'long-tail');

function input(cpus: number, bytes: Uint8Array, more: Partial<SimulationInput> = {}): SimulationInput {
  return {
    expansion: expand({ ...workload, rounds: 1, warmupRounds: 0 }, { seed: 1, cpus }),
    shape: { cpus },
    costs: costProfiles.hardware,
    policy: { object: bytes, maps: [] },
    mode: 'checked',
    startOffsetNs: 0,
    pidOffset: 0,
    seed: 1,
    limitNs: 10e9,
    timeoutMs: 5000,
    ...more,
  };
}

describe('a simulator that has run before', () => {
  const vtime = object('vtime');
  const inputs: Readonly<Record<string, SimulationInput>> = {
    'a policy': input(4, vtime),
    'the same again': input(4, vtime),
    'recorded, with other kfuncs': input(4, vtime, { calls: [] }),
    'not recorded any more': input(4, vtime),
    'on more CPUs, whose copies of variables take more room': input(16, vtime),
    'in the other mode': input(4, vtime, { mode: 'fast' }),
    'with other values of its parameters': input(4, patchParameters(vtime, { slice_ns: 5_000_000n })),
    'another policy': input(4, object('fifo')),
    'and the first once more': input(4, vtime),
  };
  const old = new Simulator(2 ** 23);
  for (const [what, one] of Object.entries(inputs))
    it(`gives the same for ${what}`, () => {
      const { calls } = one;
      const simulated = old.run(one);
      const recorded = calls?.splice(0);
      expect(new Simulator(2 ** 23).run(one)).toEqual(simulated);
      expect(calls).toEqual(recorded);
    });

  it('has code ready for an object in the same mode only', () => {
    const programOf = (mode: SimulationInput['mode']): unknown => {
      let program: unknown;
      const prepare = (model: Model): void => {
        program = model.ext!.scx.ops.program;
      };
      old.run(input(4, vtime, { mode, prepare }));
      return program;
    };
    const checked = programOf('checked');
    expect(programOf('checked')).toBe(checked);
    expect(programOf('fast')).not.toBe(checked);
  });

  it('sees that the bytes it was given have changed since', () => {
    const bytes = new Uint8Array(vtime);
    const young = new Simulator(2 ** 23);
    const before = young.run(input(4, bytes));
    bytes.set(patchParameters(vtime, { slice_ns: 5_000_000n }));
    const after = young.run(input(4, bytes));
    expect(after.switches).toBeGreaterThan(before.switches);
  });
});
