// Who is running. Source: kernel/bpf/helpers.c, kernel/trace/bpf_trace.c v6.18.
import { type Helpers, type HelperWorld, needWritable } from './world.ts';

const commBytes = 16;

export function taskHelpers(world: HelperWorld): Helpers {
  const { memory } = world;
  const current = (): number => world.taskAddress(world.currentTask());

  function pidAndTgid(): number {
    const task = world.currentTask();
    memory.i32[world.resultHigh >>> 2] = world.tgidOf(task);
    return world.pidOf(task);
  }

  /** Cut to the size, ended by a zero and padded with zeros. */
  function comm(to: number, size: number): number {
    const bytes = size >>> 0;
    needWritable(world, 'bpf_get_current_comm', 1, to, bytes);
    const from = world.commOf(world.currentTask());
    memory.u8.fill(0, to, to + bytes);
    for (let i = 0; i < Math.min(commBytes, bytes - 1) && memory.u8[from + i] !== 0; i++)
      memory.u8[to + i] = memory.u8[from + i]!;
    return 0;
  }

  return {
    14: { name: 'bpf_get_current_pid_tgid', params: [], result: 'wide', run: pidAndTgid },
    16: { name: 'bpf_get_current_comm', params: ['low', 'low'], result: 'signed', run: comm },
    35: { name: 'bpf_get_current_task', params: [], result: 'unsigned', run: current },
    158: { name: 'bpf_get_current_task_btf', params: [], result: 'unsigned', run: current },
  };
}
