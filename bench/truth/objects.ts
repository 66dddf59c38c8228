// The very objects that the micro-VM ran: bench/truth/objects/NAME-DIGEST.bpf.o. The library's may be newer; what was measured holds for these, and the simulator is
// compared with the truth on these.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { digestOf } from '../../src/core/canonical.ts';
import type { Blobs } from '../../src/core/machine.ts';
import type { Arm } from '../../src/core/records.ts';
import type { World } from '../../src/services/world.ts';
import { truthRoot } from './files.ts';

type Policy = NonNullable<Arm['policy']>;

const fileOf = ({ name, object }: Policy, root: string): string =>
  join(root, 'objects', `${name}-${object.slice(0, 12)}.bpf.o`);

/** Throws where the file is not there or not the object whose digest the arm has. */
export function truthObject(policy: Policy, root = truthRoot): Uint8Array {
  const file = fileOf(policy, root);
  const object = readFileSync(file);
  if (digestOf(object) !== policy.object) throw new Error(`${file} is not the object that was measured`);
  return object;
}

/** Keeps the object of each arm that is a policy, from where experiments found it. */
export async function keepObjects(arms: Iterable<Arm>, blobs: Blobs, root = truthRoot): Promise<void> {
  for (const { policy } of arms) {
    if (policy === undefined || existsSync(fileOf(policy, root))) continue;
    mkdirSync(join(root, 'objects'), { recursive: true });
    writeFileSync(fileOf(policy, root), await blobs.get(policy.object));
  }
}

/** Makes the objects of these arms known to experiments; lines that say which of them the library has replaced since. */
export async function useObjects(arms: Iterable<Arm>, { store, policies }: World): Promise<string[]> {
  const used = new Map<string, Policy>();
  for (const { policy } of arms) {
    if (policy === undefined || used.has(policy.object)) continue;
    await store.blobs.put(truthObject(policy));
    used.set(policy.object, policy);
  }
  const library = new Map((await policies.list()).map(({ card, object }) => [card.name, digestOf(object)]));
  return [...used.values()]
    .filter(({ name, object }) => library.get(name) !== object)
    .map(({ name, object }) => {
      const now = library.get(name)?.slice(0, 12) ?? 'none';
      return `${name}: simulated is the object that the micro-VM ran (${object.slice(0, 12)}); the library's is newer (${now})`;
    });
}
