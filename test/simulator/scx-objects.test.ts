// Compiled schedulers of others, run unmodified: SCHEDCP_SCX_OBJECTS names a directory of *.bpf.o files (docs/scx-objects.md says how to get some). Each runs
// a few workloads on one CPU and on four, and after every event the model must be in order. What a scheduler needs its userspace half for may
// end its run, in the kernel's words; what is not modelled is named; nothing else may go wrong.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { costProfiles, type SimulationInput, Simulator } from '../../src/simulator/simulate.ts';
import { expand } from '../../src/workload/expand.ts';
import { parseWorkload } from '../../src/workload/read.ts';
import { root } from '../support/paths.ts';
import { watchIntegrity } from './integrity.ts';

const directory = process.env.SCHEDCP_SCX_OBJECTS ?? '';
const objects = existsSync(directory)
  ? readdirSync(directory)
      .filter((name) => name.endsWith('.bpf.o'))
      .sort()
  : [];
it.skipIf(objects.length === 0)('SCHEDCP_SCX_OBJECTS names a directory with *.bpf.o files', () => {
  expect(objects).not.toEqual([]);
});

/** What the examples of the kernel's own tree (tools/sched_ext) and two of the scx project do without their userspace halves; seen on kernel 6.18, too. */
const known: Readonly<Record<string, RegExp>> = {
  scx_simple: /^ran$/,
  scx_cpu0: /^ran$/,
  // every task waits for CPU 0, whose CPU hogs are never interrupted: nr_cpu_ids says one CPU, and slice_ns is 0
  scx_central: /^ran$|failed to run for/,
  scx_prev: /^ran$/,
  // with slices of 0 and timers for one CPU
  scx_nest: /^ran$|Failed to cancel pcpu timer|failed to run for/,
  scx_userland: /User scheduler pid uninitialized/,
  scx_pair: /0 entries/,
  scx_flatcg: /bpf_obj_new_impl is not modelled/,
  scx_sdt: /maps of type arena are not modelled/,
  scx_qmap: /maps of type arena are not modelled|sched_ext_ops/,
};

const simulator = new Simulator();

/** "ran", or why not. */
function outcome(object: string, workload: string, cpus: number): string {
  const text = readFileSync(join(root, 'workloads', `${workload}.json`), 'utf8');
  let checks = (): number => 0;
  const input: SimulationInput = {
    expansion: expand(parseWorkload(text, workload), { seed: 1, cpus }),
    shape: { cpus, llcs: 1 },
    costs: costProfiles.hardware,
    mode: 'checked',
    startOffsetNs: 0,
    pidOffset: 0,
    seed: 1,
    limitNs: 60e9,
    timeoutMs: 5000,
    policy: { object: new Uint8Array(readFileSync(join(directory, object))), maps: [] },
    prepare: (model) => {
      checks = watchIntegrity(model);
    },
  };
  const { events, finding } = simulator.run(input);
  if (finding !== undefined) {
    expect(finding.code).toBe('unsupported');
    return finding.message;
  }
  const load = events.find((event) => event.event === 'load');
  if (load?.ok === false) return String(load.log);
  const exit = events.find((event) => event.event === 'exit');
  if (exit?.kind !== 64) return String(exit?.message);
  expect(events).toContainEqual({ event: 'done', status: 'ok' });
  expect(checks()).toBeGreaterThan(100);
  return 'ran';
}

const workloads = ['long-tail', 'message-worker', 'frames', 'long-tail-fork'];
const runs = workloads.flatMap((workload) => [1, 4].map((cpus) => [workload, cpus] as const));

describe.each(objects)('%s', (object) => {
  const name = object.replace(/\.bpf\.o$/, '');
  it.each(runs)('%s on %i CPUs', (workload, cpus) => {
    const how = outcome(object, workload, cpus);
    if (name in known) expect(how).toMatch(known[name]!);
    else if (how !== 'ran') console.warn(`${name}, ${workload} on ${cpus} CPUs: ${how}`);
  });
});
