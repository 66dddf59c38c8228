// How much stack a chain of calls may take: the verifier refuses what is deeper, and the simulator says so with the same numbers. The truth is check_max_stack_depth(),
// kernel/bpf/verifier.c, v6.18: frames in steps of 16 bytes, 512 together; callbacks stand above who asks for them, unless they run later.

import { expect } from 'vitest';
import { type Case, cell, completed, workload } from '../case.ts';
import { built } from '../objects.ts';
import type { Bench } from '../subject.ts';

const short = workload('short', { groups: [{ name: 'one', phases: [{ run: '2ms' }] }] });
const arm = (name: string) => ({ name, object: built(name) });

/** The verifier's words; ours name the functions. */
async function expectTooDeep(bench: Bench, name: string, calls: number, bytes: number, place: RegExp) {
  const { finding, status } = await bench.run(cell(short, 2, arm(name)));
  expect(status).toBe('failed');
  if (bench.subject.name !== 'simulator') {
    expect(finding).toMatchObject({ code: 'load-rejected' });
    expect(finding!.detail).toContain(`combined stack size of ${calls} calls is ${bytes}. Too large`);
    return;
  }
  expect(finding).toMatchObject({ code: 'bad-program' });
  expect(finding!.message).toContain(`the frames of ${calls} calls take ${bytes} bytes`);
  expect(`${finding!.message} ${finding!.detail}`).toMatch(place);
}

export const stack: readonly Case[] = [
  {
    name: 'stack: 512 bytes in three frames',
    why: '256 + 256 (248 rounded up) + nothing',
    check: async (bench) => void (await completed(bench, cell(short, 2, arm('stack-fits')))),
  },
  {
    name: 'stack: 528 bytes in three frames',
    why: '256 + 256 (248 rounded up) + 16 (8 rounded up)',
    check: (bench) => expectTooDeep(bench, 'stack-over', 3, 528, /in middle at .*stack-over\.bpf\.c:\d+/),
  },
  {
    name: 'stack: a callback above who asks for it',
    why: '256 + 272: bpf_loop() calls it from there',
    check: (bench) =>
      expectTooDeep(bench, 'stack-callback', 2, 528, /in stack_enable at .*stack-callback\.bpf\.c:\d+/),
  },
  {
    name: 'stack: a callback that runs later',
    why: 'a timer’s has a stack of its own: 256 there, 272 here',
    check: async (bench) => void (await completed(bench, cell(short, 2, arm('stack-timer')))),
  },
];
