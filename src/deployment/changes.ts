// How bold a change is: which level of trust it takes. Level 0 moves parameters within 20 % of their defaults, 1 within their declared bounds, 2 loads
// policies that were revised, 3 such that were generated.

import type { Candidate, Policy } from '../core/records.ts';
import { canonicalValue } from './identity.ts';
import { type Refusal, refusal } from './refusal.ts';

export const levels = [
  'parameters within 20 % of their defaults',
  'parameters within their declared bounds',
  'revised policies',
  'generated policies',
] as const;
export type Level = 0 | 1 | 2 | 3;

type Value = Policy['parameters'][string];

/** What policy.json says of a parameter. */
export interface Declared {
  readonly name: string;
  readonly min: Value;
  readonly max: Value;
  readonly default: Value;
}

/** `how`: of the candidate; `declared`: undefined when the object has no card, so that nothing is known of its parameters. */
export interface Change {
  readonly how: Candidate['how'];
  readonly parameters: Policy['parameters'];
  readonly declared: readonly Declared[] | undefined;
}

const origins: Readonly<Record<Candidate['how'], Level>> = {
  default: 0,
  setting: 0,
  library: 0,
  reconfigured: 0,
  revised: 2,
  generated: 3,
  given: 3,
};

/** The level that a change takes, and what lies beyond all levels. */
export function levelOf({ how, parameters, declared }: Change): { level: Level; findings: Refusal[] } {
  if (declared === undefined) return { level: 3, findings: [] };
  let level = origins[how];
  const findings: Refusal[] = [];
  for (const [name, value] of Object.entries(parameters)) {
    const parameter = declared.find((one) => one.name === name);
    if (parameter === undefined || !isBetween(value, parameter.min, parameter.max)) {
      const known =
        parameter === undefined ? 'not declared' : `declared from ${parameter.min} to ${parameter.max}`;
      findings.push(refusal('out-of-bounds', `${name} = ${value} is ${known}`, 'see policies with its name'));
    } else if (level === 0 && !isNear(value, parameter.default)) level = 1;
  }
  return { level, findings };
}

const integer = (value: Value): bigint => BigInt(canonicalValue(value));

function isBetween(value: Value, low: Value, high: Value): boolean {
  return integer(value) >= integer(low) && integer(value) <= integer(high);
}

/** Within 20 %, exactly: 5 |value − default| ≤ |default|. Of 0 and of a boolean only the same is near. */
function isNear(value: Value, usual: Value): boolean {
  const distance = integer(value) - integer(usual);
  if (typeof usual === 'boolean') return distance === 0n;
  return 5n * magnitude(distance) <= magnitude(integer(usual));
}

const magnitude = (value: bigint): bigint => (value < 0n ? -value : value);
