// Which programs are held out: a seeded draw of two in five of each class, over programs and never over runs, made before anything was measured.

import type { ClassName } from '../../src/core/profile.ts';
import { createRandom, derive } from '../../src/lib/random.ts';
import { fresh } from './programs/fresh.ts';
import { allProgramsOf, programsOf } from './programs.ts';

const seed = 4;
const share = 0.4;

/** Those of the draw. */
export const drawn: ReadonlySet<string> = new Set(
  Object.entries(programsOf).flatMap(([label, programs]) => {
    const order = createRandom(derive(seed, label)).shuffle(programs.map(({ name }) => name));
    return order.slice(0, Math.round(share * programs.length));
  }),
);

/** Names of the second hold-out. */
export const freshNames: ReadonlySet<string> = new Set(
  Object.values(fresh).flatMap((some) => some.map(({ name }) => name)),
);

/** Names of all programs that no training sees. */
export const heldOut: ReadonlySet<string> = new Set([...drawn, ...freshNames]);

export const labelOf: ReadonlyMap<string, ClassName> = new Map(
  Object.entries(allProgramsOf).flatMap(([label, programs]) =>
    programs.map(({ name }) => [name, label as ClassName] as const),
  ),
);
