// Tasks by their process id, and references to them. Source: bpf_task_from_pid(), bpf_task_from_vpid(), bpf_task_acquire(), bpf_task_release(),
// kernel/bpf/helpers.c, v6.18. Programs run in the first pid namespace, the only one. A task stays readable while somebody holds it.

import { hex } from '../model/ext/scx.ts';
import type { Kfunc, Kfuncs, KfuncWorld } from './kfunc.ts';

export function taskKfuncs(world: KfuncWorld): Kfuncs {
  const isIdle = (address: number): boolean => world.ext.cpuMemory.cpuOfIdleTask(address) >= 0;
  const fromPid: Kfunc = {
    params: ['low'],
    result: 'unsigned',
    run: (pid) => {
      world.scx.ops.kfuncs++;
      const task = taskWithPid(world, pid!);
      if (task < 0) return 0;
      world.tasks.hold(task);
      return world.tasks.addressOf(task);
    },
  };
  return {
    bpf_task_from_pid: fromPid,
    bpf_task_from_vpid: fromPid,
    bpf_task_acquire: {
      params: ['low'],
      result: 'unsigned',
      run: (p) => {
        world.scx.ops.kfuncs++;
        if (!isIdle(p!)) world.tasks.hold(world.task(p!, 'bpf_task_acquire'));
        return p;
      },
    },
    bpf_task_release: {
      params: ['low'],
      result: 'none',
      run: (p) => {
        world.scx.ops.kfuncs++;
        releaseTask(world, p!, 'bpf_task_release');
        return undefined;
      },
    },
  };
}

/** Drops a reference to a task. */
export function releaseTask(world: KfuncWorld, address: number, kfunc: string): void {
  if (world.ext.cpuMemory.cpuOfIdleTask(address) >= 0) return;
  if (!world.tasks.drop(world.task(address, kfunc)))
    world.finding(`${kfunc} got task 0x${hex(address, 0)}, to which no reference is held`);
}

/** find_task_by_pid_ns(); −1 for none. Pids mostly count up with the tasks, so the search begins where one would be then. */
function taskWithPid(world: KfuncWorld, pid: number): number {
  const { tasks } = world;
  const { count } = world.core.tasks;
  if (count === 0) return -1;
  const is = (task: number): boolean => tasks.exists(task) && !tasks.isGone(task) && tasks.pid(task) === pid;
  const guess = pid - tasks.pid(0);
  if (guess >= 0 && guess < count && is(guess)) return guess;
  for (let task = 0; task < count; task++) if (is(task)) return task;
  return -1;
}
