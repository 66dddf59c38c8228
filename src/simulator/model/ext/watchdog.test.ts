// When a task has waited for too long, and who is named. Truth: check_rq_for_timeouts(), scx_watchdog_workfn(), set_task_runnable(), clr_task_runnable()
// in kernel/sched/ext.c, v6.18, with HZ=250: a jiffy is 4 ms, and the work item is due in half the timeout, rounded up as kernel/time/timer.c does: delays
// of 63 jiffies to the next multiple of 8, of 504 to that of 64, shorter ones by one jiffy.

import { expect, test } from 'vitest';
import { extWorld, global, ms } from '../../../../test/simulator/ext-world.ts';
import { taskStruct } from '../../kernel/structs.ts';
import { setNice } from '../changes.ts';

const oneCpu = { shape: { cpus: 1 } };
const held = { ops: { enqueue: () => {} } };

test('a task that nobody runs ends the policy at the first look after the timeout', () => {
  const w = extWorld({ ...oneCpu, ...held, timeoutMs: 2000 });
  w.add({ runNs: ms, startNs: 10 * ms });
  w.run(2047 * ms);
  expect(w.exit()).toBe('');
  w.run(2048 * ms);
  // since jiffy 2; 500 jiffies, looks at 256 and 512 (of 250 and 506)
  expect(w.exit()).toBe('1026: A[1000] failed to run for 2.040s');
});

test.each([
  // 7500 jiffies, looks at 3776 (3750), 7552 (7526) and 11328 (11302)
  { timeoutMs: 30_000, startMs: 50, foundMs: 30_208 },
  { timeoutMs: 30_000, startMs: 220, foundMs: 45_312 },
  // 1250: 640 (625), 1280 (1265) and 1920 (1905)
  { timeoutMs: 5000, startMs: 50, foundMs: 5120 },
  // 500: 256 (250), 512 (506) and 768 (762)
  { timeoutMs: 2000, startMs: 47, foundMs: 2048 },
  { timeoutMs: 2000, startMs: 48, foundMs: 3072 },
])('of $timeoutMs ms: a task that is lost after $startMs ms is found at $foundMs', (at) => {
  const w = extWorld({ ...oneCpu, ...held, timeoutMs: at.timeoutMs });
  w.add({ runNs: ms, startNs: at.startMs * ms });
  w.run((at.foundMs - 1) * ms);
  expect(w.exit()).toBe('');
  w.run(at.foundMs * ms);
  const waitedMs = at.foundMs - 4 * Math.floor(at.startMs / 4);
  expect(w.exit()).toBe(`1026: A[1000] failed to run for ${(waitedMs / 1000).toFixed(3)}s`);
});

test('the timeout is rounded up to jiffies, half of it down', () => {
  const w = extWorld({ ...oneCpu, ...held, timeoutMs: 10 });
  w.add({ runNs: ms });
  // 3 jiffies; looks with every second one; the fourth is later than 3
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
  w.run(2048 * ms);
  expect(w.exit()).toBe('1026: A[1000] failed to run for 2.048s');
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
  // looks at 52 and 104 ms
  expect(w.exit()).toBe('1026: C[1002] failed to run for 0.104s');
});
