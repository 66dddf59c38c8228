// A declared workload as a trace: reasons, wakers and times are known, because the workload says them.

import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ended, stillRunnable, type Trace, traceKinds, wakeCauses } from '../../src/core/trace.ts';
import type { WorkloadFile } from '../../src/core/workload.ts';
import { openSimulator } from '../../src/machines/simulator.ts';
import { eventText, traceText } from '../../src/traces/view.ts';
import { expand } from '../../src/workload/expand.ts';
import { parseWorkload } from '../../src/workload/read.ts';
import { workload } from '../conformance/case.ts';
import { libraryArm } from '../conformance/library.ts';
import { type ArmWish, byDefault, experimentOf, memoryBlobs, type Subject } from '../conformance/subject.ts';
import { root } from '../support/paths.ts';

const blobs = memoryBlobs();
const machine = openSimulator(blobs);
const subjectOf = (costs: 'free' | 'hardware' | 'tcg'): Subject => ({
  ...{ name: 'simulator', kernel: '6.18', machine, blobs, memoryMiB: 0 },
  reference: machine.reference(costs),
  exact: machine.reference(costs),
});

async function recorded(
  file: WorkloadFile,
  cpus: number,
  { arm = byDefault, costs = 'free' as 'free' | 'hardware' | 'tcg' } = {},
) {
  const subject = subjectOf(costs);
  return machine.recordTrace(
    await experimentOf(subject, { workload: file, arm, cpus, seed: 1, limitMs: 60_000 }),
  );
}

it('says what each waits for, who wakes it, and when', async () => {
  const file = workload('said', {
    groups: [
      {
        name: 'boss',
        count: 1,
        phases: [
          { run: '1ms' },
          { fork: 'hand' },
          { run: '1ms' },
          { signal: 'go' },
          { sleep: '5ms' },
          { join: 'hand' },
        ],
      },
      { name: 'hand', phases: [{ wait: 'go' }, { run: '9ms' }] },
    ],
  });
  const { trace } = await recorded(file, 1);
  await expect(traceText(trace)).toMatchFileSnapshot('golden/simulated-said.txt');
});

const files = readdirSync(`${root}/workloads`).filter((name) => name.endsWith('.json'));
const settings: [string, { arm?: ArmWish; costs?: 'free' | 'hardware' | 'tcg' }][] = [
  ['default', {}],
  ['default, with costs', { costs: 'hardware' }],
  ['default, emulated', { costs: 'tcg' }],
  ['vtime', { arm: libraryArm('vtime') }],
];

describe.each(files)('%s', (name) => {
  const file = parseWorkload(readFileSync(`${root}/workloads/${name}`, 'utf8'), name);
  it.each(settings)('%s: adds up to what the outcome says', async (_name, setting) => {
    const { trace, outcome } = await recorded(file, 2, setting);
    expect(outcome.finding).toBeNull();
    checkOrder(trace);
    const { ran, delay } = sums(trace);
    const { tasks } = expand(file, { seed: 1, cpus: 2 });
    expect(outcome.timeline.length).toBe(tasks.length);
    outcome.timeline.forEach((row, i) => {
      if (tasks[i]!.background) return;
      expect([row.task, ran[i], delay[i]]).toEqual([row.task, row.cpuNs, row.delayNs]);
    });
  });
});

/** No task runs twice at once, runs without having been woken, or leaves a CPU that it does not have. */
function checkOrder(trace: Trace): void {
  const on = new Int32Array(trace.cpus).fill(-1);
  const state = new Array<string>(trace.tasks.length).fill('unborn');
  const must = (holds: boolean, i: number): void => {
    if (!holds) expect.fail(eventText(trace, i));
  };
  for (let i = 0; i < trace.count; i++) {
    const [task, other, cpu, detail] = [trace.task[i]!, trace.other[i]!, trace.cpu[i]!, trace.detail[i]!];
    if (trace.kind[i] === traceKinds.switch) {
      must(on[cpu] === task && (task < 0 || state[task] === 'running'), i);
      must(task >= 0 || other >= 0, i);
      on[cpu] = other;
      if (task >= 0) state[task] = detail === stillRunnable ? 'ready' : detail === ended ? 'gone' : 'waits';
      must(other < 0 || state[other] === 'ready', i);
      if (other >= 0) state[other] = 'running';
    } else if (trace.kind[i] === traceKinds.fork) {
      must(state[task] === 'unborn' && on[cpu] === other, i);
      state[task] = 'ready';
    } else if (trace.kind[i] === traceKinds.wake) {
      must(state[task] === 'waits' || state[task] === 'unborn', i);
      must(wakeCauses[detail] !== 'task' || on[cpu] === other, i);
      state[task] = 'ready';
    }
  }
}

/** By task, from its start to its exit. */
function sums(trace: Trace) {
  const ran = new Float64Array(trace.tasks.length);
  const delay = new Float64Array(trace.tasks.length);
  const since = new Float64Array(trace.tasks.length);
  const isOn = new Uint8Array(trace.tasks.length);
  for (let i = 0; i < trace.count; i++) {
    const [task, other, at] = [trace.task[i]!, trace.other[i]!, trace.atNs[i]!];
    if (trace.kind[i] === traceKinds.wake && wakeCauses[trace.detail[i]!] === 'start')
      ran[task] = delay[task] = 0;
    if (trace.kind[i] === traceKinds.wake || trace.kind[i] === traceKinds.fork) since[task] = at;
    if (trace.kind[i] === traceKinds.exit && isOn[task] === 1) {
      ran[task]! += at - since[task]!;
      isOn[task] = 0;
    }
    if (trace.kind[i] !== traceKinds.switch) continue;
    if (task >= 0 && isOn[task] === 1) {
      ran[task]! += at - since[task]!;
      isOn[task] = 0;
    }
    if (task >= 0) since[task] = at;
    if (other < 0) continue;
    delay[other]! += at - since[other]!;
    since[other] = at;
    isOn[other] = 1;
  }
  return { ran, delay };
}
