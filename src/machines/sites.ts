// Where deployments happen: this machine, or a guest that lives long; and this machine's scheduler as it is seen and undone from outside of any deployment.

import { release } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AttachScope, Deploys, ForeignScheduler } from '../core/attachment.ts';
import { Fault } from '../core/errors.ts';
import type { KpiSample, KpiSpec } from '../core/kpi.ts';
import { hostClock } from '../linux/clock.ts';
import { holdAddresses, isHolder } from '../linux/hold.ts';
import { openKpis } from '../linux/kpi.ts';
import { run } from '../linux/process.ts';
import { gone, leaveSchedExt, readSchedExt, schedulerInCharge, unload } from '../linux/sched-ext.ts';
import type { HostOwn } from './host.ts';
import type { GuestHost } from './long-guest.ts';

const readKpis = (kpis: readonly KpiSpec[], hear: (sample: KpiSample) => void) =>
  openKpis(kpis, { nowNs: () => hostClock.nowNs(), hear });

/** `claim`: whose turn it is to deploy on this machine. */
export function hostSite<Turn>(machine: Deploys & Pick<HostOwn, 'attachRefused'>, claim: () => Turn) {
  return {
    problem: () => machine.attachRefused(),
    claim,
    machine: { ...machine, name: 'host' as const },
    clock: hostClock,
    openKpis: readKpis,
    presence: async () => readSchedExt() ?? { state: 'absent', ops: '' },
    async foreign() {
      const found = schedulerInCharge();
      if (whose(found) !== 'ours') return found;
      throw new Fault('unavailable', `a policy of ours is still in charge: ${found?.ops}`, {
        next: 'wait for the end of its heartbeat, or end it: schedcp restore',
      });
    },
    unload,
    startAgain,
    release: release(),
    work: undefined,
    output: undefined,
    close: async () => {},
  };
}

export function guestSite(guest: GuestHost) {
  const work: AttachScope = { part: 'cgroups', paths: [guest.cgroup] };
  return {
    machine: guest,
    clock: hostClock,
    openKpis: readKpis,
    presence: () => guest.presence(),
    foreign: async () => undefined,
    unload: async () => false,
    problem: () => undefined,
    claim: () => ({ release() {} }),
    startAgain: async () => 'a guest has nobody else',
    release: guest.release,
    work,
    output: guest.log,
    close: () => guest.end(),
  };
}

/** A service is started by its name; a command line of somebody else is for a person to repeat, not for us. */
async function startAgain({ ops, unit, argv }: ForeignScheduler): Promise<string> {
  if (unit === undefined)
    return `${ops} was no service${argv === undefined ? '' : `: start it again with ${argv.join(' ')}`}`;
  const done = await run('systemctl', ['start', '--', unit], { limitMs: 30_000 }).catch((error: Error) => ({
    code: 1,
    stderr: error.message,
  }));
  if (done.code !== 0) return `${unit} could not be started again: ${done.stderr.trim().slice(0, 200)}`;
  return readSchedExt()?.ops === ops ? `${unit} is in charge again` : `${unit} was started again`;
}

/** `adopt`: of the host machine. */
export function hostCharge(adopt: Deploys['adopt']) {
  return {
    now: () => readSchedExt(),
    whose: async () => whose(schedulerInCharge()),
    holders: async () => (readSchedExt() === undefined ? [] : holdAddresses()),
    async release(address: string, limitMs: number): Promise<string> {
      const late = sleep(limitMs, 'has not let go so far', { ref: false });
      return await Promise.race([letGo(adopt, address), late]);
    },
    async leave(): Promise<boolean> {
      const now = readSchedExt();
      if (now === undefined || now.state === 'disabled') return true;
      leaveSchedExt();
      return await gone(now, 5000);
    },
    startAgain,
  };
}

async function letGo(adopt: Deploys['adopt'], address: string): Promise<string> {
  try {
    const { why, detail } = await (await adopt(address)).detach();
    return detail === '' ? why : `${why}: ${detail}`;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Whose the scheduler in charge is, by the process that holds it; without root that process is not found. */
export function whose(inCharge: ForeignScheduler | undefined): 'nobody' | 'ours' | 'foreign' | 'unknown' {
  if (inCharge === undefined) return 'nobody';
  if (inCharge.argv === undefined) return 'unknown';
  return isHolder(inCharge.argv) ? 'ours' : 'foreign';
}
