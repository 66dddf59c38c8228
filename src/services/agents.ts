// What agents may not do although people may: measure on this very machine. A policy comes to the machine's own scheduler by a deployment, with a token; until then
// guests and the simulator do.

import type { z } from 'zod';
import type { Service } from './service.ts';

/** The same service; `input` is what agents may ask of it: all but `machine: host`. */
export function inGuestsForAgents(one: Service, input: z.ZodType): Service {
  return { ...one, forAgents: { ...one, input } };
}
