// What disturbances do to the running model, each by itself: what a task got, when it ended, where it was.

import { expect, it } from 'vitest';
import type { Disturbance, Scenario, ScenarioTask } from '../../../src/core/scenario.ts';
import { taskStruct } from '../../../src/simulator/kernel/structs.ts';
import { type Model, Simulator } from '../../../src/simulator/simulate.ts';
import { attacked, run } from './attacked.ts';

const ms = 1_000_000;
const simulator = new Simulator();
const hog: ScenarioTask = {
  comm: 'hog',
  startNs: 0,
  nice: 0,
  class: 'other',
  cpus: [],
  forked: false,
  ops: [{ run: 1000 * ms }],
  times: 'forever',
};

/** Calls `look` after every event of a run of 100 ms. Times from the start of the scenario's tasks, which line up for 1.3 ms first. */
function watched(
  parts: { policy?: string; cpus?: number; tasks: ScenarioTask[]; disturbances: Disturbance[] },
  look: (model: Model, atNs: number) => void = () => {},
): Model {
  const { policy = 'fifo', cpus = 1, tasks, disturbances } = parts;
  const scenario: Scenario = {
    kind: 'scenario',
    version: 1,
    seed: 1,
    attacks: [],
    cpus,
    llcs: 1,
    threads: 1,
    lengthNs: 100 * ms,
    parameters: {},
    tasks,
    disturbances,
  };
  let seen: Model | undefined;
  const { violations } = run(simulator, attacked(policy), scenario, {
    prepare(model) {
      seen = model;
      const startNs = model.core.now;
      model.core.afterEvent = () => look(model, model.core.now - startNs);
    },
  });
  expect(violations).toEqual([]);
  return seen!;
}

it('a running task that is killed runs 0.6 ms more, as one that exits, and is gone', () => {
  let exitingFrom = 0;
  const { core } = watched({ tasks: [hog], disturbances: [{ atNs: 20 * ms, kill: 0 }] }, (model, atNs) => {
    if (model.core.tasks.exiting[0] === 1) exitingFrom ||= atNs;
  });
  // from 1.3 ms, when it is let go, to 20.6 ms
  expect(core.tasks.sumExec[0]! / ms).toBeCloseTo(19.3, 6);
  expect(exitingFrom / ms).toBe(20);
});

it('one that sleeps wakes up for it, one that waits gets its turn first', () => {
  const sleeper: ScenarioTask = { ...hog, ops: [{ run: ms }, { sleep: 1000 * ms }] };
  const alone = watched({ tasks: [sleeper], disturbances: [{ atNs: 50 * ms, kill: 0 }] });
  expect(alone.core.tasks.sumExec[0]! / ms).toBeCloseTo(1.6, 6);
  const endedAt: number[] = [];
  const { core, player } = watched(
    { tasks: [hog, hog], disturbances: [{ atNs: 5 * ms, kill: 1 }] },
    (model, atNs) => {
      if (model.player.ended[1] === 1 && endedAt.length === 0) endedAt.push(atNs / ms);
    },
  );
  expect([...player.ended.subarray(0, 2)]).toEqual([0, 1]);
  expect(core.tasks.sumExec[1]! / ms).toBeCloseTo(0.6, 6);
  // the first has the CPU from 1.3 ms for a slice of 20 ms, which ends on the tick at 24 ms
  expect(endedAt[0]).toBeCloseTo(24.6, 6);
});

it('one that waits for another, forks or yields ends too, and twice is once', () => {
  const waits: ScenarioTask = { ...hog, ops: [{ wait: 3 }, { run: ms }] };
  const yields: ScenarioTask = { ...hog, ops: [{ run: 100_000 }, { yield: true }] };
  const disturbances = [0, 1, 0, 1].map((kill, i) => ({ atNs: (10 + 10 * i) * ms, kill }));
  const { core, player } = watched({ tasks: [waits, yields], disturbances });
  expect([...player.ended.subarray(0, 2)]).toEqual([1, 1]);
  expect(core.tasks.sumExec[0]! / ms).toBeCloseTo(0.6, 6);
});

