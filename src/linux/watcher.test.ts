// What can be watched from where.

import { expect, it } from 'vitest';
import { whyNotWatch } from './watcher.ts';

it('in a pid namespace a process cannot be named to the probe, all others can', () => {
  const pid = { kind: 'pid', pid: 7 } as const;
  expect(whyNotWatch(pid, 'pid:[4026531836]')).toBeUndefined();
  expect(whyNotWatch(pid, 'pid:[4026532201]')).toMatchObject({
    code: 'unsupported',
    message: expect.stringContaining('pid namespace'),
  });
  expect(whyNotWatch({ kind: 'all' }, 'pid:[4026532201]')).toBeUndefined();
});
