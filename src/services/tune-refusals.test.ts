// What tune refuses: before anything runs, with the code and the words that help.

import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { faultOf } from '../../test/linux/support.ts';
import { fixedWorld, root } from '../../test/services/fixed-world.ts';
import { few } from '../../test/services/told.ts';
import { tuneInput } from './schemas.ts';

describe('tune', () => {
  it.each<[string, object, string, RegExp]>([
    ['a parameter just below', { policies: ['fifo?slice_ns=999999'] }, 'malformed', /outside/],
    ['a parameter just above', { policies: ['fifo?slice_ns=1000000001'] }, 'malformed', /outside/],
    ['an unknown policy', { policies: ['nope'] }, 'not-found', /classes, deadline, fifo/],
    ['a policy with parameters it has not', { policies: ['fifo?nope=1'] }, 'not-found', /it has: slice_ns/],
    [
      'a parameter out of bounds',
      { policies: ['fifo?slice_ns=1'] },
      'malformed',
      /outside 1000000\.\.1000000000/,
    ],
    [
      'a parameter beyond every bound',
      { policies: ['fifo?slice_ns=99999999999999999999'] },
      'malformed',
      /outside/,
    ],
    [
      'a program for the simulator',
      { workload: 'hackbench', machine: 'simulator' },
      'unsupported',
      /tune --workload hackbench/,
    ],
    [
      'an unknown parameter of a file',
      { policies: [join(root, 'policies/fifo/fifo.bpf.o?x=1')] },
      'not-found',
      /slice_ns/,
    ],
    ['a file that is not there', { policies: ['./nope.bpf.o'] }, 'not-found', /nope\.bpf\.o/],
    ['a file that is no object', { policies: [join(root, 'package.json')] }, 'malformed', /ELF/],
    ['source that does not compile', { policies: ['./x.bpf.c'] }, 'malformed', /does not compile/],
    ['unknown settings', { settings: ['nope'] }, 'not-found', /slice-short, slice-long, batch/],
    ['the same settings twice', { settings: ['batch', 'batch'] }, 'malformed', /same id/],
    ['nothing to compare', { settings: ['none'], policies: ['none'] }, 'malformed', /nothing to compare/],
    ['an unknown workload', { workload: 'nope' }, 'not-found', /long-tail/],
    ['an unknown metric', { metric: 'nope' }, 'not-found', /there are: makespanNs, latencyNsP50:SERIES/],
    ['a metric without its series', { metric: 'latencyNsP99' }, 'not-found', /latencyNsP99:SERIES/],
    [
      'hints for a command',
      { workload: undefined, command: ['true'], policies: ['length+hints'] },
      'unsupported',
      /declared workloads only/,
    ],
    [
      'a missing command',
      { workload: undefined, command: ['no-such-program'] },
      'not-found',
      /no-such-program/,
    ],
    [
      'more CPUs than there are, for a command',
      { workload: undefined, command: ['true'], cpus: 8 },
      'unsupported',
      /--cpus 4/,
    ],
  ])('refuses %s', async (_, input, code, said) => {
    const fixed = fixedWorld();
    const fault = await faultOf(() => fixed.call('tune', { ...few, ...input }));
    expect(fault.code).toBe(code);
    expect(`${fault.message} ${fault.next ?? ''}`).toMatch(said);
    expect(fixed.machine.ran).toEqual([]);
  });

  it.each<[string, object, RegExp]>([
    ['neither', {}, /nothing to run/],
    ['a parameter that is no number', { workload: 'w', policies: ['fifo?slice_ns=2ms'] }, /NAME=INTEGER/],
    ['CPUs that do not divide', { workload: 'w', cpus: 4, llcs: 3 }, /4 CPUs do not divide/],
    ['an empty command', { command: [] }, /nothing to run/],
    ['both', { workload: 'long-tail', command: ['true'] }, /not both/],
    ['a pattern that is none', { command: ['true'], patterns: { x: '(' } }, /no regular expression/],
    ['a pattern without a group', { command: ['true'], patterns: { x: '\\d+' } }, /group/],
    ['a pattern without end', { command: ['true'], patterns: { x: `(${'a'.repeat(500)})` } }, /500/],
    ["a pattern with a metric's name", { command: ['true'], patterns: { elapsedNs: '(a)' } }, /metric/],
    [
      'a pattern with a hostile name',
      { command: ['true'], patterns: JSON.parse('{"constructor x":"(a)"}') },
      /name/,
    ],
    ['a seed beyond its bounds', { workload: 'w', seed: 2 ** 32 }, /seed|4294967295/],
    ['too little memory', { workload: 'w', memory: 1 }, /256/],
    ['settings out of bounds', { workload: 'w', settings: [{ nice: 40 }] }, /settings|Invalid/],
  ])('as input refuses %s', (_, input, said) => {
    const parsed = tuneInput.safeParse(input);
    expect(parsed.success).toBe(false);
    expect(JSON.stringify(parsed.error?.issues)).toMatch(said);
  });
});
