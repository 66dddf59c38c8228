// Who is meant: the identity of a policy (DESIGN.md section 4), of a machine and of one of its boots, as SHA-256. Machine and boot ids are hashed
// under a name of ours, as machine-id(5) asks: what is published cannot be linked to what other programs make of the same id.

import { digestOf, recordDigest } from '../core/canonical.ts';
import type { Policy } from '../core/records.ts';

type Value = Policy['parameters'][string];

/** One spelling for each value: an integer is the same as a number and as a decimal string. */
export function canonicalValue(value: Value): string | boolean {
  return typeof value === 'boolean' ? value : String(BigInt(value));
}

/** Of the built object, exactly these values, and what the policy is told about tasks. The name is not part of it. */
export function policyIdentity({ object, parameters, hints }: Policy): string {
  const values = Object.entries(parameters).map(([name, value]) => [name, canonicalValue(value)]);
  return recordDigest({ object, parameters: Object.fromEntries(values), ...(hints && { hints }) });
}

/** `id`: what stands in /etc/machine-id, or a random one of ours. */
export function machineDigest(id: string): string {
  return digestOf(`schedcp machine 1\n${id.trim().toLowerCase()}`);
}

/** `id`: /proc/sys/kernel/random/boot_id. */
export function bootDigest(id: string): string {
  return digestOf(`schedcp boot 1\n${id.trim().toLowerCase()}`);
}
