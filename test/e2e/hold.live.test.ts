// `runner hold` lets go of a policy, or does not attach it, whatever happens to its control plane: a controller inside of a guest is frozen, killed, falls silent,
// is replaced, goes while the policy is loaded; each time the kernel must say `disabled` soon. test/runner/hold-test.c plays the controller.

import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type GuestPrograms, guestPrograms } from '../support/guests.ts';
import { defaultArm, experiment, type Lab, openLab } from '../support/lab.ts';
import { object } from '../support/paths.ts';

let lab: Lab;
let programs: GuestPrograms;
const directory = mkdtempSync(join(tmpdir(), 'schedcp-hold-'));
const seen = new Map<string, { state: string; ms: number; why: string }>();

beforeAll(async () => {
  lab = await openLab();
  programs = await guestPrograms();
  const runner = join(directory, 'runner');
  copyFileSync(lab.runner.file, runner);
  const files = [runner, object('fifo'), object('stall')];
  const packed = await lab.vm.pack(programs.holdTest, files, { cwd: '/', path: '/usr/bin:/bin' });
  const outcome = await lab.vm.run(
    experiment(lab, {
      arm: defaultArm,
      mode: 'fast',
      cpus: 2,
      limitMs: 150_000,
      workload: {
        kind: 'command',
        name: 'hold-test',
        argv: [packed.executable, ...files],
        cwd: '/',
        env: {},
        with: files,
        payload: packed.digest,
        runs: 1,
        patterns: {},
      },
    }),
  );
  const text = outcome.output?.stdout ?? '';
  for (const [, name = '', state = '', ms = '', why = ''] of text.matchAll(
    /^(.+?) +(disabled|STILL ATTACHED|WAS ATTACHED) after (\d+) ms$(?:\n {3}(.*))?/gm,
  ))
    seen.set(name, { state, ms: Number(ms), why });
  if (seen.size === 0) throw new Error(`no case was played: ${JSON.stringify(outcome.finding)} ${text}`);
});
afterAll(() => {
  lab.close();
  programs.remove();
  rmSync(directory, { recursive: true });
});

it.each([
  ['frozen control plane', 5000, /missed heartbeat/],
  ['SIGSTOP of controller', 5000, /^$/],
  ['SIGKILL of the runner', 5000, /no farewell/],
  ['SIGKILL while stalled', 5000, /no farewell/],
  ['end of input', 5000, /end of input/],
  ['asked to detach', 5000, /"freezeNoticed":true.*asked to detach/],
  ['SIGTERM', 5000, /a signal/],
  ['SIGINT', 5000, /a signal/],
  ['SIGHUP', 5000, /a signal/],
  ['adopter gone', 5000, /missed heartbeat/],
  ['adopted while loading', 5000, /missed heartbeat/],
  ['frozen cgroup', 4000, /^$/],
  ['frozen cgroup of v1', 6000, /^$/],
  ['SIGKILL of its cgroup', 5000, /^nothing left, 0 survivors$/],
  ['no way out of cgroups', 5000, /"freezeNoticed":fals.*asked to detach/],
  ['gone while loading', 15_000, /end of input/],
  ['asked while loading', 15_000, /asked to detach/],
  ['silent while loading', 15_000, /missed heartbeat/],
  ['beating, then silent', 5000, /missed heartbeat/],
  ['stalling policy', 9000, /missed heartbeat|ejected/],
  ['SysRq-S by the guard', 3000, /ejected the policy/],
] as const)('%s: disabled within %i ms', (name, limitMs, why) => {
  expect(seen.get(name)).toMatchObject({ state: 'disabled', why: expect.stringMatching(why) });
  expect(seen.get(name)?.ms).toBeLessThanOrEqual(limitMs);
});
