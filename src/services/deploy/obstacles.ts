// What stands in the way of a deployment, whoever asks: told before anything is spent or changed.

import { Fault } from '../../core/errors.ts';
import type { KpiSpec } from '../../core/kpi.ts';
import { type Refusal, refusal } from '../../deployment/refusal.ts';
import { decodeText } from '../../lib/bytes.ts';
import type { Presence } from '../../stages/deploy.ts';
import { visible } from '../text.ts';
import type { World } from '../world.ts';
import type { DeploymentSite } from './site.ts';

/** What stands in the way whoever asks. Faults: nothing can be attached here at all. */
export function obstaclesOf(site: DeploymentSite, { state }: Presence): Refusal[] {
  if (state === 'absent') {
    const message = `the kernel ${site.release} of this machine has no sched_ext: no policy can be loaded`;
    const next = 'boot a kernel with CONFIG_SCHED_CLASS_EXT (6.12 or newer), or deploy in a guest';
    return [refusal('host-without-sched-ext', message, next)];
  }
  const problem = site.problem();
  if (problem !== undefined) throw problem;
  return [];
}

export function isForeign(ops: string): Refusal {
  const message = `somebody else's scheduler is loaded: ${ops}`;
  return refusal(
    'foreign-scheduler',
    message,
    'end it first, or ask for it to be replaced: it is started again afterwards',
  );
}

/** Each must give a number within five of its intervals, and five seconds; in a guest, whose work has just begun, twenty. */
export async function silentKpis(
  world: World,
  site: DeploymentSite,
  kpis: readonly KpiSpec[],
  signal: AbortSignal,
): Promise<Refusal[]> {
  const told = new Set<string>();
  const problems = new Map<string, string>();
  const reader = await site.openKpis(kpis, ({ kpi, value, why = '' }) =>
    value === undefined ? problems.set(kpi, why) : told.add(kpi),
  );
  try {
    const limitMs = Math.max(
      site.output === undefined ? 5000 : 20_000,
      ...kpis.map(({ everyMs }) => 5 * everyMs),
    );
    for (let ms = 0; ms < limitMs && told.size < kpis.length && !signal.aborted; ms += 50)
      await site.clock.sleep(50, signal);
    if (signal.aborted) throw new Fault('interrupted', 'interrupted before anything was changed');
  } finally {
    await reader.close();
  }
  if (told.size === kpis.length) return [];
  const said = await lastLines(world, site);
  return kpis.flatMap(({ name }) => {
    if (told.has(name)) return [];
    const why = [problems.get(name) ?? '', said].filter((one) => one !== '').join('; ');
    const message = `${name} gave no number${why === '' ? '' : `: ${visible(why)}`}`;
    return [refusal('kpi-silent', message, 'see what its source gives; it must say something all the time')];
  });
}

export function isBusy(heldBy: string): Refusal {
  const message = `another deployment is under way on this machine, by process ${Number.parseInt(heldBy, 10)}`;
  return refusal('deployment-running', message, 'wait for its end: status shows it, restore ends it');
}

/** What the command in the guest printed last, where it never came to a number or a step: mostly it has failed. */
export async function lastLines(world: World, { output }: DeploymentSite): Promise<string> {
  if (output === undefined) return '';
  const text = decodeText(await world.readFile(output)).trimEnd();
  const lines = text.split('\n').slice(-3).join('\n').slice(-500);
  return `the command ${lines === '' ? 'has printed nothing' : `printed last: ${visible(lines)}`}`;
}
