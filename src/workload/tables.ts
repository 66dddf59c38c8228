// The numbers of semaphores, locks and pipes. Each round has its own, so that what one round leaves behind (units nobody
// took, a lock that a killed task held) cannot reach the next.
import { limits } from '../core/workload.ts';
import { expansionFault, type JsonPath } from './mistakes.ts';

export interface ObjectTables {
  readonly counts: { semaphores: number; locks: number; pipes: number };
  indexOf(kind: 'semaphores' | 'locks' | 'pipes', round: number, name: string, path: JsonPath): number;
}

export function createTables(workload: string): ObjectTables {
  const counts = { semaphores: 0, locks: 0, pipes: 0 };
  const numbers = new Map<string, number>();
  return {
    counts,
    indexOf(kind, round, name, path) {
      const key = `${kind} ${round} ${name}`;
      const known = numbers.get(key);
      if (known !== undefined) return known;
      if (counts[kind] >= limits[kind]) {
        throw expansionFault(workload, path, `more than ${limits[kind]} ${kind} in all rounds`);
      }
      numbers.set(key, counts[kind]);
      return counts[kind]++;
    },
  };
}
