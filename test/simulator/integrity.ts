// Whether the model is in order: after every event each runnable task is in exactly one place, the counts are right, and time has not gone back. Written
// against the columns, apart from the code that keeps them.

import { AssertionError } from 'node:assert';
import { opsState } from '../../src/simulator/model/ext/dispatch.ts';
import { classNumber, taskState } from '../../src/simulator/model/flags.ts';
import { SerialCore } from '../../src/simulator/model/serial-core.ts';
import type { Model } from '../../src/simulator/simulate.ts';

/** Checks after every event from now on. Gives the number of checks so far. */
export function watchIntegrity(model: Model): () => number {
  const { core } = model;
  let last = core.now;
  let checks = 0;
  core.afterEvent = () => {
    checks++;
    if (core.now < last) wrong(`time went back from ${last} to ${core.now}`);
    last = core.now;
    if (core.stopped) return;
    if (core.hasDeferred) wrong('the event is over, and work that was put off to its end is not done');
    checkTasks(model);
    checkCpus(model);
    if (model.ext === undefined) return;
    checkQueues(model);
    checkIdle(model);
  };
  return () => checks;
}

function wrong(message: string): never {
  throw new AssertionError({ message });
}

function checkTasks({ core, ext }: Model): void {
  const { tasks, cpus } = core;
  for (let task = 0; task < tasks.count; task++) {
    const say = (what: string): never => wrong(`task ${task} at ${core.now} ${what}`);
    const isCurrent = cpus.curr[tasks.cpu[task]!] === task;
    const isOnRq = tasks.onRq[task] === 1;
    if (!isOnRq && isCurrent) say('runs and is in no queue');
    if (!isOnRq && tasks.state[task] === taskState.runnable) say('is runnable and nowhere');
    if (!isCurrent && core.mustMove[task] === 1) say('is to leave a CPU that it does not run on');
    if (isCurrent && tasks.left[task]! < 0 && !(core instanceof SerialCore))
      say('has done more than there was to do');
    if (ext === undefined || tasks.schedClass[task] !== classNumber.ext) continue;
    const { dsqs, memory } = ext.scx;
    const dsq = dsqs.of[task]!;
    let places = isCurrent ? 1 : 0;
    if (dsq >= 0) places++;
    if (ext.dispatch.state[task] === opsState.queued) places++;
    if (ext.dispatch.isMarked(task)) places++;
    if (isOnRq && places !== 1) say(`is in ${places} places`);
    if (!isOnRq && places !== 0) say(`sleeps and is in ${places} places`);
    if (memory.isQueued(task) !== isOnRq) say('has the wrong SCX_TASK_QUEUED');
    if (dsq >= 0 && dsq < cpus.count && dsq !== tasks.cpu[task]) say('is in the local queue of another CPU');
  }
}

function checkCpus({ core }: Model): void {
  const { tasks, cpus, wheel } = core;
  const counted = new Int32Array(cpus.count);
  for (let task = 0; task < tasks.count; task++) if (tasks.onRq[task] === 1) counted[tasks.cpu[task]!]!++;
  let busy = 0;
  for (let cpu = 0; cpu < cpus.count; cpu++) {
    const curr = cpus.curr[cpu]!;
    if (cpus.nrRunning[cpu] !== counted[cpu])
      wrong(`CPU ${cpu} counts ${cpus.nrRunning[cpu]} tasks of ${counted[cpu]}`);
    if (curr < 0) continue;
    busy++;
    if (tasks.cpu[curr] !== cpu) wrong(`task ${curr} runs on CPU ${cpu} and is elsewhere`);
    if (!tasks.allows(curr, cpu) && core.mustMove[curr] === 0 && tasks.migrationDisabled[curr] === 0)
      wrong(`task ${curr} runs on CPU ${cpu}, which it may not use`);
    if (!(core instanceof SerialCore) && wheel.at[cpu]! === Number.POSITIVE_INFINITY)
      wrong(`CPU ${cpu} runs task ${curr} for ever`);
  }
  if (core.busy !== busy) wrong(`${core.busy} CPUs are said to be busy, and ${busy} are`);
}

function checkQueues({ core, ext }: Model): void {
  const { dsqs } = ext!.scx;
  const end = dsqs.exists.lastIndexOf(1) + 1;
  for (let dsq = 0; dsq < end; dsq++) {
    if (dsqs.exists[dsq] === 0) continue;
    let count = 0;
    let before = -1;
    for (let task = dsqs.head[dsq]!; task >= 0; task = dsqs.next[task]!) {
      if (dsqs.of[task] !== dsq) wrong(`task ${task} is linked into another queue than it says`);
      if (dsqs.previous[task] !== before) wrong(`the links around task ${task} disagree`);
      if (core.tasks.onRq[task] === 0) wrong(`task ${task} sleeps in a queue`);
      before = task;
      count++;
    }
    if (dsqs.tail[dsq] !== before) wrong(`the last task of queue ${dsq} is not its tail`);
    if (dsqs.nr[dsq] !== count) wrong(`queue ${dsq} counts ${dsqs.nr[dsq]} of ${count}`);
  }
}

/** What is said to be idle is; and a CPU that idles beside its own queue has been told to look. */
function checkIdle({ core, ext }: Model): void {
  const { cpus } = core;
  const { scx } = ext!;
  for (let cpu = 0; cpu < cpus.count; cpu++) {
    const isIdle = cpus.curr[cpu]! < 0;
    if (!isIdle && scx.hasBuiltinIdle && scx.idle.isIdle(cpu))
      wrong(`CPU ${cpu} is busy, and in the idle mask`);
    if (isIdle && scx.dsqs.nr[cpu]! > 0 && cpus.needResched[cpu] === 0 && cpus.online[cpu] === 1)
      wrong(`CPU ${cpu} idles beside ${scx.dsqs.nr[cpu]} tasks in its queue`);
  }
}
