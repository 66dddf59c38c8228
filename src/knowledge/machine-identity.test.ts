// Which machine this is: its own id or a made-up one, never in the clear.

import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { faultOf, temporaryDirectory } from '../../test/linux/support.ts';
import { machineIdentity } from './machine-identity.ts';

const base = temporaryDirectory();
let count = 0;
const files = (machineId?: string, bootId?: string) => {
  const at = (name: string) => join(base, `${count}-${name}`);
  count++;
  const found = {
    made: join(base, String(count), 'machine-id'),
    machineId: at('machine-id'),
    bootId: at('boot-id'),
  };
  if (machineId !== undefined) writeFileSync(found.machineId, machineId);
  if (bootId !== undefined) writeFileSync(found.bootId, bootId);
  return found;
};
const id = '0123456789abcdef0123456789abcdef';
const bootId = '11111111-2222-3333-4444-555555555555\n';

it('is the digest of the machine’s id, under a name of ours', () => {
  // printf 'schedcp machine 1\n0123456789abcdef0123456789abcdef' | sha256sum
  const machine = 'cc7a25cf860eded1981999bf49bc0b547834d1cfe4814bc205d087ed1e8e4dee';
  // printf 'schedcp boot 1\n11111111-2222-3333-4444-555555555555' | sha256sum
  const boot = 'ee57331a63661911174179ce489872a728b81ba99a759f9f8f16debac833de0c';
  expect(machineIdentity(files(`${id}\n`, bootId))).toEqual({ machine, boot });
  expect(machineIdentity(files(id))).toEqual({ machine });
});

it.each([undefined, '', 'uninitialized\n', `${'0'.repeat(32)}\n`, 'x'.repeat(32), id.slice(1)])(
  'without an id (%j) one is made up, and kept',
  (machineId) => {
    const found = files(machineId, bootId);
    const first = machineIdentity(found);
    expect(machineIdentity(found)).toEqual(first);
    expect(machineIdentity({ ...found, made: `${found.made}-2` }).machine).not.toBe(first.machine);
    expect(statSync(found.made).mode & 0o777).toBe(0o600);
    expect(first.machine).not.toContain(readFileSync(found.made, 'utf8').trim());
    writeFileSync(found.machineId, id); // the system gets one later
    expect(machineIdentity(found)).toEqual(first);
  },
);

it('a made-up one that is open to others, or damaged, is refused', async () => {
  const found = files();
  machineIdentity(found);
  chmodSync(found.made, 0o644);
  expect(await faultOf(() => machineIdentity(found))).toMatchObject({ code: 'not-permitted' });
  chmodSync(found.made, 0o600);
  writeFileSync(found.made, 'short');
  expect(await faultOf(() => machineIdentity(found))).toMatchObject({ code: 'malformed', where: found.made });
});
