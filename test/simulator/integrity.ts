// Whether the model is in order: after every event each runnable task is in exactly one place, the counts are right, and time has not gone back. Written
// against the columns, apart from the code that keeps them.

import { strict as assert } from 'node:assert';
import { opsState } from '../../src/simulator/model/ext/dispatch.ts';
import { classNumber, taskState } from '../../src/simulator/model/flags.ts';
import type { Model } from '../../src/simulator/simulate.ts';

/** Checks after every event from now on. Gives the number of checks so far. */
export function watchIntegrity(model: Model): () => number {
  const { core } = model;
  let last = core.now;
  let checks = 0;
  core.afterEvent = () => {
    checks++;
    assert(core.now >= last, `time went back from ${last} to ${core.now}`);
    last = core.now;
    if (core.stopped) return;
    checkTasks(model);
    checkCpus(model);
    if (model.ext !== undefined) checkQueues(model);
  };
  return () => checks;
}

function checkTasks({ core, ext }: Model): void {
  const { tasks, cpus } = core;
  for (let task = 0; task < tasks.count; task++) {
    const name = `task ${task} at ${core.now}`;
    const isCurrent = cpus.curr[tasks.cpu[task]!] === task;
    if (tasks.onRq[task] === 0) {
      assert(!isCurrent, `${name} runs and is in no queue`);
      assert(tasks.state[task] !== taskState.runnable, `${name} is runnable and nowhere`);
    }
    if (isCurrent) assert(tasks.left[task]! >= 0, `${name} has done more than there was to do`);
    if (ext === undefined || tasks.schedClass[task] !== classNumber.ext) continue;
    const { dsqs, memory } = ext.scx;
    const inQueue = dsqs.of[task]! >= 0;
    const withPolicy = ext.dispatch.state[task] === opsState.queued;
    const deferred = ext.dispatch.isMarked(task);
    const places = [isCurrent, inQueue, withPolicy, deferred].filter(Boolean).length;
    if (tasks.onRq[task] === 1) assert(places === 1, `${name} is in ${places} places`);
    else assert(places === 0 && !inQueue, `${name} sleeps and is in ${places} places`);
    assert(memory.isQueued(task) === (tasks.onRq[task] === 1), `${name}: SCX_TASK_QUEUED is wrong`);
    if (dsqs.of[task]! >= 0 && dsqs.of[task]! < core.topology.cpus)
      assert(dsqs.of[task] === tasks.cpu[task], `${name} is in the local queue of another CPU`);
  }
}

function checkCpus({ core }: Model): void {
  const { tasks, cpus } = core;
  const counted = new Int32Array(cpus.count);
  for (let task = 0; task < tasks.count; task++) if (tasks.onRq[task] === 1) counted[tasks.cpu[task]!]!++;
  let busy = 0;
  for (let cpu = 0; cpu < cpus.count; cpu++) {
    const curr = cpus.curr[cpu]!;
    assert.equal(cpus.nrRunning[cpu], counted[cpu], `CPU ${cpu} counts its tasks wrongly`);
    if (curr < 0) continue;
    busy++;
    assert.equal(tasks.cpu[curr], cpu, `task ${curr} runs on CPU ${cpu} and is elsewhere`);
    assert(
      tasks.allows(curr, cpu) || core.mustMove[curr] === 1 || tasks.migrationDisabled[curr] === 1,
      `task ${curr} runs on CPU ${cpu}, which it may not use`,
    );
  }
  assert.equal(core.busy, busy, 'the number of busy CPUs is wrong');
}

function checkQueues({ core, ext }: Model): void {
  const { dsqs } = ext!.scx;
  for (let dsq = 0; dsq < dsqs.capacity; dsq++) {
    if (dsqs.exists[dsq] === 0) continue;
    let count = 0;
    let before = -1;
    for (let task = dsqs.head[dsq]!; task >= 0; task = dsqs.next[task]!) {
      assert.equal(dsqs.of[task], dsq, `task ${task} is linked into another queue than it says`);
      assert.equal(dsqs.previous[task], before, `the links around task ${task} disagree`);
      assert(core.tasks.onRq[task] === 1, `task ${task} sleeps in a queue`);
      before = task;
      count++;
    }
    assert.equal(dsqs.tail[dsq], before, 'the last task is not the tail');
    assert.equal(dsqs.nr[dsq], count, `queue ${dsq} counts ${dsqs.nr[dsq]} of ${count}`);
  }
}
