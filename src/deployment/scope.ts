// What part of a machine a policy may take: all of it, a cgroup, or chosen tasks; and on which CPUs. Less than was granted may be asked, never more.

import { z } from 'zod';
import { cpuListText, parseCpuList } from './cpu-list.ts';

const cpusField = z
  .string()
  .refine((text) => cpuListText(parseCpuList(text) ?? []) === text && text !== '', {
    error: 'is no list of CPUs in ascending order, such as 0-3,8',
  })
  .nullable()
  .describe('CPUs, as the kernel lists them; null: all that the machine has');

/** Of cgroup v2, from its root: no `.`, `..` or empty parts, so that one path is below another exactly when it starts with it. */
export const cgroupPathSchema = z
  .string()
  .max(1024)
  .regex(/^(\/(?!\.{1,2}(\/|$))[^/\0]+)+$/);

export const scopeSchema = z.discriminatedUnion('part', [
  z.strictObject({ part: z.literal('whole'), cpus: cpusField }),
  z.strictObject({ part: z.literal('cgroup'), cgroup: cgroupPathSchema, cpus: cpusField }),
  /** `tasks`: names of tasks as the caller gives them, compared as they are; sorted. */
  z.strictObject({
    part: z.literal('tasks'),
    tasks: z.array(z.string().min(1).max(64)).min(1).max(64).refine(isSorted, { error: 'is not sorted' }),
    cpus: cpusField,
  }),
]);
export type Scope = z.infer<typeof scopeSchema>;

/** Undefined when all that is asked lies within what was granted, else how it is more. */
export function widening(asked: Scope, granted: Scope): string | undefined {
  const part = widerPart(asked, granted);
  if (part !== undefined) return part;
  if (granted.cpus === null) return undefined;
  if (asked.cpus === null) return `all CPUs are asked for, ${granted.cpus} were granted`;
  const allowed = new Set(parseCpuList(granted.cpus));
  const more = (parseCpuList(asked.cpus) ?? []).filter((cpu) => !allowed.has(cpu));
  return more.length === 0 ? undefined : `CPUs ${cpuListText(more)} are not among ${granted.cpus}`;
}

function widerPart(asked: Scope, granted: Scope): string | undefined {
  if (granted.part === 'whole') return undefined;
  if (asked.part !== granted.part) return `${scopeText(asked)} was asked for, ${scopeText(granted)} granted`;
  if (asked.part === 'cgroup' && granted.part === 'cgroup') {
    const below = `${asked.cgroup}/`.startsWith(`${granted.cgroup}/`);
    return below ? undefined : `cgroup ${asked.cgroup} is not ${granted.cgroup} or below it`;
  }
  if (asked.part === 'tasks' && granted.part === 'tasks') {
    const more = asked.tasks.filter((task) => !granted.tasks.includes(task));
    return more.length === 0 ? undefined : `tasks ${more.join(', ')} were not granted`;
  }
  return undefined;
}

export function scopeText(scope: Scope): string {
  const part =
    scope.part === 'whole'
      ? 'the whole machine'
      : scope.part === 'cgroup'
        ? `cgroup ${scope.cgroup}`
        : `${scope.tasks.length} ${scope.tasks.length === 1 ? 'task' : 'tasks'}`;
  return scope.cpus === null ? part : `${part} on CPUs ${scope.cpus}`;
}

function isSorted(tasks: readonly string[]): boolean {
  return tasks.every((task, at) => at === 0 || tasks[at - 1]! < task);
}
