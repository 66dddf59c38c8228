// Where cgroups are mounted, and a group by its path: Documentation/admin-guide/cgroup-v2.rst; proc_pid_mountinfo(5). A group's name is any bytes but '/' and
// newline; paths are taken as people see them (printable), below the mount, and never lead out of it.

import { Fault } from '../../core/errors.ts';
import { fromPrintable, printable } from '../../lib/printable.ts';
import { directories, isDirectory, read, type Surfaces } from './surfaces.ts';

export interface CgroupMount {
  readonly directory: string;
  /** Of the hierarchy: what of it is mounted there ('/' unless a container sees a part). */
  readonly root: string;
}

export interface CgroupMounts {
  readonly v2?: CgroupMount;
  /** By controller. */
  readonly v1: ReadonlyMap<string, CgroupMount>;
}

/** mountinfo: id parent major:minor root directory options [fields] - type source superoptions; blanks as \040. */
export function parseCgroupMounts(mountinfo: string): CgroupMounts {
  let v2: CgroupMount | undefined;
  const v1 = new Map<string, CgroupMount>();
  for (const line of mountinfo.split('\n')) {
    const [left = '', right = ''] = line.split(' - ');
    const [, , , root, directory] = left.split(' ').map(unescaped);
    const [type, , options = ''] = right.split(' ');
    if (root === undefined || directory === undefined) continue;
    const mount = { directory, root };
    if (type === 'cgroup2') v2 ??= mount;
    if (type !== 'cgroup') continue;
    for (const option of options.split(','))
      if (!['rw', 'ro', 'xattr', 'noprefix', 'clone_children'].includes(option) && !v1.has(option))
        v1.set(option, mount);
  }
  return v2 === undefined ? { v1 } : { v2, v1 };
}

const unescaped = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));

export function cgroupMounts({ proc }: Surfaces): CgroupMounts {
  return parseCgroupMounts(read(`${proc}/self/mountinfo`) ?? '');
}

export interface FoundCgroup {
  /** Bytes, from '/'. */
  readonly path: string;
  /** Of version 2 where it is there, else the first of version 1 that has it. */
  readonly directory: string;
  readonly isV2: boolean;
  /** By controller of version 1, where the same path is there. */
  readonly v1: ReadonlyMap<string, string>;
}

/** Faults: not-found, malformed (a path that leads out), unavailable (no cgroups). */
export function findCgroup(mounts: CgroupMounts, wanted: string): FoundCgroup {
  if (mounts.v2 === undefined && mounts.v1.size === 0)
    throw new Fault('unavailable', 'no cgroups are mounted here', {
      next: 'mount cgroup2 on /sys/fs/cgroup',
    });
  const path = relative(mounts, fromPrintable(wanted));
  const at = (mount: CgroupMount): string => `${mount.directory}${path === '/' ? '' : path}`;
  const v1 = new Map(
    [...mounts.v1]
      .map(([name, mount]) => [name, at(mount)] as const)
      .filter(([, directory]) => isDirectory(directory)),
  );
  if (mounts.v2 !== undefined && isDirectory(at(mounts.v2)))
    return { path, directory: at(mounts.v2), isV2: true, v1 };
  const [directory] = v1.values();
  if (directory === undefined)
    throw new Fault('not-found', `no cgroup ${printable(path)}`, {
      next: 'ask for / and follow the children, or take the path from the process observation',
    });
  return { path, directory, isV2: false, v1 };
}

/** The path from '/': a mount's directory in front of it is taken off. */
function relative(mounts: CgroupMounts, wanted: string): string {
  const all = [mounts.v2, ...mounts.v1.values()].flatMap((mount) =>
    mount === undefined ? [] : [mount.directory],
  );
  const prefix = all.find((directory) => wanted === directory || wanted.startsWith(`${directory}/`)) ?? '';
  const given = wanted.slice(prefix.length);
  // In a container that sees a part of the hierarchy, processes may tell their paths from its real root.
  const root = mounts.v2?.root ?? '/';
  const inside = root !== '/' && prefix === '' && (given === root || given.startsWith(`${root}/`));
  const parts = (inside ? given.slice(root.length) : given)
    .split('/')
    .filter((part) => part !== '' && part !== '.');
  if (parts.includes('..') || parts.some((part) => part.includes('\0')))
    throw new Fault('malformed', `${printable(wanted)} is no path below the root of the cgroups`, {
      next: 'write it as /parent/child',
    });
  return `/${parts.join('/')}`;
}

/** The groups right below, by name. */
export const childrenOf = (directory: string): string[] => directories(directory).sort();
