// The one table of services: what the system can do.

import { analyse, scripts } from './analyse.ts';
import { approve } from './approve.ts';
import { audit } from './audit.ts';
import { deploy } from './deploy.ts';
import { diff } from './diff.ts';
import { exportPolicy } from './export.ts';
import { fuzz } from './fuzz.ts';
import { keys } from './keys.ts';
import { policies, workloads } from './library.ts';
import { observations } from './observations.ts';
import { observe } from './observe.ts';
import { profileWorkload } from './profile-workload.ts';
import { compare, replay, show } from './records.ts';
import { restore, stop } from './restore.ts';
import type { Service } from './service.ts';
import { setKnobs } from './set-knobs.ts';
import { simulate } from './simulate.ts';
import { status } from './status.ts';
import { doctor, uninstall } from './system.ts';
import { tune } from './tune.ts';
import { verify } from './verify.ts';
import type { World } from './world.ts';

export function serviceTable(world: World): Service[] {
  const looks = observations.map((make) => make(world));
  const first = [
    observe,
    profileWorkload,
    tune,
    simulate,
    diff,
    fuzz,
    verify,
    compare,
    show,
    replay,
    policies,
    workloads,
  ].map((make) => make(world));
  return [
    ...first,
    analyse(world, looks),
    ...looks,
    deploy(world),
    exportPolicy(world),
    restore(world),
    stop(world),
    setKnobs(world),
    status(world),
    audit(world),
    approve(world),
    keys(world),
    scripts(world),
    doctor(world),
    uninstall(world),
  ];
}
