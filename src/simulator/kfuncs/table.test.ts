// Which kfuncs there are. Truth: the BTF of kernel 6.18 (kernel/linux-6.18.ts), and what 33 known schedulers use.

import { expect, test } from 'vitest';
import { assemble, exit, kfunc } from '../../../test/jit/assembler.ts';
import { kfuncTest } from '../../../test/simulator/kfunc-world.ts';
import { linux6_18 } from '../kernel/versions.ts';
import { instantiate, SimFinding } from '../program/instance.ts';
import type { Linked } from '../program/link.ts';
import { lackingKfuncs } from './table.ts';

const { kfuncs } = kfuncTest().table;
/** All sets that sched_ext registers: any, unlocked, select_cpu, enqueue, dispatch, cpu_release, idle. */
const schedExt = [...linux6_18.kfuncs.keys()].filter((name) => /^(scx_bpf_|bpf_iter_scx_)/.test(name));

test('every kfunc of sched_ext is there, or named as lacking', () => {
  expect(schedExt.length).toBeGreaterThan(45);
  expect(schedExt.filter((name) => !(name in kfuncs) && !(name in lackingKfuncs))).toEqual([]);
});

test('none that 6.18 has not', () => {
  for (const name of [...Object.keys(kfuncs), ...Object.keys(lackingKfuncs)])
    expect(linux6_18.kfuncs.has(name), name).toBe(true);
});

test('none is both there and lacking', () => {
  expect(Object.keys(lackingKfuncs).filter((name) => name in kfuncs)).toEqual([]);
});

test('arguments come as many as the kernel’s prototype has', () => {
  for (const [name, { params }] of Object.entries(kfuncs)) {
    const signature = linux6_18.kfuncs.get(name)!.replace(/^(v|i|p.)/, '');
    expect(params.length, name).toBe(signature.replace(/p./g, 'p').length);
  }
});

test.each(Object.keys(lackingKfuncs))('%s ends a simulation that calls it as unsupported', (name) => {
  const { world } = kfuncTest();
  const linked: Linked = {
    functions: [assemble(kfunc(0), exit)],
    names: ['init'],
    entries: new Map([['init', 0]]),
    callbacks: [],
    calleeName: () => name,
    ops: new Map(),
    poisoned: [],
    sourceOf: () => undefined,
    missing: [],
    skipped: [],
  };
  const program = instantiate(
    linked,
    {
      memory: world.memory,
      mode: 'checked',
      budget: 100,
      resultHigh: world.resultHigh,
      stack: world.memory.allocate(4096, 'write', 1024),
      native: (what, wanted) => (what === 'kfunc' ? kfuncs[wanted] : undefined),
    },
    'test',
  );
  const run = (): unknown => program.entries.get('init')!(world.memory.allocate(64, 'read'));
  expect(run).toThrow(SimFinding);
  expect(run).toThrow(`${name} is not modelled`);
  try {
    run();
  } catch (error) {
    expect(error).toMatchObject({ code: 'unsupported' });
  }
});
