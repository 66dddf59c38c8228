// A task uses the CPU time that its RUNs say, in long runs and in short ones, alone and in a crowd: what every makespan stands on. The
// kernel's own account of the thread is the measure. In deterministic mode only: in fast mode the time in which the host preempts an
// emulated CPU counts as the guest's.

import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { declared, defaultArm, experiment, type Lab, openLab, policyArm } from '../support/lab.ts';
import { root } from '../support/paths.ts';

const [us, ms] = [1000, 1_000_000];

/** `excessNs`: what a task may use beyond its RUNs. Starting and ending cost 20 µs; so does a task alone, whatever its number of RUNs. */
const cases = [
  { name: 'one long run', count: 1, phases: [{ run: '50ms' }], runNs: 50 * ms, excessNs: 60 * us },
  {
    name: '400 runs of 50 µs',
    count: 1,
    phases: [{ loop: 400, phases: [{ run: '50us' }] }],
    runNs: 20 * ms,
    excessNs: 60 * us,
  },
  {
    // A sleep costs its task 11 to 13 µs: a system call, a timer, two switches.
    name: '100 runs with sleeps between',
    count: 1,
    phases: [{ loop: 100, phases: [{ run: '100us' }, { sleep: '100us' }] }],
    runNs: 10 * ms,
    excessNs: 1500 * us,
  },
  {
    // Emulated CPUs take turns of up to a quarter of a tick (4 ms), and time goes on in all of them: whoever ends while the three others have
    // their turns has used these.
    name: 'eight at once',
    count: 8,
    phases: [{ run: '20ms' }],
    runNs: 20 * ms,
    excessNs: 3 * ms + 60 * us,
  },
];

let lab: Lab;
beforeAll(async () => {
  lab = await openLab();
});
afterAll(() => lab.close());

describe.each(['default', 'fifo'])('under %s', (policy) => {
  it.each(cases)('$name', async ({ count, phases, runNs, excessNs }) => {
    const text = JSON.stringify({
      kind: 'declared',
      name: 'work',
      description: 'Runs of known length.',
      goal: { metric: 'makespanNs', direction: 'lower' },
      jitter: { work: 0 },
      groups: [{ name: 'worker', count, phases }],
    });
    const object = (): Uint8Array => readFileSync(`${root}/policies/${policy}/${policy}.bpf.o`);
    const arm = policy === 'default' ? defaultArm : await policyArm(lab, policy, object());
    const wish = { arm, workload: await declared(lab, text, 1, 4) };
    const { finding, timeline } = await lab.vm.run(experiment(lab, wish));
    expect(finding).toBeNull();
    expect(timeline).toHaveLength(count);
    for (const { task, cpuNs } of timeline) {
      expect(cpuNs, task).toBeGreaterThanOrEqual(runNs);
      expect(cpuNs, task).toBeLessThanOrEqual(runNs + excessNs);
    }
  });
});
