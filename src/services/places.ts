// Where a file that the reader asks for is to be written: looked at before anything runs.

import { Fault } from '../core/errors.ts';
import type { World } from './world.ts';

/** @throws Fault not-found: directories are not made on the way to a file, whose name may be mistyped. */
export function checkPlace(world: World, file: string): void {
  const end = file.replace(/\/+$/, '').lastIndexOf('/');
  const directory = end < 0 ? '.' : file.slice(0, Math.max(end, 1));
  if (world.exists(directory)) return;
  throw new Fault('not-found', `cannot write ${file}: there is no directory ${directory}`, {
    next: 'make the directory first, or name another place',
  });
}
