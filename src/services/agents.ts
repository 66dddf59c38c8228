// What agents may not do although people may: measure on this very machine. A policy comes to the machine's own scheduler by a deployment, with a token; until then
// guests and the simulator do.

import { Fault } from '../core/errors.ts';
import type { Service } from './service.ts';

/** The same service; to agents it refuses `machine: host`. */
export function inGuestsForAgents(one: Service): Service {
  return {
    ...one,
    forAgents: {
      ...one,
      async run(input, call) {
        if ((input as { readonly machine?: unknown }).machine === 'host')
          throw new Fault('not-permitted', 'agents do not try policies on the machine itself', {
            next: 'use machine micro-vm or simulator; an accepted verdict can be deployed',
          });
        return one.run(input, call);
      },
    },
  };
}
