// Pressure stall information of the machine or of a cgroup: Documentation/accounting/psi.rst. It may be built in and off: psi=0 or CONFIG_PSI_DEFAULT_DISABLED
// (the file then says EOPNOTSUPP), or cgroup.pressure = 0 for a group.

import { Fault } from '../../core/errors.ts';
import type { Pressure } from '../../core/observed-machine.ts';
import { printable } from '../../lib/printable.ts';
import { type CgroupMounts, cgroupMounts, findCgroup } from './cgroup-paths.ts';
import { read, readLine, type Surfaces, whyNot } from './surfaces.ts';

type Stall = NonNullable<Pressure['resources'][number]['some']>;

/** "some avg10=0.12 avg60=… avg300=… total=…" (percent, µs), the same for full; undefined for what is none. */
export function parsePressure(text: string): { some?: Stall; full?: Stall } | undefined {
  const out: { some?: Stall; full?: Stall } = {};
  for (const line of text.split('\n')) {
    const match = /^(some|full) avg10=([\d.]+) avg60=([\d.]+) avg300=([\d.]+) total=(\d+)$/.exec(line);
    if (match === null) continue;
    const [avg10 = 0, avg60 = 0, avg300 = 0, total = 0] = match.slice(2).map(Number);
    const stall = { avg10: avg10 / 100, avg60: avg60 / 100, avg300: avg300 / 100, totalNs: total * 1000 };
    out[match[1] as 'some' | 'full'] = stall;
  }
  return out.some === undefined && out.full === undefined ? undefined : out;
}

const resources = ['cpu', 'io', 'memory', 'irq'] as const;

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'this kernel was built without it (CONFIG_PSI)',
  EOPNOTSUPP: 'it is off: boot with psi=1 to have it',
  EACCES: 'we may not read it',
  EPERM: 'we may not read it',
};

export interface PressureWish {
  /** Printable path; undefined: the machine. */
  readonly cgroup?: string | undefined;
}

export function pressure(surfaces: Surfaces, { cgroup }: PressureWish): Pressure {
  const group = cgroup === undefined ? undefined : groupOf(cgroupMounts(surfaces), cgroup);
  const file = (resource: string): string =>
    group === undefined ? `${surfaces.proc}/pressure/${resource}` : `${group.directory}/${resource}.pressure`;
  const of = group === undefined ? 'machine' : printable(group.path);
  const found = resources.flatMap((resource) => {
    const stalls = parsePressure(read(file(resource)) ?? '');
    return stalls === undefined ? [] : [{ resource, ...stalls }];
  });
  const isOff = group !== undefined && readLine(`${group.directory}/cgroup.pressure`) === '0';
  if (found.length > 0 && !isOff) return { of, on: true, resources: found, notes: [] };
  const code = whyNot(file('cpu'));
  const why = isOff
    ? 'cgroup.pressure is 0 for this group'
    : (reasons[code ?? ''] ?? `it cannot be read (${code ?? 'there are no numbers in it'})`);
  return { of, on: false, why, resources: [], notes: ['what shows waits without it: delays, queues'] };
}

function groupOf(mounts: CgroupMounts, cgroup: string) {
  const group = findCgroup(mounts, cgroup);
  if (group.isV2) return group;
  throw new Fault(
    'unsupported',
    `${printable(group.path)} is a cgroup of version 1: those have no pressure`,
    {
      next: 'ask for the machine: leave cgroup out',
    },
  );
}
