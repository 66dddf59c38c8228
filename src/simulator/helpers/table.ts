// All helpers that the simulator has, by number. What is not here is not modelled: `helperName` says its name.
import { clockHelpers } from './clock-helpers.ts';
import { controlHelpers } from './control-helpers.ts';
import { mapHelpers } from './map-helpers.ts';
import { readHelpers } from './read-helpers.ts';
import { ringbufHelpers } from './ringbuf-helpers.ts';
import { storageHelpers } from './storage-helpers.ts';
import { taskHelpers } from './task-helpers.ts';
import { textHelpers } from './text-helpers.ts';
import { type Timers, timerHelpers } from './timers.ts';
import type { Helpers, HelperWorld } from './world.ts';

/** Made once for a world. */
export function createHelpers(world: HelperWorld, timers: Timers): Helpers {
  return {
    ...mapHelpers(world),
    ...storageHelpers(world),
    ...ringbufHelpers(world),
    ...readHelpers(world),
    ...clockHelpers(world),
    ...taskHelpers(world),
    ...controlHelpers(world),
    ...textHelpers(world),
    ...timerHelpers(timers),
  };
}
