import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type FairWorld, fairWorld, switchesOf } from '../../../../test/simulator/fair-world.ts';
import type { Life } from '../../../../test/simulator/little-player.ts';
import { setNice } from '../changes.ts';
import { schedPolicy, taskState } from '../flags.ts';
import { niceWeight } from '../weights.ts';

const ms = 1_000_000;
const one = { cpus: 1 };
const slice = { baseSliceNs: 3 * ms };
const hog: Life = { runNs: Number.POSITIVE_INFINITY };
const on = (cpu: number, life: Life): Life => ({ ...life, affinity: [cpu], startCpu: cpu });

/** [ms, task] of each switch on the CPU before `untilMs`. */
function turns(world: FairWorld, untilMs: number, cpu = 0): [number, number][] {
  const switches = switchesOf(world);
  world.core.run(untilMs * ms);
  return switches.filter((s) => s.cpu === cpu).map(({ atNs, next }) => [atNs / ms, next]);
}

describe('equal hogs', () => {
  // Both begin at v = 0 with half a request, 1.5 ms. The first is served at 1.5, where V = 0.75 and it is not eligible; the second at 3, where both are at
  // 1.5 and the first has the deadline of its next request, 4.5, longer. From there each has 3 ms.
  it('have half a request first, then one after the other, ended when they read their clocks', () => {
    const world = fairWorld(one, [hog, hog], slice);
    expect(turns(world, 13)).toEqual([
      [0, 0],
      [1.5, 1],
      [3, 0],
      [6, 1],
      [9, 0],
      [12, 1],
    ]);
  });

  it('are preempted at ticks only when clocks are read no earlier: 0.25 ms after a reading', () => {
    // 2.25 ms: half of it is 1.125, seen at 1.2; then V-time is counted from there
    const world = fairWorld(one, [hog, hog], { baseSliceNs: 2.25 * ms });
    expect(turns(world, 3)).toEqual([
      [0, 0],
      [1.2, 1],
      [2.4, 0],
    ]);
  });
});

describe('service', () => {
  it('of tasks that always want it differs from their share by no more than a request (Stoica and Abdel-Wahab, theorem 1)', () => {
    const nices = fc.array(fc.integer({ min: -10, max: 10 }), { minLength: 2, maxLength: 6 });
    fc.assert(
      fc.property(nices, (list) => {
        const world = fairWorld(
          one,
          list.map((nice) => ({ ...hog, nice })),
          slice,
        );
        const weights = list.map(niceWeight);
        const all = weights.reduce((sum, w) => sum + w, 0);
        const { tasks } = world.core;
        world.core.afterEvent = () => {
          const total = tasks.sumExec.reduce((sum, ns) => sum + ns, 0);
          weights.forEach((w, task) => {
            expect(Math.abs(tasks.sumExec[task]! - (total * w) / all)).toBeLessThan(3.2 * ms);
          });
        };
        world.core.run(200 * ms);
      }),
      { numRuns: 20 },
    );
  });

  it('goes by weight: nice 0 beside nice 5', () => {
    const world = fairWorld(one, [hog, { ...hog, nice: 5 }], slice);
    world.core.run(1000 * ms);
    expect(world.core.tasks.sumExec[1]! / world.core.now).toBeCloseTo(335 / 1359, 2);
  });

  it('of a sleeper is at hand when it wakes: it has had less than its share', () => {
    const sleeper: Life = { runNs: 0.1 * ms, sleepNs: 9.9 * ms };
    const world = fairWorld(one, [hog, hog, sleeper], slice);
    const switches = switchesOf(world);
    const woke: number[] = [];
    world.core.recorder!.woke = (task, _cpu, atNs) => task === 2 && woke.push(atNs);
    world.core.run(500 * ms);
    for (const atNs of woke.slice(1)) {
      const came = switches.find((s) => s.atNs >= atNs && s.next === 2)!;
      expect(came.atNs - atNs).toBeLessThanOrEqual(3.1 * ms); // at worst what runs keeps its request
    }
    expect(woke.length).toBeGreaterThan(40);
  });
});