it('one that is preempted on its way out is queued past ops.enqueue', () => {
  // killed 0.1 ms before its slice ends
  const { ext } = watched({ tasks: [hog, hog], disturbances: [{ atNs: 23.7 * ms, kill: 0 }] });
  expect(ext!.scx.events.enqSkipExiting).toBe(1);
});

it('pin: its migration is disabled from when it runs, and enabled after the time, when it runs again', () => {
  const spans: string[] = [];
  let before = 0;
  watched(
    { cpus: 2, tasks: [hog, hog, hog], disturbances: [{ atNs: 30 * ms, pin: 0, forNs: 25 * ms }] },
    (model, atNs) => {
      const now = model.core.tasks.migrationDisabled[0]!;
      if (now === before) return;
      before = now;
      const runs = model.core.cpus.curr[model.core.tasks.cpu[0]!] === 0;
      spans.push(`${now} ${runs ? 'running' : 'waiting'} ${atNs >= (now === 1 ? 30 : 55) * ms}`);
    },
  );
  expect(spans).toEqual(['1 running true', '0 running true']);
});

it('affinity: at once for one that runs, refused when no CPU of it is on', () => {
  const flip = (cpus: number[]): Disturbance[] => [{ atNs: 20 * ms, affinity: 0, cpus }];
  const where = new Set<number>();
  watched({ cpus: 2, tasks: [hog], disturbances: flip([1]) }, (model, atNs) => {
    if (atNs > 20 * ms) where.add(model.core.cpus.curr.indexOf(0));
  });
  expect([...where]).toEqual([1]);
  // CPU 1 goes first: every-op follows that, fifo would be thrown out
  const gone = [{ atNs: 10 * ms, offline: 1 }, ...flip([1])];
  const { core } = watched({ policy: 'every-op', cpus: 2, tasks: [hog], disturbances: gone });
  expect([core.tasks.allowed[0], core.cpus.online[1]]).toEqual([2, 0]);
});

it('renice and exec: what the policy sees of it', () => {
  const disturbances = [
    { atNs: 20 * ms, renice: 0, nice: -5 },
    { atNs: 30 * ms, exec: 0, comm: 'cc1' },
  ];
  const seen = new Set<string>();
  watched({ tasks: [hog], disturbances }, ({ ext }) => {
    const { memory } = ext!.scx;
    const at = memory.addressOf(0);
    const comm = new TextDecoder().decode(
      memory.memory.u8.slice(at + taskStruct.offsets.comm, at + taskStruct.offsets.comm + 16),
    );
    seen.add(`${comm.replace(/\0.*$/, '')} ${memory.get(0, taskStruct.offsets.scxWeight)}`);
  });
  // sched_weight_to_cgroup(): 3121 · 100 / 1024
  expect([...seen]).toEqual([' 0', 'hog 100', 'hog 305', 'cc1 305']);
});

it('what cannot be does nothing: a task that has ended or has not come, the last CPU', () => {
  const brief: ScenarioTask = { ...hog, ops: [{ run: ms }], times: 1 };
  const late: ScenarioTask = { ...brief, comm: 'late', forked: true };
  const parent: ScenarioTask = { ...brief, comm: 'parent', ops: [{ run: 50 * ms }, { fork: 2 }] };
  const disturbances: Disturbance[] = [0, 2].flatMap((task) => [
    { atNs: 20 * ms, affinity: task, cpus: [0] },
    { atNs: 21 * ms, renice: task, nice: 5 },
    { atNs: 22 * ms, pin: task, forNs: ms },
    { atNs: 23 * ms, exec: task, comm: 'x' },
    { atNs: 24 * ms, kill: task },
  ]);
  const { core, player } = watched({ tasks: [brief, parent, late], disturbances });
  expect([...core.tasks.sumExec.subarray(0, 3)].map((ns) => ns / ms)).toEqual([1, 50, 1]);
  expect([...player.ended.subarray(0, 3)]).toEqual([1, 1, 1]);
  const last = watched({ tasks: [hog], disturbances: [{ atNs: 20 * ms, offline: 0 }] });
  expect([last.core.cpus.online[0], last.ext!.scx.exit?.kind ?? 64]).toEqual([1, 64]);
});
