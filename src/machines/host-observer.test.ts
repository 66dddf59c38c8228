// Observing this host: what is refused before anything is started, and of which machine the numbers are.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { machineStatText, processFiles, recordedProcfs } from '../../test/linux/recorded-procfs.ts';
import { faultOf, temporaryDirectory } from '../../test/linux/support.ts';
import type { Target } from '../core/observation.ts';
import { observeHost } from './host-observer.ts';

const { signal } = new AbortController();
const parts = { runner: () => Promise.reject(new Error('no runner is needed')), probes: '/nowhere' };

describe('where a recording is wanted', () => {
  const mark = join(temporaryDirectory('schedcp-observer-'), 'started');
  const command: Target = { what: 'command', command: { argv: ['touch', mark], env: {}, cwd: '/' } };
  it.each([
    ['procfs', command],
    ['watch', command],
    ['auto', { what: 'machine' }],
  ] as const)('%s of %j makes none: nothing is started', async (how, target) => {
    const wish = { how, seconds: 1, events: 1000, mustRecord: true };
    expect(await faultOf(() => observeHost(parts, target, wish, signal))).toMatchObject({
      code: 'unsupported',
      message: expect.stringContaining('only a recording can be written'),
      next: expect.stringContaining('leave the file out'),
    });
    expect(existsSync(mark)).toBe(false);
  });
});

it('the CPUs of the machine are those that are online, not those that this process may use', async () => {
  const surfaces = recordedProcfs({
    ...processFiles({ pid: 10 }),
    'proc/stat': machineStatText({ 0: [0, 0, 0, 100, 0, 0, 0, 0] }),
    'sys/devices/system/cpu/online': '0-4094\n',
  });
  const wish = { how: 'procfs', seconds: 0.2, events: 0 } as const;
  const { machine, counters } = await observeHost({ ...parts, surfaces }, { what: 'machine' }, wish, signal);
  expect([machine.cpus, counters!.cpus]).toEqual([4095, 4095]);
});