describe('lag', () => {
  const world = () => fairWorld(one, [hog, hog, hog], slice);

  it('is V − v, at most two requests either way', () => {
    const { fair, core } = world();
    core.run(0);
    const { entities: e, eevdf, timeline } = fair;
    e.vruntime[1] = 0;
    e.vruntime[2] = 0;
    e.vruntime[0] = 6 * ms; // it runs; V = 2 ms
    expect(timeline.average(0)).toBe(2 * ms);
    eevdf.updateLag(0, 0);
    expect(e.vlag[0]).toBe(-4 * ms);
    e.vruntime[0] = 60 * ms; // V = 20 ms
    eevdf.updateLag(0, 0);
    expect(e.vlag[0]).toBe(-6 * ms);
    eevdf.updateLag(0, 1);
    expect(e.vlag[1]).toBe(6 * ms);
  });

  it('is at least a tick either way when requests are short', () => {
    const { fair, core } = fairWorld(one, [hog, hog, hog], { baseSliceNs: ms });
    core.run(0);
    fair.entities.vruntime[0] = 60 * ms;
    fair.eevdf.updateLag(0, 0);
    expect(fair.entities.vlag[0]).toBe(-4 * ms);
  });

  it('is the same after coming back as it was when leaving, whatever the weights', () => {
    const cases = fc.record({
      others: fc.array(fc.integer({ min: -20, max: 19 }), { minLength: 1, maxLength: 5 }),
      nice: fc.integer({ min: -20, max: 19 }),
      vlag: fc.integer({ min: -6 * ms, max: 6 * ms }),
    });
    fc.assert(
      fc.property(cases, ({ others, nice, vlag }) => {
        const { fair, core, player } = fairWorld(
          one,
          others.map((each) => ({ ...hog, nice: each })),
          slice,
        );
        core.run(0);
        const task = player.add({ ...hog, nice, startNs: 1e12 });
        const { entities: e, eevdf, timeline } = fair;
        e.vlag[task] = vlag;
        eevdf.enqueue(0, task, 0);
        const back = timeline.average(0) - e.vruntime[task]!;
        // rounding: V down to a ns, and the lag is blown up by (W + w) / W before
        expect(Math.abs(back - vlag)).toBeLessThanOrEqual(2);
      }),
    );
  });
});

describe('a task that sleeps with too much service', () => {
  // A runs its whole first request of 1.5 ms and sleeps; V is 0.75 and it is not eligible: it stays, and leaves when it is picked.
  const lives: Life[] = [{ runNs: 1.45 * ms, sleepNs: 100 * ms }, hog];

  it('stays queued until it is eligible, and is gone without lag then', () => {
    const { core, fair } = fairWorld(one, lives, slice);
    core.run(1.45 * ms);
    expect(core.tasks.state[0]).toBe(taskState.sleeping);
    expect(fair.entities.delayed[0]).toBe(1);
    expect(core.cpus.nrRunning[0]).toBe(2);
    core.run(10 * ms);
    expect(fair.entities.delayed[0]).toBe(0);
    expect(core.tasks.onRq[0]).toBe(0);
    expect(core.cpus.nrRunning[0]).toBe(1);
    expect(fair.entities.vlag[0]).toBe(0);
  });

  it('leaves at once without DELAY_DEQUEUE, and owes', () => {
    const { core, fair } = fairWorld(one, lives, { ...slice, features: ['NO_DELAY_DEQUEUE'] });
    core.run(1.45 * ms);
    expect(core.tasks.onRq[0]).toBe(0);
    expect(fair.entities.vlag[0]).toBe(-0.725 * ms); // V is the mean of 1.45 and 0
  });

  it('goes on where it was when it wakes before that', () => {
    const short: Life = { runNs: 1.45 * ms, sleepNs: 0.2 * ms };
    const { core, fair } = fairWorld(one, [short, hog], slice);
    core.run(1.65 * ms);
    expect(fair.entities.delayed[0]).toBe(0);
    expect(core.tasks.onRq[0]).toBe(1);
    expect(fair.entities.vruntime[0]).toBe(1.45 * ms);
  });
});

