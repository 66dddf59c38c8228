// What part of a machine a policy may take (core/attachment.ts: AttachScope), and on which CPUs. Less than was granted may be asked, never more.

import { z } from 'zod';
import type { AttachScope } from '../core/attachment.ts';
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
  z.strictObject({
    part: z.literal('cgroups'),
    paths: z
      .array(cgroupPathSchema)
      .min(1)
      .max(64)
      .refine(isAscending, { error: 'is not in ascending order' }),
    cpus: cpusField,
  }),
  z.strictObject({
    part: z.literal('processes'),
    pids: z.array(z.int().min(1)).min(1).max(256).refine(isAscending, { error: 'is not in ascending order' }),
    cpus: cpusField,
  }),
]);
export type Scope = z.infer<typeof scopeSchema>;

/** Of what a person or an agent has written: why this part is no part of a machine; undefined: it is one. */
export function partProblem(scope: AttachScope): { message: string; next: string } | undefined {
  if (scope.part === 'cgroups') {
    const odd = scope.paths.find((path) => !cgroupPathSchema.safeParse(path).success);
    if (odd !== undefined)
      return {
        message: `${JSON.stringify(odd)} is no path of a cgroup below the root of cgroup v2`,
        next: 'name it as /proc/PID/cgroup does: /system.slice/app.service',
      };
  }
  const [elder] = scope.part === 'processes' ? scope.pids.filter((pid) => pid <= 2) : [];
  if (elder === undefined) return undefined;
  const whose = elder === 1 ? 'of everything that runs' : 'of all threads of the kernel';
  return {
    message: `process ${elder} is the ancestor ${whose}: that is no part of the machine`,
    next: 'use whole, or name other processes',
  };
}

/** The one spelling of a scope. `cpus`: as the kernel lists them, or null for all. Throws ZodError for paths that are none. */
export function scopeOf(scope: AttachScope, cpus: string | null = null): Scope {
  if (scope.part === 'whole') return { part: 'whole', cpus };
  if (scope.part === 'cgroups')
    return scopeSchema.parse({ part: 'cgroups', paths: [...new Set(scope.paths)].sort(), cpus });
  const pids = [...new Set(scope.pids)].sort((a, b) => a - b);
  return scopeSchema.parse({ part: 'processes', pids, cpus });
}

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
  if (asked.part === 'cgroups' && granted.part === 'cgroups') {
    const isBelow = (path: string) => granted.paths.some((one) => `${path}/`.startsWith(`${one}/`));
    const more = asked.paths.filter((path) => !isBelow(path));
    return more.length === 0
      ? undefined
      : `cgroup ${more.join(', ')} is not ${granted.paths.join(', ')} or below it`;
  }
  if (asked.part === 'processes' && granted.part === 'processes') {
    const allowed = new Set(granted.pids);
    const more = asked.pids.filter((pid) => !allowed.has(pid));
    return more.length === 0 ? undefined : `processes ${more.join(', ')} were not granted`;
  }
  // who is in a cgroup changes: neither part lies within the other
  return `${scopeText(asked)} was asked for, ${scopeText(granted)} granted`;
}

export function scopeText(scope: Scope): string {
  const part = partText(scope);
  return scope.cpus === null ? part : `${part} on CPUs ${scope.cpus}`;
}

function partText(scope: Scope): string {
  if (scope.part === 'whole') return 'the whole machine';
  const [names, one, many] =
    scope.part === 'cgroups' ? [scope.paths, 'cgroup', 'cgroups'] : [scope.pids, 'process', 'processes'];
  if (names.length > 8) return `${names.length} ${many}`;
  return `${names.length === 1 ? one : many} ${names.join(', ')}`;
}

function isAscending(items: readonly (string | number)[]): boolean {
  return items.every((item, at) => at === 0 || items[at - 1]! < item);
}
