// Deployments whose process was killed: whoever looks next brings to an end what the audit says of them.

import { lostEntry } from '../../deployment/history.ts';
import type { World } from '../world.ts';

/**
 * One line of the audit for each, once. `givesBack`: somebody else's scheduler that one had unloaded is started again, when nobody is in charge; without it, and while a policy of ours is in
 * charge or may be soon, such a deployment is left for whoever comes later. Gives what was started, and what came of it. Faults as `audit.append`: what could not be written is written the next time.
 */
export async function noteLost(
  { running, keeping, charge }: World,
  givesBack: boolean,
): Promise<{ what: string; how: string }[]> {
  const started: { what: string; how: string }[] = [];
  await running.lost(async (one) => {
    const { replaced } = one;
    let back: string | undefined;
    if (replaced !== undefined) {
      const isBusy = running.list().some(({ on }) => on === 'host');
      const whose = await charge.whose();
      if (!givesBack || isBusy || whose === 'ours' || whose === 'unknown') return false;
      back = whose === 'nobody' ? await charge.startAgain(replaced) : 'somebody else is in charge';
      started.push({ what: replaced.ops, how: back });
    }
    await keeping.audit.append(lostEntry(one, back));
    return true;
  });
  return started;
}