describe('who wakes', () => {
  const late = (more: Partial<Life> = {}): Life => ({
    runNs: 0.1 * ms,
    startNs: 6.05 * ms,
    rounds: 1,
    ...more,
  });

  // A hog alone is protected for its first request only; its deadlines are 1.5, 4.5 and 7.5. Who comes at 4.6 with half a request is due at 6.1, before the
  // hog; who comes at 6.05 is due at 7.55, after it, and goes first once the hog is seen to be ahead of V, when it reads its clock.
  it('runs at once when its deadline is the earliest', () => {
    const world = fairWorld(one, [hog, late({ startNs: 4.6 * ms })], slice);
    expect(turns(world, 5)).toContainEqual([4.6, 1]);
  });

  it('waits, with a later deadline, until what runs has had more than its share', () => {
    expect(turns(fairWorld(one, [hog, late()], slice), 7)).toContainEqual([6.1, 1]);
  });

  it('waits for the request that is under way, which is protected', () => {
    const world = fairWorld(one, [hog, hog, late()], slice);
    expect(turns(world, 10).find(([, task]) => task === 2)).toEqual([9, 2]);
  });

  it('does not wait for SCHED_IDLE', () => {
    const idle = { ...hog, policy: schedPolicy.idle };
    expect(turns(fairWorld(one, [idle, late()], slice), 7)).toContainEqual([6.05, 1]);
  });

  it('preempts nobody as SCHED_BATCH: it comes at the next reading, when the hog is ahead', () => {
    const batch = late({ startNs: 4.6 * ms, policy: schedPolicy.batch });
    const list = turns(fairWorld(one, [hog, batch], slice), 5);
    expect(list.find(([, task]) => task === 1)).toEqual([4.7, 1]);
  });
});

describe('a change of nice', () => {
  it('for the worse lets others go at once', () => {
    const world = fairWorld(one, [hog, hog], { baseSliceNs: 24 * ms });
    const { core, player } = world;
    player.onSlot = () => setNice(core, 0, 5);
    core.wheel.set(core.firstFreeSlot + 1, 5 * ms);
    expect(turns(world, 6)).toContainEqual([5, 1]);
  });

  it('for the better does not take the CPU from who runs', () => {
    const world = fairWorld(one, [hog, hog], { baseSliceNs: 24 * ms });
    const { core, player } = world;
    player.onSlot = () => setNice(core, 0, -5);
    core.wheel.set(core.firstFreeSlot + 1, 5 * ms);
    expect(turns(world, 6)).toEqual([[0, 0]]);
  });
});

describe('lazy preemption', () => {
  const idleHog = { ...hog, policy: schedPolicy.idle };

  /** A task of nice 0 for CPU 1 is woken from CPU 0; what happens on CPU 1. */
  const remoteWake = (running: Life, atMs: number): [number, number][] => {
    const world = fairWorld({ cpus: 2 }, [on(1, running), on(1, { ...hog, startNs: 1e12 })], slice);
    const { core, player } = world;
    player.onSlot = () => {
      core.execCpu = 0;
      core.wakeNew(1);
    };
    core.wheel.set(core.firstFreeSlot + 1, atMs * ms);
    return turns(world, atMs + 1, 1);
  };

  it('of another CPU waits until the task there reads its clock', () => {
    expect(remoteWake(idleHog, 1.05)).toEqual([
      [0, 0],
      [1.1, 1],
    ]);
  });

  it('comes with the next tick at the latest', () => {
    const odd = { ...idleHog, runNs: 100.05 * ms }; // reads at 3.95 and 4.05
    expect(remoteWake(odd, 3.96)).toEqual([
      [0, 0],
      [4, 1],
    ]);
  });

  it('holds too for a request that is seen to be served from another CPU', () => {
    // Both have half of 2.25 ms; a third comes at 1.15, and what is accounted then shows that 1.125 are over.
    const third = on(1, { ...hog, startNs: 1e12 });
    const world = fairWorld({ cpus: 2 }, [on(1, hog), on(1, hog), third], { baseSliceNs: 2.25 * ms });
    const { core, player } = world;
    player.onSlot = () => {
      core.execCpu = 0;
      core.wakeNew(2);
    };
    core.wheel.set(core.firstFreeSlot + 1, 1.15 * ms);
    expect(turns(world, 1.4, 1)[1]![0]).toBe(1.2);
  });
});

describe('yield', () => {
  it('lets another go first and forfeits nothing when the task is ahead already', () => {
    const world = fairWorld(one, [{ runNs: 0.2 * ms, yields: true }, hog], slice);
    // v = 0.2, V = 0.1: not eligible; the other has its 1.5
    expect(turns(world, 1.8)).toEqual([
      [0, 0],
      [0.2, 1],
      [1.7, 0],
    ]);
    expect(world.fair.entities.vruntime[0]).toBeLessThan(0.5 * ms);
  });

  it('puts a task that was owed something where its request would have been served', () => {
    const world = fairWorld(one, [hog, { runNs: 0.2 * ms, yields: true }], slice);
    world.core.run(1.75 * ms); // v = 0.2, V = (1.5 + 0.2) / 2
    expect(world.fair.entities.vruntime[1]).toBe(1.5 * ms);
    expect(world.fair.entities.deadline[1]).toBe(4.5 * ms);
  });
});
