// SCX_KICK_WAIT: who asked waits, with interrupts off, until the other CPU has been through the scheduler. Truth: kick_one_cpu(), kick_cpus_irq_workfn(), pick_task_scx(),
// put_prev_task_scx() in kernel/sched/ext.c, v6.18.15. A request reaches another CPU after 1 µs here; nothing else takes time.

import { expect, test } from 'vitest';
import { type ExtWorld, extWorld, kick, ms } from '../../../../test/simulator/ext-world.ts';
import { classNumber } from '../flags.ts';

const us = 1000;

interface Watched extends ExtWorld {
  /** "B ends at 10.001": what leaves a CPU for idle. */
  readonly ends: string[];
  /** "4 A": ticks that ops.tick has heard of. */
  readonly ticks: string[];
}

/** At the tick at 4 ms ops.tick of each task does this. */
function atTick(kicks: Readonly<Record<string, (k: ExtWorld) => void>>, cpus = 2): Watched {
  const ticks: string[] = [];
  const ends: string[] = [];
  const w: ExtWorld = extWorld({
    shape: { cpus },
    costs: { ipiNs: 1 * us },
    ops: {
      tick: (_k, task) => {
        const { now } = w.core;
        ticks.push(`${now / ms} ${w.name(task!)}`);
        if (now === 4 * ms) kicks[w.name(task!)]?.(w);
      },
    },
  });
  w.core.recorder = {
    switched: (_cpu, prev, next, at) => {
      if (prev >= 0 && next < 0) ends.push(`${w.name(prev)} ends at ${at / ms}`);
    },
    woke: () => {},
  };
  return { ...w, ends, ticks };
}
/** The kernel has something to do on a CPU until then. */
function atWork({ core }: ExtWorld, cpu: number, untilNs: number): void {
  core.replan(cpu);
  core.cpus.segmentStart[cpu] = untilNs;
}
/** 10 ms of work on one CPU; but for CPU 0, where they are forked, it begins 1 µs later. */
const on = (cpu: number, startNs = 0) => ({ runNs: 10 * ms, affinity: [cpu], rounds: 1, startNs });

test('the running task loses the time until the other CPU has been asked and has chosen', () => {
  const w = atTick({ A: (k) => k.kick(1, kick.preempt | kick.wait) });
  w.add(on(0));
  w.add(on(1));
  w.run(20 * ms);
  expect(w.ends).toEqual(['A ends at 10.001', 'B ends at 10.001']);
});

test('without SCX_KICK_WAIT it loses none', () => {
  const w = atTick({ A: (k) => k.kick(1, kick.preempt) });
  w.add(on(0));
  w.add(on(1));
  w.run(20 * ms);
  expect(w.ends).toEqual(['A ends at 10', 'B ends at 10.001']);
});

test('nobody waits for its own CPU, nor for one that idles or runs another class', () => {
  for (const target of [0, 1, 2]) {
    const w = atTick({ A: (k) => k.kick(target, kick.wait) }, 3);
    w.add(on(0));
    w.add({ ...on(2), schedClass: classNumber.rt });
    w.run(20 * ms);
    expect(w.ends).toContain('A ends at 10');
  }
});

test('a CPU that is at work in the kernel is waited for, and ticks and timers come when that is over', () => {
  const w = atTick({
    A: (k) => {
      atWork(k, 1, 9 * ms);
      k.kick(1, kick.wait);
    },
  });
  const woken: number[] = [];
  w.add(on(0));
  w.add(on(1));
  w.add(on(0, 6 * ms));
  w.core.recorder!.woke = (_task, _cpu, at) => woken.push(at / ms);
  w.run(30 * ms);
  expect(w.ticks).toEqual(['4 A', '4 B', '8 B', '9 A', '12 A', '12 B', '16 C', '20 C', '24 C']);
  expect(woken).toEqual([0, 0, 9]);
  // B has lost 5 ms as well: that was the kernel's work
  expect(w.ends).toEqual(['B ends at 15.001', 'C ends at 25']);
});

test('of two that are asked the later one counts', () => {
  const w = atTick(
    {
      A: (k) => {
        atWork(k, 2, 6 * ms);
        k.kick(1, kick.wait);
        k.kick(2, kick.wait);
      },
    },
    3,
  );
  for (const cpu of [0, 1, 2]) w.add(on(cpu));
  w.run(20 * ms);
  expect(w.ends).toEqual(['B ends at 10.001', 'A ends at 12', 'C ends at 12.001']);
});

test('a task of a higher class that takes the other CPU ends the wait too', () => {
  const w = atTick({
    A: (k) => {
      atWork(k, 1, 6 * ms);
      k.kick(1, kick.wait);
    },
  });
  w.add(on(0));
  w.add(on(1));
  w.add({ ...on(1, 5 * ms), schedClass: classNumber.rt, runNs: 3 * ms, startCpu: 1 });
  w.run(30 * ms);
  expect(w.ends).toContain('A ends at 12');
});

test('who waits hears of its own kicks when it has waited', () => {
  const w = atTick({
    A: (k) => {
      atWork(k, 1, 7 * ms);
      k.kick(0, kick.preempt);
      k.kick(1, kick.wait);
    },
  });
  w.add(on(0));
  w.add(on(1));
  w.add(on(0));
  const began: string[] = [];
  w.core.recorder!.switched = (cpu, _prev, next, at) => {
    if (cpu === 0 && at > 0) began.push(`${w.name(next)} at ${at / ms}`);
  };
  w.run(8 * ms);
  expect(began).toEqual(['C at 7']);
});

test.each([
  [2, { A: [1], B: [0] }, 'CPU 1 waits for CPU 0, which waits for CPU 1'],
  [3, { A: [1], B: [2], C: [0] }, 'CPU 2 waits for CPU 0, which waits for CPU 1, which waits for CPU 2'],
  [3, { A: [1, 2], C: [0] }, 'CPU 2 waits for CPU 0, which waits for CPU 2'],
] as const)('%i CPUs that wait for one another never go on', (cpus, whom, says) => {
  const entries = Object.entries(whom).map(([name, targets]): [string, (k: ExtWorld) => void] => [
    name,
    (k) => {
      for (const target of targets) k.kick(target, kick.wait);
    },
  ]);
  const w = atTick(Object.fromEntries(entries), cpus);
  for (let cpu = 0; cpu < cpus; cpu++) w.add(on(cpu));
  w.run(20 * ms);
  expect(w.core.hung).toBe(`${says}, all with interrupts off (SCX_KICK_WAIT): the machine hangs`);
  expect(w.core.now).toBe(4 * ms);
});

test('one that waits for one that waits goes on after it', () => {
  const w = atTick(
    {
      A: (k) => k.kick(1, kick.wait),
      B: (k) => {
        atWork(k, 2, 6 * ms);
        k.kick(2, kick.wait);
      },
    },
    3,
  );
  for (const cpu of [0, 1, 2]) w.add(on(cpu));
  w.run(20 * ms);
  expect(w.ends).toEqual(['A ends at 12', 'B ends at 12.001', 'C ends at 12.001']);
});
