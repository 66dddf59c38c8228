// The truth carries the objects that ran: each arm's, under its own digest, and no other; whoever reads it is told where the library has gone on.

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readTruths, truthRoot } from '../../bench/truth/files.ts';
import { keepObjects, truthObject, useObjects } from '../../bench/truth/objects.ts';
import { digestOf } from '../../src/core/canonical.ts';
import type { Arm } from '../../src/core/records.ts';
import { temporaryDirectory } from '../linux/support.ts';
import { defaultArm } from '../records/build.ts';
import { fixedWorld } from '../services/fixed-world.ts';

const operations = JSON.parse(readFileSync(join(truthRoot, 'operations.json'), 'utf8')) as { arms: Arm[] };
const arms = [...readTruths('6.18').flatMap((truth) => Object.values(truth.arms)), ...operations.arms];
const policies = arms.flatMap(({ policy }) => (policy === undefined ? [] : [policy]));
const armOf = (name: string, object: Uint8Array): Arm => ({
  id: `policy:${name}`,
  name,
  kind: 'policy',
  policy: { name, object: digestOf(object), parameters: {} },
});

describe('bench/truth/objects', () => {
  it('holds what the arms ran, and nothing else', () => {
    const wanted = new Set(policies.map(({ object }) => object));
    for (const policy of policies) expect(digestOf(truthObject(policy))).toBe(policy.object);
    const kept = readdirSync(join(truthRoot, 'objects')).map((name) =>
      digestOf(readFileSync(join(truthRoot, 'objects', name))),
    );
    expect(new Set(kept)).toEqual(wanted);
    expect(kept).toHaveLength(wanted.size);
  });

  it('an object of another digest is refused', () => {
    const directory = temporaryDirectory();
    const arm = armOf('vtime', Uint8Array.of(1, 2, 3));
    mkdirSync(join(directory, 'objects'));
    writeFileSync(join(directory, 'objects', `vtime-${arm.policy!.object.slice(0, 12)}.bpf.o`), 'other');
    expect(() => truthObject(arm.policy!, directory)).toThrow('is not the object that was measured');
  });

  it('what is measured is kept', async () => {
    const [directory, { world }] = [temporaryDirectory(), fixedWorld()];
    const object = Uint8Array.of(1, 2, 3);
    const arm = armOf('mine', object);
    await world.store.blobs.put(object);
    await keepObjects([defaultArm, arm, arm], world.store.blobs, directory);
    expect(truthObject(arm.policy!, directory)).toEqual(Buffer.from(object));
  });

  it('experiments find them in a store that is empty, and what the library has replaced is said once', async () => {
    const { world } = fixedWorld();
    const library = await world.policies.list();
    const own = arms.filter(({ policy }) => policy?.name === 'fifo');
    const fifo = {
      ...library.find(({ card }) => card.name === 'fifo')!,
      object: truthObject(own[0]!.policy!),
    };
    const newer = { ...fifo, object: Uint8Array.of(4, 5) };
    const others = library.filter(({ card }) => card.name !== 'fifo');
    const withFifo = (one: typeof fifo) => ({
      ...world,
      policies: { ...world.policies, list: async () => [...others, one] },
    });
    const lines = await useObjects([defaultArm, ...own], withFifo(newer));
    expect(lines).toEqual([
      `fifo: simulated is the object that the micro-VM ran (${digestOf(fifo.object).slice(0, 12)}); the library's is newer (${digestOf(newer.object).slice(0, 12)})`,
    ]);
    expect(await world.store.blobs.get(digestOf(fifo.object))).toEqual(fifo.object);
    expect(await useObjects(own, withFifo(fifo))).toEqual([]);
  });
});
