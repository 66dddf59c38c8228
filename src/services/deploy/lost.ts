// Deployments whose process was killed: whoever looks next brings to an end what the audit says of them.

import { lostEntry } from '../../deployment/history.ts';
import type { World } from '../world.ts';

/**
 * One line of the audit for each, once. `givesBack`: somebody else's scheduler that one had unloaded is started again, when nobody is in charge; without it such a deployment is left for
 * whoever may. Gives what was started, and what came of it. Faults as `audit.append`: what could not be written is written the next time.
 */
export async function noteLost(
  { running, keeping, charge }: World,
  givesBack: boolean,
): Promise<{ what: string; how: string }[]> {
  const started: { what: string; how: string }[] = [];
  await running.lost(async (one) => {
    const { replaced } = one;
    if (replaced !== undefined && !givesBack) return false;
    let back: string | undefined;
    if (replaced !== undefined && charge.now()?.state === 'disabled') {
      back = await charge.startAgain(replaced);
      started.push({ what: replaced.ops, how: back });
    }
    await keeping.audit.append(lostEntry(one, back));
    return true;
  });
  return started;
}
