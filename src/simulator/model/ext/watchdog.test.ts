// When a task has waited for too long, and who is named. Truth: check_rq_for_timeouts(), scx_watchdog_workfn(), set_task_runnable(), clr_task_runnable()
// in kernel/sched/ext.c, v6.18, with HZ=250: a jiffy is 4 ms, and the work item is due in half the timeout.

import { expect, test } from 'vitest';
import { extWorld, global, ms } from '../../../../test/simulator/ext-world.ts';
import { taskStruct } from '../../kernel/structs.ts';
import { setNice } from '../changes.ts';

const oneCpu = { shape: { cpus: 1 } };
const held = { ops: { enqueue: () => {} } };

test('a task that nobody runs ends the policy at the first look after the timeout', () => {
  const w = extWorld({ ...oneCpu, ...held, timeoutMs: 2000 });
  w.add({ runNs: ms, startNs: 10 * ms });
  w.run(2999 * ms);
  expect(w.exit()).toBe('');
  w.run(3000 * ms);
  // since jiffy 2; looks at 1, 2 and 3 s
  expect(w.exit()).toBe('1026: A[1000] failed to run for 2.992s');
});

test('the timeout is rounded up to jiffies, half of it down', () => {
  const w = extWorld({ ...oneCpu, ...held, timeoutMs: 10 });
  w.add({ runNs: ms });
  // 3 jiffies; looks with every one; the fourth is later than 3
  w.run(15 * ms);
  expect(w.exit()).toBe('');
  w.run(16 * ms);
  expect(w.exit()).toBe('1026: A[1000] failed to run for 0.016s');
});

test('being taken out and put back does not begin a new wait; running does', () => {
  const w = extWorld({ ...oneCpu, ...held, timeoutMs: 2000 });
  const a = w.add({ runNs: ms });
  w.run(1500 * ms);
  setNice(w.core, a, 1);
  expect(w.ext.watchdog.since(a)).toBe(0);
  w.core.deactivate(0, a, 1); // even sleep does not
  w.core.activate(0, a, 1);
  expect(w.ext.watchdog.since(a)).toBe(0);
  w.run(3000 * ms);
  expect(w.exit()).toBe('1026: A[1000] failed to run for 3.000s');
  const other = extWorld({ ...oneCpu, ops: { enqueue: (k, p) => k.insert(p, global) }, timeoutMs: 20 });
  const b = other.add({ runNs: 1000 * ms });
  other.add({ runNs: 1000 * ms });
  other.run(500 * ms);
  expect(other.exit()).toBe(''); // each runs every 40 ms, and waits for 20
  expect(other.ext.watchdog.since(b)).toBe(other.memory.get(b, taskStruct.offsets.scxRunnableAt));
});

test('of several the first on the first CPU is named', () => {
  const w = extWorld({
    shape: { cpus: 2 },
    ops: { select_cpu: (_k, _p, prev) => prev, enqueue: () => {} },
    timeoutMs: 100,
  });
  w.add({ runNs: ms, startCpu: 1, affinity: [1] });
  const b = w.add({ runNs: ms });
  w.add({ runNs: ms, startNs: 1 });
  w.run(10 * ms);
  setNice(w.core, b, 1); // B goes to the end of the list
  w.run(200 * ms);
  // looks at 48, 96 and 144 ms
  expect(w.exit()).toBe('1026: C[1002] failed to run for 0.144s');
});
