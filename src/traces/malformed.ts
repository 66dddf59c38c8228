// How this room refuses bytes: one fault, `malformed`, whose `where` names the part of the recording and the offset in it.

import { Fault } from '../core/errors.ts';

/** `what`: "recorded events", "trace file". Offsets count bytes of the part. */
export function malformed(what: string, part: string, offset: number, problem: string): never {
  const where = `${part}+${offset}`;
  throw new Fault('malformed', `${where}: ${problem}`, {
    tried: `read ${what}`,
    where,
    next: 'check that the file is what it is said to be, and complete; else record again',
  });
}
