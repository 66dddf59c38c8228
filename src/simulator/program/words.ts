// Words of simulated memory that the runtime keeps for translated code, so that simple questions need not leave it. They lie at the same place in every
// run, since translations are remembered.
import type { Inline } from '../../jit/translate.ts';
import type { SimMap } from '../maps/map.ts';

/** Bytes from the first, which takes the high half of `wide` results. `clock` is a double, the time when the callback began; the others are i32. */
export const words = { resultHigh: 0, clock: 8, cpus: 16, nodes: 20, tasks: 24, bytes: 32 } as const;

/** What stands for a call where nobody listens; `map`: r1, if it is certain. */
export type InlineOf = (map: SimMap | undefined) => Inline | undefined;
