// Holders as they are found from outside: by their sockets, and by their command line.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { faultOf, temporaryDirectory } from '../../test/linux/support.ts';
import { holdAddresses, isHolder, newAddress } from './hold.ts';

const directory = temporaryDirectory();

it('where nothing was ever held there is no holder; what cannot be looked at is a fault', async () => {
  const file = join(directory, 'hold-0123456789ab.sock');
  writeFileSync(file, '');
  writeFileSync(join(directory, 'other'), '');
  expect(await holdAddresses(join(directory, 'none'))).toEqual([]);
  expect(await holdAddresses(directory)).toEqual([file]);
  expect(await faultOf(() => holdAddresses(file))).toMatchObject({
    ...{ code: 'not-permitted', next: 'run it as root' },
  });
});

it.each([
  ['a holder', ['/x/runner', 'hold', '--job', 'fd:3', '--socket', newAddress(), '--heartbeat-ms', '3'], true],
  ['what is kept at boot', ['/x/schedcp-runner', 'keep', '--job', 'policy.job'], false],
  ['another one’s', ['/usr/bin/scx_lavd', '--performance'], false],
  ['one that holds elsewhere', ['/x/runner', 'hold', '--socket', '/tmp/hold-0123456789ab.sock'], false],
  ['nothing', [], false],
])('%s by its command line', (_, argv, isOurs) => {
  expect(isHolder(argv)).toBe(isOurs);
});
