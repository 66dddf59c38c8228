// Which programs are held out: a seeded draw of two in five of each class, over programs and never over runs, made before anything was measured.

import type { ClassName } from '../../src/core/profile.ts';
import { createRandom, derive } from '../../src/lib/random.ts';
import { allProgramsOf, programsOf } from './programs.ts';

const seed = 4;
const share = 0.4;

/** Names of the programs that no training sees. */
export const heldOut: ReadonlySet<string> = new Set(
  Object.entries(programsOf).flatMap(([label, programs]) => {
    const drawn = createRandom(derive(seed, label)).shuffle(programs.map(({ name }) => name));
    return drawn.slice(0, Math.round(share * programs.length));
  }),
);

export const labelOf: ReadonlyMap<string, ClassName> = new Map(
  Object.entries(allProgramsOf).flatMap(([label, programs]) =>
    programs.map(({ name }) => [name, label as ClassName] as const),
  ),
);
