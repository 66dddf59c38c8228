// Names with an index: how a phase says *which* semaphore, lock, pipe or task of a numbered family it means.
//
//   work       one for all               work#3     number 3                 work@     that of the arrival's number
//   work#      that of my own index      work#/4    my index ÷ 4             work@%4   the arrival's number modulo 4
//   work#%4    my index modulo 4         work#*4    four: 4 × my index and on
import { assert } from '../lib/assert.ts';

export interface Position {
  /** Of the task in its group. */
  readonly index: number;
  /** Of the arrival, inside `each`. */
  readonly arrival: number | undefined;
}

export interface Selected {
  readonly family: string;
  /** Empty: the name without an index. */
  readonly indexes: readonly number[];
}

export function familyOf(selector: string): string {
  return selector.split(/[#@]/)[0]!;
}

/** undefined where the selector needs an arrival and there is none. */
export function select(selector: string, position: Position): Selected | undefined {
  const [, family, mark, operator, digits] = selector.match(/^([^#@]+)(?:([#@])([/%*])?(\d+)?)?$/) ?? [];
  assert(family !== undefined, `selector ${selector}`);
  if (mark === undefined) return { family, indexes: [] };
  const own = mark === '@' ? position.arrival : position.index;
  if (own === undefined) return undefined;
  if (digits === undefined) return { family, indexes: [own] };
  const n = Number(digits);
  if (operator === undefined) return { family, indexes: [n] };
  if (operator === '/') return { family, indexes: [Math.floor(own / n)] };
  if (operator === '%') return { family, indexes: [own % n] };
  return { family, indexes: Array.from({ length: n }, (_, i) => own * n + i) };
}
